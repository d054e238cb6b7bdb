"""Decisions about purchase orders and invoices, and their laws."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.fulfillment.domain import FulfillmentOrder, FulfillmentStatus
from batuta.kernel.states import IllegalMove
from batuta.purchasing.domain import (
    Approve,
    ImplausibleDay,
    InvoiceLine,
    InvoiceStatus,
    NewInvoice,
    OtherInvoiceCurrency,
    Purchase,
    PurchaseLine,
    PurchaseStatus,
    PurchaseStep,
    Supplier,
    UnknownPurchaseLine,
    approved,
    check_due,
    cost_after_commission,
    counted,
    followed,
    judged,
)
from tests.fulfillment.given import accepted, handed_over, offered
from tests.making import NOW, fresh_id

ACTOR = "staff:ana"


def a_purchase(work: FulfillmentOrder, *, cost_minor: int | None = 1_000, status: str = "sent") -> Purchase:
    id_ = fresh_id()
    lines = [
        PurchaseLine(
            id=fresh_id(),
            purchase_id=id_,
            position=i,
            line_id=line.line_id,
            sku_id=line.sku_id,
            ordered=line.quantity,
            quantity=line.quantity,
            unit_cost_minor=cost_minor,
        )
        for i, line in enumerate(work.lines)
    ]
    return Purchase(
        id=id_,
        fulfillment_order_id=work.id,
        order_id=work.order_id,
        order_number=work.order_number,
        location_id=work.location_id,
        status=PurchaseStatus(status),
        currency="EUR",
        due_at=None,
        created_at=NOW,
        lines=lines,
        steps=[PurchaseStep(status=PurchaseStatus(status), actor=ACTOR, at=NOW)],
    )


def an_invoice(of: Purchase, quantity: int, price_minor: int, currency: str = "EUR") -> NewInvoice:
    line = InvoiceLine(purchase_line_id=of.lines[0].id, quantity=quantity, unit_price_minor=price_minor)
    return NewInvoice(id=fresh_id(), purchase_id=of.id, number="F-1", currency=currency, lines=(line,), actor=ACTOR)


def test_a_purchase_order_never_goes_back_when_it_hears_late_of_the_work() -> None:
    work = handed_over(2)
    shipped = followed(a_purchase(work), work, actor=ACTOR, now=NOW)
    late = msgspec.structs.replace(work, status=FulfillmentStatus.ACCEPTED)

    assert (shipped.status, shipped.lines[0].shipped) == (PurchaseStatus.SHIPPED, 2)
    assert followed(shipped, late, actor=ACTOR, now=NOW).status is PurchaseStatus.SHIPPED
    assert followed(shipped, work, actor=ACTOR, now=NOW) == shipped


def test_what_is_sent_is_not_approved_again_with_other_costs() -> None:
    work = accepted(1)
    bought = followed(a_purchase(work), work, actor=ACTOR, now=NOW)
    with pytest.raises(IllegalMove):
        approved(bought, Approve(purchase_id=bought.id, actor=ACTOR, costs={bought.lines[0].id: 1}), now=NOW)
    with pytest.raises(UnknownPurchaseLine):
        approved(bought, Approve(purchase_id=bought.id, actor=ACTOR, costs={fresh_id(): 1}), now=NOW)


def test_an_invoice_is_in_the_currency_of_its_purchase_order() -> None:
    bought = a_purchase(offered(1))
    with pytest.raises(OtherInvoiceCurrency):
        judged(bought, an_invoice(bought, 1, 1, "USD"), Supplier(location_id=bought.location_id), now=NOW)


@pytest.mark.parametrize("days", [-2, 731])
def test_goods_are_sent_soon(days: int) -> None:
    with pytest.raises(ImplausibleDay):
        check_due(NOW + timedelta(days=days), now=NOW)


@given(
    shipped=st.integers(1, 50),
    invoiced=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3_000)), max_size=5),
    units_more=st.integers(0, 5),
    price_more_bp=st.integers(0, 10_000),
)
def test_what_matches_by_itself_is_never_more_than_was_sent_and_agreed(
    shipped: int, invoiced: list[tuple[int, int]], units_more: int, price_more_bp: int
) -> None:
    """FUL-13: however invoices come, those that match ask within tolerance of what no earlier one is of."""
    work = handed_over(shipped)
    bought = followed(a_purchase(work), work, actor=ACTOR, now=NOW)
    terms = Supplier(location_id=bought.location_id, price_tolerance_bp=price_more_bp, quantity_tolerance=units_more)
    for units, price_minor in invoiced:
        one = judged(bought, an_invoice(bought, units, price_minor), terms, now=NOW)
        if one.status is InvoiceStatus.MATCHED:
            assert price_minor * 10_000 <= 1_000 * (10_000 + price_more_bp)
            bought = counted(bought, one)
    assert bought.lines[0].invoiced <= shipped + units_more


@given(net_minor=st.integers(0, 10**12), quantity=st.integers(1, 1_000), commission_bp=st.integers(0, 10_000))
def test_a_supplier_is_never_paid_more_than_the_customer_pays_less_our_commission(
    net_minor: int, quantity: int, commission_bp: int
) -> None:
    paid = cost_after_commission(net_minor, quantity, commission_bp) * quantity
    assert 0 <= paid * 10_000 <= net_minor * (10_000 - commission_bp)
