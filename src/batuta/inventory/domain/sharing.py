"""Sharing out: who gets how many units, from where. Pure, and the heart of the room's law.

Provisional: one location that has everything is taken, or else few; sourcing weighs costs and plans again.

What many of a batch want and locations have amply is taken from one of them, another than most batches beside it
take: rows are locked until their batch is committed, and whoever wants the same ones waits so long.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.inventory.domain.claims import OutOfStock, ReserveLine, ReserveRequest, Short
from batuta.inventory.domain.pools import Fence

Free = Mapping[UUID, Mapping[UUID, int]]
"""SKU to location to units that may still be granted there."""

Place = tuple[UUID, UUID]
"""A SKU and a location."""

LOCATIONS_TOLD_MAX = 20
HOT_FROM = 3
"""So many requests of a batch make a SKU hot."""
AMPLE_BATCHES = 10
"""A location has amply of a SKU when it could serve so many batches like this one."""


class Share(msgspec.Struct, frozen=True):
    """Units for a line from one location, perhaps of a pool there."""

    line: ReserveLine
    location_id: UUID
    quantity: int
    pool_id: UUID | None = None


class Shared(msgspec.Struct, frozen=True):
    """What a request gets, and what is short of what it asks for."""

    shares: list[Share]
    short: list[Short]


def share_out(free: Free, requests: Sequence[ReserveRequest], fence: Fence | None = None) -> list[Shared | OutOfStock]:
    """Give units to requests in their order, never more than are free; all that one asks for, or nothing.

    What lines of one request want of a SKU is added up before it is compared with what is there, so two lines
    can never both pass on the same unit (INV-13). A request that allows it gets part of what is short. fence: what is
    kept back from whom; without one, nothing is.
    """
    left = {sku_id: dict(places) for sku_id, places in free.items()}
    leaning = _leaning(free, requests)
    return [_serve(left, request, fence, leaning) for request in requests]


def _leaning(free: Free, requests: Sequence[ReserveRequest]) -> dict[UUID, UUID]:
    """From where a batch takes what is hot and ample: a SKU to a location, which chance gave the first request's id."""
    if len(requests) < HOT_FROM:
        return {}
    asked: dict[UUID, list[int]] = defaultdict(list)
    for request in requests:
        for sku_id, units in _wanted(request.lines).items():
            asked[sku_id].append(units)
    leaning = {}
    for sku_id, units_each in asked.items():
        if len(units_each) >= HOT_FROM:
            enough = AMPLE_BATCHES * sum(units_each)
            ample = sorted(at for at, units in free.get(sku_id, {}).items() if units >= enough)
            if ample:
                leaning[sku_id] = ample[requests[0].holder_id.int % len(ample)]
    return leaning


def taken_from(outcomes: Iterable[Shared | OutOfStock]) -> dict[Place, int]:
    """How many units outcomes take from each place."""
    taken: dict[Place, int] = defaultdict(int)
    for outcome in outcomes:
        if isinstance(outcome, Shared):
            for share in outcome.shares:
                taken[share.line.sku_id, share.location_id] += share.quantity
    return taken


def places_to_lock(free: Free, requests: Sequence[ReserveRequest], taken: Mapping[Place, int]) -> set[Place]:
    """Which rows a batch that saw `free` without locks should lock: those it would take from, and more where scarce.

    Scarce is a SKU of which the row could not serve the same batch twice. There the others that are asking now
    may be faster, so all of the SKU's rows are locked, and the decision under lock can go elsewhere.
    """
    wanted: dict[UUID, int] = defaultdict(int)
    for request in requests:
        for line in request.lines:
            wanted[line.sku_id] += line.quantity

    scarce = {
        sku_id for (sku_id, location_id), units in taken.items() if free[sku_id][location_id] - units < wanted[sku_id]
    }
    everywhere = {
        (sku_id, location_id) for sku_id in scarce for location_id, units in free[sku_id].items() if units > 0
    }
    return everywhere | taken.keys()


