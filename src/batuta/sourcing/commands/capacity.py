"""What plans take of the capacity of locations: held, confirmed when these accept, and given back (SRC-10)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, and_, bindparam, select, update

from batuta.kernel.errors import BatutaError
from batuta.locations.queries import AllLocations, all_locations
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_new, insert_rows, params
from batuta.sourcing.commands.gathering import Refusals
from batuta.sourcing.domain import Draft, Known, Method, Plan
from batuta.sourcing.domain.capacity import NO_WORK, Capacity, NoCapacity, Windows, Work, answer_by
from batuta.sourcing.domain.holds import CapacityHold, Window, counted_in
from batuta.sourcing.domain.slots.windows import HoldStatus
from batuta.sourcing.queries.capacity import Key, capacity_holds_of, hold_of, standing_work, works_in
from batuta.sourcing.tables import assignment, capacity_hold, load

_WINDOW = ("location_id", "begins_at", "per", "method")
_WORK = ("orders", "lines", "units", "packages")
_KEY = ("order_id", "location_id", "attempt")
_CHANGES = (*_WORK, "status", "expires_at")

_window = arrays("window", location_id=Uuid(), begins_at=Instant, per=Text(), method=Text())
_WINDOWS = select(*(load.c[name] for name in (*_WINDOW, *_WORK))).join(
    _window, and_(*(load.c[name] == _window.c[name] for name in _WINDOW))
)
_LOCK = _WINDOWS.order_by(*(load.c[name] for name in _WINDOW)).with_for_update(of=load)
_more = arrays(
    "more",
    location_id=Uuid(),
    begins_at=Instant,
    per=Text(),
    method=Text(),
    **dict.fromkeys(_WORK, Integer()),
)
_ADD = (
    update(load)
    .where(*(load.c[name] == _more.c[name] for name in _WINDOW))
    .values({name: load.c[name] + _more.c[name] for name in _WORK})
)
_new = arrays(
    "new",
    order_id=Uuid(),
    location_id=Uuid(),
    attempt=Integer(),
    **dict.fromkeys(_WORK, Integer()),
    status=Text(),
    expires_at=Instant,
)
_CHANGE = (
    update(capacity_hold)
    .where(*(capacity_hold.c[name] == _new.c[name] for name in _KEY))
    .values({name: _new.c[name] for name in _CHANGES})
)
_here = arrays("here", location_id=Uuid())
_lapsed = capacity_hold.c.expires_at <= bindparam("now", type_=Instant)
_LAPSED = select(capacity_hold).join(_here, _here.c.location_id == capacity_hold.c.location_id).where(_lapsed)
_DUE = (
    select(capacity_hold)
    .where(_lapsed)
    .order_by(capacity_hold.c.expires_at, *(capacity_hold.c[name] for name in _KEY))
    .limit(bindparam("limit", type_=Integer()))
)
_taken = arrays("taken", order_id=Uuid(), location_id=Uuid(), line_id=Uuid())
_OPEN = (
    select(capacity_hold)
    .distinct()
    .join(assignment, and_(*(assignment.c[name] == capacity_hold.c[name] for name in _KEY)))
    .join(_taken, and_(*(assignment.c[name] == _taken.c[name] for name in ("order_id", "location_id", "line_id"))))
    .where(capacity_hold.c.status.in_([HoldStatus.HELD.value, HoldStatus.EXPIRED.value]), assignment.c.quantity > 0)
)

Changes = Sequence[tuple[CapacityHold, CapacityHold]]
"""Holds as they were, and as they are."""


class TakenOn(msgspec.Struct, frozen=True, kw_only=True):
    """A location took lines of an order on."""

    order_id: UUID
    location_id: UUID
    line_ids: frozenset[UUID]


class _Room(msgspec.Struct, frozen=True):
    """Windows that are locked, and what was given in each; that grows as holds are decided."""

    every: AllLocations
    given: dict[Window, Work]

    def capacity(self, location_id: UUID, windows: Windows) -> Capacity:
        given = {(one.per, one.method): self.given.get(one, NO_WORK) for one in _both(location_id, windows)}
        return Capacity(self.every.by_id[location_id], windows, given)

    def give(self, hold: CapacityHold) -> None:
        for window in counted_in(hold.location_id, hold.windows, hold.method):
            self.given[window] = self.given.get(window, NO_WORK).plus(hold.work)


async def hold_capacity(
    db: Connection, drafts: Sequence[Draft], known: Known, refusals: Refusals, *, now: datetime
) -> set[UUID]:
    """Hold what the plans take of locations that have limits; return the orders that found a location full.

    It is held as long as the location may think about the offer. Who overrides may exceed a limit. Locks the windows of
    the locations in ascending order.
    """
    limited = known.capacity
    wishes = [[(at, work) for at, work in draft.work.items() if at in limited] for draft in drafts]
    asked = {(at, limited[at].windows) for several in wishes for at, _ in several}
    if not asked:
        return set()
    room, refused = await _room(db, asked, now=now), set()
    held: list[CapacityHold] = []
    for draft, several in zip(drafts, wishes, strict=True):
        request = draft.request
        capacity = {at: room.capacity(at, limited[at].windows) for at, _ in several}
        full = {at for at, work in several if capacity[at].full_for(request.method, work)}
        if full and not request.override:
            refused.add(request.order_id)
            refusals.full.update((request.order_id, at) for at in full)
            continue
        for at, work in several:
            hold = _held(draft, work, capacity[at], is_over=at in full, now=now)
            room.give(hold)
            held.append(hold)
    await insert_rows(db, capacity_hold, [msgspec.structs.asdict(one) for one in held])
    await _count(db, [(one, one.counted) for one in held])
    return refused


async def confirm_capacity(db: Connection, *, taken_on: Sequence[TakenOn], now: datetime) -> list[BatutaError | None]:
    """What is held for work that locations take on is theirs; each answer is why not, if so.

    What has lapsed is taken again, if there is room. Locks the windows of the locations.
    """
    keys = [(one.order_id, one.location_id, line_id) for one in taken_on for line_id in sorted(one.line_ids)]
    columns = dict(zip(("order_id", "location_id", "line_id"), zip(*keys, strict=True), strict=True))
    open_ = [hold_of(row) for row in await db.execute(_OPEN, params("taken", **columns))] if keys else []
    if not open_:
        return [None] * len(taken_on)
    room = await _room(db, {(one.location_id, one.windows) for one in open_}, now=now)
    fresh = await capacity_holds_of(db, {one.order_id for one in open_})
    answers: list[BatutaError | None] = []
    changes: list[tuple[CapacityHold, CapacityHold]] = []
    for one in taken_on:
        mine = [
            fresh[hold.key] for hold in open_ if (hold.order_id, hold.location_id) == (one.order_id, one.location_id)
        ]
        answer = next((why for hold in mine if (why := _why_not(hold, room))), None)
        answers.append(answer)
        if answer is None:
            left = [hold for hold in mine if hold.status in {HoldStatus.HELD, HoldStatus.EXPIRED}]
            for hold in left:
                if hold.status is HoldStatus.EXPIRED:
                    room.give(hold)
            changes += [(hold, hold.as_(HoldStatus.CONFIRMED)) for hold in left]
    await _change(db, changes)
    return answers


async def give_back_capacity(db: Connection, *, plans: Collection[Key]) -> None:
    """Count what stands of plans of which units were given back. Locks the windows of the locations."""
    order_ids = {order_id for order_id, _, _ in plans}
    held = [one for key, one in (await capacity_holds_of(db, order_ids)).items() if key in plans]
    if not held:
        return
    await _locked(db, {window for one in held for window in counted_in(one.location_id, one.windows, one.method)})
    fresh = await capacity_holds_of(db, order_ids)
    left = await standing_work(db, [one.key for one in held])
    before = [fresh[one.key] for one in held if fresh[one.key].status is not HoldStatus.RELEASED]
    await _change(db, [(one, one.standing(*left.get(one.key, (0, 0)))) for one in before])


async def release_expired_capacity(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: note what lapsed; nobody counts it since."""
    due = [hold_of(row) for row in await db.execute(_DUE, {"now": now, "limit": limit})]
    if due:
        await _locked(db, {window for one in due for window in counted_in(one.location_id, one.windows, one.method)})
        await _expire(db, due, now=now)
    return len(due)


