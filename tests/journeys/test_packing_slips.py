"""What lies in a parcel is told on paper to who opens it, and what of the order does not (INV-14)."""

from uuid import UUID

from batuta.fulfillment.commands import accept, pack, pick
from batuta.fulfillment.domain import Accept, FulfillmentOrder, Pack, PackingSlip, Pick, SlipLine
from batuta.fulfillment.queries import packing_slips
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_made_to_order import opened
from tests.journeys.test_pickup import packed_at_the_counter
from tests.journeys.test_substituted_goods import replaced


async def slips(journey: Journey, order_id: UUID) -> list[PackingSlip]:
    """The slips of what is packed of an order, that of the most units first."""
    parcel_ids = [package.parcel_id for one in await journey.work(order_id) for package in one.packages]
    async with journey.engine.connect() as db:
        found = await packing_slips(db, parcel_ids)
    return sorted(found.values(), key=lambda one: -sum(line.quantity for line in one.lines))


async def packed_by(journey: Journey, one: FulfillmentOrder) -> None:
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=one.id, actor=SELLER)])
    await journey.do(pick, picks=[Pick(fulfillment_order_id=one.id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=one.id, actor=SELLER, label_format="zpl")])


def told(lines: tuple[SlipLine, ...]) -> list[tuple[str, int, str, str]]:
    return [(one.name, one.quantity, one.part_of, one.instead_of) for one in lines]


async def test_a_slip_says_what_follows_and_what_lies_in_other_parcels(open_shop: OpenShop) -> None:
    """INV-14, PAY-02: two locations send one order, one after the other."""
    journey = await open_shop({"chair": {"north": 2, "south": 1}})
    order_id = await journey.buy(("chair", 3), gross_minor=7_990)
    first, second = sorted(await journey.work(order_id), key=lambda one: -one.lines[0].quantity)

    await packed_by(journey, first)
    (before,) = await slips(journey, order_id)
    await packed_by(journey, second)
    larger, smaller = await slips(journey, order_id)

    assert [(one.elsewhere, one.later) for one in before.rest] == [(0, 1)]
    assert [(one.elsewhere, one.later) for one in larger.rest] == [(1, 0)]
    assert [(one.elsewhere, one.later) for one in smaller.rest] == [(2, 0)]
    assert (larger.number, larger.parcels) == (smaller.number, smaller.parcels) == (1, 1)
    assert larger.origin_name != smaller.origin_name


async def test_the_parts_of_a_bundle_are_told_with_its_name_and_services_are_not(open_shop: OpenShop) -> None:
    """INV-13, INV-14."""
    journey = await open_shop({"chair": {"north": 3}})
    order_id = await journey.buy(("set", 1), ("service", 1), ("chair", 1), gross_minor=7_990)
    await journey.prepare(order_id)

    (slip,) = await slips(journey, order_id)

    bundle, _, chair = (await journey.order(order_id)).lines
    assert told(slip.lines) == [(chair.name, 2, bundle.name, ""), (chair.name, 1, "", "")]
    assert slip.rest == ()


async def test_what_is_sent_instead_is_told_with_what_was_ordered(open_shop: OpenShop) -> None:
    """INV-14, INV-17."""
    journey, order_id = await replaced(open_shop, captures_at_once=False)
    await journey.prepare(order_id)

    (slip,) = await slips(journey, order_id)

    (line,) = slip.lines
    assert line.sku_code == journey.shop.skus["stool"].code
    assert (line.quantity, line.part_of) == (3, "")
    assert line.instead_of == (await journey.order(order_id)).lines[0].name


async def test_what_was_made_is_told_with_what_its_buyer_asked_for(open_shop: OpenShop) -> None:
    """FUL-14, INV-14: in the words of the order's language."""
    workshop = await opened(open_shop)
    order_id = await workshop.buy(2, text="Para Eva", font="serif")
    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    await workshop.approve(work)
    await workshop.picked(id_)
    await workshop.make(work)
    await workshop.journey.do(pack, packs=[Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")])

    (slip,) = await slips(workshop.journey, order_id)

    (line,) = slip.lines
    assert (line.sku_code, line.quantity, line.part_of) == (workshop.journey.shop.skus["watch"].code, 2, "")
    assert line.wishes == (("Grabado", "Para Eva"), ("Font", "serif"))


async def test_a_bag_that_waits_at_the_counter_has_a_slip_without_a_carrier(open_shop: OpenShop) -> None:
    """FUL-11, INV-14."""
    journey = await open_shop({"chair": {"north": 5}})
    order_id, _ = await packed_at_the_counter(journey)

    (slip,) = await slips(journey, order_id)

    assert (slip.destination, slip.carrier, slip.tracking_number) == (None, "", "")
    assert slip.customer == "Ana Ruiz"
    assert slip.origin_name == journey.shop.locations["north"].name
    assert [line.quantity for line in slip.lines] == [2]
