"""Sold orders and returns for tests of pure decisions."""

from uuid import UUID

from batuta.ordering.domain import Share, value_of
from batuta.returns.domain import (
    Component,
    RequestReturn,
    Return,
    ReturnedUnits,
    ReturnStatus,
    Sold,
    SoldOrder,
    decide_request,
    decide_status,
)
from tests.making import fresh_id

ACTOR = "staff:ana"


def sold(quantity: int, *, gross_minor: int = 10_000, delivered: int | None = None, cancelled: int = 0) -> Sold:
    sku_id = fresh_id()
    return Sold(
        line_id=fresh_id(),
        sku_id=sku_id,
        quantity=quantity,
        components=(Component(sku_id, 1),),
        is_tracked=True,
        paid_minor=value_of(gross_minor, quantity, Share(0, quantity - cancelled)),
        returnable=quantity - cancelled if delivered is None else delivered,
        cancelled=cancelled,
    )


def sold_order(*lines: Sold, shipping_minor: int = 490) -> SoldOrder:
    return SoldOrder(
        id=fresh_id(),
        customer_id=fresh_id(),
        currency="EUR",
        shipping_minor=shipping_minor,
        lines={line.line_id: line for line in lines},
    )


def a_request(order: SoldOrder, *units: tuple[UUID, int]) -> RequestReturn:
    return RequestReturn(
        id=fresh_id(),
        order_id=order.id,
        lines=tuple(ReturnedUnits(order_line_id=line_id, quantity=quantity) for line_id, quantity in units),
        actor="customer:ana",
    )


def requested(order: SoldOrder, *units: tuple[UUID, int]) -> Return:
    return decide_request(a_request(order, *units), order)


def approved(order: SoldOrder, *units: tuple[UUID, int]) -> Return:
    return decide_status(requested(order, *units), ReturnStatus.APPROVED)