def _serve(
    left: dict[UUID, dict[UUID, int]],
    request: ReserveRequest,
    fence: Fence | None,
    leaning: Mapping[UUID, UUID],
) -> Shared | OutOfStock:
    wanted = _wanted(request.lines)
    if not wanted:
        return Shared([], [])
    usable = {sku_id: _usable(left.get(sku_id, {}), request.location_ids) for sku_id in wanted}
    if fence is not None:
        usable = {sku_id: _open_to(request, sku_id, places, fence) for sku_id, places in usable.items()}
    is_enough = all(sum(usable[sku_id].values()) >= units for sku_id, units in wanted.items())
    if not is_enough and not request.allow_partial:
        return _out_of_stock(request, wanted, usable)

    portions = _choose(wanted, usable, request.location_ids, leaning)
    for sku_id, parts in portions.items():
        for location_id, units in parts:
            left[sku_id][location_id] -= units
    shares, granted = _deal(request.lines, _of_pools(portions, request, fence))
    short = [
        _short(line, usable[line.sku_id], granted=units)
        for line, units in zip(request.lines, granted, strict=True)
        if units < line.quantity
    ]
    return Shared(shares, short)


def _wanted(lines: Sequence[ReserveLine]) -> dict[UUID, int]:
    wanted: dict[UUID, int] = {}
    for line in lines:
        wanted[line.sku_id] = wanted.get(line.sku_id, 0) + line.quantity
    return wanted


def _usable(places: Mapping[UUID, int], location_ids: tuple[UUID, ...] | None) -> dict[UUID, int]:
    if location_ids is None:
        return {location_id: units for location_id, units in places.items() if units > 0}
    return {location_id: places[location_id] for location_id in location_ids if places.get(location_id, 0) > 0}


def _open_to(request: ReserveRequest, sku_id: UUID, places: Mapping[UUID, int], fence: Fence) -> dict[UUID, int]:
    """The units at places that this request may have."""
    usable = {
        at: fence.usable(request.asker, (sku_id, at), units, good_until_at=request.good_until_at)
        for at, units in places.items()
    }
    return {at: units for at, units in usable.items() if units > 0}


Portions = dict[UUID, list[tuple[UUID, int]]]
PooledPortions = dict[UUID, list[tuple[UUID, int, UUID | None]]]


def _of_pools(portions: Portions, request: ReserveRequest, fence: Fence | None) -> PooledPortions:
    """The portions, each parted by the pools it is taken from."""
    if fence is None:
        return {sku_id: [(at, units, None) for at, units in parts] for sku_id, parts in portions.items()}
    return {
        sku_id: [
            (at, part, pool_id)
            for at, units in parts
            for pool_id, part in fence.take(request.asker, (sku_id, at), units, good_until_at=request.good_until_at)
        ]
        for sku_id, parts in portions.items()
    }


def _choose(
    wanted: Mapping[UUID, int],
    usable: Mapping[UUID, Mapping[UUID, int]],
    preferred: tuple[UUID, ...] | None,
    leaning: Mapping[UUID, UUID],
) -> Portions:
    """Say how many units of each SKU come from which location: one that has all, or greedily those with most."""
    whole = _leant(wanted, usable, leaning) if leaning and preferred is None else None
    if whole is None:
        whole = _best_with_all(wanted, usable, preferred)
    if whole is not None:
        return {sku_id: [(whole, units)] for sku_id, units in wanted.items()}

    portions: Portions = {sku_id: [] for sku_id in wanted}
    missing = dict(wanted)
    rank = {location_id: i for i, location_id in enumerate(preferred or ())}
    open_places = {location_id for places in usable.values() for location_id in places}
    while missing and open_places:
        best = max(open_places, key=lambda at: (_served(at, missing, usable), -rank.get(at, 0), at))
        open_places.remove(best)
        for sku_id in list(missing):
            units = min(missing[sku_id], usable[sku_id].get(best, 0))
            if units:
                portions[sku_id].append((best, units))
                missing[sku_id] -= units
                if not missing[sku_id]:
                    del missing[sku_id]
    return portions


