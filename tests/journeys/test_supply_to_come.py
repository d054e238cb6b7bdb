"""Orders for goods that are still to come: promised, told when the day moves, served in their turn, sent and paid."""

from datetime import datetime, timedelta
from uuid import UUID

from batuta.company.domain import Policies
from batuta.inventory.commands import expect, move_expected, receive_expected, set_limits
from batuta.inventory.domain.supply import Expected, MoveExpected, ReceiveExpected, SupplyKind
from batuta.inventory.domain.waiting import BackorderLimit
from batuta.ordering.domain import HoldKind, OrderStatus
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.making import NOW, fresh_id
from tests.world import receive

DAY = timedelta(days=1)
QUIET = {"are_messages_muted": True, "label_format": "zpl"}


async def given_supply(
    journey: Journey, *, coming: int, limit: int = 100, days: int = 5, at: str = "north", **other: datetime
) -> UUID:
    """Chairs that are to come, and may be sold ahead."""
    sku_id = journey.shop.skus["chair"].id
    receipt = Expected(
        id=fresh_id(),
        sku_id=sku_id,
        location_id=journey.shop.locations[at].id,
        quantity=coming,
        kind=SupplyKind.PURCHASE,
        due_at=NOW + days * DAY,
        document="PO-1",
        actor="test:buyer",
    )
    await journey.do(expect, expected=[receipt])
    sold = BackorderLimit(sku_id=sku_id, channel_id=journey.shop.channel.id, units=limit, **other)
    await journey.do(set_limits, limits=[sold])
    return receipt.id


async def come(journey: Journey, receipt_id: UUID, units: int, key: str = "truck") -> None:
    one = ReceiveExpected(key=key, expected_id=receipt_id, quantity=units, actor="test:dock", effective_at=journey.now)
    await journey.do(receive_expected, receipts=[one])


async def move(journey: Journey, receipt_id: UUID, *, days: int) -> None:
    one = MoveExpected(expected_id=receipt_id, actor="test:buyer", due_at=NOW + days * DAY)
    await journey.do(move_expected, moves=[one])


async def buckets(journey: Journey, order_id: UUID) -> dict[str, int]:
    (line,) = (await journey.order(order_id)).lines
    names = ("reserved", "backordered", "preordered", "allocated", "shipped", "delivered", "cancelled")
    return {name: units for name in names if (units := getattr(line.buckets, name))}


