"""Slots: who has which, what can be had, and what operators see of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, or_, select

from batuta.locations.domain import Location
from batuta.locations.queries import locations_by_id
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Instant, Integer, rows_with
from batuta.plumbing.listing import Listing
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.slots.templates import SlotTemplate
from batuta.sourcing.domain.slots.windows import (
    Destination,
    HoldStatus,
    OfferedSlot,
    Slot,
    SlotHold,
    offered,
    why_closed,
)
from batuta.sourcing.tables import slot, slot_hold, slot_template

OFFERED_MAX = 500

_live = or_(
    slot_hold.c.status == HoldStatus.CONFIRMED.value,
    slot_hold.c.expires_at > bindparam("now", type_=Instant),
)
_TAKEN = (
    select(slot_hold.c.slot_id, func.count().label("taken"))
    .where(slot_hold.c.slot_id == any_(bindparam("ids", type_=ARRAY(Uuid()))), slot_hold.c.status != "released", _live)
    .group_by(slot_hold.c.slot_id)
)
_taken_of_row = (
    select(func.count())
    .select_from(slot_hold)
    .where(slot_hold.c.slot_id == slot.c.id, slot_hold.c.status != "released", _live)
    .correlate(slot)
    .scalar_subquery()
)
_within = (
    slot.c.is_open,
    slot.c.capacity.is_not(None),
    slot.c.from_at >= bindparam("from_at", type_=Instant),
    slot.c.from_at < bindparam("until_at", type_=Instant),
)
_FOR_REGION = (
    select(slot)
    .where(
        slot.c.method == Method.SHIP.value,
        slot.c.country == bindparam("country", type_=Text()),
        slot.c.postal_prefixes.op("?|", is_comparison=True)(bindparam("prefixes", type_=ARRAY(Text()))),
        *_within,
    )
    .order_by(slot.c.from_at, slot.c.id)
    .limit(bindparam("limit", type_=Integer()))
)
_FOR_LOCATION = (
    select(slot)
    .where(
        slot.c.method == Method.PICKUP.value,
        slot.c.location_id == bindparam("location_id", type_=Uuid()),
        *_within,
    )
    .order_by(slot.c.from_at, slot.c.id)
    .limit(bindparam("limit", type_=Integer()))
)
_HOLDS = select(slot_hold).where(
    slot_hold.c.holder_id == any_(bindparam("holders", type_=ARRAY(Uuid()))), slot_hold.c.status != "released"
)
_SLOTS = Listing(
    select(slot, _taken_of_row.label("taken")),
    order=(slot.c.from_at, slot.c.id),
    filters={
        "template_id": slot.c.template_id == bindparam("template_id", type_=Uuid()),
        "location_id": slot.c.location_id == bindparam("location_id", type_=Uuid()),
        "location_ids": slot.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid()))),
        "from_at": slot.c.until_at > bindparam("from_at", type_=Instant),
        "until_at": slot.c.from_at < bindparam("until_at", type_=Instant),
    },
)
_TEMPLATES = Listing(
    select(slot_template),
    order=(slot_template.c.code,),
    filters={
        "location_ids": slot_template.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid()))),
    },
)


class TakenSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A slot and how many have it, held and confirmed; limit: how many may."""

    slot: Slot
    taken: int
    limit: int


class SlotFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which slots to list; None is any. location_ids: those that the asker may see."""

    template_id: UUID | None = None
    location_id: UUID | None = None
    location_ids: list[UUID] | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


async def offered_slots(
    db: Connection, destination: Destination, *, from_at: datetime, until_at: datetime, now: datetime
) -> list[OfferedSlot]:
    """The slots of a destination that can be had now and begin within a time, the earliest first.

    A full one is among them with nothing left; one whose capacity nobody knows is not (PRM-06).
    """
    found = await _slots_for(db, destination, from_at=from_at, until_at=until_at)
    locations = await locations_of(db, found)
    having = [one for one in found if why_closed(one, locations, now=now) is None]
    taken = await taken_of(db, [one.id for one in having], now=now)
    return [offered(one, taken[one.id]) for one in having]


async def taken_of(db: Connection, slot_ids: Collection[UUID], *, now: datetime) -> Counter[UUID]:
    """How many have each slot: those who hold it yet, and those to whom it was confirmed."""
    if not slot_ids:
        return Counter()
    return Counter({row.slot_id: row.taken for row in await db.execute(_TAKEN, {"ids": list(slot_ids), "now": now})})


async def slot_holds_of(db: Connection, holder_ids: Collection[UUID]) -> dict[UUID, SlotHold]:
    """What each holder has, run out or not, at most one; who gave it back has nothing."""
    if not holder_ids:
        return {}
    rows = await db.execute(_HOLDS, {"holders": list(holder_ids)})
    return {row["holder_id"]: msgspec.convert(dict(row), SlotHold) for row in rows}


async def slots_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Slot]:
    return {row["id"]: slot_of(row) for row in await rows_with(db, slot.c.id, ids)}


async def slot_templates_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, SlotTemplate]:
    return {row["id"]: template_of(row) for row in await rows_with(db, slot_template.c.id, ids)}


async def slot_templates_by_code(db: Connection, codes: Collection[str]) -> dict[str, SlotTemplate]:
    return {row["code"]: template_of(row) for row in await rows_with(db, slot_template.c.code, codes)}


async def slot_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each slot was saved (PLT-02)."""
    return {row["id"]: row["version"] for row in await rows_with(db, slot.c.id, ids)}


async def slot_template_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each template was saved (PLT-02)."""
    return {row["id"]: row["version"] for row in await rows_with(db, slot_template.c.id, ids)}


async def list_slots(
    db: Connection, *, wanted: SlotFilter, behind: tuple[datetime, UUID] | None, limit: int, now: datetime
) -> list[TakenSlot]:
    """A page of slots in the order of their beginning, with how many have them."""
    given = msgspec.structs.asdict(wanted)
    rows = await _SLOTS.read(db, given, behind=behind, limit=limit, always={"now": now})
    return [TakenSlot(slot=(one := slot_of(dict(row))), taken=row.taken, limit=one.limit) for row in rows]


async def list_slot_templates(
    db: Connection, *, location_ids: list[UUID] | None, behind: str | None, limit: int
) -> list[SlotTemplate]:
    """A page of templates in the order of their codes."""
    given = {"location_ids": location_ids}
    rows = await _TEMPLATES.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return [template_of(dict(row)) for row in rows]


async def locations_of(db: Connection, slots: Iterable[Slot]) -> dict[UUID, Location]:
    """The locations that slots are of."""
    ids = {one.location_id for one in slots if one.location_id is not None}
    return await locations_by_id(db, ids) if ids else {}


def slot_of(row: dict[str, Any]) -> Slot:
    return msgspec.convert(row, Slot)


def template_of(row: dict[str, Any]) -> SlotTemplate:
    return msgspec.convert(row, SlotTemplate)


async def _slots_for(
    db: Connection, destination: Destination, *, from_at: datetime, until_at: datetime
) -> Sequence[Slot]:
    given: dict[str, Any] = {"from_at": from_at, "until_at": until_at, "limit": OFFERED_MAX}
    if destination.method is Method.PICKUP:
        rows = await db.execute(_FOR_LOCATION, {**given, "location_id": destination.location_id})
    else:
        where = {"country": destination.country, "prefixes": destination.prefixes}
        rows = await db.execute(_FOR_REGION, {**given, **where})
    return [slot_of(dict(row)) for row in rows]


SLOT_LAWS = (
    Law(
        "no slot is confirmed to more than it takes",
        """
        SELECT s.id, s.capacity, s.overbooking_bp, count(*) AS confirmed
        FROM sourcing.slot s JOIN sourcing.slot_hold h ON h.slot_id = s.id AND h.status = 'confirmed'
        GROUP BY s.id
        HAVING count(*) > coalesce(s.capacity, 0)::bigint * (10000 + s.overbooking_bp) / 10000
        """,
    ),
)
