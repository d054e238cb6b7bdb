"""What became of the orders, held against what the data says became of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from batuta.fulfillment.domain import FulfillmentOrder, FulfillmentStatus
from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.notifications.queries import message_counts
from batuta.ordering.domain import FulfillmentStatus as Goods
from batuta.ordering.domain import HoldKind, HoldStatus, Order
from batuta.ordering.queries import orders_by_id
from batuta.payments.queries import balances
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.worker import LAWS
from examples.olist.reading import Bought, Data

CHUNK = 500


async def report(db: Connection, data: Data) -> dict[str, Any]:
    """The figures of a replay, all read from the database."""
    found: dict[Any, Order] = {}
    work: dict[Any, list[FulfillmentOrder]] = {}
    money: dict[Any, Any] = {}
    for start in range(0, len(data.orders), CHUNK):
        ids = [order.id for order in data.orders[start : start + CHUNK]]
        found |= await orders_by_id(db, ids)
        work |= await fulfillment_orders_of(db, ids)
        money |= await balances(db, ids)
    placed = [order for order in data.orders if order.id in found]
    refused = [order for order in data.orders if order.id not in found]
    outcomes = {order.key: outcome(found[order.id], work.get(order.id, [])) for order in placed}
    captured = _sums(placed, lambda order: money[order.id].captured_minor)
    expected = _sums(placed, expected_captured_minor)
    odd = [order for order in placed if order.difference_minor]
    verdicts = await examine(db, LAWS)
    return {
        "orders_in": len(data.orders),
        "refused": {"orders": len(refused), "by_status": dict(Counter(order.status for order in refused))},
        "times_mended": dict(data.mended),
        "outcomes": dict(Counter(order.status for order in placed)),
        "outcomes_as_expected": sum(outcomes[order.key] == order.status for order in placed),
        "outcomes_otherwise": _otherwise(placed, outcomes),
        "canceled_after_hand_over": _turned_round(placed, found),
        "units_moved": await db.scalar(text("SELECT coalesce(sum(quantity), 0)::bigint FROM inventory.movement")),
        "messages": {str(status): count for status, count in (await message_counts(db)).items()},
        "captured_minor": captured,
        "expected_captured_minor": expected,
        "differences": [_difference(order) for order in odd],
        "differences_unexplained": await _unexplained(db, odd),
        "ledger_ok": not any(verdict.broken for verdict in verdicts),
        "laws_broken": {verdict.law: verdict.rows[:3] for verdict in verdicts if verdict.broken},
    }


def outcome(order: Order, work: Sequence[FulfillmentOrder]) -> str:
    """Where an order stands, in the words of the data."""
    goods = order.fulfillment
    if goods in _BY_GOODS:
        return _BY_GOODS[goods]
    for status, word in _BY_WORK:
        if any(one.status is status for one in work):
            return word
    is_parked = any(hold.kind is HoldKind.BACKORDER and hold.status is HoldStatus.ACTIVE for hold in order.holds)
    return "unavailable" if is_parked else str(order.status)


_BY_GOODS = {
    Goods.CANCELLED: "canceled",
    Goods.RETURNED: "canceled",
    Goods.DELIVERED: "delivered",
    Goods.SHIPPED: "shipped",
}
_BY_WORK = (
    (FulfillmentStatus.PICKING, "processing"),
    (FulfillmentStatus.ACCEPTED, "invoiced"),
    (FulfillmentStatus.OFFERED, "approved"),
)


def expected_captured_minor(order: Bought) -> int:
    """Cards are taken when the goods leave, everything else when it is approved."""
    if order.handed_over_at:
        return order.paid_minor
    return sum(pay.amount_minor for pay in order.pays if not pay.is_card)


def _sums(orders: Sequence[Bought], amount: Any) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for order in orders:
        sums[order.status] += amount(order)
    return dict(sums)


def _otherwise(placed: Sequence[Bought], outcomes: Mapping[str, str]) -> dict[str, int]:
    other = Counter(
        f"{order.status} -> {outcomes[order.key]}" for order in placed if outcomes[order.key] != order.status
    )
    return dict(other)


def _turned_round(placed: Sequence[Bought], found: Mapping[Any, Order]) -> dict[str, list[str]]:
    late = [order for order in placed if order.status == "canceled" and order.handed_over_at]
    return {
        "intercepted": [order.key for order in late if found[order.id].fulfillment is Goods.CANCELLED],
        "returned": [order.key for order in late if found[order.id].fulfillment is Goods.RETURNED],
        "neither": [
            order.key for order in late if found[order.id].fulfillment not in {Goods.CANCELLED, Goods.RETURNED}
        ],
    }


def _difference(order: Bought) -> dict[str, Any]:
    return {"order": order.key, "status": order.status, "amount_minor": order.difference_minor}


async def _unexplained(db: Connection, odd: Sequence[Bought]) -> int:
    """Differences without a named adjustment of the very amount."""
    rows = await db.execute(text("SELECT order_id, sum(amount_minor)::bigint FROM ordering.adjustment GROUP BY 1"))
    booked = {row[0]: row[1] for row in rows}
    return sum(booked.get(order.id, 0) != order.difference_minor for order in odd)