async def test_what_is_there_is_sent_and_the_rest_follows_when_it_comes(open_shop: OpenShop) -> None:
    """INV-23, INV-24, ORD-08, PAY-02."""
    journey = await open_shop({"chair": {"north": 2}})
    receipt_id = await given_supply(journey, coming=20)
    order_id = await journey.buy(("chair", 5), gross_minor=5 * 2_500 + 490)
    assert await buckets(journey, order_id) == {"backordered": 3, "allocated": 2}

    await journey.send(order_id)
    assert (await journey.money(order_id)).captured_minor == 2 * 2_500 + 490
    await come(journey, receipt_id, 20)
    assert await buckets(journey, order_id) == {"shipped": 2, "allocated": 3}
    await journey.send(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    money = await journey.money(order_id)
    assert (money.captured_minor, money.due_minor) == (5 * 2_500 + 490, 5 * 2_500 + 490)
    assert await journey.available("chair") == 17


async def test_a_customer_is_told_once_of_each_new_day(open_shop: OpenShop) -> None:
    """INV-23."""
    journey = await open_shop({"chair": {"north": 0}})
    receipt_id = await given_supply(journey, coming=20)
    order_id = await journey.buy(("chair", 2), gross_minor=2 * 2_500 + 490)

    await move(journey, receipt_id, days=9)
    await move(journey, receipt_id, days=9)
    await move(journey, receipt_id, days=3)
    one = MoveExpected(expected_id=receipt_id, actor="test:buyer", quantity=0)
    await journey.do(move_expected, moves=[one])

    about = ("delayed", "sooner", "delayed_without_day")
    assert [one for one in await journey.told(order_id) if one in about] == list(about)
    assert await buckets(journey, order_id) == {"backordered": 2}


async def test_what_did_not_come_on_its_day_is_told_a_day_later(open_shop: OpenShop) -> None:
    """INV-23."""
    journey = await open_shop({"chair": {"north": 0}})
    receipt_id = await given_supply(journey, coming=20, days=2)
    order_id = await journey.buy(("chair", 2), gross_minor=2 * 2_500 + 490)

    await journey.pass_time(days=2, hours=20)
    patient = await journey.told(order_id)
    await journey.pass_time(days=1)
    await journey.pass_time(days=1)
    late = await journey.told(order_id)
    await come(journey, receipt_id, 2)

    assert "delayed_without_day" not in patient
    assert late.count("delayed_without_day") == 1
    assert await buckets(journey, order_id) == {"allocated": 2}


async def test_who_ordered_first_is_served_first_and_nobody_who_comes_later_is_before_them(
    open_shop: OpenShop,
) -> None:
    """INV-24."""
    journey = await open_shop({"chair": {"north": 0}})
    receipt_id = await given_supply(journey, coming=4)
    first = await journey.buy(("chair", 3), gross_minor=3 * 2_500 + 490)
    second = await journey.buy(("chair", 1), gross_minor=2_500 + 490)

    await come(journey, receipt_id, 2)
    part = (await buckets(journey, first), await buckets(journey, second))
    await come(journey, receipt_id, 2, key="van")

    assert part == ({"backordered": 1, "allocated": 2}, {"backordered": 1})
    assert await buckets(journey, first) == {"allocated": 3}
    assert await buckets(journey, second) == {"allocated": 1}


async def test_stock_that_nobody_announced_serves_those_who_wait(open_shop: OpenShop) -> None:
    journey = await open_shop({"chair": {"north": 0}})
    await given_supply(journey, coming=4)
    order_id = await journey.buy(("chair", 3), gross_minor=3 * 2_500 + 490)

    async with journey.engine.begin() as db:
        await receive(db, journey.shop.skus, journey.shop.locations, {"chair": {"north": 5}})
    await journey.pass_time(minutes=2)

    assert await buckets(journey, order_id) == {"allocated": 3}


async def test_a_pre_order_is_sent_on_the_day_of_its_launch(open_shop: OpenShop) -> None:
    """ORD-08."""
    journey = await open_shop({"chair": {"north": 0}})
    receipt_id = await given_supply(journey, coming=4, launch_at=NOW + 10 * DAY)
    order_id = await journey.buy(("chair", 3), gross_minor=3 * 2_500 + 490)
    assert await buckets(journey, order_id) == {"preordered": 3}

    for _ in range(5):
        await journey.pass_time(days=1)
    await come(journey, receipt_id, 4)
    there = (await buckets(journey, order_id), await journey.holds(order_id))
    # Day by day, so that what is authorised is renewed in time.
    for _ in range(5):
        await journey.pass_time(days=1)

    assert there == ({"reserved": 3}, [HoldKind.PREORDER])
    assert await buckets(journey, order_id) == {"allocated": 3}


async def test_what_never_comes_is_cancelled_and_its_money_given_back(open_shop: OpenShop) -> None:
    """INV-25."""
    policies = Policies(**QUIET, patience_days=7, out_of_patience="cancel")  # type: ignore[arg-type]
    journey = await open_shop({"chair": {"north": 1}}, policies=policies)
    await given_supply(journey, coming=4)
    order_id = await journey.buy(("chair", 3), gross_minor=3 * 2_500 + 490)

    await journey.send(order_id)
    await journey.pass_time(days=13)

    assert await buckets(journey, order_id) == {"shipped": 1, "cancelled": 2}
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor) == (2_500 + 490, 2_500 + 490)
    assert "cancelled" in await journey.told(order_id)


async def test_who_is_asked_whether_to_wait_may_say_no(open_shop: OpenShop) -> None:
    """INV-25."""
    policies = Policies(**QUIET, patience_days=7)  # type: ignore[arg-type]
    journey = await open_shop({"chair": {"north": 0}}, policies=policies)
    await given_supply(journey, coming=4)
    order_id = await journey.buy(("chair", 3), gross_minor=3 * 2_500 + 490)

    await journey.pass_time(days=13)
    asked = (await journey.told(order_id)).count("still_waiting")
    await journey.cancel(order_id)

    assert asked == 1
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
