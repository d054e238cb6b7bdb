"""Selling ahead of stock: never more than the channel's limit and what is still to come allow (INV-12, INV-23)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import IntegrityConstraintViolationError
from sqlalchemy import text

from batuta.catalog.queries import skus_by_id
from batuta.company.queries import channels_by_id
from batuta.inventory.commands.earmarking import give_up_earmarks
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.serving import (
    LockedSupply,
    count_used,
    lock_supply,
    peg_again,
    write_pegs,
    write_waiting,
)
from batuta.inventory.domain import Overtaken, Release
from batuta.inventory.domain.waiting import (
    Ahead,
    AheadLine,
    AheadPromise,
    AheadRequest,
    BackorderLimit,
    Coming,
    NotSoldAhead,
    Peg,
    UnknownLimitOwner,
    Waiting,
    after_deficits,
    peg_out,
)
from batuta.inventory.queries import all_claims_of, availability
from batuta.inventory.queries.limits import LIMITS
from batuta.inventory.queries.supply import coming, free_now, waiting_of
from batuta.inventory.tables import backorder_limit, peg, waiting
from batuta.plumbing.database import Connection, insert_rows, rows_with, upsert_rows
from batuta.plumbing.knowledge import mark_changed

DAY = timedelta(days=1)
LineSku = tuple[UUID, UUID]


class Forgo(msgspec.Struct, frozen=True, kw_only=True):
    """A line that waits for fewer units of a SKU; what was served and not yet taken over goes last."""

    line_id: UUID
    sku_id: UUID
    units: int


async def set_limits(
    db: Connection, *, limits: Sequence[BackorderLimit], now: datetime
) -> list[BackorderLimit | UnknownLimitOwner]:
    """Say how much channels may sell ahead; no units is none any more. What was sold ahead stays."""
    skus = await skus_by_id(db, {one.sku_id for one in limits})
    channels = await channels_by_id(db, {one.channel_id for one in limits})
    good = {(one.sku_id, one.channel_id): one for one in limits if one.sku_id in skus and one.channel_id in channels}
    rows = [{**msgspec.structs.asdict(one), "used": 0, "updated_at": now} for one in good.values()]
    await upsert_rows(db, backorder_limit, rows, key=["sku_id", "channel_id"], keep=["used"])
    if rows:
        await mark_changed(db, LIMITS)
    return [
        one
        if (one.sku_id, one.channel_id) in good
        else UnknownLimitOwner(
            "there is no such SKU or channel", sku_id=str(one.sku_id), channel_id=str(one.channel_id)
        )
        for one in limits
    ]


async def promise_ahead(
    db: Connection, *, requests: Sequence[AheadRequest], now: datetime
) -> list[Ahead | NotSoldAhead]:
    """Promise orders units that are still to come; each gets all it asks for, pegged to receipts, or nothing.

    In their order, each seeing what those before it took. A promise takes only what nobody else waits for, so it moves
    nobody's. The caller has locked the stock it reserved from.

    Raises:
        Overtaken: somebody else is placing the same lines at this moment.
    """
    sku_ids = {line.sku_id for one in requests for line in one.lines}
    supply = await lock_supply(db, sku_ids)
    left = await _free_supply(db, sku_ids, now=now)
    used: dict[tuple[UUID, UUID], int] = defaultdict(int)
    lines: list[Waiting] = []
    pegs: list[Peg] = []
    answers: list[Ahead | NotSoldAhead] = []
    for one in requests:
        answer = _promise(one, supply, left, used, now)
        if isinstance(answer, NotSoldAhead):
            answers.append(answer)
            continue
        taken, waits = answer
        pegs += taken
        lines += waits
        answers.append(Ahead(order_id=one.order_id, promises=tuple(_promise_of(each) for each in waits)))
    await count_used(db, used)
    try:
        await insert_rows(db, waiting, [_row(one) for one in sorted(lines, key=lambda one: (one.line_id, one.sku_id))])
    except IntegrityConstraintViolationError as problem:
        raise Overtaken("someone else is placing the same lines at this moment") from problem
    await insert_rows(db, peg, [msgspec.structs.asdict(one) for one in pegs])
    return answers


async def forgo(db: Connection, *, units: Sequence[Forgo], now: datetime) -> None:
    """Let lines wait for fewer units: what nobody wants any more is free for others who wait, and for new promises."""
    asked: dict[LineSku, int] = defaultdict(int)
    for one in units:
        asked[one.line_id, one.sku_id] += one.units
    if not asked:
        return
    wanted = {key: left for key, left in (await give_up_earmarks(db, asked, now=now)).items() if left}
    if not wanted:
        return
    await _give_back(db, wanted, now=now)
    supply = await lock_supply(db, {sku_id for _, sku_id in wanted})
    less: dict[tuple[UUID, UUID], int] = defaultdict(int)
    changed = []
    for key, some in wanted.items():
        line = supply.waiting.get(key)
        if line is None:
            continue
        taken = min(some, line.units)
        less[line.sku_id, line.channel_id] -= taken
        changed.append(msgspec.structs.replace(line, units=line.units - taken))
    await write_waiting(db, changed)
    await count_used(db, less)
    await _lessen_pegs(db, {line.sku_id for line in changed}, changed)
    await peg_again(db, sku_ids={line.sku_id for line in changed}, only_unpegged=True, now=now)


async def ask_no_more(db: Connection, *, line_ids: Collection[UUID]) -> None:
    """Note that the customers of lines were asked whether to wait on: once is enough."""
    if line_ids:
        await db.execute(_ASK_NO_MORE, {"line_ids": list(line_ids)})


_ASK_NO_MORE = text("UPDATE inventory.waiting SET patience_until_at = NULL WHERE line_id = ANY(:line_ids)")


async def forgo_orders(db: Connection, *, order_ids: Collection[UUID], now: datetime) -> None:
    """Let orders that come to nothing wait no more."""
    if order_ids:
        lines = [one for several in (await waiting_of(db, order_ids)).values() for one in several]
        await forgo(
            db,
            units=[Forgo(line_id=one.line_id, sku_id=one.sku_id, units=one.asked) for one in lines],
            now=now,
        )


async def _give_back(db: Connection, wanted: Mapping[LineSku, int], *, now: datetime) -> None:
    """Release what was served beyond what the lines will still want; before anything but stock is locked."""
    line_ids = {line_id for line_id, _ in wanted}
    held: dict[LineSku, int] = defaultdict(int)
    parts: dict[LineSku, list[tuple[UUID, int]]] = defaultdict(list)
    for claim in await all_claims_of(db, line_ids):
        if claim.held:
            held[claim.holder_id, claim.sku_id] += claim.held
            parts[claim.holder_id, claim.sku_id].append((claim.line_id, claim.held))
    if not held:
        return
    open_units = {
        (row["line_id"], row["sku_id"]): row["units"] for row in await rows_with(db, waiting.c.line_id, line_ids)
    }
    releases = []
    for key, some in wanted.items():
        over = min(held[key], some - open_units.get(key, 0))
        for part_id, units in parts[key]:
            if over > 0:
                releases.append(Release(holder_id=key[0], line_id=part_id, sku_id=key[1], quantity=min(over, units)))
                over -= units
    await release(db, releases=releases, now=now)


async def _lessen_pegs(db: Connection, sku_ids: Collection[UUID], changed: Sequence[Waiting]) -> None:
    """Take off pegs what lines no longer wait for; the receipt with the highest id first."""
    most = {(one.line_id, one.sku_id): one.units for one in changed}
    kept = []
    rows = [Peg(**row) for row in await rows_with(db, peg.c.sku_id, sku_ids)]
    for one in sorted(rows, key=lambda one: (one.line_id, one.sku_id, one.expected_id)):
        key = (one.line_id, one.sku_id)
        units = min(one.units, most.get(key, one.units))
        if key in most:
            most[key] -= units
        if units:
            kept.append(msgspec.structs.replace(one, units=units))
    await write_pegs(db, sku_ids, kept)


async def _free_supply(db: Connection, sku_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[Coming]]:
    """What is to come that nobody waits for, and that makes good no deficit; overdue receipts promise nothing."""
    if not sku_ids:
        return {}
    taken: dict[UUID, int] = defaultdict(int)
    for row in await rows_with(db, peg.c.sku_id, sku_ids):
        taken[row["expected_id"]] += row["units"]
    there: dict[UUID, list[Coming]] = defaultdict(list)
    for sku_id, one in await coming(db, sku_ids):
        if one.at > now:
            there[sku_id].append(msgspec.structs.replace(one, units=one.units - taken[one.expected_id]))
    lacking: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for each in await availability(db, sku_ids=list(sku_ids), now=now):
        lacking[each.sku_id][each.location_id] = max(0, -free_now(each))
    return {sku_id: after_deficits(several, lacking[sku_id]) for sku_id, several in there.items()}


def _promise(
    one: AheadRequest,
    supply: LockedSupply,
    left: dict[UUID, list[Coming]],
    used: dict[tuple[UUID, UUID], int],
    now: datetime,
) -> tuple[list[Peg], list[Waiting]] | NotSoldAhead:
    """What an order takes of limits and supply, which are lessened by it; or why it gets nothing."""
    asked: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for line in one.lines:
        asked[line.sku_id, one.channel_id] += line.units
    for key, units in asked.items():
        limit = supply.limits.get(key)
        room = limit.units - supply.used[key] - used[key] if limit and limit.is_open(now) else 0
        if units > room:
            return _refusal("the channel may not sell so many ahead", one, key[0], asked=units, left=max(0, room))
    rest = dict(left)
    pegs: list[Peg] = []
    lines: list[Waiting] = []
    for line in one.lines:
        waits, taken = _peg(one, line, supply.limits[line.sku_id, one.channel_id], rest, now)
        if waits is None:
            come = sum(each.units for each in rest.get(line.sku_id, ()))
            return _refusal("fewer units are to come", one, line.sku_id, asked=line.units, left=come)
        if one.waits_until_at and waits.promised_at and waits.promised_at > one.waits_until_at:
            return _refusal("it comes later than the order waits", one, line.sku_id, asked=line.units, left=0)
        lines.append(waits)
        pegs += taken
    left |= rest
    for key, units in asked.items():
        used[key] += units
    return pegs, lines


def _peg(
    one: AheadRequest, line: AheadLine, limit: BackorderLimit, rest: dict[UUID, list[Coming]], now: datetime
) -> tuple[Waiting | None, tuple[Peg, ...]]:
    """Peg a line to what is left of its SKU, at one of the places where it may come to."""
    places = one.location_ids or (None,)
    for place in places:
        draft = _waiting(one, line, limit, place, now)
        pegged = peg_out(rest.get(line.sku_id, ()), [draft])[line.line_id]
        if pegged.ready_at is None:
            continue
        taken = {each.expected_id: each.units for each in pegged.pegs}
        rest[line.sku_id] = [
            msgspec.structs.replace(each, units=each.units - taken.get(each.expected_id, 0))
            for each in rest[line.sku_id]
        ]
        ready_at = max(pegged.ready_at, limit.launch_at or pegged.ready_at)
        return _told(draft, pegged.location_id, ready_at, one.waits_until_at), pegged.pegs
    return None, ()


def _waiting(one: AheadRequest, line: AheadLine, limit: BackorderLimit, place: UUID | None, now: datetime) -> Waiting:
    return Waiting(
        line_id=line.line_id,
        sku_id=line.sku_id,
        order_id=one.order_id,
        channel_id=one.channel_id,
        location_id=place or UUID(int=0),
        kind=limit.kind(now),
        asked=line.units,
        units=line.units,
        per_unit=line.per_unit,
        serves_whole=line.serves_whole,
        only_there=place is not None,
        priority=one.priority,
        ordered_at=one.ordered_at,
        launch_at=limit.launch_at,
        promised_at=None,
        first_promised_at=None,
        patience_days=one.patience_days,
        patience_until_at=None,
        looked_at=now,
        region=one.region,
        customer_group=one.customer_group,
    )


def _told(line: Waiting, location_id: UUID, at: datetime, waits_until_at: datetime | None) -> Waiting:
    ends = [] if line.patience_days is None else [at + line.patience_days * DAY]
    patience = min([*ends, waits_until_at] if waits_until_at else ends, default=None)
    return msgspec.structs.replace(
        line, location_id=location_id, promised_at=at, first_promised_at=at, patience_until_at=patience
    )


def _refusal(sentence: str, one: AheadRequest, sku_id: UUID, *, asked: int, left: int) -> NotSoldAhead:
    return NotSoldAhead(sentence, order_id=str(one.order_id), sku_id=str(sku_id), asked=asked, left=left)


def _promise_of(one: Waiting) -> AheadPromise:
    assert one.promised_at
    return AheadPromise(
        line_id=one.line_id, sku_id=one.sku_id, units=one.units, kind=one.kind, promised_at=one.promised_at
    )


def _row(one: Waiting) -> Mapping[str, Any]:
    return {**msgspec.structs.asdict(one), "kind": one.kind.value}
