"""Pools made of real orders: what they hold is everybody's until all of them are planned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

import msgspec

from batuta.sourcing.domain.capacity import Capacity
from batuta.sourcing.domain.dealing import Moved, deal, moves_for, pieces_of
from batuta.sourcing.domain.known import Known, Shelf
from batuta.sourcing.domain.planning import Ordered, decide_all
from batuta.sourcing.domain.pools.components import PARKED_MINOR, Pool, PoolOrder
from batuta.sourcing.domain.requests import SourcingRequest
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import Parts, Placement
from batuta.sourcing.domain.search.presets import as_preset

Cell = tuple[UUID, UUID]
"""A SKU at a location."""


class Stands(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order is offered: units by line and location. move_minor: what it has to gain to be moved."""

    units: Mapping[tuple[UUID, UUID], int]
    move_minor: int


NOTHING_STANDS: Mapping[UUID, Stands] = MappingProxyType({})


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as it was read, and whose orders are in it, in the same order; standing: where some are offered."""

    order_ids: Sequence[UUID]
    pool: Pool
    standing: Mapping[UUID, Placement] = {}


def pools_of(
    requests: Sequence[SourcingRequest], known: Known, stands: Mapping[UUID, Stands] = NOTHING_STANDS
) -> list[Waiting]:
    """The pools that the orders make: one for each currency and each set of weights, each warm from order by order.

    Orders that hold not all their units are in none, nor is any while stock is kept back from some: they are planned
    in turn. What stands, and could not be planned so any more, is left where it is.
    """
    poolable = [one for one in requests if one.order_id not in known.unheld] if known.fence is None else []
    offered = {
        one.order_id: _placement(Ordered(one, known), stands[one.order_id])
        for one in poolable
        if one.order_id in stands
    }
    own = _apart(known)
    in_turn = {draft.request.order_id: draft.placement for draft in decide_all(poolable, own, offered)}
    shared = lifted(known, [one.order_id for one in poolable])
    groups: dict[tuple[object, ...], list[PoolOrder]] = defaultdict(list)
    for request in poolable:
        placement, here = in_turn[request.order_id], offered.get(request.order_id)
        if placement is not None and (here is None or is_same(placement, here)):
            one = _pool_order(Ordered(request, shared), placement, stands.get(request.order_id))
            if one.candidates and one.demands:
                groups[request.currency, *msgspec.structs.astuple(one.terms.weights)].append(one)
    stock = {cell: max(0, shelf.room) for cell, shelf in shared.shelves.items()}
    capacity = {hands: left for limited in known.capacity.values() for hands, left in limited.lefts()}
    # Pools of other weights share the shelves: only the largest is planned together.
    largest = max(groups.values(), key=len, default=[])
    standing = {one.order_id: offered[one.order_id] for one in largest if one.order_id in offered}
    if len(largest) <= 1 and not standing:
        return []
    pool = Pool(orders=largest, stock=stock, capacity=capacity)
    return [Waiting(order_ids=[one.order_id for one in largest], pool=pool, standing=standing)]


def _pool_order(order: Ordered, placement: Placement, stands: Stands | None) -> PoolOrder:
    lines = order.request.lines
    return PoolOrder(
        order_id=order.request.order_id,
        demands=order.demands(),
        candidates=list(order.facts().candidates.values()),
        terms=order.terms(),
        parked_minor=PARKED_MINOR + sum(line.unit_value_minor * line.quantity for line in lines),
        standing=placement,
        move_minor=stands.move_minor if stands else 0,
        method=order.request.method,
    )


def _placement(order: Ordered, stands: Stands) -> Placement:
    """Where it is offered, in what the search counts."""
    placed: dict[UUID, dict[Parts, int]] = defaultdict(lambda: defaultdict(int))
    for (line_id, location_id), units in stands.units.items():
        if line_id in order.wanted:
            placed[location_id][order.wanted[line_id][0]] += units // order.lots[line_id]
    return placed


def is_same(one: Placement, other: Placement) -> bool:
    """Whether the same units ship from the same places."""
    return _bare(one) == _bare(other)


def _bare(one: Placement) -> dict[tuple[UUID, Parts], int]:
    return {(at, parts): count for at, units in one.items() for parts, count in units.items() if count}


def moves_to(
    preset: Mapping[UUID, Placement], requests: Sequence[SourcingRequest], known: Known
) -> dict[UUID, tuple[Moved, ...]]:
    """What each order has to move to ship from where the pool wants it; orders that cannot do so now are left out.

    All moves together leave no shelf with more claims than units.
    """
    there = [one for one in requests if one.order_id in preset and one.order_id not in known.unheld]
    if known.fence is not None:
        return {}
    shared = lifted(known, [one.order_id for one in there])
    found: dict[UUID, tuple[Moved, ...]] = {}
    for request in there:
        order = Ordered(request, shared, preset=preset[request.order_id])
        choice = as_preset(Board(order.demands(), list(order.facts().candidates.values()), order.terms()), order.preset)
        if choice is not None:
            claims = known.claims.get(request.order_id, {})
            pieces = pieces_of(order.wanted, deal(order.wanted, choice, claims))
            found[request.order_id] = tuple(moves_for(pieces, claims, known.goods))
    return _without_overdrawn(found, known)


def lifted(known: Known, order_ids: Iterable[UUID]) -> Known:
    """The same facts, with what these orders hold laid back on the shelves."""
    shelves = {cell: Shelf(on_hand=one.on_hand, room=one.room) for cell, one in known.shelves.items()}
    ids = set(order_ids)
    for order_id in ids:
        for (_, sku_id, location_id), units in known.claims.get(order_id, {}).items():
            if (sku_id, location_id) in shelves:
                shelves[sku_id, location_id].room += units
    claims = {order_id: held for order_id, held in known.claims.items() if order_id not in ids}
    return msgspec.structs.replace(known, shelves=shelves, claims=claims, capacity=_copied(known))


def _apart(known: Known) -> Known:
    """The same facts, to decide on without anything having been decided."""
    shelves = {cell: Shelf(on_hand=one.on_hand, room=one.room) for cell, one in known.shelves.items()}
    return msgspec.structs.replace(known, shelves=shelves, capacity=_copied(known))


def _copied(known: Known) -> dict[UUID, Capacity]:
    return {at: one.copy() for at, one in known.capacity.items()}


def _without_overdrawn(moves: dict[UUID, tuple[Moved, ...]], known: Known) -> dict[UUID, tuple[Moved, ...]]:
    """Leave out orders until what the others move fits on every shelf; who is left out keeps what it holds."""
    while True:
        room = {cell: max(0, shelf.room) for cell, shelf in known.shelves.items()}
        for one in (one for some in moves.values() for one in some):
            room[one.sku_id, one.source_location_id] += one.quantity
            room[one.sku_id, one.target_location_id] -= one.quantity
        over = {cell for cell, units in room.items() if units < 0}
        if not over:
            return moves
        stale = next(
            order_id
            for order_id in reversed(list(moves))
            if any((one.sku_id, one.target_location_id) in over for one in moves[order_id])
        )
        moves = {order_id: some for order_id, some in moves.items() if order_id != stale}
