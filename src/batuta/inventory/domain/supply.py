"""Supply that is still to come: receipts that somebody expects, and how late their supplier mostly is (INV-03, INV-21).

They never enter what is available now; they are what a promise for later counts on.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Account, Condition, Lot
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone, Text

DAY = timedelta(days=1)
FURTHEST = timedelta(days=3_660)

LateDays = Annotated[int, msgspec.Meta(ge=0, le=365)]


class SupplyKind(StrEnum):
    """Where units come from: a supplier, another location, our own making, a customer."""

    PURCHASE = "purchase"
    TRANSFER = "transfer"
    PRODUCTION = "production"
    RETURN = "return"


class SupplyStatus(StrEnum):
    """closed: all of it came, or the rest never will. cancelled: none of it came, and none will."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


SUPPLY_MOVES: Mapping[SupplyStatus, frozenset[SupplyStatus]] = {
    SupplyStatus.OPEN: frozenset({SupplyStatus.CLOSED, SupplyStatus.CANCELLED}),
    SupplyStatus.CLOSED: frozenset(),
    SupplyStatus.CANCELLED: frozenset(),
}


class Reliability(StrEnum):
    """Which lateness of the supplier a date has in it: none, what half of the receipts keep, what nine of ten keep."""

    AS_TOLD = "as_told"
    P50 = "p50"
    P90 = "p90"


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """By how many days a supplier's receipts come late: half of them no later than p50, nine of ten than p90."""

    supplier_code: Code
    p50_days: LateDays = 0
    p90_days: LateDays = 0

    def of(self, reliability: Reliability) -> timedelta:
        if reliability is Reliability.AS_TOLD:
            return timedelta()
        return (self.p50_days if reliability is Reliability.P50 else self.p90_days) * DAY


class SupplierLateness(Lateness, frozen=True, kw_only=True):
    """What was told of a supplier, and what its deliveries have taught since, which counts once there is any."""

    learned_p50_days: int | None = None
    learned_p90_days: int | None = None
    deliveries: int = 0
    learned_at: datetime | None = None

    def of(self, reliability: Reliability) -> timedelta:
        if self.learned_p50_days is None or self.learned_p90_days is None:
            return Lateness.of(self, reliability)
        learned = Lateness(
            supplier_code=self.supplier_code, p50_days=self.learned_p50_days, p90_days=self.learned_p90_days
        )
        return learned.of(reliability)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Units that are announced for a location.

    id: the announcer's; the same id again is the same receipt. document: the purchase order, transfer ... that says so.
    due_at: as told; `supplier_code` says whose lateness is to be added.
    """

    id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: Quantity
    kind: SupplyKind
    due_at: datetime
    document: Text
    actor: Text
    supplier_code: Code | None = None


class ExpectedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An expected receipt as it stands. first_due_at: as first announced. closed_at: when the last of it came."""

    id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: int
    received: int
    kind: SupplyKind
    status: SupplyStatus
    due_at: datetime
    first_due_at: datetime
    supplier_code: str | None
    document: str
    actor: str
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def open_units(self) -> int:
        """Units that are still to come."""
        return self.quantity - self.received if self.status is SupplyStatus.OPEN else 0


class MoveExpected(msgspec.Struct, frozen=True, kw_only=True):
    """Another date, another quantity, or both; None leaves it. quantity: in all, with what has come already.

    No more than has come ends the receipt: the rest never will.
    """

    expected_id: UUID
    actor: Text
    due_at: datetime | None = None
    quantity: QuantityOrNone | None = None


class ReceiveExpected(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an expected receipt that have come.

    key: of this delivery; the same key again is the same units. source: where the ledger takes the units from; None
    where the caller records the movement itself.
    """

    key: Text
    expected_id: UUID
    quantity: Quantity
    actor: Text
    effective_at: datetime
    source: Account | None = Account.supplier()
    condition: Condition = Condition.SELLABLE
    lot: Lot = ""


class SupplyFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which receipts to list; None is any."""

    sku_id: UUID | None = None
    location_ids: list[UUID] | None = None
    status: SupplyStatus | None = None
    document: str | None = None


class PastDate(Refused):
    """What is expected cannot come before now, nor in ten years."""


class UnknownReceipt(NotFound):
    """No such receipt is expected."""


class ReceiptReused(Refused):
    """The id already stands for another receipt."""


class ReceiptOver(Refused):
    """All of it came, or what is missing never will; nothing more can be said about it."""


class MoreThanExpected(Refused):
    """More units came than are still expected; move the receipt's quantity first if they are right."""


class FewerThanReceived(Refused):
    """More units have come already."""


def check_due(due_at: datetime, *, now: datetime) -> None:
    """Check when something is to come.

    Raises:
        PastDate: before now, or further away than anybody plans.
    """
    if due_at.tzinfo is None or not now <= due_at <= now + FURTHEST:
        raise PastDate("a receipt is expected between now and ten years from now", due_at=due_at.isoformat())


def moved(receipt: ExpectedReceipt, wanted: MoveExpected, *, now: datetime) -> ExpectedReceipt:
    """The receipt after its date or quantity has changed.

    Raises:
        ReceiptOver: it is no longer open. PastDate. FewerThanReceived.
    """
    if receipt.status is not SupplyStatus.OPEN:
        raise ReceiptOver("nothing more is expected of it", receipt_id=str(receipt.id), status=receipt.status)
    if wanted.due_at is not None and wanted.due_at != receipt.due_at:
        check_due(wanted.due_at, now=now)
    quantity = receipt.quantity if wanted.quantity is None else wanted.quantity
    if quantity < receipt.received:
        raise FewerThanReceived("more units have come already", asked=quantity, received=receipt.received)
    changed = msgspec.structs.replace(receipt, due_at=wanted.due_at or receipt.due_at)
    if quantity > receipt.received:
        return msgspec.structs.replace(changed, quantity=quantity)
    status = SupplyStatus.CLOSED if receipt.received else SupplyStatus.CANCELLED
    return msgspec.structs.replace(changed, quantity=max(1, quantity), status=status, closed_at=now)


def received(receipt: ExpectedReceipt, units: int, *, now: datetime) -> ExpectedReceipt:
    """The receipt after units of it have come.

    Raises:
        ReceiptOver: it is no longer open. MoreThanExpected.
    """
    if receipt.status is not SupplyStatus.OPEN:
        raise ReceiptOver("nothing more is expected of it", receipt_id=str(receipt.id), status=receipt.status)
    if units > receipt.open_units:
        raise MoreThanExpected("fewer units are still expected", asked=units, expected=receipt.open_units)
    changed = msgspec.structs.replace(receipt, received=receipt.received + units)
    if changed.open_units:
        return changed
    return msgspec.structs.replace(changed, status=SupplyStatus.CLOSED, closed_at=now)
