"""Laws of planning together (SRC-04, SRC-06): never more than there is, and never worse than one by one."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from uuid import UUID

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.locations.domain import CapacityUnit
from batuta.sourcing.domain import Candidate, Choice, Demand, Lane, Method, Terms, choose
from batuta.sourcing.domain.capacity import Hands, Work
from batuta.sourcing.domain.pools.batches import Batch
from batuta.sourcing.domain.pools.components import Pool, PoolOrder, PoolPlan
from batuta.sourcing.domain.pools.master import Master
from batuta.sourcing.domain.pools.prices import Pricing
from batuta.sourcing.domain.pools.proving import prove
from batuta.sourcing.domain.pools.rounding import make_room
from batuta.sourcing.domain.pools.together import plan_together
from batuta.sourcing.domain.search.candidates import ANY_AMOUNT, Placement, placement_of
from benchmarks.brute_force import spreads

SKUS = [UUID(int=n) for n in (1, 2)]
PLACES = [UUID(int=100 + n) for n in range(3)]
SERVICE = UUID(int=900)
PARKED = 500

Stock = dict[tuple[UUID, UUID], int]


def a_lane(*steps: tuple[int, int]) -> tuple[Lane, ...]:
    return (Lane(service_id=SERVICE, length_max_mm=1_000, steps=steps),)


def wanting(units: dict[UUID, int]) -> list[Demand]:
    return [
        Demand(parts=((sku_id, 1),), quantity=count, weight_g=400, length_mm=100)
        for sku_id, count in units.items()
        if count
    ]


def an_order(n: int, demands: list[Demand], stock: Stock, freight: Sequence[int], **changes: object) -> PoolOrder:
    """An order that may ship from anywhere, for so much from each place."""
    candidates = [
        Candidate(
            location_id=place,
            code=f"L{i}",
            handling_order_minor=10,
            handling_unit_minor=1,
            stock={sku_id: units for (sku_id, at), units in stock.items() if at == place},
            lanes=a_lane((1_000, freight[i]), (5_000, freight[i] + 35)),
        )
        for i, place in enumerate(PLACES)
    ]
    order = PoolOrder(
        order_id=UUID(int=10_000 + n),
        demands=demands,
        candidates=candidates,
        terms=Terms(split_penalty_minor=20, max_splits=2),
        parked_minor=PARKED,
    )
    return msgspec.structs.replace(order, **changes)


limits = st.tuples(st.sampled_from(list(CapacityUnit)), st.sampled_from([None, "ship", "pickup"]))


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    stock = {(sku_id, place): draw(st.integers(0, 2)) for sku_id in SKUS for place in PLACES}
    orders = [
        an_order(
            n,
            wanting({SKUS[0]: draw(st.integers(1, 2)), SKUS[1]: draw(st.integers(0, 1))}),
            stock,
            [draw(st.sampled_from([40, 70, 90, 160])) for _ in PLACES],
            method=draw(st.sampled_from(list(Method))),
        )
        for n in range(draw(st.integers(1, 4)))
    ]
    capacity = {
        Hands(place, unit, method): draw(st.integers(0, 3))
        for place in PLACES
        for unit, method in draw(st.lists(limits, max_size=2, unique=True))
    }
    return Pool(orders=orders, stock=stock, capacity=capacity)


@st.composite
def pools_planned_before(draw: st.DrawFn) -> Pool:
    """Some orders stand somewhere, which need not be possible any more."""
    pool = draw(pools())
    orders = []
    for order in pool.orders:
        everything = {demand.parts: demand.quantity for demand in order.demands}
        standing = {draw(st.sampled_from(PLACES)): everything} if draw(st.booleans()) else None
        move_minor = draw(st.sampled_from([0, 25, 90]))
        orders.append(msgspec.structs.replace(order, standing=standing, move_minor=move_minor))
    return msgspec.structs.replace(pool, orders=orders)


def used_by(
    orders: Sequence[PoolOrder], placements: Sequence[Placement | None]
) -> tuple[dict[tuple[UUID, UUID], int], dict[Hands, int]]:
    goods: dict[tuple[UUID, UUID], int] = defaultdict(int)
    hands: dict[Hands, int] = defaultdict(int)
    for order, placement in zip(orders, placements, strict=True):
        for place, units in (placement or {}).items():
            work = Work(orders=1, lines=len([n for n in units.values() if n]), units=sum(units.values()), packages=1)
            for unit, method in product(CapacityUnit, (None, order.method.value)):
                hands[Hands(place, unit, method)] += work.of(unit)
            for parts, count in units.items():
                for sku_id, per_unit in parts:
                    goods[sku_id, place] += per_unit * count
    return goods, hands


def is_there(pool: Pool, placements: Sequence[Placement | None]) -> bool:
    goods, hands = used_by(pool.orders, placements)
    return all(units <= pool.stock[thing] for thing, units in goods.items()) and all(
        amount <= pool.capacity.get(one, amount) for one, amount in hands.items()
    )


def cost_of(order: PoolOrder, choice: Choice | None) -> int:
    if choice is None:
        return order.parked_minor
    is_moved = order.standing is not None and sent_by(choice) != order.standing
    return choice.costs.total_minor + (order.move_minor if is_moved else 0)


def left_of(capacity: dict[Hands, int], order: PoolOrder, place: UUID, unit: CapacityUnit) -> int:
    return min(capacity.get(Hands(place, unit, method), ANY_AMOUNT) for method in (None, order.method.value))


def sent_by(choice: Choice | None) -> Placement | None:
    return None if choice is None else placement_of(choice.shipments)


def every_choice(order: PoolOrder) -> Iterator[Choice | None]:
    """Each way to spread the units over the places."""
    ways = [list(spreads(one.quantity, [2] * len(PLACES))) for one in order.demands]
    for way in product(*ways):
        candidates = []
        for i, one in enumerate(order.candidates):
            stock = {}
            for demand, counts in zip(order.demands, way, strict=True):
                sku_id = demand.parts[0][0]
                stock[sku_id] = min(counts[i], one.stock.get(sku_id, 0))
            candidates.append(msgspec.structs.replace(one, stock=stock))
        yield choose(order.demands, candidates, order.terms)
    yield None


def least_together(pool: Pool) -> int:
    """The cost of the best plans, by trying all."""
    ways: list[dict[tuple[object, ...], tuple[int, Placement | None]]] = []
    for order in pool.orders:
        known: dict[tuple[object, ...], tuple[int, Placement | None]] = {}
        for choice in every_choice(order):
            placement = sent_by(choice)
            uses = tuple(sorted((place, tuple(sorted(units.items()))) for place, units in (placement or {}).items()))
            known[uses] = cost_of(order, choice), placement
        ways.append(known)
    return min(
        sum(cost for cost, _ in chosen)
        for chosen in product(*(known.values() for known in ways))
        if is_there(pool, [placement for _, placement in chosen])
    )


def planned(pool: Pool, seconds: float = 5.0) -> PoolPlan:
    until = time.monotonic() + seconds
    plan = plan_together(pool, lambda: until - time.monotonic())
    assert is_there(pool, [sent_by(choice) for choice in plan.choices])
    for order, choice in zip(pool.orders, plan.choices, strict=True):
        if choice is not None:
            sent = [count for shipment in choice.shipments for _, count in shipment.units]
            assert sum(sent) == sum(demand.quantity for demand in order.demands)
    return plan


@settings(max_examples=60, deadline=None)
@given(pools() | pools_planned_before())
def test_a_pool_is_planned_within_its_stock_and_capacity_and_never_dearer_than_one_by_one(pool: Pool) -> None:
    plan = planned(pool)

    told = sum(cost_of(order, choice) for order, choice in zip(pool.orders, plan.choices, strict=True))
    assert plan.cost == told
    assert plan.bound - 0.01 <= plan.cost <= plan.one_by_one


@settings(max_examples=25, deadline=None)
@given((pools() | pools_planned_before()).filter(lambda pool: len(pool.orders) < 4))
def test_no_plans_are_cheaper_together_than_the_bound_says(pool: Pool) -> None:
    plan = planned(pool)

    assert plan.bound - 0.01 <= least_together(pool) <= plan.cost


@settings(max_examples=60, deadline=None)
@given((pools() | pools_planned_before()).filter(lambda pool: len(pool.orders) < 4), st.data())
def test_what_is_proven_over_some_of_the_plans_holds_for_all(pool: Pool, data: st.DataObject) -> None:
    """Prices may be poor, and plans too many for all: the bound is one all the same."""
    batch = Batch(pool, lambda: 5.0)
    master = Master([batch.cases[n].parked for n in batch.bounded], batch.room)
    pricing = Pricing(batch, master)
    pricing.look(np.asarray([data.draw(st.sampled_from([0.0, 0.0, 15.5, 60.0])) for _ in batch.room]))
    plans_max = data.draw(st.sampled_from([5, 12, 30, 1_000]))

    prove(batch, master, pricing, plans_max)

    least = least_together(pool)
    assert batch.bound - 0.01 <= least <= batch.cost(batch.chosen)
    if plans_max == 1_000:
        assert batch.cost(batch.chosen) == least <= batch.bound + 1


@settings(max_examples=60, deadline=None)
@given(pools())
def test_without_time_the_orders_are_planned_in_turn_as_the_search_for_one_plans_them(pool: Pool) -> None:
    stock, capacity = dict(pool.stock), dict(pool.capacity)
    costs = 0
    for order in pool.orders:
        left = [
            msgspec.structs.replace(
                one,
                stock={sku_id: stock[sku_id, one.location_id] for sku_id in SKUS},
                pieces_max=left_of(capacity, order, one.location_id, CapacityUnit.UNITS),
                lines_max=left_of(capacity, order, one.location_id, CapacityUnit.LINES),
            )
            for one in order.candidates
            if all(left_of(capacity, order, one.location_id, unit) for unit in CapacityUnit)
        ]
        choice = choose(order.demands, left, order.terms)
        if choice is not None and choice.costs.total_minor >= PARKED:
            choice = None
        costs += cost_of(order, choice)
        goods, hands = used_by([order], [sent_by(choice)])
        for thing, units in goods.items():
            stock[thing] -= units
        for one, amount in hands.items():
            if one in capacity:
                capacity[one] -= amount

    plan = planned(pool, seconds=0.0)

    assert plan.cost == plan.one_by_one == costs


def test_the_order_that_can_wait_for_no_other_place_gets_the_unit_that_both_want() -> None:
    """One by one the first takes the only unit near both, and the second must be parked."""
    stock = {(SKUS[0], PLACES[0]): 1, (SKUS[0], PLACES[1]): 1}
    first = an_order(1, wanting({SKUS[0]: 1}), stock, [40, 50, 99])
    second = an_order(2, wanting({SKUS[0]: 1}), stock, [40, 50, 99])
    second = msgspec.structs.replace(second, candidates=second.candidates[:1])

    plan = planned(Pool(orders=[first, second], stock=stock))

    assert plan.parked == 0
    assert [choice and choice.shipments[0].location_id for choice in plan.choices] == [PLACES[1], PLACES[0]]
    assert plan.one_by_one == 51 + PARKED
    assert plan.cost == plan.bound == 51 + 61


def test_an_order_that_was_parked_is_planned_when_another_can_give_way() -> None:
    stock = {(SKUS[0], PLACES[0]): 1, (SKUS[0], PLACES[1]): 1}
    first = an_order(1, wanting({SKUS[0]: 1}), stock, [40, 50, 99])
    second = an_order(2, wanting({SKUS[0]: 1}), stock, [40, 50, 99])
    second = msgspec.structs.replace(second, candidates=second.candidates[:1])
    batch = Batch(Pool(orders=[first, second], stock=stock), lambda: 5.0)
    assert batch.chosen[1] is None

    make_room(batch, np.zeros(len(batch.room)))

    assert [choice and choice.shipments[0].location_id for choice in batch.plan().choices] == [PLACES[1], PLACES[0]]
    assert (batch.left_by(batch.chosen.values()) >= 0).all()


def test_planned_work_moves_only_if_that_gains_more_than_moving_costs() -> None:
    """SRC-06."""
    stock = {(SKUS[0], PLACES[0]): 1, (SKUS[0], PLACES[1]): 1}
    standing = {PLACES[1]: {((SKUS[0], 1),): 1}}
    order = an_order(1, wanting({SKUS[0]: 1}), stock, [40, 50, 99], standing=standing)

    for move_minor, place in ((9, PLACES[0]), (11, PLACES[1])):
        one = msgspec.structs.replace(order, move_minor=move_minor)
        plan = planned(Pool(orders=[one], stock=stock))
        assert [choice and choice.shipments[0].location_id for choice in plan.choices] == [place]
        assert plan.one_by_one == 61
        assert plan.cost == plan.bound == min(61, 51 + move_minor)


def test_an_order_that_stands_gives_way_when_that_is_worth_moving_it() -> None:
    stock = {(SKUS[0], PLACES[0]): 1, (SKUS[0], PLACES[1]): 1}
    standing = {PLACES[0]: {((SKUS[0], 1),): 1}}
    first = an_order(1, wanting({SKUS[0]: 1}), stock, [40, 50, 99], standing=standing, move_minor=30)
    second = an_order(2, wanting({SKUS[0]: 1}), stock, [40, 160, 99])

    plan = planned(Pool(orders=[first, second], stock=stock))

    assert [choice and choice.shipments[0].location_id for choice in plan.choices] == [PLACES[1], PLACES[0]]
    assert plan.cost == (61 + 30) + 51
    assert plan.one_by_one == 51 + 171
