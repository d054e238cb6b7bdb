"""Slots and the templates that they are made from: saved, made for the days ahead, and deleted."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, select, update

from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.locations.domain import Location, UnknownLocation
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Instant, Integer, arrays, params, upsert_rows
from batuta.sourcing.domain.slots.templates import (
    SlotTemplate,
    check_template,
    days_of,
    next_generation,
    slot_on,
)
from batuta.sourcing.domain.slots.windows import Slot, SlotHasBookings, UnknownSlot, check_slot
from batuta.sourcing.queries.slots import (
    locations_of,
    slot_of,
    slot_templates_by_code,
    slot_templates_by_id,
    taken_of,
    template_of,
)
from batuta.sourcing.tables import slot, slot_hold, slot_template

_ids = any_(bindparam("ids", type_=ARRAY(Uuid())))
_LOCK = select(slot).where(slot.c.id == _ids).order_by(slot.c.id).with_for_update()
_LOCK_AHEAD = (
    select(slot)
    .where(slot.c.template_id == _ids, slot.c.from_at > bindparam("now", type_=Instant))
    .order_by(slot.c.id)
    .with_for_update()
)
_LOCK_TEMPLATE = select(slot_template.c.version).where(slot_template.c.id == _ids).with_for_update()
_DUE = (
    select(slot_template)
    .where(slot_template.c.generate_at <= bindparam("now", type_=Instant))
    .order_by(slot_template.c.generate_at, slot_template.c.id)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_given = arrays("given", id=Uuid(), generate_at=Instant)
_NEXT = update(slot_template).where(slot_template.c.id == _given.c.id).values(generate_at=_given.c.generate_at)
_FORGET_HOLDS = delete(slot_hold).where(slot_hold.c.slot_id == _ids)
_FORGET = delete(slot).where(slot.c.id == _ids)


async def lock_slots(db: Connection, ids: Collection[UUID]) -> dict[UUID, Slot]:
    """Lock slots in ascending order; unknown ids are left out. Taken after stock."""
    if not ids:
        return {}
    return {row["id"]: slot_of(dict(row)) for row in await db.execute(_LOCK, {"ids": sorted(set(ids))})}


async def lock_slot_template(db: Connection, *, template_id: UUID) -> int:
    """Lock a template that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK_TEMPLATE, {"ids": [template_id]}) or 0)


async def save_slots(db: Connection, *, slots: Sequence[Slot], now: datetime) -> list[Slot | BatutaError]:
    """Save slots by hand; each answer is the one stored, or why not. Its template leaves such a slot alone.

    A slot does not become smaller than what has it already: close it instead. Locks the slots.
    """
    present = await lock_slots(db, [one.id for one in slots])
    taken = await taken_of(db, present, now=now)
    locations = await locations_of(db, slots)

    def decide(one: Slot) -> Slot:
        if one.location_id is not None and one.location_id not in locations:
            raise UnknownLocation("there is no such location", location_id=str(one.location_id))
        before = present.get(one.id)
        origin = {"template_id": before.template_id, "day": before.day} if before else {}
        checked = msgspec.structs.replace(check_slot(one), is_own=True, **origin)
        if checked.limit < taken[one.id]:
            raise SlotHasBookings(
                "more have this slot than it would take then; close it, so that nobody else has it",
                slot_id=str(one.id),
                taken=taken[one.id],
                limit=checked.limit,
            )
        return checked

    checked = each(slots, decide)
    await _write(db, good(checked), now=now)
    return checked


async def delete_slots(db: Connection, *, slot_ids: Sequence[UUID], now: datetime) -> list[UUID | BatutaError]:
    """Delete slots that nobody has; each answer is the id, or why not. Locks the slots."""
    present = await lock_slots(db, slot_ids)
    taken = await taken_of(db, present, now=now)

    def decide(slot_id: UUID) -> UUID:
        if slot_id not in present:
            raise UnknownSlot("there is no such slot", slot_id=str(slot_id))
        if taken[slot_id]:
            raise SlotHasBookings(
                "somebody has this slot; close it instead", slot_id=str(slot_id), taken=taken[slot_id]
            )
        return slot_id

    outcomes = each(slot_ids, decide)
    gone = {"ids": good(outcomes)}
    await db.execute(_FORGET_HOLDS, gone)
    await db.execute(_FORGET, gone)
    return outcomes