def _held(draft: Draft, work: Work, capacity: Capacity, *, is_over: bool, now: datetime) -> CapacityHold:
    assert isinstance(draft.answer, Plan)
    request, windows = draft.request, capacity.windows
    return CapacityHold(
        order_id=request.order_id,
        location_id=capacity.location.id,
        attempt=draft.answer.attempt,
        method=request.method,
        day_at=windows.day_at,
        hour_at=windows.hour_at,
        **msgspec.structs.asdict(work),
        is_over=is_over,
        status=HoldStatus.HELD,
        held_at=now,
        expires_at=answer_by(capacity.location, now, request.answer_minutes),
    )


def _why_not(hold: CapacityHold, room: _Room) -> BatutaError | None:
    """What stands against work that was held, has lapsed, and is taken on all the same."""
    if hold.status is not HoldStatus.EXPIRED:
        return None
    full = room.capacity(hold.location_id, hold.windows).full_for(hold.method, hold.work)
    if full is None:
        return None
    return NoCapacity(
        "what was kept free for this has lapsed, and others have taken it",
        order_id=str(hold.order_id),
        location_id=str(hold.location_id),
        limit=full.limit,
        taken=full.taken,
        unit=str(full.unit),
    )


async def _room(db: Connection, asked: Collection[tuple[UUID, Windows]], *, now: datetime) -> _Room:
    """Lock windows with what has lapsed at their locations, which is free from then on."""
    every = await all_locations(db)
    here = params("here", location_id=sorted({location_id for location_id, _ in asked}))
    lapsed = [hold_of(row) for row in await db.execute(_LAPSED, {"now": now, **here})]
    windows = {window for location_id, several in asked for window in _both(location_id, several)}
    for one in lapsed:
        windows.update(counted_in(one.location_id, one.windows, one.method))
    given = await _locked(db, windows)
    for one in await _expire(db, lapsed, now=now):
        for window in counted_in(one.location_id, one.windows, one.method):
            given[window] = given[window].plus(one.work, -1)
    return _Room(every, given)


