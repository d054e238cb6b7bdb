"""Goods that a supplier sends to the customer by itself (FUL-13)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.catalog.domain import Sku
from batuta.fulfillment.commands import accept
from batuta.fulfillment.domain import Accept, FulfillmentStatus, RejectionReason
from batuta.inventory.domain import OutOfStock
from batuta.kernel.errors import BatutaError
from batuta.kernel.states import IllegalMove
from batuta.locations.commands import save_locations
from batuta.locations.domain import LocationKind
from batuta.ordering.commands import place
from batuta.ordering.domain import HoldKind, OrderStatus
from batuta.purchasing.commands import (
    accept_invoices,
    acknowledge,
    approve,
    record_invoices,
    refuse,
    save_suppliers,
    set_costs,
    ship,
)
from batuta.purchasing.domain import (
    AcceptInvoice,
    Acknowledge,
    Approve,
    CostsMissing,
    DifferenceKind,
    ImplausibleDay,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    NewInvoice,
    NotASupplier,
    NotSentYet,
    Purchase,
    PurchaseStatus,
    Refuse,
    ShipPurchase,
    Supplier,
    SupplierCost,
)
from batuta.purchasing.queries import PurchaseFilter, list_purchases
from batuta.shipping.domain import TrackingNumberTaken
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.making import fresh_code, fresh_id
from tests.ordering.test_commands import an_order
from tests.world import receive

MAKER = "supplier:maker"
BUYER = "staff:ana"
COST = 1_400


class House:
    """A shop whose `maker` is a supplier."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.maker = journey.shop.locations["maker"]

    def sku(self, name: str) -> Sku:
        return self.journey.shop.skus[name]

    async def purchases(self, order_id: UUID) -> list[Purchase]:
        """The purchase orders of an order, the oldest first."""
        async with self.journey.engine.connect() as db:
            found = await list_purchases(db, wanted=PurchaseFilter(order_id=order_id), limit=50)
        return found[::-1]

    async def purchase(self, order_id: UUID) -> Purchase:
        (one,) = await self.purchases(order_id)
        return one

    async def invoice(self, bought: Purchase, *, number: str, quantity: int, price_minor: int) -> Any:
        line = InvoiceLine(purchase_line_id=bought.lines[0].id, quantity=quantity, unit_price_minor=price_minor)
        new = NewInvoice(
            id=fresh_id(), purchase_id=bought.id, number=number, currency="EUR", lines=(line,), actor=BUYER
        )
        (answer,) = await self.journey.ask(record_invoices, invoices=[new])
        return answer

    async def delivered(self, order_id: UUID) -> None:
        await self.journey.pass_time(days=1)
        await self.journey.carrier_says(order_id, "delivered", self.journey.now)


@pytest.fixture
async def house(open_shop: OpenShop) -> House:
    return await opened(open_shop, {"lamp": {"maker": 5}})


async def opened(open_shop: OpenShop, stock: dict[str, dict[str, int]], **terms: Any) -> House:
    journey = await open_shop(stock)
    maker = msgspec.structs.replace(journey.shop.locations["maker"], kind=LocationKind.SUPPLIER)
    await journey.do(save_locations, locations=[maker])
    await journey.do(save_suppliers, suppliers=[Supplier(location_id=maker.id, **terms)])
    if "commission_bp" not in terms:
        agreed = SupplierCost(location_id=maker.id, sku_id=journey.shop.skus["lamp"].id, cost_minor=COST)
        await journey.do(set_costs, costs=[agreed])
    return House(journey)


async def test_a_supplier_sends_it_under_its_own_number_and_is_paid_what_was_agreed(house: House) -> None:
    """FUL-13: order, acknowledgement with a day, tracking, invoice match."""
    journey = house.journey
    order_id = await journey.buy(("lamp", 2), gross_minor=5_490)
    sent = await house.purchase(order_id)
    assert (sent.status, sent.cost_minor, sent.location_id) == (PurchaseStatus.SENT, 2 * COST, house.maker.id)
    assert [step.status for step in sent.steps] == ["draft", "approved", "sent"]

    day = journey.now + timedelta(days=2)
    (taken,) = await journey.do(
        acknowledge, acknowledgements=[Acknowledge(purchase_id=sent.id, due_at=day, actor=MAKER)]
    )
    assert (taken.status, taken.due_at) == (PurchaseStatus.ACKNOWLEDGED, day)
    assert await journey.ids(order_id, FulfillmentStatus.ACCEPTED)

    number = fresh_code("MAKER")
    await journey.do(ship, shipments=[ShipPurchase(purchase_id=sent.id, tracking_number=number, actor=MAKER)])
    (parcel,) = await journey.parcels(order_id)
    assert parcel.tracking_number == number
    assert (await journey.money(order_id)).paid_minor == 5_490

    await house.delivered(order_id)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    there = await house.purchase(order_id)
    assert (there.status, there.lines[0].shipped) == (PurchaseStatus.RECEIVED, 2)

    paid = await house.invoice(there, number="F-1", quantity=2, price_minor=COST)
    assert (paid.status, paid.total_minor) == (InvoiceStatus.MATCHED, 2 * COST)
    assert (await house.purchase(order_id)).status is PurchaseStatus.CLOSED


