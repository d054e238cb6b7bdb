"""Closed orders of another system: taken over once, with their goods and their money."""

from datetime import timedelta

import msgspec
import pytest

from batuta.inventory.domain import NotEnoughStock
from batuta.inventory.queries import AUDIT as INVENTORY_LAWS
from batuta.inventory.queries import availability, movements_of_document
from batuta.ordering.commands import import_closed
from batuta.ordering.domain import BadOrder, FulfillmentStatus, OrderStatus, Placed, UnknownSku
from batuta.ordering.domain.importing import ClosedLine, ClosedOrder
from batuta.ordering.queries import AUDIT as ORDERING_LAWS
from batuta.ordering.queries import orders_by_id
from batuta.payments.queries import AUDIT as PAYMENT_LAWS
from batuta.payments.queries import balances
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from tests.making import NOW, fresh_code, fresh_id
from tests.world import MADRID, Shop, build_shop


async def shop_with(db: Connection, units: int) -> Shop:
    return await build_shop(db, stock={"chair": {"north": units}})


def sold(shop: Shop, *quantities: int, sku: str = "chair") -> ClosedOrder:
    return ClosedOrder(
        id=fresh_id(),
        channel_code=shop.channel.code,
        external_id=fresh_code("old"),
        location_code=shop.locations["north"].code,
        customer_id=shop.customer_id,
        ship_to=MADRID,
        placed_at=NOW - timedelta(days=400),
        shipped_at=NOW - timedelta(days=399),
        actor="import:test",
        lines=[
            ClosedLine(
                sku_code=shop.skus[sku].code,
                quantity=quantity,
                unit_price_minor=1_210,
                net_minor=1_000 * quantity,
                tax_minor=210 * quantity,
                tax_rate_bp=2_100,
            )
            for quantity in quantities
        ],
    )


async def laws_hold(db: Connection) -> None:
    verdicts = await examine(db, (*ORDERING_LAWS, *INVENTORY_LAWS, *PAYMENT_LAWS))
    assert not [verdict for verdict in verdicts if verdict.broken]


async def test_a_closed_order_is_delivered_paid_and_out_of_stock_at_its_own_time(db: Connection) -> None:
    shop = await shop_with(db, 7)
    order = sold(shop, 2, 3)

    (placed,) = await import_closed(db, orders=[order], now=NOW)

    assert isinstance(placed, Placed)
    stored = (await orders_by_id(db, [order.id]))[order.id]
    assert (stored.status, stored.fulfillment) == (OrderStatus.COMPLETED, FulfillmentStatus.DELIVERED)
    assert (stored.net_minor, stored.tax_minor, stored.gross_minor) == (5_000, 1_050, 6_050)
    balance = (await balances(db, [order.id]))[order.id]
    assert (balance.due_minor, balance.paid_minor, balance.owed_minor) == (6_050, 6_050, 0)
    moved = (await movements_of_document(db, [order.id]))[order.id]
    assert {(one.quantity, one.effective_at) for one in moved} == {(2, order.shipped_at), (3, order.shipped_at)}
    (left,) = await availability(db, sku_ids=[shop.skus["chair"].id], now=NOW)
    assert left.available == 2
    assert [fact.name for fact in (await facts_of(db, [order.id]))[order.id]] == ["ordering.order_imported"]
    await laws_hold(db)


async def test_an_order_imported_again_is_answered_as_it_stands(db: Connection) -> None:
    """ORD-07: the same id, or the same number of the channel, is one order; also within one batch."""
    shop = await shop_with(db, 9)
    order = sold(shop, 2)
    twin = msgspec.structs.replace(order, id=fresh_id())

    first, *others = await import_closed(db, orders=[order, order, twin], now=NOW)
    again = await import_closed(db, orders=[twin, order], now=NOW + timedelta(days=1))

    assert others == again == [first, first]
    (left,) = await availability(db, sku_ids=[shop.skus["chair"].id], now=NOW)
    assert left.available == 7
    await laws_hold(db)


async def test_a_bundle_moves_its_parts_and_a_service_moves_nothing(db: Connection) -> None:
    shop = await shop_with(db, 9)
    orders = [sold(shop, 2, sku="set"), sold(shop, 1, sku="service")]

    await import_closed(db, orders=orders, now=NOW)

    moved = await movements_of_document(db, [one.id for one in orders])
    assert [(one.sku_id, one.quantity) for one in moved[orders[0].id]] == [(shop.skus["chair"].id, 4)]
    assert moved[orders[1].id] == []
    await laws_hold(db)


async def test_one_that_cannot_be_is_refused_and_its_neighbours_go_on(db: Connection) -> None:
    shop = await shop_with(db, 9)
    good = sold(shop, 1)
    unknown = msgspec.structs.replace(
        sold(shop, 1), lines=[msgspec.structs.replace(good.lines[0], sku_code=fresh_code("none"))]
    )
    backwards = msgspec.structs.replace(sold(shop, 1), shipped_at=good.placed_at - timedelta(days=1))

    outcomes = await import_closed(db, orders=[unknown, good, backwards], now=NOW)

    assert [type(one) for one in outcomes] == [UnknownSku, Placed, BadOrder]
    await laws_hold(db)


async def test_goods_that_were_never_there_are_not_imported_as_sold(db: Connection) -> None:
    """INV-12."""
    shop = await shop_with(db, 2)

    with pytest.raises(NotEnoughStock):
        await import_closed(db, orders=[sold(shop, 3)], now=NOW)


async def test_where_stock_was_not_kept_the_goods_are_left_alone(db: Connection) -> None:
    shop = await shop_with(db, 2)
    order = msgspec.structs.replace(sold(shop, 3), location_code=None)

    (placed,) = await import_closed(db, orders=[order], now=NOW)

    assert isinstance(placed, Placed)
    await laws_hold(db)
