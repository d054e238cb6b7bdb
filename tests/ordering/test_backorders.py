"""Orders that are sold ahead of stock: what is there is claimed, the rest is promised from what is to come."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.catalog.commands import set_components
from batuta.catalog.domain import Component
from batuta.company.domain import Policies, ShipMode, ShipTerms
from batuta.inventory.commands import expect, move_expected, receive_expected, reserve, set_limits
from batuta.inventory.domain import OutOfStock, ReserveLine, ReserveRequest
from batuta.inventory.domain.supply import Expected, MoveExpected, ReceiveExpected, SupplyKind
from batuta.inventory.domain.waiting import BackorderLimit
from batuta.inventory.queries import AUDIT as INVENTORY_LAWS
from batuta.inventory.queries import all_claims_of, availability, promises_of
from batuta.ordering.commands import Came, cancel, end_patience, place, take_over
from batuta.ordering.domain import (
    Bucket,
    Buckets,
    CancelLine,
    CancelRequest,
    HoldKind,
    HoldStatus,
    Order,
    Placed,
    PlaceLine,
)
from batuta.ordering.domain import OrderStatus as Status
from batuta.ordering.queries import AUDIT, orders_by_id
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from tests.counting import statements_of
from tests.making import NOW, fresh_id
from tests.ordering.test_commands import an_order, placed
from tests.world import Shop, build_shop

DAY = timedelta(days=1)
QUIET = Policies(are_messages_muted=True, label_format="zpl")


async def given_supply(
    db: Connection, shop: Shop, name: str, *, limit: int, coming: int, days: int = 5, **other: datetime
) -> Expected:
    sku_id = shop.skus[name].id
    receipt = Expected(
        id=fresh_id(),
        sku_id=sku_id,
        location_id=shop.locations["north"].id,
        quantity=coming,
        kind=SupplyKind.PURCHASE,
        due_at=NOW + days * DAY,
        document="PO-1",
        actor="test:buyer",
    )
    await expect(db, expected=[receipt], now=NOW)
    limits = [BackorderLimit(sku_id=sku_id, channel_id=shop.channel.id, units=limit, **other)]
    await set_limits(db, limits=limits, now=NOW)
    return receipt


async def receive_all(db: Connection, receipt: Expected, units: int, *, key: str = "truck", at: datetime = NOW) -> UUID:
    one = ReceiveExpected(key=key, expected_id=receipt.id, quantity=units, actor="test:dock", effective_at=at)
    (run,) = await receive_expected(db, receipts=[one], now=at)
    return run.id  # type: ignore[union-attr]


async def taken_over(db: Connection, order: Order, run_id: UUID) -> Order:
    came = Came(order_id=order.id, run_id=run_id, line_ids=tuple(line.id for line in order.lines))
    await take_over(db, came=[came], now=NOW)
    return (await orders_by_id(db, [order.id]))[order.id]


def buckets(order: Order) -> list[dict[str, int]]:
    """Of each line, the buckets that are not empty."""
    return [{k: v for k, v in msgspec.structs.asdict(line.buckets).items() if v} for line in order.lines]


async def held_of(db: Connection, order: Order) -> int:
    return sum(claim.held for claim in await all_claims_of(db, [order.id]))


async def available(db: Connection, shop: Shop, name: str) -> int:
    return sum(one.available for one in await availability(db, sku_ids=[shop.skus[name].id], now=NOW))


async def assert_sound(db: Connection) -> None:
    assert [verdict for verdict in await examine(db, [*INVENTORY_LAWS, *AUDIT]) if verdict.broken] == []


async def test_what_is_there_is_claimed_and_the_rest_is_promised_from_what_is_to_come(db: Connection) -> None:
    """INV-12, INV-23, ORD-01."""
    shop = await build_shop(db, stock={"chair": {"north": 2}, "lamp": {"north": 9}})
    await given_supply(db, shop, "chair", limit=10, coming=20)

    order = await placed(db, an_order(shop, ("chair", 5), ("lamp", 1)))

    assert buckets(order) == [{"reserved": 2, "backordered": 3}, {"reserved": 1}]
    (promise,) = (await promises_of(db, [order.id]))[order.id]
    assert (promise.units, promise.promised_at) == (3, NOW + 5 * DAY)
    await assert_sound(db)


@pytest.mark.parametrize(("limit", "coming"), [(2, 20), (20, 2), (0, 20)])
async def test_an_order_beyond_the_limit_or_the_supply_is_refused_whole_and_holds_nothing(
    db: Connection, limit: int, coming: int
) -> None:
    """INV-12, RES-06."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    await given_supply(db, shop, "chair", limit=limit, coming=coming)

    big, small = an_order(shop, ("chair", 5)), an_order(shop, ("chair", 2))
    outcomes = await place(db, orders=[big, small], now=NOW)

    assert isinstance(outcomes[0], OutOfStock)
    assert isinstance(outcomes[1], Placed)
    assert outcomes[0].facts["lines"][0]["left"] == 2  # type: ignore[index]
    assert await available(db, shop, "chair") == 0
    await assert_sound(db)


