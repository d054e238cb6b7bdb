"""Something else is sent than was ordered, at its own price; what comes back is paid back at that price (INV-17)."""

from uuid import UUID

from batuta.catalog.commands import set_substitutes
from batuta.catalog.domain import Consent, PriceRule, Substitute
from batuta.fulfillment.commands import accept, report_short
from batuta.fulfillment.domain import Accept, FulfillmentStatus, ReportShort, ShortUnits
from batuta.kernel.periods import Period
from batuta.ordering.commands.substituting import substitute
from batuta.ordering.domain import Means
from batuta.ordering.domain.substituting import DearerThanHeld, SubstituteLine
from batuta.pricing.commands import set_prices
from batuta.pricing.domain import Price
from batuta.pricing.queries import list_price_lists
from batuta.returns.commands import resolve
from batuta.returns.domain import RefundUnits, Resolve
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_returned_goods import STAFF, announced, counted_in
from tests.making import fresh_id
from tests.world import sound

CHAIR, STOOL, DESK, SHIPPING = 2_500, 1_999, 9_900, 490


async def replaced(open_shop: OpenShop, *, captures_at_once: bool) -> tuple[Journey, UUID]:
    """Three chairs are bought that the location does not find, and stools are sent."""
    journey = await open_shop({"chair": {"north": 3}, "stool": {"north": 5}, "desk": {"north": 5}})
    skus = journey.shop.skus
    instead = Substitute(sku_id=skus["stool"].id, rank=1, consent=Consent.NOT_NEEDED, price_rule=PriceRule.LOWER)
    async with journey.engine.begin() as db:
        sound(await set_substitutes(db, substitutes={skus["chair"].id: [instead]}, now=journey.now))
        channel_id = journey.shop.channel.id
        (prices,) = [one for one in await list_price_lists(db, limit=1_000) if one.channel_id == channel_id]
        own = [
            Price(price_list_id=prices.id, sku_id=skus[name].id, amount_minor=price, valid=Period(from_at=journey.now))
            for name, price in (("stool", STOOL), ("desk", DESK))
        ]
        sound(await set_prices(db, prices=own, now=journey.now))
    due = 3 * CHAIR + SHIPPING
    paid = [Means(method="card", amount_minor=due, token="tok_visa", captures_at_once=captures_at_once)]
    order_id = await journey.buy(("chair", 3), gross_minor=due, means=paid)
    (id_,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])
    line = (await journey.order(order_id)).lines[0]
    missing = ReportShort(fulfillment_order_id=id_, lines=(ShortUnits(line_id=line.id, quantity=3),), actor=SELLER)
    await journey.do(report_short, reports=[missing])
    wish = SubstituteLine(id=fresh_id(), order_id=order_id, line_id=line.id, sku_code=skus["stool"].code, actor=SELLER)
    await journey.do(substitute, wishes=[wish])
    return journey, order_id


async def test_what_costs_more_than_the_money_that_is_held_is_not_sent(open_shop: OpenShop) -> None:
    """INV-17, PAY-04: nobody can raise an authorisation later, and half of the goods would leave unpaid."""
    journey, order_id = await replaced(open_shop, captures_at_once=False)
    order, skus = await journey.order(order_id), journey.shop.skus
    async with journey.engine.begin() as db:
        dear = Substitute(sku_id=skus["desk"].id, rank=1, consent=Consent.NOT_NEEDED, price_rule=PriceRule.OWN)
        sound(await set_substitutes(db, substitutes={skus["chair"].id: [dear]}, now=journey.now))
    (id_,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    missing = ShortUnits(line_id=order.lines[0].id, quantity=3)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])
    await journey.do(report_short, reports=[ReportShort(fulfillment_order_id=id_, lines=(missing,), actor=SELLER)])
    wish = SubstituteLine(
        id=fresh_id(), order_id=order_id, line_id=order.lines[0].id, sku_code=skus["desk"].code, actor=SELLER
    )

    (refused,) = await journey.ask(substitute, wishes=[wish])

    assert isinstance(refused, DearerThanHeld)
    assert refused.facts["lacking_minor"] == 3 * (DESK - CHAIR)
    assert (await journey.money(order_id)).due_minor == 3 * STOOL + SHIPPING


async def test_what_was_paid_at_once_beyond_the_substitutes_price_goes_back(open_shop: OpenShop) -> None:
    """INV-17, PAY-06"""
    journey, order_id = await replaced(open_shop, captures_at_once=True)

    money = await journey.money(order_id)

    assert (money.due_minor, money.paid_minor, money.refund_owed_minor) == (3 * STOOL + SHIPPING,) * 2 + (0,)


async def test_units_that_come_back_are_paid_back_as_they_were_paid(open_shop: OpenShop) -> None:
    """INV-17, RET-10: one after the other, and never more than was paid."""
    journey, order_id = await replaced(open_shop, captures_at_once=False)
    await journey.send(order_id)
    await journey.carrier_says(order_id, "delivered", journey.now)
    assert (await journey.money(order_id)).paid_minor == 3 * STOOL + SHIPPING

    back = await announced(journey, order_id, 3)
    await counted_in(journey, back, 3)
    given = []
    for units in (1, 2):
        part = RefundUnits(line_id=back.lines[0].id, quantity=units)
        (made,) = await journey.do(
            resolve, resolutions=[Resolve(id=fresh_id(), return_id=back.id, actor=STAFF, lines=(part,))]
        )
        given.append(made.amount_minor)

    assert given == [STOOL, 2 * STOOL]
    assert (await journey.money(order_id)).paid_minor == SHIPPING