def _both(location_id: UUID, windows: Windows) -> list[Window]:
    """The windows of every method: a limit may be of all."""
    return [window for method in Method for window in counted_in(location_id, windows, method)]


async def _expire(db: Connection, lapsed: Sequence[CapacityHold], *, now: datetime) -> list[CapacityHold]:
    """Note that holds lapsed whose windows are locked; return those of which nobody had noted it."""
    if not lapsed:
        return []
    fresh = await capacity_holds_of(db, {one.order_id for one in lapsed})
    expired = [one for old in lapsed if (one := fresh[old.key]).has_lapsed(now)]
    await _change(db, [(one, one.as_(HoldStatus.EXPIRED)) for one in expired])
    return expired


async def _locked(db: Connection, windows: Collection[Window]) -> dict[Window, Work]:
    """Lock windows, ascending; of each what was given in it."""
    ordered, nothing = sorted(windows), msgspec.structs.asdict(NO_WORK)
    wanted = params("window", **dict(zip(_WINDOW, zip(*ordered, strict=True), strict=True)))
    known = works_in(await db.execute(_WINDOWS, wanted))
    new = [one._asdict() | nothing for one in ordered if one not in known]
    await insert_new(db, load, new, returning=["location_id"])
    return works_in(await db.execute(_LOCK, wanted))


async def _change(db: Connection, changes: Changes) -> None:
    """Write holds as they are now, and the difference to the load of their windows, which are locked."""
    changed = sorted(((before, after) for before, after in changes if before != after), key=lambda one: one[1].key)
    if changed:
        columns = {name: [getattr(after, name) for _, after in changed] for name in (*_KEY, *_CHANGES)}
        await db.execute(_CHANGE, params("new", **columns))
        await _count(db, [(after, after.counted.plus(before.counted, -1)) for before, after in changed])


async def _count(db: Connection, more: Sequence[tuple[CapacityHold, Work]]) -> None:
    found: dict[Window, Work] = {}
    for hold, work in more:
        for window in counted_in(hold.location_id, hold.windows, hold.method):
            found[window] = found.get(window, NO_WORK).plus(work)
    rows = [(*window, *msgspec.structs.astuple(work)) for window, work in sorted(found.items(), key=lambda one: one[0])]
    rows = [row for row in rows if any(row[len(_WINDOW) :])]
    if rows:
        columns = zip((*_WINDOW, *_WORK), zip(*rows, strict=True), strict=True)
        await db.execute(_ADD, params("more", **dict(columns)))