async def test_what_a_refused_order_had_goes_to_the_next_which_waits_for_the_rest_alone(
    db: Connection,
) -> None:
    """INV-12, RES-06: nobody waits for units that lie free again."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    await given_supply(db, shop, "chair", limit=2, coming=20)
    big, small = an_order(shop, ("chair", 5)), an_order(shop, ("chair", 3))

    refused, granted = await place(db, orders=[big, small], now=NOW)

    assert isinstance(refused, OutOfStock)
    assert isinstance(granted, Placed)
    order = (await orders_by_id(db, [small.id]))[small.id]
    assert buckets(order) == [{"reserved": 2, "backordered": 1}]
    await assert_sound(db)


async def test_an_order_of_which_another_line_is_sold_out_is_refused_whole(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 2}, "lamp": {"north": 0}})
    await given_supply(db, shop, "chair", limit=10, coming=20)

    (outcome,) = await place(db, orders=[an_order(shop, ("chair", 5), ("lamp", 1))], now=NOW)

    assert isinstance(outcome, OutOfStock)
    assert await available(db, shop, "chair") == 2
    await assert_sound(db)


async def test_a_limit_is_of_one_channel_alone(db: Connection) -> None:
    """INV-12."""
    shop, other = (
        await build_shop(db, stock={"chair": {"north": 0}}),
        await build_shop(db, stock={"lamp": {"north": 0}}),
    )
    await given_supply(db, shop, "chair", limit=10, coming=20)

    order = msgspec.structs.replace(an_order(shop, ("chair", 1)), channel_code=other.channel.code)
    (outcome,) = await place(db, orders=[order], now=NOW)

    assert not isinstance(outcome, Placed)


async def test_what_came_is_taken_over_and_asked_again_changes_nothing(db: Connection) -> None:
    """INV-24, INV-04: never free in between."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)
    order = await placed(db, an_order(shop, ("chair", 5)))

    run_id = await receive_all(db, receipt, 2)
    between = await available(db, shop, "chair")
    await assert_sound(db)
    part = await taken_over(db, order, run_id)
    again = await taken_over(db, order, run_id)
    whole = await taken_over(db, order, await receive_all(db, receipt, 10, key="van"))

    assert between == 0
    assert buckets(part) == buckets(again) == [{"reserved": 4, "backordered": 1}]
    assert buckets(whole) == [{"reserved": 5}]
    assert await held_of(db, order) == 5
    assert await available(db, shop, "chair") == 9
    await assert_sound(db)


async def test_a_set_is_claimed_and_served_in_whole_sets(db: Connection) -> None:
    """INV-13: three chairs make one pair, and the third stays for others."""
    shop = await build_shop(db, stock={"chair": {"north": 3}})
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)

    order = await placed(db, an_order(shop, ("set", 3)))
    after = await available(db, shop, "chair")
    part = await taken_over(db, order, await receive_all(db, receipt, 2))

    assert buckets(order) == [{"reserved": 1, "backordered": 2}]
    assert after == 1
    # Two came, and the one that lay there: one pair more, and one chair left.
    assert buckets(part) == [{"reserved": 2, "backordered": 1}]
    assert await available(db, shop, "chair") == 1
    await assert_sound(db)


