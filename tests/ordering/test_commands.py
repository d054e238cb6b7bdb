import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.catalog.commands import save_skus
from batuta.company.domain import Policies
from batuta.inventory.commands import reserve
from batuta.inventory.domain import OutOfStock, ReserveLine, ReserveRequest
from batuta.inventory.queries import availability
from batuta.kernel.errors import BatutaError
from batuta.ordering.commands import (
    EndHold,
    ExternalIdUsed,
    UnitReturn,
    accept_ready,
    cancel,
    count_returned,
    end_holds,
    expire_unpaid,
    move_units,
    place,
    release_due_holds,
)
from batuta.ordering.domain import (
    Bucket,
    Cancelled,
    CancelLine,
    CancelRequest,
    FulfillmentStatus,
    HoldKind,
    IllegalUnitMove,
    Means,
    Method,
    NotEnoughUnits,
    NothingToCancel,
    Order,
    OrderStatus,
    Placed,
    PlaceLine,
    PlaceOrder,
    UnitMove,
)
from batuta.ordering.queries import AUDIT, orders_by_id
from batuta.payments.queries import balances
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from tests.counting import statements_of
from tests.making import NOW, fresh_code, fresh_id
from tests.world import MADRID, Shop, build_shop, sound


def an_order(shop: Shop, *lines: tuple[str, int], **changes: Any) -> PlaceOrder:
    return PlaceOrder(
        **{
            "id": fresh_id(),
            "channel_code": shop.channel.code,
            "lines": [PlaceLine(sku_code=shop.skus[name].code, quantity=units) for name, units in lines],
            "ship_to": MADRID,
            "actor": "customer:ana",
            "placed_at": NOW,
            "email": "ana@example.com",
            **changes,
        }
    )


async def placed(db: Connection, order: PlaceOrder) -> Order:
    (outcome,) = await place(db, orders=[order], now=NOW)
    assert isinstance(outcome, Placed), outcome
    return (await orders_by_id(db, [order.id]))[order.id]


async def left(db: Connection, shop: Shop, name: str) -> int:
    found = await availability(db, sku_ids=[shop.skus[name].id], now=NOW)
    return sum(one.available for one in found)


def units(order: Order, source: Bucket, target: Bucket, quantity: int, cause_id: UUID | None = None) -> UnitMove:
    return UnitMove(
        order_id=order.id,
        line_id=order.lines[0].id,
        source=source,
        target=target,
        quantity=quantity,
        cause_id=cause_id or fresh_id(),
        actor="test:mover",
    )


async def walk(db: Connection, order: Order, quantity: int, *path: Bucket) -> None:
    for source, target in pairwise(path):
        (outcome,) = await move_units(db, moves=[units(order, source, target, quantity)], now=NOW)
        assert not isinstance(outcome, BatutaError), outcome


TO_SHIPPED = (Bucket.RESERVED, Bucket.ALLOCATED, Bucket.RELEASED, Bucket.PICKED, Bucket.PACKED, Bucket.SHIPPED)


async def facts(db: Connection, order_id: UUID) -> list[str]:
    return [fact.name for fact in (await facts_of(db, [order_id]))[order_id]]


async def test_a_placed_order_has_its_prices_its_claims_and_what_is_due(db: Connection) -> None:
    """RES-05, TAX-01."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})

    order = await placed(db, an_order(shop, ("chair", 2)))

    (line,) = order.lines
    assert (line.gross_minor, line.tax_minor, line.tax_rate_bp) == (5_000, 868, 2_100)
    assert (order.shipping_minor, order.gross_minor) == (490, 5_490)
    assert line.buckets.reserved == 2
    assert order.fulfillment is FulfillmentStatus.UNFULFILLED
    assert await left(db, shop, "chair") == 3
    assert (await balances(db, [order.id]))[order.id].due_minor == 5_490
    assert await facts(db, order.id) == ["ordering.order_placed"]


async def test_order_numbers_end_in_a_digit_that_sees_a_typing_mistake(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 1)))

    from stdnum import damm

    assert damm.is_valid(order.number)
    assert not damm.is_valid(order.number[:-1] + str((int(order.number[-1]) + 1) % 10))


async def test_an_order_that_stock_cannot_serve_is_refused_with_what_is_left_and_its_neighbours_stand(
    db: Connection,
) -> None:
    """RES-06, I-06."""
    shop = await build_shop(db, stock={"chair": {"north": 5}, "table": {"north": 1}})
    greedy, modest = an_order(shop, ("chair", 1), ("table", 2)), an_order(shop, ("table", 1))

    refused, stands = await place(db, orders=[greedy, modest], now=NOW)

    assert isinstance(refused, OutOfStock)
    assert isinstance(stands, Placed)
    assert await left(db, shop, "chair") == 5
    assert await orders_by_id(db, [greedy.id]) == {}
    assert await facts(db, greedy.id) == []


async def test_two_lines_that_share_a_stock_row_are_added_up_before_the_check(db: Connection) -> None:
    """INV-13, I-03; golden test medusajs/medusa #16502: two lines sharing one row, stock for one, is refused."""
    shop = await build_shop(db, stock={"chair": {"north": 3}})

    (refused,) = await place(db, orders=[an_order(shop, ("chair", 2), ("set", 1))], now=NOW)
    (stands,) = await place(db, orders=[an_order(shop, ("chair", 1), ("set", 1))], now=NOW)

    assert isinstance(refused, OutOfStock)
    assert isinstance(stands, Placed)
    assert await left(db, shop, "chair") == 0


