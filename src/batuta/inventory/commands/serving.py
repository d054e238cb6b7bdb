"""Giving what came to those who wait for it, and pegging the rest anew (INV-23, INV-24).

Locks, after stock rows: the open receipts of the SKUs by id, then their limits, then the lines that wait.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, delete, select, text, update

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
from batuta.inventory.domain.pools import Fence
from batuta.inventory.domain.supply import SupplyStatus
from batuta.inventory.domain.waiting import (
    NEVER,
    BackorderLimit,
    Coming,
    Peg,
    Pegged,
    Served,
    Waiting,
    peg_out,
    same_day,
    serve_out,
)
from batuta.inventory.events import PromiseMoved, SupplyServed
from batuta.inventory.queries.supply import SupplyRun, coming, waiting_from
from batuta.inventory.queries.withholding import fence_of, withheld
from batuta.inventory.tables import backorder_limit, expected, peg, supply_run, waiting
from batuta.kernel.ids import child_id
from batuta.plumbing.database import (
    Connection,
    Instant,
    Integer,
    arrays,
    insert_rows,
    params,
    rows_with,
)
from batuta.plumbing.events import publish

LOOK_AGAIN = timedelta(minutes=1)
GRACE = timedelta(days=1)
"""A receipt may be so late before those who wait for it are told that nobody knows when it comes."""

ACTOR = "system:inventory"


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU that came to a location, by a receipt or without one. run_id: of the document to be written."""

    run_id: UUID
    sku_id: UUID
    location_id: UUID
    expected_id: UUID | None
    units: int
    actor: str
    is_sellable: bool = True


class LockedSupply(msgspec.Struct, frozen=True):
    """What waits for SKUs, and which limits it uses up, under lock."""

    used: dict[tuple[UUID, UUID], int]
    limits: dict[tuple[UUID, UUID], BackorderLimit]
    waiting: dict[tuple[UUID, UUID], Waiting]

    def of(self, sku_id: UUID) -> list[Waiting]:
        return [one for one in self.waiting.values() if one.sku_id == sku_id]


_skus = arrays("sku", id=Uuid())
_lock_expected = (
    select(expected.c.id)
    .join(_skus, _skus.c.id == expected.c.sku_id)
    .where(expected.c.status == SupplyStatus.OPEN.value)
    .order_by(expected.c.id)
    .with_for_update(of=expected, key_share=True)
)
_lock_limits = (
    select(backorder_limit)
    .join(_skus, _skus.c.id == backorder_limit.c.sku_id)
    .order_by(backorder_limit.c.sku_id, backorder_limit.c.channel_id)
    .with_for_update(of=backorder_limit, key_share=True)
)
_lock_waiting = (
    select(waiting)
    .join(_skus, _skus.c.id == waiting.c.sku_id)
    .where(waiting.c.units > 0)
    .order_by(waiting.c.line_id, waiting.c.sku_id)
    .with_for_update(of=waiting)
)


async def lock_supply(db: Connection, sku_ids: Collection[UUID]) -> LockedSupply:
    """Lock what is to come of the SKUs, their limits, and the lines that wait for them. After stock rows."""
    if not sku_ids:
        return LockedSupply({}, {}, {})
    given = params("sku", id=sorted(set(sku_ids)))
    await db.execute(_lock_expected, given)
    limits = [dict(row) for row in await db.execute(_lock_limits, given)]
    lines = [waiting_from(dict(row)) for row in await db.execute(_lock_waiting, given)]
    return LockedSupply(
        {(row["sku_id"], row["channel_id"]): row["used"] for row in limits},
        {
            (row["sku_id"], row["channel_id"]): BackorderLimit(
                sku_id=row["sku_id"],
                channel_id=row["channel_id"],
                units=row["units"],
                until_at=row["until_at"],
                launch_at=row["launch_at"],
            )
            for row in limits
        },
        {(one.line_id, one.sku_id): one for one in lines},
    )