async def test_a_bundle_of_two_goods_waits_for_the_last_of_them(db: Connection) -> None:
    """INV-13."""
    shop = await build_shop(db, stock={"chair": {"north": 0}, "lamp": {"north": 0}})
    parts = [Component(sku_id=shop.skus[name].id, quantity=1) for name in ("chair", "lamp")]
    await set_components(db, bundles={shop.skus["set"].id: parts}, now=NOW)
    chairs = await given_supply(db, shop, "chair", limit=10, coming=4, days=3)
    lamps = await given_supply(db, shop, "lamp", limit=10, coming=4, days=6)

    order = await placed(db, an_order(shop, ("set", 2)))
    promises = (await promises_of(db, [order.id]))[order.id]
    waits = await taken_over(db, order, await receive_all(db, chairs, 4))
    await assert_sound(db)
    whole = await taken_over(db, order, await receive_all(db, lamps, 4))

    assert {one.promised_at for one in promises} == {NOW + 3 * DAY, NOW + 6 * DAY}
    assert buckets(waits) == [{"backordered": 2}]
    assert buckets(whole) == [{"reserved": 2}]
    assert (await available(db, shop, "chair"), await available(db, shop, "lamp")) == (2, 2)
    await assert_sound(db)


async def test_a_channel_that_serves_wholly_waits_for_the_last_unit(db: Connection) -> None:
    """INV-24: partial service by policy."""
    policies = msgspec.structs.replace(QUIET, serves_backorders_partly=False)
    shop = await build_shop(db, stock={"chair": {"north": 0}}, policies=policies)
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)
    order = await placed(db, an_order(shop, ("chair", 5)))

    waits = await taken_over(db, order, await receive_all(db, receipt, 4))
    whole = await taken_over(db, order, await receive_all(db, receipt, 1, key="van"))

    assert buckets(waits) == [{"backordered": 5}]
    assert buckets(whole) == [{"reserved": 5}]


async def test_cancelled_units_wait_no_more_and_the_next_may_have_them(db: Connection) -> None:
    """ORD-04."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    await given_supply(db, shop, "chair", limit=3, coming=3)
    order = await placed(db, an_order(shop, ("chair", 5)))

    request = CancelRequest(
        id=fresh_id(),
        order_id=order.id,
        reason="changed mind",
        actor="customer:ana",
        lines=[CancelLine(line_id=order.lines[0].id, quantity=2)],
    )
    await cancel(db, requests=[request], now=NOW)
    other = await placed(db, an_order(shop, ("chair", 2)))

    assert buckets((await orders_by_id(db, [order.id]))[order.id]) == [
        {"reserved": 2, "backordered": 1, "cancelled": 2}
    ]
    assert buckets(other) == [{"backordered": 2}]
    await assert_sound(db)


async def test_an_order_cancelled_while_its_goods_are_in_the_door_gives_them_back(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 0}})
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)
    order = await placed(db, an_order(shop, ("chair", 5)))
    run_id = await receive_all(db, receipt, 4)

    await cancel(db, requests=[CancelRequest(id=fresh_id(), order_id=order.id, reason="no", actor="c:a")], now=NOW)
    late = await taken_over(db, order, run_id)

    assert buckets(late) == [{"cancelled": 5}]
    assert late.status is Status.CANCELLED
    assert await available(db, shop, "chair") == 4
    await assert_sound(db)


async def test_before_its_launch_an_order_is_a_pre_order_and_waits_for_the_day(db: Connection) -> None:
    """ORD-08: the units that lie there already too."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    launch_at = NOW + 30 * DAY
    await given_supply(db, shop, "chair", limit=10, coming=20, launch_at=launch_at)

    order = await placed(db, an_order(shop, ("chair", 5)))
    whole = await placed(db, an_order(shop, ("chair", 1)))

    assert buckets(order) == [{"reserved": 2, "preordered": 3}]
    (promise,) = (await promises_of(db, [order.id]))[order.id]
    assert promise.promised_at == launch_at
    assert [(hold.kind, hold.due_at) for hold in order.holds] == [(HoldKind.PREORDER, launch_at)]
    assert [hold.kind for hold in whole.holds] == [HoldKind.PREORDER]
    assert order.expires_at
    assert order.expires_at > launch_at