def _leant(
    wanted: Mapping[UUID, int], usable: Mapping[UUID, Mapping[UUID, int]], leaning: Mapping[UUID, UUID]
) -> UUID | None:
    """The location that the batch leans to with one of these SKUs, when it has all of them."""
    at = next((leaning[sku_id] for sku_id in wanted if sku_id in leaning), None)
    if at is None or any(usable[sku_id].get(at, 0) < units for sku_id, units in wanted.items()):
        return None
    return at


def _best_with_all(
    wanted: Mapping[UUID, int], usable: Mapping[UUID, Mapping[UUID, int]], preferred: tuple[UUID, ...] | None
) -> UUID | None:
    """The preferred location that has everything; without a preference the one whose scarcest SKU is left with most."""
    best: UUID | None = None
    best_rest = (-1, UUID(int=0))
    (first_sku_id, first_units), *others = wanted.items()
    for location_id, there in usable[first_sku_id].items():
        rest = there - first_units
        for sku_id, units in others:
            rest = min(rest, usable[sku_id].get(location_id, 0) - units)
        if rest < 0:
            continue
        if preferred is not None:
            return location_id
        if rest > best_rest[0] or (rest == best_rest[0] and location_id > best_rest[1]):
            best, best_rest = location_id, (rest, location_id)
    return best


def _served(location_id: UUID, missing: Mapping[UUID, int], usable: Mapping[UUID, Mapping[UUID, int]]) -> int:
    return sum(min(units, usable[sku_id].get(location_id, 0)) for sku_id, units in missing.items())


def _deal(lines: Sequence[ReserveLine], portions: PooledPortions) -> tuple[list[Share], list[int]]:
    """Deal the SKUs' portions out to the lines, in order; also say how many units each line gets."""
    shares = []
    granted = []
    stacks = {sku_id: list(reversed(parts)) for sku_id, parts in portions.items()}
    for line in lines:
        stack = stacks[line.sku_id]
        missing = line.quantity
        while missing and stack:
            location_id, units, pool_id = stack.pop()
            taken = min(missing, units)
            missing -= taken
            if taken < units:
                stack.append((location_id, units - taken, pool_id))
            shares.append(Share(line, location_id, taken, pool_id))
        granted.append(line.quantity - missing)
    return shares, granted


def _short(line: ReserveLine, places: Mapping[UUID, int], *, granted: int = 0) -> Short:
    most = sorted(places.items(), key=lambda place: (-place[1], place[0]))[:LOCATIONS_TOLD_MAX]
    return Short(
        line_id=line.line_id,
        sku_id=line.sku_id,
        asked=line.quantity,
        granted=granted,
        left=sum(places.values()),
        where=most,
    )


def _out_of_stock(
    request: ReserveRequest, wanted: Mapping[UUID, int], usable: Mapping[UUID, Mapping[UUID, int]]
) -> OutOfStock:
    lacking = [
        _short(line, usable[line.sku_id])
        for line in request.lines
        if sum(usable[line.sku_id].values()) < wanted[line.sku_id]
    ]
    return out_of_stock(request.holder_id, lacking)


def out_of_stock(holder_id: UUID, lines: Sequence[Short]) -> OutOfStock:
    """The refusal, with what each line asked for, what is left and where."""
    return OutOfStock(
        "fewer units are available than were asked for",
        holder_id=str(holder_id),
        lines=[
            {
                "line_id": str(line.line_id),
                "sku_id": str(line.sku_id),
                "asked": line.asked,
                "left": line.left,
                "where": [{"location_id": str(at), "left": units} for at, units in line.where],
            }
            for line in lines
        ],
    )
