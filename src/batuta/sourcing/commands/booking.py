"""Places in slots: held for a while, confirmed with the order, given back (PRM-06)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select, update

from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.states import move
from batuta.locations.domain import Location
from batuta.plumbing.database import Connection, Instant, Integer, arrays, params, upsert_rows
from batuta.sourcing.commands.slots import lock_slots
from batuta.sourcing.domain.slots.windows import (
    ALTERNATIVES_MAX,
    HOLD_MOVES,
    ConfirmSlot,
    Destination,
    HoldSlot,
    HoldStatus,
    Slot,
    SlotElsewhere,
    SlotFull,
    SlotHold,
    SlotNotOffered,
    UnknownSlot,
    UnknownSlotHold,
    serves,
    why_closed,
)
from batuta.sourcing.queries.slots import locations_of, offered_slots, taken_of
from batuta.sourcing.tables import slot_hold

LOOK_FOR_ALTERNATIVES = timedelta(days=7)

_holders = any_(bindparam("holders", type_=ARRAY(Uuid())))
_OF_HOLDERS = select(slot_hold).where(slot_hold.c.holder_id == _holders)
_LOCK_HOLDS = (
    select(slot_hold)
    .where(slot_hold.c.holder_id == _holders, slot_hold.c.status != HoldStatus.RELEASED.value)
    .order_by(slot_hold.c.holder_id, slot_hold.c.slot_id)
    .with_for_update()
)
_LOCK_EXPIRED = (
    select(slot_hold)
    .where(slot_hold.c.expires_at <= bindparam("now", type_=Instant))
    .order_by(slot_hold.c.expires_at, slot_hold.c.holder_id, slot_hold.c.slot_id)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_given = arrays("given", holder_id=Uuid(), slot_id=Uuid(), status=Text(), new_holder_id=Uuid())
_CHANGE = (
    update(slot_hold)
    .where(slot_hold.c.holder_id == _given.c.holder_id, slot_hold.c.slot_id == _given.c.slot_id)
    .values(status=_given.c.status, holder_id=_given.c.new_holder_id, expires_at=None)
)

Key = tuple[UUID, UUID]
"""Of a hold: holder and slot."""


class _Room(NamedTuple):
    """What is decided on. holds: by holder and slot, given back ones too; taken: changes as holds are decided."""

    slots: Mapping[UUID, Slot]
    locations: Mapping[UUID, Location]
    holds: dict[Key, SlotHold]
    taken: dict[UUID, int]


async def hold_slots(db: Connection, *, wishes: Sequence[HoldSlot], now: datetime) -> list[SlotHold | BatutaError]:
    """Keep places in slots for a while; each answer is the hold, or why not, with what can be had instead.

    Served in turn, and never more than a slot takes, however many ask at once. A holder has one slot: another one is
    given back by the same step, once the new one is had. Locks the slots.
    """
    room = await _room(db, {one.holder_id for one in wishes}, {one.slot_id for one in wishes}, now=now)
    before = dict(room.holds)
    outcomes: list[SlotHold | BatutaError] = []
    for one in wishes:
        try:
            outcomes.append(_held(one, room, now=now))
        except BatutaError as problem:
            outcomes.append(problem)
    await _store(db, before, room.holds)
    return [
        await _with_alternatives(db, outcome, one.destination, now=now) if isinstance(outcome, Refused) else outcome
        for one, outcome in zip(wishes, outcomes, strict=True)
    ]


async def confirm_slots(
    db: Connection, *, confirmations: Sequence[ConfirmSlot], now: datetime
) -> list[SlotHold | BatutaError]:
    """Make held places those of orders, in the transaction that places them; each answer is the hold, or why not.

    One that ran out is had again if there is room. Confirming for the same order again changes nothing. Locks the
    slots, after stock.
    """
    holders = {id_ for one in confirmations for id_ in (one.holder_id, one.order_id)}
    room = await _room(db, holders, set(), now=now)
    before = dict(room.holds)
    outcomes: list[SlotHold | BatutaError] = []
    renamed: dict[Key, UUID] = {}
    for one in confirmations:
        try:
            outcomes.append(_confirmed(one, room, renamed, now=now))
        except BatutaError as problem:
            outcomes.append(problem)
    await _store(db, before, room.holds, renamed)
    return [
        await _with_alternatives(db, outcome, one.destination, now=now) if isinstance(outcome, Refused) else outcome
        for one, outcome in zip(confirmations, outcomes, strict=True)
    ]


async def release_slots(db: Connection, *, holder_ids: Collection[UUID]) -> int:
    """Give back what holders have, held or confirmed; return how many places became free."""
    if not holder_ids:
        return 0
    rows = await db.execute(_LOCK_HOLDS, {"holders": sorted(set(holder_ids))})
    return await _give_back(db, [msgspec.convert(dict(row), SlotHold) for row in rows])


async def release_expired_slots(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: note what ran out; nobody counts it since."""
    rows = (await db.execute(_LOCK_EXPIRED, {"now": now, "limit": limit})).all()
    await _change(db, {(row.holder_id, row.slot_id): (row.holder_id, HoldStatus.EXPIRED) for row in rows})
    return len(rows)


