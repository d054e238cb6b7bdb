"""Charging by weight: what was ordered by piece costs what it weighs as it is packed, within what is held (INV-15)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_id
from batuta.fulfillment.events import Weighed, WeighedUnits
from batuta.kernel.ids import child_id
from batuta.ordering.commands import Adjustment, adjust
from batuta.ordering.domain import Order, Share, value_of
from batuta.ordering.domain.weighing import ADJUSTMENT, by_weight_minor, charged_minor
from batuta.ordering.queries import adjusted_minor, orders_by_id
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection

ACTOR = "system:score"


async def charge_by_weight(db: Connection, events: Sequence[Weighed], now: datetime) -> None:
    """Put the price of weighed units right.

    Parts of bundles, and what is sent instead of something else, keep the price of their line. What is unpacked again,
    or comes home, is worth again what it was reckoned at.
    """
    skus = await skus_by_id(db, {unit.sku_id for one in events for unit in one.units})
    orders = await orders_by_id(db, [one.stream for one in events])
    money = await balances(db, list(orders))
    rooms = {order_id: money[order_id].room_minor if order_id in money else None for order_id in orders}
    booked = await adjusted_minor(db, [_id(unit) for one in events for unit in one.units])
    made: list[Adjustment] = []
    for one in events:
        for unit in one.units:
            room, before = rooms[one.stream], booked.get(_id(unit), 0)
            id_ = child_id(_id(unit), "undone") if one.is_undone else _id(unit)
            more = 0 if one.is_undone else _difference(orders[one.stream], skus, unit)
            amount = -before if one.is_undone else charged_minor(more, room_minor=room)
            if not amount or (before and not one.is_undone):
                continue
            booked[_id(unit)] = 0 if one.is_undone else amount
            rooms[one.stream] = None if room is None else room - amount
            made.append(
                Adjustment(
                    id=id_,
                    order_id=one.stream,
                    name=ADJUSTMENT,
                    amount_minor=amount,
                    actor=ACTOR,
                    line_id=unit.line_id,
                )
            )
    await adjust(db, adjustments=made, now=now)


def _id(unit: WeighedUnits) -> UUID:
    return child_id(unit.parcel_id, ADJUSTMENT, unit.line_id, unit.sku_id)


def _difference(order: Order, skus: Mapping[UUID, Sku], unit: WeighedUnits) -> int:
    """By how much more the units cost than they were reckoned at."""
    sku = skus[unit.sku_id]
    line = next((line for line in order.lines if line.id == unit.line_id), None)
    usual_g = sku.weight_g * unit.quantity
    if line is None or line.sku_id != sku.id or not sku.is_weighed or not usual_g:
        return 0
    worth = value_of(line.gross_minor, line.quantity, Share(0, min(unit.quantity, line.quantity)))
    return by_weight_minor(worth, usual_g=usual_g, weight_g=unit.weight_g)
