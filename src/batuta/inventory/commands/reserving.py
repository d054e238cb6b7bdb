"""Reserving: the moment at which units are promised (RES-01, RES-02)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.commands.claiming import LockedClaims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now, release_ended
from batuta.inventory.commands.rows import LockedRows, lock_idle_rows, sellable, write_rows
from batuta.inventory.domain import (
    BadHold,
    Claim,
    Fence,
    OutOfStock,
    Reserved,
    ReserveLine,
    ReserveRequest,
    Shared,
    check_hold,
    grant_of,
    places_to_lock,
    share_out,
    taken_from,
)
from batuta.inventory.queries import Look, all_claims_of, fence_of, look, lots_of, need_a_fence
from batuta.plumbing.database import Connection

LineSku = tuple[UUID, UUID]


async def reserve(
    db: Connection, *, requests: Sequence[ReserveRequest], now: datetime
) -> list[Reserved | OutOfStock | BadHold]:
    """Reserve stock for many holders at once; each gets all it asks for, or why not, what is left and where.

    Afterwards a line holds at least what it asked for: asked again, it keeps its grants and only what is missing (an
    ended soft claim, a raised quantity) is taken. Requests are served in order, each seeing what those before it took.
    """
    answers: dict[int, Reserved | OutOfStock | BadHold] = {}
    for turn in _turns(requests):
        answers |= zip(turn, await _reserve(db, [requests[i] for i in turn], now=now), strict=True)
    return [answers[i] for i in range(len(requests))]


def _turns(requests: Sequence[ReserveRequest]) -> list[list[int]]:
    """Positions of the requests, so that a holder who asks twice is served twice, one after the other."""
    turns: list[list[int]] = []
    asked: dict[UUID, int] = defaultdict(int)
    for i, request in enumerate(requests):
        turn = asked[request.holder_id]
        asked[request.holder_id] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(i)
    return turns


async def _reserve(
    db: Connection, requests: Sequence[ReserveRequest], *, now: datetime
) -> list[Reserved | OutOfStock | BadHold]:
    claims = LockedClaims(await all_claims_of(db, [request.holder_id for request in requests]), now=now)
    requests = [_as_good(request, claims.of(request.holder_id)) for request in requests]
    problems = [check_hold(request.until_at, now=now) for request in requests]
    missing = [
        msgspec.structs.replace(request, lines=[]) if problem else _missing(request, _counting(claims, request, now))
        for request, problem in zip(requests, problems, strict=True)
    ]

    rows, shared = await _decide(db, missing, now=now)
    for request, outcome in zip(missing, shared, strict=True):
        if isinstance(outcome, Shared):
            _claim(rows, claims, request, outcome)
    await write_rows(db, rows)
    await write_claims(db, claims)
    return [
        problem or _answer(request, outcome, _counting(claims, request, now))
        for request, outcome, problem in zip(requests, shared, problems, strict=True)
    ]


def _as_good(request: ReserveRequest, before: Sequence[Claim]) -> ReserveRequest:
    """Of lots that are good for as long as those had to be that the holder was given before."""
    asked = [claim.good_until_at for claim in before if claim.good_until_at]
    if not asked:
        return request
    return msgspec.structs.replace(request, good_until_at=max([*asked, request.good_until_at or asked[0]]))


def _counting(claims: LockedClaims, request: ReserveRequest, now: datetime) -> list[Claim]:
    """What the holder has had of what it asks for: held, or already handed out."""
    return [claim for claim in claims.of(request.holder_id) if claim.consumed or claim.is_live(now)]


def _missing(request: ReserveRequest, counting: Sequence[Claim]) -> ReserveRequest:
    """The request for what its lines do not hold yet, each SKU of a line once."""
    wanted: dict[LineSku, int] = defaultdict(int)
    for line in request.lines:
        wanted[line.line_id, line.sku_id] += line.quantity
    if not counting and len(wanted) == len(request.lines):
        return request
    for claim in counting:
        if (claim.line_id, claim.sku_id) in wanted:
            wanted[claim.line_id, claim.sku_id] -= claim.held + claim.consumed
    lines = [
        ReserveLine(line_id=line_id, sku_id=sku_id, quantity=units)
        for (line_id, sku_id), units in wanted.items()
        if units > 0
    ]
    return msgspec.structs.replace(request, lines=lines)


async def _decide(
    db: Connection, requests: Sequence[ReserveRequest], *, now: datetime
) -> tuple[LockedRows, list[Shared | OutOfStock]]:
    """Look without locks, lock only the rows that are worth it, decide again on what they truly hold.

    What committed stock cannot serve is refused at once. Who was overtaken between look and lock may still get
    units elsewhere, from rows that nobody holds.
    """
    skus = {line.sku_id for request in requests for line in request.lines}
    if not skus:
        return LockedRows(), [Shared([], []) for _ in requests]
    seen = await look(db, skus, now=now)
    is_fenced = need_a_fence(seen.withheld, requests)
    hoped = share_out(seen.free, requests, await _fence_seen(db, seen, requests, skus, now) if is_fenced else None)
    taken = taken_from(hoped)
    places = {sellable(*place) for place in places_to_lock(seen.free, requests, taken)}
    rows = await lock_rows_now(db, places, now=now)
    if not is_fenced and all(rows.free_at(sellable(*place)) >= units for place, units in taken.items()):
        return rows, hoped
    shared = share_out(rows.free(), requests, await _fence_held(db, seen, rows, skus, now) if is_fenced else None)

    overtaken = [
        request
        for request, before, after in zip(requests, hoped, shared, strict=True)
        if isinstance(before, Shared) and (isinstance(after, OutOfStock) or len(after.short) > len(before.short))
    ]
    wanted = {line.sku_id for request in overtaken for line in request.lines}
    elsewhere = {sellable(sku_id, at) for sku_id in wanted for at in seen.free.get(sku_id, ())} - places
    if elsewhere:
        await lock_idle_rows(db, rows, elsewhere)
        await release_ended(db, rows, now=now)
        shared = share_out(rows.free(), requests, await _fence_held(db, seen, rows, skus, now) if is_fenced else None)
    return rows, [
        before if isinstance(before, OutOfStock) and isinstance(after, OutOfStock) else after
        for before, after in zip(hoped, shared, strict=True)
    ]


async def _fence_seen(
    db: Connection, seen: Look, requests: Sequence[ReserveRequest], sku_ids: Collection[UUID], now: datetime
) -> Fence:
    is_choosy = any(one.good_until_at is not None for one in requests)
    lots = await lots_of(db, sku_ids, now=now) if is_choosy else None
    return await fence_of(db, seen.withheld, sku_ids=sku_ids, lots=lots, now=now)


async def _fence_held(db: Connection, seen: Look, rows: LockedRows, sku_ids: Collection[UUID], now: datetime) -> Fence:
    """The fence at rows under lock; pools there change for nobody else meanwhile."""
    return await fence_of(
        db, seen.withheld, sku_ids=sku_ids, on_hand=rows.sellable_on_hand(), lots=rows.lots(), now=now
    )


def _claim(rows: LockedRows, claims: LockedClaims, request: ReserveRequest, shared: Shared) -> None:
    for share in shared.shares:
        place = sellable(share.line.sku_id, share.location_id)
        for row, units in rows.claim(
            place, share.quantity, until_at=request.until_at, good_until_at=request.good_until_at
        ):
            claims.make(
                request.holder_id,
                share.line.line_id,
                row,
                units,
                until_at=request.until_at,
                pool_id=share.pool_id,
                good_until_at=request.good_until_at,
            )


def _answer(request: ReserveRequest, outcome: Shared | OutOfStock, counting: Sequence[Claim]) -> Reserved | OutOfStock:
    if isinstance(outcome, OutOfStock):
        return outcome
    asked = {(line.line_id, line.sku_id) for line in request.lines}
    grants = [grant_of(claim) for claim in counting if (claim.line_id, claim.sku_id) in asked]
    return Reserved(holder_id=request.holder_id, grants=grants, short=outcome.short)