async def _room(db: Connection, holders: Collection[UUID], slot_ids: Collection[UUID], *, now: datetime) -> _Room:
    """Lock the slots that are wished or had, then read how full they are."""
    rows = await db.execute(_OF_HOLDERS, {"holders": sorted(holders)})
    known = {row["slot_id"] for row in rows}
    slots = await lock_slots(db, known | set(slot_ids))
    locked = [
        msgspec.convert(dict(row), SlotHold) for row in await db.execute(_OF_HOLDERS, {"holders": sorted(holders)})
    ]
    return _Room(
        slots=slots,
        locations=await locations_of(db, slots.values()),
        holds={(one.holder_id, one.slot_id): one for one in locked},
        taken=dict(await taken_of(db, slots, now=now)),
    )


def _held(one: HoldSlot, room: _Room, *, now: datetime) -> SlotHold:
    found = room.slots.get(one.slot_id)
    if found is None:
        raise UnknownSlot("there is no such slot", slot_id=str(one.slot_id))
    mine = room.holds.get((one.holder_id, one.slot_id))
    others = [hold for key, hold in room.holds.items() if key[0] == one.holder_id and key[1] != one.slot_id]
    if any(hold.status is HoldStatus.CONFIRMED for hold in (*others, *([mine] if mine else []))):
        raise SlotNotOffered("this holder's slot is confirmed already", slot_id=str(one.slot_id), why="confirmed")
    _check_open(found, one.destination, one.currency, room, now=now)
    _take(found, mine, room, now=now)
    for hold in others:
        if hold.takes_room(now):
            room.taken[hold.slot_id] -= 1
        room.holds[hold.holder_id, hold.slot_id] = _as(hold, HoldStatus.RELEASED)
    held = SlotHold(
        holder_id=one.holder_id,
        slot_id=one.slot_id,
        status=HoldStatus.HELD,
        price_minor=found.price_minor,
        currency=found.currency,
        held_at=now,
        expires_at=one.until_at,
        actor=one.actor,
    )
    room.holds[one.holder_id, one.slot_id] = held
    return held


def _confirmed(one: ConfirmSlot, room: _Room, renamed: dict[Key, UUID], *, now: datetime) -> SlotHold:
    done = [hold for key, hold in room.holds.items() if key[0] == one.order_id]
    if any(hold.status is HoldStatus.CONFIRMED for hold in done):
        return next(hold for hold in done if hold.status is HoldStatus.CONFIRMED)
    had = [hold for key, hold in room.holds.items() if key[0] == one.holder_id]
    mine = next((hold for hold in had if hold.status in {HoldStatus.HELD, HoldStatus.EXPIRED}), None)
    if mine is None:
        raise UnknownSlotHold("no slot is held under this id", slot_hold_id=str(one.holder_id))
    found = room.slots[mine.slot_id]
    if mine.takes_room(now):
        _check_place(found, one.destination, one.currency)
        if not found.is_open:
            raise SlotNotOffered("this slot was closed", slot_id=str(found.id), why="closed")
    else:
        _check_open(found, one.destination, one.currency, room, now=now)
        _take(found, mine, room, now=now)
    confirmed = msgspec.structs.replace(
        mine, status=move(HOLD_MOVES, mine.status, HoldStatus.CONFIRMED), holder_id=one.order_id, expires_at=None
    )
    renamed[mine.holder_id, mine.slot_id] = one.order_id
    room.holds[mine.holder_id, mine.slot_id] = confirmed
    return confirmed


