"""Providers and carriers tell late, twice and out of order; it ends the same (PAY-05, SHP-03)."""

import random
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import msgspec
import pytest

from batuta.fulfillment.commands import write_off
from batuta.fulfillment.domain import WriteOff
from batuta.kernel.gs1 import check_digit
from batuta.ordering.domain import Means, OrderStatus
from batuta.payments.adapters.test_provider import TestProvider
from batuta.payments.commands import take_webhook
from batuta.payments.domain import Settled
from batuta.payments.queries import payments_of
from batuta.returns.commands import resolve
from batuta.returns.domain import Resolve
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import ParcelStatus, UnknownParcel
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey, broken_laws
from tests.journeys.test_returned_goods import STAFF, announced, counted_in
from tests.making import fresh_id


async def tell_again(journey: Journey, order_id: UUID, chance: random.Random) -> None:
    """All webhooks so far, some left out, some twice, in any order."""
    async with journey.engine.connect() as db:
        ids = [one.payment.id for one in (await payments_of(db, [order_id]))[order_id]]
    told = await TestProvider(journey.engine).webhooks(ids, sent_at=journey.now)
    told = chance.choices(told, k=len(told) * 2)
    chance.shuffle(told)
    for body, headers in told:
        outcomes = await take_webhook(journey.engine, provider="test", body=body, headers=headers, now=journey.now)
        assert [one.is_news for one in outcomes if isinstance(one, Settled)] == [False] * len(outcomes)
    await journey.pass_time(seconds=1)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_webhooks_of_a_whole_journey_leave_the_same_money(open_shop: OpenShop, seed: int) -> None:
    chance = random.Random(seed)
    journey = await open_shop({"chair": {"north": 3}})
    means = [
        Means(method="voucher", amount_minor=1_000, token="tok_gift", captures_at_once=True),
        Means(method="card", amount_minor=6_990, token="tok_visa"),
    ]
    order_id = await journey.buy(("chair", 3), gross_minor=7_990, means=means)
    await tell_again(journey, order_id, chance)
    await journey.prepare(order_id)
    await journey.pass_time(days=6)
    await tell_again(journey, order_id, chance)
    await journey.leave(order_id)
    await tell_again(journey, order_id, chance)
    await journey.carrier_says(order_id, "delivered", journey.now)
    back = await announced(journey, order_id, 1)
    await counted_in(journey, back, 1)
    await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=STAFF)])
    await tell_again(journey, order_id, chance)

    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor, money.held_minor) == (7_990, 2_500, 5_490, 0)


async def test_a_lost_parcel_is_written_off_once_and_its_buyer_has_the_money_back(open_shop: OpenShop) -> None:
    """SHP-02, ORD-04, PAY-06: the carrier's word alone moves nothing, for the lost turn up; a person gives it up."""
    journey = await open_shop({"chair": {"north": 3}})
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    await journey.send(order_id)
    (parcel,) = await journey.parcels(order_id)
    await journey.carrier_says(order_id, "lost", journey.now)
    assert (await journey.order(order_id)).lines[0].buckets.shipped == 2
    loss = WriteOff(parcel_id=parcel.id, actor=STAFF, reason="the carrier pays, claim 12")

    await journey.do(write_off, losses=[loss])
    await journey.do(write_off, losses=[loss])
    await journey.carrier_says(order_id, "delivered", journey.now)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert (await journey.facts(order_id)).count("fulfillment.written_off") == 1
    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (5_490, 5_490, 0)
    assert await journey.available("chair") == 1
    assert await broken_laws(journey.engine) == []


SCANS = (("in_transit", 1), ("attempt_failed", 5), ("out_for_delivery", 8), ("delivered", 9))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_scans_in_any_order_and_twice_deliver_once(journey: Journey, seed: int) -> None:
    """SHP-01, SHP-03, SHP-05: delivered at the carrier's time, told once."""
    chance = random.Random(seed)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.send(order_id)
    left_at = journey.now
    told = [*chance.choice(list(permutations(SCANS))), chance.choice(SCANS)]
    await journey.pass_time(days=1)
    for code, hours in told:
        await journey.carrier_says(order_id, code, left_at + timedelta(hours=hours))

    (parcel,) = await journey.parcels(order_id)
    assert (parcel.status, parcel.delivered_at) == (ParcelStatus.DELIVERED, left_at + timedelta(hours=9))
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    facts = await journey.facts(order_id)
    assert (facts.count("fulfillment.delivered"), facts.count("ordering.order_completed")) == (1, 1)


async def test_a_carrier_that_scans_before_anybody_booked_the_hand_over_has_the_parcel(journey: Journey) -> None:
    """SHP-01: what the carrier has was handed over, and is paid."""
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.prepare(order_id)
    await journey.carrier_says(order_id, "out_for_delivery", journey.now)
    assert (await journey.money(order_id)).captured_minor == 2_990

    await journey.leave(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    assert (await journey.money(order_id)).captured_minor == 2_990
    assert (await journey.told(order_id)).count("order_shipped") == 1


async def test_delivered_before_it_was_handed_over_is_delivered(journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.prepare(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    money = await journey.money(order_id)
    assert (money.captured_minor, money.held_minor) == (2_990, 0)


async def test_a_scan_that_comes_before_the_label_is_applied_with_it(journey: Journey) -> None:
    """SHP-03: the number is foretold here; outside, the carrier is just faster than our transaction."""
    first = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.prepare(first)
    (known,) = await journey.parcels(first)
    letters, digits = (known.tracking_number or "")[:3], (known.tracking_number or "")[3:-1]
    following = f"{int(digits) + 1:011d}"
    number = f"{letters}{following}{check_digit(following)}"
    early = journey.scan(msgspec.structs.replace(known, tracking_number=number), "in_transit", journey.now)
    (unknown,) = await journey.ask(record_tracking, scans=[early])
    assert isinstance(unknown, UnknownParcel)

    second = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.prepare(second)
    await journey.pass_time(seconds=1)

    (parcel,) = await journey.parcels(second)
    assert (parcel.tracking_number, parcel.status) == (number, ParcelStatus.IN_TRANSIT)
    assert (await journey.money(second)).captured_minor == 2_990
