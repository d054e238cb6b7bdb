"""Lots: units that were made together, carry one date and are called back together (INV-14)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Days, Sku, Tracking
from batuta.inventory.domain.accounts import AccountKind, Condition, Movement, StockRefusal
from batuta.kernel.errors import Forbidden, NotFound, Refused
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import Code, Text

EARLIEST_DAY, LATEST_DAY = date(1970, 1, 1), date(2999, 12, 31)
CALLED_BACK = frozenset({Condition.SELLABLE, Condition.QUALITY_CHECK, Condition.DISPLAY, Condition.CONSIGNED_NOT_OWNED})
"""The conditions out of which the units of a recalled lot go into quarantine."""

SupplierLot = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]


class NewLot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lot as it is told. Without `expires_on`, the SKU's shelf life from `made_on` says it; perhaps nothing does.

    expires_on: the last day on which it is good. supplier_lot: as its maker calls it. min_remaining_days: how long
    before its date it is no longer sold; the SKU's unless given.
    """

    sku_code: Code
    code: Code
    expires_on: date | None = None
    made_on: date | None = None
    supplier_lot: SupplierLot = ""
    min_remaining_days: Days | None = None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot of a SKU. recalled_at: since when its units are called back; None while they are not."""

    id: UUID
    sku_id: UUID
    code: str
    expires_on: date | None
    made_on: date | None
    supplier_lot: str
    min_remaining_days: int
    recalled_at: datetime | None = None
    recall_reason: str = ""


class LotFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which lots to list; None is any. expires_until: whose last day is this one or an earlier."""

    sku_id: UUID | None = None
    code: str | None = None
    expires_until: date | None = None
    is_recalled: bool | None = None


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """Call a lot back, or say that it need not be."""

    lot_id: UUID
    reason: Text
    actor: Text


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that is called back, how many units went into quarantine, and by how many reserved ones that is short."""

    lot: Lot
    quarantined: int
    missing: int


class LotFacts(msgspec.Struct, frozen=True):
    """What is known of a SKU and a lot where units of it shall go. ends_at: the end of its last day there."""

    tracking: Tracking
    is_unique: bool
    is_registered: bool
    recalled_at: datetime | None
    ends_at: datetime | None


class UnknownLot(NotFound):
    """There is no such lot."""


class NotByLot(Refused):
    """The SKU is not tracked by lot."""


class BadLotDates(Refused):
    """No lot has such dates."""


class LotDiffers(Refused):
    """The lot is known with another date."""


class NotEverywhere(Forbidden):
    """A lot is called back everywhere; whoever works at some locations asks somebody who works at all."""


class LotMissing(StockRefusal):
    """Units of this SKU become sellable under a lot that is known, and no other way."""


class LotPast(StockRefusal):
    """The lot is past its date; its units may come in as expired, and never as sellable."""


class LotCalledBack(StockRefusal):
    """The lot is called back; its units may come in as quarantined, and never as sellable."""


class LotPromised(StockRefusal):
    """The units of the lot are promised to others; those of the lot that was reserved can be taken."""


class OneOfItsKind(StockRefusal):
    """There is one piece of this SKU and no more, and it is there already."""


def lot_of(new: NewLot, sku: Sku) -> Lot:
    """The lot that is told.

    Raises:
        NotByLot: the SKU has no lots. BadLotDates.
    """
    if sku.tracking is not Tracking.LOT:
        raise NotByLot("only a SKU that is tracked by lot has lots", sku_code=sku.code, tracking=str(sku.tracking))
    expires_on = new.expires_on
    if expires_on is None and new.made_on is not None and sku.shelf_life_days is not None:
        expires_on = min(LATEST_DAY, new.made_on + timedelta(days=min(sku.shelf_life_days, _days_after(new.made_on))))
    days = [day for day in (new.made_on, expires_on) if day is not None]
    if days != sorted(days) or any(not EARLIEST_DAY <= day <= LATEST_DAY for day in days):
        raise BadLotDates(
            "a lot is made before it ends, between 1970 and 2999",
            lot=new.code,
            made_on=str(new.made_on),
            expires_on=str(expires_on),
        )
    return Lot(
        id=lot_id(sku.id, new.code),
        sku_id=sku.id,
        code=new.code,
        expires_on=expires_on,
        made_on=new.made_on,
        supplier_lot=new.supplier_lot,
        min_remaining_days=sku.min_remaining_days if new.min_remaining_days is None else new.min_remaining_days,
    )


def _days_after(day: date) -> int:
    return max(0, (LATEST_DAY - day).days)


def lot_id(sku_id: UUID, code: str) -> UUID:
    """The id of a SKU's lot: its code always gives the same."""
    return child_id(sku_id, "lot", code)


def refuse_entry(
    one: Movement, facts: Mapping[tuple[UUID, UUID, str], LotFacts], *, now: datetime
) -> StockRefusal | None:
    """Say why units may not go where a movement takes them; nothing keeps units from leaving, or parcels from emptying.

    What comes back onto the shelf out of a parcel is looked at by the next sweep, and not left in the box.
    """
    at = one.target.location_id
    known = facts.get((one.sku_id, at, one.lot)) if at else None
    if known is None or known.tracking is not Tracking.LOT or one.source.kind is AccountKind.PARCEL:
        return None
    is_sellable = one.target.condition is Condition.SELLABLE
    told = {"key": one.key, "sku_id": str(one.sku_id), "lot": one.lot}
    if one.lot and not known.is_registered:
        return LotMissing("no lot of this code is registered", **told)
    if not one.lot and is_sellable and one.source.condition is not Condition.SELLABLE:
        return LotMissing("the lot is not said", **told)
    return _refuse_sale(known, told, now) if is_sellable and one.lot else None


def _refuse_sale(known: LotFacts, told: Mapping[str, str], now: datetime) -> StockRefusal | None:
    if known.recalled_at is not None:
        return LotCalledBack("the lot is called back", recalled_at=known.recalled_at.isoformat(), **told)
    if known.ends_at is not None and known.ends_at <= now:
        return LotPast("the lot is past its date", ended_at=known.ends_at.isoformat(), **told)
    return None


class LotAt(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a lot at a location, in a condition. expires_at: from when they can no longer be sold."""

    location_id: UUID
    condition: Condition
    on_hand: int
    reserved: int
    expires_at: datetime | None


class LotStock(msgspec.Struct, frozen=True, kw_only=True):
    """A lot, and where its units are."""

    lot: Lot
    stock: list[LotAt]


class Lifted(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that is no longer called back; its units stay in quarantine until somebody has looked at them."""

    lot: Lot