async def save_slot_templates(
    db: Connection, *, templates: Sequence[SlotTemplate], now: datetime
) -> list[SlotTemplate | BatutaError]:
    """Save templates by code, and make their slots of the days ahead; each answer is the one stored, or why not."""
    names = Codes(await slot_templates_by_id(db, {one.id for one in templates}))
    places = {one.location_id for one in templates if one.location_id is not None}
    locations = await locations_by_id(db, places) if places else {}

    def decide(one: SlotTemplate) -> SlotTemplate:
        names.check(one)
        if one.location_id is not None and one.location_id not in locations:
            raise UnknownLocation("there is no such location", location_id=str(one.location_id))
        return check_template(one)

    checked = each(templates, decide)
    rows = {one.code: _template_row(one, now) for one in good(checked)}
    await upsert_rows(db, slot_template, rows.values(), key=("code",))
    stored = await slot_templates_by_code(db, rows)
    await _generate(db, list(stored.values()), now=now)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def generate_slots(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: make the slots of the days that have come within sight, and close those whose day is shut since."""
    due = [template_of(dict(row)) for row in await db.execute(_DUE, {"now": now, "limit": limit})]
    await _generate(db, due, now=now)
    return len(due)


async def _generate(db: Connection, templates: Sequence[SlotTemplate], *, now: datetime) -> None:
    if not templates:
        return
    places = {one.location_id for one in templates if one.location_id is not None}
    locations = await locations_by_id(db, places) if places else {}
    ahead = {"ids": [one.id for one in templates], "now": now}
    present = {row["id"]: slot_of(dict(row)) for row in await db.execute(_LOCK_AHEAD, ahead)}
    taken = await taken_of(db, present, now=now)
    wanted = _wanted(templates, locations, now=now)
    made = [_kept_large(one, present.get(id_), taken) for id_, one in wanted.items() if not _is_own(id_, present)]
    closed = [
        msgspec.structs.replace(one, is_open=False)
        for id_, one in present.items()
        if id_ not in wanted and one.is_open and not one.is_own
    ]
    await _write(db, [*made, *closed], now=now)
    ordered = sorted(templates, key=lambda one: one.id)
    await db.execute(
        _NEXT,
        params(
            "given",
            id=[one.id for one in ordered],
            generate_at=[next_generation(one, now=now) for one in ordered],
        ),
    )


def _wanted(
    templates: Sequence[SlotTemplate], locations: Mapping[UUID, Location], *, now: datetime
) -> dict[UUID, Slot]:
    made = (slot_on(one, day) for one in templates for day in days_of(one, locations, now=now))
    return {one.id: one for one in made if one is not None and one.from_at > now}


def _is_own(slot_id: UUID, present: Mapping[UUID, Slot]) -> bool:
    return slot_id in present and present[slot_id].is_own


def _kept_large(wanted: Slot, before: Slot | None, taken: Counter[UUID]) -> Slot:
    """The slot as its template says; where more have it already than it would take then, as large as it was."""
    if before is None or wanted.limit >= taken[wanted.id]:
        return wanted
    return msgspec.structs.replace(wanted, capacity=before.capacity, overbooking_bp=before.overbooking_bp)


async def _write(db: Connection, slots: Sequence[Slot], *, now: datetime) -> None:
    rows = {one.id: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in slots}
    await upsert_rows(db, slot, rows.values(), key=("id",), keep=("created_at",))


def _template_row(one: SlotTemplate, now: datetime) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"generate_at": now, "created_at": now, "updated_at": now}