async def test_what_a_supplier_will_not_send_comes_from_somewhere_else(open_shop: OpenShop) -> None:
    """FUL-13: rejection → re-source; it is not asked for it again."""
    house = await opened(open_shop, {"lamp": {"maker": 5}, "table": {"north": 1}})
    journey = house.journey
    order_id = await journey.buy(("lamp", 1), gross_minor=2_990)
    (asked,) = await journey.work(order_id)
    async with journey.engine.begin() as db:
        await receive(db, journey.shop.skus, journey.shop.locations, {"lamp": {"north": 5}})
    no = Refuse(purchase_id=(await house.purchase(order_id)).id, reason=RejectionReason.CANNOT_SERVE, actor=MAKER)
    (answer,) = await journey.do(refuse, refusals=[no])

    assert (answer.status, answer.lines[0].quantity) == (PurchaseStatus.REJECTED, 0)
    assert answer.steps[-1].note == "cannot_serve"
    (second,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    assert second != asked.id
    assert len(await house.purchases(order_id)) == 1


async def test_a_supplier_that_does_not_answer_is_asked_no_more(house: House) -> None:
    """SRC-09: the offer lapses, and the purchase order with it."""
    order_id = await house.journey.buy(("lamp", 1), gross_minor=2_990)
    await house.journey.pass_time(days=3)
    await house.journey.pass_time(minutes=1)

    assert (await house.purchase(order_id)).status is PurchaseStatus.REJECTED
    assert await house.journey.holds(order_id) == [HoldKind.BACKORDER]


async def test_no_more_is_sold_than_the_suppliers_feed_says(house: House) -> None:
    """FUL-13: no oversell against the supplier's feed."""
    journey = house.journey
    await journey.buy(("lamp", 4), gross_minor=10_490)
    (refused,) = await journey.ask(place, orders=[an_order(journey.shop, ("lamp", 2), placed_at=journey.now)])

    assert isinstance(refused, OutOfStock), refused
    assert await journey.available("lamp") == 1


async def test_a_cancelled_order_cancels_what_the_supplier_was_asked_for(house: House) -> None:
    order_id = await house.journey.buy(("lamp", 3), gross_minor=7_990)
    line = (await house.journey.order(order_id)).lines[0]
    await house.journey.cancel(order_id, (line.id, 1))
    await house.journey.pass_time(seconds=1)
    less = await house.purchase(order_id)
    assert (less.status, less.lines[0].ordered, less.lines[0].quantity) == (PurchaseStatus.SENT, 3, 2)

    await house.journey.cancel(order_id)
    await house.journey.pass_time(seconds=1)
    gone = await house.purchase(order_id)
    assert (gone.status, gone.lines[0].quantity) == (PurchaseStatus.CANCELLED, 0)


async def test_without_a_cost_somebody_approves_it_before_the_supplier_answers(open_shop: OpenShop) -> None:
    house = await opened(open_shop, {"table": {"maker": 5}, "lamp": {"maker": 5}})
    journey = house.journey
    order_id = await journey.buy(("table", 1), gross_minor=2_990)
    draft = await house.purchase(order_id)
    assert draft.status is PurchaseStatus.DRAFT

    (early,) = await journey.ask(acknowledge, acknowledgements=[Acknowledge(purchase_id=draft.id, actor=MAKER)])
    (costless,) = await journey.ask(approve, approvals=[Approve(purchase_id=draft.id, actor=BUYER)])
    assert isinstance(early, NotSentYet)
    assert isinstance(costless, CostsMissing)

    costs = {draft.lines[0].id: 1_700}
    (sent,) = await journey.do(approve, approvals=[Approve(purchase_id=draft.id, actor=BUYER, costs=costs)])
    assert (sent.status, sent.cost_minor) == (PurchaseStatus.SENT, 1_700)
    (again,) = await journey.do(approve, approvals=[Approve(purchase_id=draft.id, actor=BUYER, costs=costs)])
    assert again == sent


async def test_a_supplier_without_costs_is_paid_the_price_less_our_commission(open_shop: OpenShop) -> None:
    house = await opened(open_shop, {"lamp": {"maker": 5}}, commission_bp=2_000)
    order_id = await house.journey.buy(("lamp", 1), gross_minor=2_990)
    bought, order = await house.purchase(order_id), await house.journey.order(order_id)

    assert bought.lines[0].unit_cost_minor == order.lines[0].net_minor * 80 // 100


async def test_an_invoice_that_asks_for_more_is_disputed_until_somebody_accepts_it(open_shop: OpenShop) -> None:
    """FUL-13: price and quantity tolerance."""
    house = await opened(open_shop, {"lamp": {"maker": 5}}, price_tolerance_bp=100)
    journey = house.journey
    order_id = await journey.buy(("lamp", 2), gross_minor=5_490)
    bought = await house.purchase(order_id)
    await journey.do(ship, shipments=[ShipPurchase(purchase_id=bought.id, actor=MAKER)])
    await house.delivered(order_id)

    much = await house.invoice(bought, number="F-2", quantity=3, price_minor=COST + 15)
    assert much.status is InvoiceStatus.DISPUTED
    assert [(one.kind, one.expected, one.invoiced) for one in much.differences] == [
        (DifferenceKind.QUANTITY, 2, 3),
        (DifferenceKind.PRICE, COST, COST + 15),
    ]
    assert (await house.invoice(bought, number="F-2", quantity=3, price_minor=COST + 15)).id == much.id
    assert isinstance(await house.invoice(bought, number="F-2", quantity=1, price_minor=COST), BatutaError)
    assert (await house.purchase(order_id)).lines[0].invoiced == 0

    within = await house.invoice(bought, number="F-3", quantity=1, price_minor=COST + 14)
    assert within.status is InvoiceStatus.MATCHED
    wish = AcceptInvoice(purchase_id=bought.id, invoice_id=much.id, reason="they sent a spare one", actor=BUYER)
    (accepted,) = await journey.do(accept_invoices, acceptances=[wish])
    assert isinstance(accepted, Invoice)
    assert (accepted.status, accepted.decided_by) == (InvoiceStatus.ACCEPTED, BUYER)
    closed = await house.purchase(order_id)
    assert (closed.status, closed.lines[0].invoiced) == (PurchaseStatus.CLOSED, 4)


async def test_work_that_the_location_does_by_itself_moves_the_purchase_order_too(house: House) -> None:
    order_id = await house.journey.buy(("lamp", 1), gross_minor=2_990)
    (work_id,) = await house.journey.ids(order_id, FulfillmentStatus.OFFERED)
    await house.journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=MAKER)])

    assert (await house.purchase(order_id)).status is PurchaseStatus.ACKNOWLEDGED