async def test_an_order_for_two_with_one_unit_at_each_of_two_locations_stands(db: Connection) -> None:
    """Golden test medusajs/medusa #14987."""
    shop = await build_shop(db, stock={"chair": {"north": 1, "south": 1}})

    order = await placed(db, an_order(shop, ("chair", 2)))

    assert order.lines[0].buckets.reserved == 2


async def test_services_claim_no_stock(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 1}})

    order = await placed(db, an_order(shop, ("service", 3)))

    assert order.lines[0].buckets.open == 3
    assert order.shipping_minor == 0


async def test_the_same_id_or_outside_number_is_the_same_order(db: Connection) -> None:
    """ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    first = an_order(shop, ("chair", 1), external_id=fresh_code("market"))
    again = msgspec.structs.replace(first, id=fresh_id())

    together = await place(db, orders=[first, first, again], now=NOW)
    later = await place(db, orders=[again, first], now=NOW)

    assert len({msgspec.json.encode(one) for one in [*together, *later] if isinstance(one, Placed)}) == 1
    assert await left(db, shop, "chair") == 4


async def test_an_outside_number_that_stands_for_other_goods_is_refused_not_taken_for_the_same(db: Connection) -> None:
    """ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
    number = fresh_code("market")
    first, other, lamp = (an_order(shop, one, external_id=number) for one in (("chair", 1), ("chair", 2), ("lamp", 1)))

    placed_first = await placed(db, first)
    later = await place(db, orders=[lamp, first, other], now=NOW)

    assert [type(one) for one in later] == [ExternalIdUsed, Placed, ExternalIdUsed]
    assert isinstance(later[0], ExternalIdUsed)
    assert later[0].facts == {"external_id": number, "number": placed_first.number}
    assert (await left(db, shop, "chair"), await left(db, shop, "lamp")) == (4, 5)


async def test_one_outside_number_for_two_orders_at_once_is_one_of_them(db: Connection) -> None:
    """ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
    number = fresh_code("market")
    orders = [an_order(shop, one, external_id=number) for one in (("chair", 1), ("lamp", 1))]

    together = await place(db, orders=orders, now=NOW)

    assert {type(one) for one in together} == {Placed, ExternalIdUsed}
    assert await left(db, shop, "chair") + await left(db, shop, "lamp") == 9


async def test_the_same_goods_for_the_same_customer_within_minutes_are_held_not_dropped(db: Connection) -> None:
    """ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 9}})
    first = await placed(db, an_order(shop, ("chair", 1), customer_id=shop.customer_id))
    soon = NOW + timedelta(minutes=5)
    twice = await placed(db, an_order(shop, ("chair", 1), customer_id=shop.customer_id, placed_at=soon))
    other = await placed(db, an_order(shop, ("chair", 2), customer_id=shop.customer_id, placed_at=soon))
    late = await placed(
        db, an_order(shop, ("chair", 1), customer_id=shop.customer_id, placed_at=NOW + timedelta(hours=1))
    )

    assert [hold.kind for hold in twice.holds] == [HoldKind.DUPLICATE]
    assert first.number in twice.holds[0].reason
    assert (other.holds, late.holds) == ((), ())