async def test_an_order_that_is_to_come_together_is_held_until_the_last_of_it_came(db: Connection) -> None:
    """ORD-08."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)
    order = await placed(db, an_order(shop, ("chair", 4), ship_terms=ShipTerms(mode=ShipMode.TOGETHER)))

    part = await taken_over(db, order, await receive_all(db, receipt, 1))
    whole = await taken_over(db, order, await receive_all(db, receipt, 1, key="van"))

    assert [(hold.kind, hold.status) for hold in part.holds] == [(HoldKind.BACKORDER, HoldStatus.ACTIVE)]
    assert [hold.status for hold in whole.holds] == [HoldStatus.RELEASED]


@pytest.mark.parametrize(("action", "told"), [("ask", "ordering.wait_asked"), ("cancel", "ordering.units_cancelled")])
async def test_what_is_too_long_past_its_promise_is_asked_about_or_cancelled_once(
    db: Connection, action: str, told: str
) -> None:
    """INV-25."""
    policies = msgspec.structs.replace(QUIET, patience_days=7, out_of_patience=action)
    shop = await build_shop(db, stock={"chair": {"north": 2}}, policies=policies)
    receipt = await given_supply(db, shop, "chair", limit=10, coming=20)
    order = await placed(db, an_order(shop, ("chair", 5)))
    await move_expected(
        db, moves=[MoveExpected(expected_id=receipt.id, actor="t", due_at=NOW + 40 * DAY)], now=NOW + DAY
    )

    early = await end_patience(db, now=NOW + 11 * DAY, limit=100)
    late = await end_patience(db, now=NOW + 12 * DAY, limit=100)
    again = await end_patience(db, now=NOW + 13 * DAY, limit=100)

    assert (early, late, again) == (0, 1, 0)
    assert [fact.name for fact in (await facts_of(db, [order.id]))[order.id]].count(told) == 1
    left = (await orders_by_id(db, [order.id]))[order.id].lines[0].buckets
    assert left == (Buckets(reserved=2, cancelled=3) if action == "cancel" else Buckets(reserved=2, backordered=3))
    await assert_sound(db)


async def test_the_same_order_again_is_answered_and_promised_once(db: Connection) -> None:
    """ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    await given_supply(db, shop, "chair", limit=10, coming=20)
    order = an_order(shop, ("chair", 5))

    first = await place(db, orders=[order, order], now=NOW)
    again = await place(db, orders=[order], now=NOW)

    assert first[0] == first[1] == again[0]
    assert isinstance(first[0], Placed)
    await assert_sound(db)


async def test_a_shop_that_sells_nothing_ahead_asks_the_database_nothing_for_it(engine: Engine) -> None:
    """The hot path reads no limit: one look at the beginning tells that none changed."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 90}})
    async with engine.begin() as db:
        await place(db, orders=[an_order(shop, ("chair", 1))], now=NOW)
    with statements_of(engine) as statements:
        async with engine.begin() as db:
            (outcome,) = await place(db, orders=[an_order(shop, ("chair", 1))], now=NOW)

    assert isinstance(outcome, Placed)
    about = [one for one in statements if "backorder_limit" in one or "waiting" in one or "expected" in one]
    assert about == []


async def test_a_cart_that_holds_what_is_there_becomes_an_order_that_waits_for_the_rest(db: Connection) -> None:
    """RES-05, INV-23."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    await given_supply(db, shop, "chair", limit=10, coming=20)
    cart_id, cart_line_id, sku = fresh_id(), fresh_id(), shop.skus["chair"]
    line = ReserveLine(line_id=cart_line_id, sku_id=sku.id, quantity=5)
    wish = ReserveRequest(holder_id=cart_id, lines=[line], until_at=NOW + timedelta(minutes=10), allow_partial=True)
    await reserve(db, requests=[wish], now=NOW)

    bought = PlaceLine(sku_code=sku.code, quantity=5, cart_line_id=cart_line_id)
    order = await placed(db, an_order(shop, cart_id=cart_id, lines=[bought]))

    assert buckets(order) == [{"reserved": 2, "backordered": 3}]
    await assert_sound(db)


async def buy(engine: Engine, orders: Sequence[Any]) -> list[bool]:
    async def one(order: Any) -> bool:
        async with engine.begin() as db:
            return isinstance((await place(db, orders=[order], now=NOW))[0], Placed)

    return list(await asyncio.gather(*(one(order) for order in orders)))


async def test_sixty_buyers_at_once_get_what_is_there_and_what_may_be_sold_ahead_and_no_more(engine: Engine) -> None:
    """RES-08, INV-12: seven there, five ahead."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 4, "south": 3}})
        await given_supply(db, shop, "chair", limit=5, coming=50)
    orders = [an_order(shop, ("chair", 1)) for _ in range(60)]

    won = await buy(engine, orders)

    assert sum(won) == 12
    async with engine.begin() as db:
        found = await orders_by_id(db, [order.id for order in orders])
        assert sum(line.buckets.of(Bucket.BACKORDERED) for one in found.values() for line in one.lines) == 5
        await assert_sound(db)
        gone = [CancelRequest(id=fresh_id(), order_id=id_, reason="test", actor="test:end") for id_ in found]
        await cancel(db, requests=gone, now=NOW)