async def test_bad_answers_of_suppliers_are_refused_each_by_itself(house: House) -> None:
    journey = house.journey
    first, second = [await journey.buy(("lamp", 1), gross_minor=2_990) for _ in range(2)]
    one, other = await house.purchase(first), await house.purchase(second)
    past = journey.now - timedelta(days=30)
    answers = await journey.ask(
        acknowledge,
        acknowledgements=[
            Acknowledge(purchase_id=one.id, due_at=past, actor=MAKER),
            Acknowledge(purchase_id=other.id, actor=MAKER),
            Acknowledge(purchase_id=fresh_id(), actor=MAKER),
        ],
    )
    assert [type(answer).__name__ for answer in answers] == ["ImplausibleDay", "Purchase", "UnknownPurchase"]
    assert isinstance(answers[0], ImplausibleDay)

    number = fresh_code("MAKER")
    sent = await journey.ask(
        ship,
        shipments=[
            ShipPurchase(purchase_id=one.id, tracking_number=number, actor=MAKER),
            ShipPurchase(purchase_id=other.id, tracking_number=number, actor=MAKER),
        ],
    )
    assert isinstance(sent[0], Purchase)
    assert isinstance(sent[1], TrackingNumberTaken)
    late = Refuse(purchase_id=one.id, reason=RejectionReason.OTHER, actor=MAKER)
    assert isinstance((await journey.ask(refuse, refusals=[late]))[0], IllegalMove)


async def test_only_locations_of_suppliers_have_terms(journey: Journey) -> None:
    place = journey.shop.locations["north"]
    (refused,) = await journey.ask(save_suppliers, suppliers=[Supplier(location_id=place.id)])
    assert isinstance(refused, NotASupplier)


async def test_of_two_answers_at_the_same_moment_one_holds(house: House) -> None:
    """A yes and a no meet: the purchase order and the work say the same afterwards."""
    order_id = await house.journey.buy(("lamp", 1), gross_minor=2_990)
    bought = await house.purchase(order_id)
    no = Refuse(purchase_id=bought.id, reason=RejectionReason.CANNOT_SERVE, actor=MAKER)
    yes = ShipPurchase(purchase_id=bought.id, actor=MAKER)
    answers = await asyncio.gather(
        *(house.journey.ask(ship, shipments=[yes]) for _ in range(4)),
        *(house.journey.ask(refuse, refusals=[no]) for _ in range(4)),
    )
    await house.journey.pass_time(seconds=1)

    settled = (await house.purchase(order_id)).status
    assert settled in {PurchaseStatus.SHIPPED, PurchaseStatus.REJECTED}
    said = {one.status if isinstance(one, Purchase) else type(one).__name__ for (one,) in answers}
    assert said == {settled, "IllegalMove"}