async def test_remorse_delays_release_and_not_the_claim(db: Connection) -> None:
    """ORD-05."""
    policies = Policies(are_messages_muted=True, remorse_minutes=30)
    shop = await build_shop(db, stock={"chair": {"north": 1}}, policies=policies, price_minor=0)
    order = await placed(db, an_order(shop, ("chair", 1), given_shipping_minor=0))

    assert await left(db, shop, "chair") == 0
    assert await accept_ready(db, order_ids=[order.id], now=NOW) == []
    await release_due_holds(db, now=NOW + timedelta(minutes=29), limit=10)
    assert await accept_ready(db, order_ids=[order.id], now=NOW) == []
    await release_due_holds(db, now=NOW + timedelta(minutes=30), limit=10)
    assert await accept_ready(db, order_ids=[order.id], now=NOW) == [order.id]


async def test_a_hold_is_released_once_and_not_rejected_afterwards(db: Connection) -> None:
    """ORD-03: an illegal move is refused with the allowed ones."""
    shop = await build_shop(db, stock={"chair": {"north": 9}})
    await placed(db, an_order(shop, ("chair", 1), customer_id=shop.customer_id))
    held = await placed(
        db, an_order(shop, ("chair", 1), customer_id=shop.customer_id, placed_at=NOW + timedelta(minutes=1))
    )
    release = EndHold(hold_id=held.holds[0].id, actor="staff:eva", reason="she wanted two")

    first, second = await end_holds(db, ends=[release, release], now=NOW)
    (rejected,) = await end_holds(db, ends=[msgspec.structs.replace(release, status="rejected")], now=NOW)

    assert first == second
    assert isinstance(rejected, BatutaError)
    assert rejected.facts["allowed"] == []
    assert await facts(db, held.id) == ["ordering.hold_placed", "ordering.order_placed", "ordering.hold_ended"]


async def test_what_nobody_paid_for_in_time_expires_and_frees_its_stock(db: Connection) -> None:
    """ORD-06."""
    shop = await build_shop(db, stock={"chair": {"north": 1}}, policies=Policies(unpaid_minutes=60))
    order = await placed(db, an_order(shop, ("chair", 1)))

    await expire_unpaid(db, now=NOW + timedelta(minutes=59), limit=10)
    assert await left(db, shop, "chair") == 0
    await expire_unpaid(db, now=NOW + timedelta(minutes=60), limit=10)

    after = (await orders_by_id(db, [order.id]))[order.id]
    assert after.status is OrderStatus.EXPIRED
    assert await left(db, shop, "chair") == 1
    assert (await balances(db, [order.id]))[order.id].due_minor == 0


async def test_cancelling_some_units_frees_them_and_lowers_what_is_due_by_their_worth(db: Connection) -> None:
    """ORD-04."""
    shop = await build_shop(db, stock={"chair": {"north": 5}}, price_minor=333)
    order = await placed(db, an_order(shop, ("chair", 3)))
    wish = CancelRequest(
        id=fresh_id(),
        order_id=order.id,
        reason="too many",
        actor="customer:ana",
        lines=[CancelLine(line_id=order.lines[0].id, quantity=2)],
    )

    first, again = await cancel(db, requests=[wish, wish], now=NOW)

    assert isinstance(first, Cancelled)
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    after = (await orders_by_id(db, [order.id]))[order.id]
    assert (after.lines[0].buckets.reserved, after.lines[0].buckets.cancelled) == (1, 2)
    assert await left(db, shop, "chair") == 4
    assert (await balances(db, [order.id]))[order.id].due_minor == 333 + 490


async def test_an_order_cancelled_whole_owes_nothing_and_cannot_be_cancelled_twice(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 2), ("service", 1)))

    def wish() -> CancelRequest:
        return CancelRequest(id=fresh_id(), order_id=order.id, reason="changed my mind", actor="customer:ana")

    (whole,) = await cancel(db, requests=[wish()], now=NOW)
    (twice,) = await cancel(db, requests=[wish()], now=NOW)

    assert isinstance(whole, Cancelled)
    assert isinstance(twice, NothingToCancel)
    after = (await orders_by_id(db, [order.id]))[order.id]
    assert after.status is OrderStatus.CANCELLED
    assert after.fulfillment is FulfillmentStatus.CANCELLED
    assert (await balances(db, [order.id]))[order.id].due_minor == 0
    assert await facts(db, order.id) == [
        "ordering.order_placed",
        "ordering.order_cancelled",
        "ordering.units_cancelled",
    ]


