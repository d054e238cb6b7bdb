"""Accounts and movements: where units can be, and how they get from one place to another (INV-01, INV-02)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid, NotFound, Refused, Unavailable
from batuta.kernel.quantities import QUANTITY_MAX, Quantity, Text

Lot = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]
"""A batch of goods; empty where lots are not told apart."""


class Condition(StrEnum):
    """In what state units lie at a location. All count as on hand; only sellable ones can be promised (INV-02)."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"
    QUARANTINE = "quarantine"
    QUALITY_CHECK = "quality_check"
    EXPIRED = "expired"
    DISPLAY = "display"
    CONSIGNED_NOT_OWNED = "consigned_not_owned"


class AccountKind(StrEnum):
    SUPPLIER = "supplier"
    LOCATION = "location"
    PARCEL = "parcel"
    CUSTOMER = "customer"
    LOSS = "loss"
    KIT = "kit"


class MovementReason(StrEnum):
    """Why units moved; claims (reserving, allocating) move nothing and are not among these (INV-01)."""

    RECEIPT = "receipt"
    PUTAWAY = "putaway"
    ADJUST = "adjust"
    PICK = "pick"
    PACK = "pack"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN_RECEIVE = "return_receive"
    QUARANTINE_IN = "quarantine_in"
    QUARANTINE_OUT = "quarantine_out"
    DAMAGE = "damage"
    SCRAP = "scrap"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    COUNT = "count"
    SALE_POS = "sale_pos"
    KIT_BUILD = "kit_build"
    KIT_BREAK = "kit_break"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a movement. Only a location knows conditions; only its accounts have a stock row."""

    kind: AccountKind
    location_id: UUID | None = None
    condition: Condition | None = None
    parcel_id: UUID | None = None

    def __post_init__(self) -> None:
        at_location = self.kind is AccountKind.LOCATION
        if at_location in (self.location_id is None, self.condition is None):
            raise Invalid("a location's account, and no other, names the location and the condition")
        if (self.kind is AccountKind.PARCEL) == (self.parcel_id is None):
            raise Invalid("a parcel's account, and no other, names the parcel")

    @staticmethod
    def supplier() -> "Account":
        return _SUPPLIER

    @staticmethod
    def customer() -> "Account":
        return _CUSTOMER

    @staticmethod
    def loss() -> "Account":
        return _LOSS

    @staticmethod
    def kit() -> "Account":
        """Inside kits: what they are built of goes there, and they come from there."""
        return _KIT

    @staticmethod
    def location(location_id: UUID, condition: Condition = Condition.SELLABLE) -> "Account":
        return Account(kind=AccountKind.LOCATION, location_id=location_id, condition=condition)

    @staticmethod
    def parcel(parcel_id: UUID) -> "Account":
        return Account(kind=AccountKind.PARCEL, parcel_id=parcel_id)


_SUPPLIER = Account(kind=AccountKind.SUPPLIER)
_CUSTOMER = Account(kind=AccountKind.CUSTOMER)
_LOSS = Account(kind=AccountKind.LOSS)
_KIT = Account(kind=AccountKind.KIT)


class StockKey(NamedTuple):
    """The name of a stock row; rows are locked in its order."""

    sku_id: UUID
    location_id: UUID
    condition: str
    lot: str


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU going from `source` to `target`; immutable once recorded, corrected only by another one.

    key: makes recording repeatable; one key is one movement for ever.
    document_id: the purchase order, order, return, count ... that says so.
    effective_at: when it happened, which may be long before it is recorded.
    """

    key: Text
    sku_id: UUID
    quantity: Quantity
    source: Account
    target: Account
    lot: Lot = ""
    reason: MovementReason
    document_id: UUID
    actor: Text
    effective_at: datetime

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise Invalid("a movement leads from one account to another", key=self.key)
        if not 0 < self.quantity <= QUANTITY_MAX:
            raise Invalid("a movement is of at least one unit", key=self.key, quantity=self.quantity)

    def says_the_same_as(self, other: "Movement") -> bool:
        """Whether both describe one movement; who recorded it and when may differ."""
        return _body(self) == _body(other)


class LedgerEntry(Movement, frozen=True, kw_only=True):
    """A movement as it stands in the ledger."""

    recorded_at: datetime


class MovementFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which movements to list; None is any. location_ids: of either side. recorded: half-open."""

    sku_id: UUID | None = None
    location_ids: list[UUID] | None = None
    document_id: UUID | None = None
    reason: MovementReason | None = None
    recorded_from: datetime | None = None
    recorded_until: datetime | None = None


class StockFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which stock rows to list; None is any."""

    sku_ids: list[UUID] | None = None
    location_ids: list[UUID] | None = None
    condition: Condition | None = None


def _body(one: Movement) -> tuple[object, ...]:
    return (one.sku_id, one.quantity, one.source, one.target, one.lot, one.reason, one.document_id)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The movement stands in the ledger, by this or by an earlier call."""

    key: str


class StockRefusal(Refused):
    """A movement or a claim that stock does not allow."""


class NotEnoughStock(StockRefusal):
    """Fewer units are on hand than should leave; a location never goes below zero (INV-12)."""


class TooMuchStock(StockRefusal):
    """No stock row holds that many units; the quantity is surely a mistake."""


class NotStocked(StockRefusal):
    """Bundles, services and untracked SKUs have no stock of their own."""


class KeyReused(StockRefusal):
    """The idempotency key already stands for something else."""


class Overtaken(Unavailable):
    """Another transaction was doing the very same; nothing was done, and the same request again finds what it did."""


class UnknownStock(NotFound):
    """There is no such SKU or location."""


def key_at(sku_id: UUID, account: Account, lot: str) -> StockKey | None:
    """The stock row behind an account, if it is a location's."""
    if account.location_id is None or account.condition is None:
        return None
    return StockKey(sku_id, account.location_id, account.condition.value, lot)
