"""Named adjustments: amounts on top of an order, or of a line of it, or off it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.ordering.commands.moving import lock_orders
from batuta.ordering.events import OrderAdjusted
from batuta.ordering.queries import orders_by_id
from batuta.ordering.tables import adjustment
from batuta.payments.commands import record_due
from batuta.payments.domain import Due
from batuta.plumbing.database import Connection, insert_new
from batuta.plumbing.events import publish


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A named amount in the order's currency; negative is in the customer's favour. line_id: whose price it changes."""

    id: UUID
    order_id: UUID
    name: str
    amount_minor: int
    actor: str
    line_id: UUID | None = None


async def adjust(db: Connection, *, adjustments: Sequence[Adjustment], now: datetime) -> None:
    """Book adjustments once each, by id; what is due follows. Locks the orders."""
    if not adjustments:
        return
    await lock_orders(db, (one.order_id for one in adjustments))
    rows = [{**msgspec.structs.asdict(one), "booked_at": now} for one in sorted(adjustments, key=lambda one: one.id)]
    new = {id_ for (id_,) in await insert_new(db, adjustment, rows, returning=["id"])}
    fresh = [one for one in adjustments if one.id in new]
    orders = await orders_by_id(db, [one.order_id for one in fresh])
    await record_due(
        db,
        dues=[
            Due(
                order_id=one.order_id,
                cause_id=one.id,
                amount_minor=one.amount_minor,
                currency=orders[one.order_id].currency,
                name=one.name,
            )
            for one in fresh
        ],
        now=now,
    )
    await publish(
        db,
        [
            OrderAdjusted(
                stream=one.order_id,
                happened_at=now,
                actor=one.actor,
                name=one.name,
                amount_minor=one.amount_minor,
                cause_id=one.id,
                line_id=one.line_id,
            )
            for one in fresh
        ],
    )