async def test_units_at_a_location_are_asked_for_and_shipped_ones_are_too_late(db: Connection) -> None:
    """ORD-04."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 4)))
    await walk(db, order, 1, *TO_SHIPPED)
    await walk(db, order, 2, *TO_SHIPPED[:2])

    wish = CancelRequest(id=fresh_id(), order_id=order.id, reason="late", actor="customer:ana")
    (outcome,) = await cancel(db, requests=[wish], now=NOW)

    assert isinstance(outcome, Cancelled)
    (line,) = outcome.lines
    assert (line.units, line.asked, line.late) == (1, 2, 1)
    assert (await facts(db, order.id))[-2:] == ["ordering.cancellation_asked", "ordering.cancelled_too_late"]


async def test_units_go_only_where_the_table_of_moves_leads(db: Connection) -> None:
    """ORD-01, ORD-03."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 2)))

    skipping, too_many = await move_units(
        db,
        moves=[
            units(order, Bucket.RESERVED, Bucket.SHIPPED, 1),
            units(order, Bucket.RESERVED, Bucket.ALLOCATED, 3),
        ],
        now=NOW,
    )

    assert isinstance(skipping, IllegalUnitMove)
    assert skipping.facts["allowed"] == ["allocated", "backordered", "cancelled"]
    assert isinstance(too_many, NotEnoughUnits)


async def test_a_repeated_cause_moves_nothing_twice(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 4)))
    move = units(order, Bucket.RESERVED, Bucket.ALLOCATED, 2)

    await move_units(db, moves=[move, move], now=NOW)
    await move_units(db, moves=[move], now=NOW)

    after = (await orders_by_id(db, [order.id]))[order.id]
    assert after.lines[0].buckets.allocated == 2


async def test_an_order_is_completed_when_its_last_live_unit_is_with_the_customer(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}}, price_minor=0)
    order = await placed(db, an_order(shop, ("chair", 2), given_shipping_minor=0))
    await accept_ready(db, order_ids=[order.id], now=NOW)
    wish = CancelRequest(
        id=fresh_id(),
        order_id=order.id,
        reason="one is enough",
        actor="customer:ana",
        lines=[CancelLine(line_id=order.lines[0].id, quantity=1)],
    )
    await cancel(db, requests=[wish], now=NOW)
    await walk(db, order, 1, *TO_SHIPPED, Bucket.DELIVERED)

    after = (await orders_by_id(db, [order.id]))[order.id]
    assert (after.status, after.fulfillment) == (OrderStatus.COMPLETED, FulfillmentStatus.DELIVERED)
    assert (await facts(db, order.id))[-1] == "ordering.order_completed"