async def serve(db: Connection, *, came: Sequence[Came], now: datetime) -> list[SupplyRun]:
    """Claim what is free for the lines that wait, by their turn, and write down who was served.

    A line gets no unit that is kept back from whom it is for, or in a pool of others (INV-05, INV-07).

    The units are claimed for the line itself, as its own holder, until its order takes them over: nobody else gets
    them in between. What still waits is pegged anew.
    """
    if not came:
        return []
    rows = await lock_rows_now(db, {sellable(one.sku_id, one.location_id) for one in came}, now=now)
    supply = await lock_supply(db, {one.sku_id for one in came})
    claims = await lock_claims(db, {one.line_id for one in supply.waiting.values()}, now=now)
    fence = await _fence(db, rows, supply, now=now)
    runs = [_serve(one, rows, supply, claims, fence, now) for one in came]
    await write_rows(db, rows)
    await write_claims(db, claims)
    await write_waiting(db, list(supply.waiting.values()))
    await count_used(db, _used_less(runs, supply))
    await insert_rows(db, supply_run, [_run_row(run) for run in runs if run.expected_id or run.served])
    await publish(db, _served_facts(runs, now))
    await peg_again(db, sku_ids={one.sku_id for one in came}, now=now)
    return runs


async def serve_waiting(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: serve lines that wait from stock that came otherwise: counted, returned, given back by others."""
    places = [tuple(row) for row in await db.execute(_SERVABLE, {"now": now, "ago": now - LOOK_AGAIN, "limit": limit})]
    came = [
        Came(
            run_id=child_id(location_id, "free", sku_id, now.isoformat()),
            sku_id=sku_id,
            location_id=location_id,
            expected_id=None,
            units=0,
            actor=ACTOR,
        )
        for sku_id, location_id in places
    ]
    await serve(db, came=came, now=now)
    await db.execute(_LOOKED, {"sku_ids": [sku_id for sku_id, _ in places], "now": now})
    return len(places)


_SERVABLE = text(
    """
    SELECT DISTINCT s.sku_id, s.location_id
    FROM inventory.waiting w JOIN inventory.stock s ON s.sku_id = w.sku_id
    WHERE w.units > 0 AND w.looked_at <= :ago AND s.condition = 'sellable' AND s.on_hand - s.reserved - s.safety > 0
    ORDER BY s.sku_id, s.location_id
    LIMIT :limit
    """
)
_LOOKED = text("UPDATE inventory.waiting SET looked_at = :now WHERE sku_id = ANY(:sku_ids) AND units > 0")


async def promise_overdue(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: what should have come a day ago is promised anew, or for no day, and its customers are told (INV-23)."""
    sku_ids = list(await db.scalars(_OVERDUE, {"ago": now - GRACE, "limit": limit}))
    await peg_again(db, sku_ids=sku_ids, now=now)
    return len(sku_ids)


_OVERDUE = text(
    """
    SELECT DISTINCT sku_id FROM inventory.waiting WHERE units > 0 AND promised_at <= :ago ORDER BY sku_id LIMIT :limit
    """
)


async def peg_again(
    db: Connection, *, sku_ids: Collection[UUID], only_unpegged: bool = False, now: datetime
) -> list[PromiseMoved]:
    """Share what is to come of SKUs among those who wait, and return whose promised day has changed (INV-23).

    only_unpegged: whoever has a receipt keeps it. Receipts that are overdue by a day are pegged last, and promise none.
    """
    supply = await lock_supply(db, sku_ids)
    if not supply.waiting:
        await write_pegs(db, sku_ids, [])
        return []
    there = await _coming(db, sku_ids, now=now)
    kept = await _kept(db, supply) if only_unpegged else {}
    pegged: dict[tuple[UUID, UUID], Pegged] = {}
    for sku_id in sorted(sku_ids):
        lines = [one for one in supply.of(sku_id) if (one.line_id, sku_id) not in kept]
        held = [one for pegs in kept.values() for one in pegs]
        left = _without(there[sku_id], held)
        pegged |= {(line_id, sku_id): one for line_id, one in peg_out(left, lines).items()}
    pegs = [one for of_line in pegged.values() for one in of_line.pegs]
    await write_pegs(db, sku_ids, [*pegs, *(one for several in kept.values() for one in several)])
    changed, told = [], []
    for key, one in pegged.items():
        line = supply.waiting[key]
        after = _promised(line, one)
        if after != line:
            changed.append(after)
        if not same_day(line.promised_at, after.promised_at):
            told.append(_moved(line, after, now))
    await write_waiting(db, changed)
    await publish(db, told)
    return told


async def _coming(db: Connection, sku_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[Coming]]:
    found: dict[UUID, list[Coming]] = defaultdict(list)
    for sku_id, one in await coming(db, sku_ids):
        found[sku_id].append(one if one.at > now - GRACE else msgspec.structs.replace(one, at=NEVER))
    return found


async def _kept(db: Connection, supply: LockedSupply) -> dict[tuple[UUID, UUID], list[Peg]]:
    """The pegs of lines that are pegged wholly."""
    pegs: dict[tuple[UUID, UUID], list[Peg]] = defaultdict(list)
    for row in await rows_with(db, peg.c.line_id, [line_id for line_id, _ in supply.waiting]):
        pegs[row["line_id"], row["sku_id"]].append(Peg(**row))
    return {key: pegs[key] for key, one in supply.waiting.items() if sum(each.units for each in pegs[key]) == one.units}


def _without(there: Iterable[Coming], pegs: Iterable[Peg]) -> list[Coming]:
    taken: dict[UUID, int] = defaultdict(int)
    for one in pegs:
        taken[one.expected_id] += one.units
    return [msgspec.structs.replace(one, units=one.units - taken[one.expected_id]) for one in there]


def _promised(line: Waiting, pegged: Pegged) -> Waiting:
    at = None if pegged.ready_at in {None, NEVER} else pegged.ready_at
    if at and line.launch_at:
        at = max(at, line.launch_at)
    return msgspec.structs.replace(line, promised_at=at, location_id=pegged.location_id)


def _moved(line: Waiting, after: Waiting, now: datetime) -> PromiseMoved:
    return PromiseMoved(
        stream=line.order_id,
        happened_at=now,
        actor=ACTOR,
        line_id=line.line_id,
        sku_id=line.sku_id,
        units=line.units,
        before_at=line.promised_at,
        promised_at=after.promised_at,
    )


async def _fence(db: Connection, rows: LockedRows, supply: LockedSupply, *, now: datetime) -> Fence | None:
    """What is kept back from whom at the places under lock; nothing is asked where nobody waits."""
    known = await withheld(db) if supply.waiting else None
    if known is None or known.is_empty():
        return None
    sku_ids = {sku_id for _, sku_id in supply.waiting}
    return await fence_of(db, known, sku_ids=sku_ids, on_hand=rows.sellable_on_hand(), lots=rows.lots(), now=now)


def _serve(  # noqa: PLR0917 - what is under lock
    one: Came, rows: LockedRows, supply: LockedSupply, claims: LockedClaims, fence: Fence | None, now: datetime
) -> SupplyRun:
    place = sellable(one.sku_id, one.location_id)
    free = rows.free_at(place) if one.is_sellable else 0
    lines = supply.of(one.sku_id)
    served = serve_out(free, one.location_id, lines, fence)
    for each in served:
        key = (each.line_id, one.sku_id)
        supply.waiting[key] = msgspec.structs.replace(
            supply.waiting[key], units=supply.waiting[key].units - each.units, looked_at=now
        )
        part_id = child_id(each.line_id, "served", one.run_id)
        for pool_id, part in each.pools:
            for row, units in rows.claim(place, part, until_at=None):
                claims.make(each.line_id, part_id, row, units, until_at=None, pool_id=pool_id)
    left = [line for line in supply.of(one.sku_id) if line.units]
    return SupplyRun(
        id=one.run_id,
        sku_id=one.sku_id,
        location_id=one.location_id,
        expected_id=one.expected_id,
        came=one.units,
        free=free,
        served=[msgspec.to_builtins(each) for each in served],
        passed_over=[
            {"line_id": str(line.line_id), "order_id": str(line.order_id), "units": line.units}
            for line in sorted(left, key=lambda line: line.service_turn)
        ],
        actor=one.actor,
        ran_at=now,
    )


def _used_less(runs: Iterable[SupplyRun], supply: LockedSupply) -> dict[tuple[UUID, UUID], int]:
    less: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for run in runs:
        for served in msgspec.convert(run.served, list[Served]):
            less[run.sku_id, supply.waiting[served.line_id, run.sku_id].channel_id] -= served.units
    return less


def _run_row(run: SupplyRun) -> Mapping[str, Any]:
    return msgspec.structs.asdict(run)


def _served_facts(runs: Iterable[SupplyRun], now: datetime) -> list[SupplyServed]:
    lines: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    for run in runs:
        for served in msgspec.convert(run.served, list[Served]):
            lines[served.order_id, run.id].append(served.line_id)
    return [
        SupplyServed(stream=order_id, happened_at=now, actor=ACTOR, run_id=run_id, line_ids=tuple(line_ids))
        for (order_id, run_id), line_ids in lines.items()
    ]


_given = arrays(
    "given",
    line_id=Uuid(),
    sku_id=Uuid(),
    units=Integer(),
    location_id=Uuid(),
    promised_at=Instant,
    looked_at=Instant,
)
_write = (
    update(waiting)
    .where(waiting.c.line_id == _given.c.line_id, waiting.c.sku_id == _given.c.sku_id)
    .values({name: _given.c[name] for name in ("units", "location_id", "promised_at", "looked_at")})
)


async def write_waiting(db: Connection, lines: Sequence[Waiting]) -> None:
    if lines:
        names = ("line_id", "sku_id", "units", "location_id", "promised_at", "looked_at")
        await db.execute(_write, params("given", **{name: [getattr(one, name) for one in lines] for name in names}))


_limits = arrays("less", sku_id=Uuid(), channel_id=Uuid(), units=Integer())
_count = (
    update(backorder_limit)
    .where(backorder_limit.c.sku_id == _limits.c.sku_id, backorder_limit.c.channel_id == _limits.c.channel_id)
    .values(used=backorder_limit.c.used + _limits.c.units)
)


async def count_used(db: Connection, units: Mapping[tuple[UUID, UUID], int]) -> None:
    """Count units that limits are used for, or no longer; the limits are locked."""
    changed = {key: some for key, some in units.items() if some}
    if changed:
        sku_ids, channel_ids = zip(*changed, strict=True)
        await db.execute(_count, params("less", sku_id=sku_ids, channel_id=channel_ids, units=list(changed.values())))


_forget_pegs = delete(peg).where(peg.c.sku_id == _skus.c.id)


async def write_pegs(db: Connection, sku_ids: Collection[UUID], pegs: Sequence[Peg]) -> None:
    """Let these be all the pegs of the SKUs, whose supply the caller has locked."""
    if sku_ids:
        await db.execute(_forget_pegs, params("sku", id=sorted(sku_ids)))
    ordered = sorted(pegs, key=lambda one: (one.line_id, one.sku_id, one.expected_id))
    await insert_rows(db, peg, [msgspec.structs.asdict(one) for one in ordered])


__all__ = [
    "Came",
    "LockedSupply",
    "count_used",
    "lock_supply",
    "peg_again",
    "promise_overdue",
    "serve",
    "serve_waiting",
    "write_pegs",
    "write_waiting",
]
