"""Goods that are ordered by piece and cost what they weigh as they are packed (INV-15)."""

from uuid import UUID

import msgspec
import pytest

from batuta.catalog.commands import save_skus
from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, agree_to_cancel, pack, pick, take_back
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    FulfillmentStatus,
    Pack,
    PackedContent,
    PackedParcel,
    Pick,
    TakeBack,
)
from batuta.kernel.errors import BatutaError
from batuta.ordering.commands import place
from batuta.ordering.domain import Means, OrderStatus
from batuta.returns.commands import resolve
from batuta.returns.domain import Grade, Resolve
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_returned_goods import announced, counted_in, looked_at
from tests.making import fresh_id
from tests.ordering.test_commands import an_order
from tests.world import sound

USUAL_G = 2_400
GROSS = 5_490
"""Two pieces of 25.00 and 1.2 kg each, and shipping."""


async def fishmonger(open_shop: OpenShop, *, margin_bp: int = 0) -> Journey:
    policies = Policies(label_format="zpl", weight_margin_bp=margin_bp)
    journey = await open_shop({"salmon": {"north": 9}}, policies=policies)
    by_weight = msgspec.structs.replace(journey.shop.skus["salmon"], is_weighed=True)
    async with journey.engine.begin() as db:
        sound(await save_skus(db, skus=[by_weight], now=journey.now))
    return journey


async def packed(journey: Journey, order_id: UUID, weight_g: int) -> UUID:
    """Two pieces are packed and weighed."""
    (id_,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])
    await journey.do(pick, picks=[Pick(fulfillment_order_id=id_, actor=SELLER)])
    line = (await journey.order(order_id)).lines[0]
    content = PackedContent(line_id=line.id, sku_id=line.sku_id, quantity=2, weight_g=weight_g)
    parcel = PackedParcel(id=fresh_id(), contents=(content,))
    await journey.do(pack, packs=[Pack(fulfillment_order_id=id_, parcels=(parcel,), actor=SELLER, label_format="zpl")])
    return id_


@pytest.mark.parametrize(("weight_g", "less"), [(2_280, 250), (2_399, 2), (1, 4_998), (USUAL_G, 0)])
async def test_what_weighs_less_costs_less(open_shop: OpenShop, weight_g: int, less: int) -> None:
    journey = await fishmonger(open_shop)
    order_id = await journey.buy(("salmon", 2), gross_minor=GROSS)

    await packed(journey, order_id, weight_g)
    assert (await journey.money(order_id)).due_minor == GROSS - less
    await journey.leave(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    money = await journey.money(order_id)
    assert (money.due_minor, money.paid_minor, money.held_minor) == (GROSS - less, GROSS - less, 0)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    assert ("ordering.order_adjusted" in await journey.facts(order_id)) is bool(less)


async def test_what_was_paid_at_once_goes_back(open_shop: OpenShop) -> None:
    journey = await fishmonger(open_shop)
    paid = [Means(method="card", amount_minor=GROSS, token="tok_visa", captures_at_once=True)]
    order_id = await journey.buy(("salmon", 2), gross_minor=GROSS, means=paid)

    await packed(journey, order_id, 2_280)

    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (GROSS, 250, GROSS - 250)


@pytest.mark.parametrize(("margin_bp", "held", "more"), [(0, GROSS, 0), (2_000, 6_490, 500), (2_000, 5_790, 300)])
async def test_what_weighs_more_is_charged_within_what_is_held(
    open_shop: OpenShop, margin_bp: int, held: int, more: int
) -> None:
    """A channel may let more be held than the usual price; what is not needed of it is let go."""
    journey = await fishmonger(open_shop, margin_bp=margin_bp)
    means = [Means(method="card", amount_minor=held, token="tok_visa")]
    order_id = await journey.buy(("salmon", 2), gross_minor=GROSS, means=means)

    await packed(journey, order_id, 2_640)
    await journey.leave(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    money = await journey.money(order_id)
    assert (money.authorised_minor, money.paid_minor, money.due_minor) == (held, GROSS + more, GROSS + more)
    assert money.held_minor == 0


async def test_nobody_lets_more_be_held_than_the_channel_says(open_shop: OpenShop) -> None:
    journey = await fishmonger(open_shop, margin_bp=1_000)
    means = [Means(method="card", amount_minor=GROSS + 501, token="tok_visa")]

    (refused,) = await journey.ask(place, orders=[an_order(journey.shop, ("salmon", 2), means=means)])

    assert isinstance(refused, BatutaError)
    assert refused.code == "pays_too_much"


@pytest.mark.parametrize("weight_g", [2_280, 2_640])
async def test_what_is_unpacked_or_comes_home_leaves_nothing_of_its_weight(open_shop: OpenShop, weight_g: int) -> None:
    journey = await fishmonger(open_shop, margin_bp=2_000)
    means = [Means(method="card", amount_minor=6_490, token="tok_visa")]
    unpacked, home = [await journey.buy(("salmon", 2), gross_minor=GROSS, means=means) for _ in range(2)]
    work_id = await packed(journey, unpacked, weight_g)
    asked = await journey.cancel(unpacked)
    answer = AnswerCancellation(cancellation_id=asked.request_id, fulfillment_order_id=work_id, actor=SELLER)
    await journey.do(agree_to_cancel, answers=[answer])

    await packed(journey, home, weight_g)
    await journey.leave(home)
    (parcel,) = await journey.parcels(home)
    await journey.do(take_back, returns=[TakeBack(parcel_id=parcel.id, actor=SELLER)])

    for order_id, due in ((unpacked, 0), (home, 0)):
        money = await journey.money(order_id)
        assert (money.due_minor, money.paid_minor, money.held_minor) == (due, 0, 0)


@pytest.mark.parametrize(("weight_g", "worth"), [(2_280, 4_750), (2_640, 5_500)])
async def test_what_comes_back_is_paid_back_by_its_weight(open_shop: OpenShop, weight_g: int, worth: int) -> None:
    """RET-04: one of two pieces first, then the other; together what they cost, and not a cent more."""
    journey = await fishmonger(open_shop, margin_bp=2_000)
    means = [Means(method="card", amount_minor=6_490, token="tok_visa")]
    order_id = await journey.buy(("salmon", 2), gross_minor=GROSS, means=means)
    await packed(journey, order_id, weight_g)
    await journey.leave(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)

    for _ in range(2):
        back = await announced(journey, order_id, 1)
        await counted_in(journey, back, 1)
        await looked_at(journey, back, [Grade.RESELL])
        await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=SELLER)])

    money = await journey.money(order_id)
    assert (money.refunded_minor, money.due_minor) == (worth, 490)