async def test_never_more_comes_back_than_was_delivered(db: Connection) -> None:
    """Golden test odoo/odoo #178392, #167271."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    order = await placed(db, an_order(shop, ("chair", 2)))
    await walk(db, order, 2, *TO_SHIPPED, Bucket.DELIVERED)

    def back(quantity: int, cause_id: UUID) -> UnitReturn:
        return UnitReturn(order_id=order.id, line_id=order.lines[0].id, quantity=quantity, cause_id=cause_id)

    one = fresh_id()
    outcomes = await count_returned(db, returns=[back(1, one), back(1, one), back(2, fresh_id())], now=NOW)

    assert outcomes[:2] == [1, 1]
    assert isinstance(outcomes[2], NotEnoughUnits)
    assert (await orders_by_id(db, [order.id]))[order.id].lines[0].buckets.returned == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel_code": "nowhere"}, "unknown_channel"),
        ({"currency": "USD"}, "bad_order"),
        ({"customer_id": UUID(int=7)}, "unknown_customer"),
        ({"lines": [PlaceLine(sku_code="ghost", quantity=1)]}, "unknown_sku"),
        ({"lines": []}, "bad_order"),
        ({"method": Method.PICKUP, "pickup_location_code": "nowhere"}, "unknown_location"),
        ({"ship_to": msgspec.structs.replace(MADRID, postal_code="1")}, "bad_address"),
        ({"means": [Means(method="card", amount_minor=99_999, token="tok_visa")]}, "pays_too_much"),
        ({"means": [Means(method="card", amount_minor=500, token="4242 4242 4242 4242")]}, "card_number_given"),
        ({"means": [Means(method="shells", amount_minor=500, token="tok_visa")]}, "bad_order"),
        ({"means": [Means(method="card", amount_minor=0, token="tok_visa")]}, "empty_payment"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_with_a_code(
    db: Connection, changes: dict[str, Any], code: str
) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})

    (outcome,) = await place(db, orders=[an_order(shop, ("chair", 1), **changes)], now=NOW)

    assert isinstance(outcome, BatutaError)
    assert (type(outcome).code, outcome.facts != {}) == (code, True)
    assert await left(db, shop, "chair") == 5


@pytest.mark.parametrize("quantity", [0, -3, 10_001, 2**40])
async def test_zero_negative_and_huge_quantities_are_refused(db: Connection, quantity: int) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})

    (outcome,) = await place(db, orders=[an_order(shop, ("chair", quantity))], now=NOW)

    assert isinstance(outcome, BatutaError)
    assert outcome.facts["field"] == "lines[0].quantity"


async def test_placing_takes_over_the_claims_of_the_cart(db: Connection) -> None:
    """RES-05: from cart to order, no unit is free in between."""
    shop = await build_shop(db, stock={"chair": {"north": 1}})
    cart_id, cart_line_id = fresh_id(), fresh_id()
    claim = ReserveRequest(
        holder_id=cart_id,
        lines=[ReserveLine(line_id=cart_line_id, sku_id=shop.skus["chair"].id, quantity=1)],
        until_at=NOW + timedelta(minutes=10),
        actor="customer:ana",
    )
    await reserve(db, requests=[claim], now=NOW)
    stranger = an_order(shop, ("chair", 1))
    owner = an_order(
        shop,
        cart_id=cart_id,
        lines=[PlaceLine(sku_code=shop.skus["chair"].code, quantity=1, cart_line_id=cart_line_id)],
    )

    refused, stands = await place(db, orders=[stranger, owner], now=NOW)

    assert isinstance(refused, OutOfStock)
    assert isinstance(stands, Placed)


async def test_fifty_buyers_of_the_last_seven_units_leave_none_oversold(engine: Engine) -> None:
    """RES-08, I-01."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 4, "south": 3}})

    async def buy_one() -> bool:
        async with engine.begin() as db:
            (outcome,) = await place(db, orders=[an_order(shop, ("chair", 1))], now=NOW)
        return isinstance(outcome, Placed)

    bought = await asyncio.gather(*(buy_one() for _ in range(50)))

    assert sum(bought) == 7


async def test_the_same_outside_number_from_many_connections_is_one_order(engine: Engine) -> None:
    """ORD-07, I-15."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 9}})
    number = fresh_code("market")

    async def send() -> str:
        async with engine.begin() as db:
            (outcome,) = await place(db, orders=[an_order(shop, ("chair", 1), external_id=number)], now=NOW)
        assert isinstance(outcome, Placed)
        return outcome.number

    numbers = await asyncio.gather(*(send() for _ in range(12)))

    assert len(set(numbers)) == 1
    async with engine.connect() as db:
        assert await left(db, shop, "chair") == 8


async def test_every_law_of_ordering_holds_after_all_this(engine: Engine) -> None:
    async with engine.connect() as db:
        assert [verdict for verdict in await examine(db, AUDIT) if verdict.broken] == []


async def test_a_batch_of_sixty_four_takes_as_few_statements_as_a_small_one(engine: Engine) -> None:
    """PLT-12: none of them is sent per order or per line."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 900}, "lamp": {"north": 900}})
    async with engine.begin() as db:
        # Goods, prices, limits and what is withheld are read once and kept in memory.
        await place(db, orders=[an_order(shop, ("chair", 1), ("lamp", 1), ("service", 1))], now=NOW)
    sent = []
    for count in (24, 64):
        lines = (("chair", 1), ("lamp", 1), ("service", 1))
        means = [Means(method="card", amount_minor=1_000, token="tok_visa")]
        orders = [an_order(shop, *lines, means=means) for _ in range(count)]
        async with engine.begin() as db:
            with statements_of(engine) as statements:
                outcomes = await place(db, orders=orders, now=NOW)
        assert all(isinstance(one, Placed) for one in outcomes)
        sent.append(len(statements))
    assert sent[0] == sent[1] <= 8


async def test_a_line_without_a_name_of_its_own_has_its_products(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    nameless = msgspec.structs.replace(shop.skus["chair"], name={})
    sound(await save_skus(db, skus=[nameless], now=NOW))

    order = await placed(db, an_order(shop, ("chair", 1)))

    assert order.lines[0].name == "Silla"