def _check_place(found: Slot, destination: Destination, currency: str | None) -> None:
    if not serves(found, destination) or currency not in {None, found.currency}:
        raise SlotElsewhere(
            "this slot is for other places, another way of delivery or another currency",
            slot_id=str(found.id),
            method=str(found.method),
            country=found.country,
            postal_prefixes=list(found.postal_prefixes),
            currency=found.currency,
        )


def _check_open(found: Slot, destination: Destination, currency: str | None, room: _Room, *, now: datetime) -> None:
    _check_place(found, destination, currency)
    why = why_closed(found, room.locations, now=now)
    if why is not None:
        raise SlotNotOffered(
            "this slot cannot be had", slot_id=str(found.id), why=why, closes_at=found.closes_at.isoformat()
        )


def _take(found: Slot, mine: SlotHold | None, room: _Room, *, now: datetime) -> None:
    """Count the holder in, if there is room, or they are in already."""
    if mine is not None and mine.takes_room(now):
        return
    taken = room.taken.get(found.id, 0)
    if taken >= found.limit:
        raise SlotFull("as many as it takes have this slot", slot_id=str(found.id), limit=found.limit)
    room.taken[found.id] = taken + 1


def _as(hold: SlotHold, status: HoldStatus) -> SlotHold:
    return msgspec.structs.replace(hold, status=move(HOLD_MOVES, hold.status, status), expires_at=None)


async def _store(
    db: Connection,
    before: Mapping[Key, SlotHold],
    after: Mapping[Key, SlotHold],
    renamed: Mapping[Key, UUID] | None = None,
) -> None:
    """Write what changed: first what was given back, so that no holder has two."""
    names = renamed or {}
    changed = {key: one for key, one in after.items() if before.get(key) != one}
    await _give_back(db, [before[key] for key, one in changed.items() if one.status is HoldStatus.RELEASED])
    held = [one for one in changed.values() if one.status is HoldStatus.HELD]
    rows = [{**msgspec.structs.asdict(one), "status": one.status.value} for one in held]
    await upsert_rows(db, slot_hold, rows, key=("holder_id", "slot_id"), keep=())
    await _change(db, {key: (names[key], one.status) for key, one in changed.items() if key in names})


async def _give_back(db: Connection, holds: Sequence[SlotHold]) -> int:
    live = [one for one in holds if one.status is not HoldStatus.RELEASED]
    await _change(db, {(one.holder_id, one.slot_id): (one.holder_id, HoldStatus.RELEASED) for one in live})
    return len(live)


async def _change(db: Connection, changes: Mapping[Key, tuple[UUID, HoldStatus]]) -> None:
    if changes:
        ordered = sorted(changes.items())
        columns: dict[str, list[object]] = {
            "holder_id": [key[0] for key, _ in ordered],
            "slot_id": [key[1] for key, _ in ordered],
            "status": [status.value for _, (_, status) in ordered],
            "new_holder_id": [holder_id for _, (holder_id, _) in ordered],
        }
        await db.execute(_CHANGE, params("given", **columns))


async def _with_alternatives(
    db: Connection, refusal: Refused, destination: Destination, *, now: datetime
) -> BatutaError:
    """The refusal, with the next slots that can be had."""
    if isinstance(refusal, SlotFull | SlotNotOffered):
        found = await offered_slots(db, destination, from_at=now, until_at=now + LOOK_FOR_ALTERNATIVES, now=now)
        refusal.facts["alternatives"] = msgspec.to_builtins([one for one in found if one.left][:ALTERNATIVES_MAX])
    return refusal
