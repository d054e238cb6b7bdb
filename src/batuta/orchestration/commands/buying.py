"""What suppliers are asked to send to customers by themselves (FUL-13)."""

from collections.abc import Sequence
from datetime import datetime

from batuta.fulfillment.events import FulfillmentEvent, Offered
from batuta.plumbing.database import Connection
from batuta.purchasing.commands import follow_work, order_from_suppliers
from batuta.purchasing.queries import suppliers_by_id

ACTOR = "system:score"


async def order_from_supplier(db: Connection, events: Sequence[Offered], now: datetime) -> None:
    """A location that was asked is a supplier: a purchase order says what it is paid."""
    work = {one.fulfillment_order_id: one.location_id for one in events}
    await order_from_suppliers(db, work=work, actor=ACTOR, now=now)


async def follow_supplier(db: Connection, events: Sequence[FulfillmentEvent], now: datetime) -> None:
    """The purchase order stands where the supplier's work does, whoever did that."""
    there = await suppliers_by_id(db, {one.location_id for one in events})
    work = {one.fulfillment_order_id for one in events if one.location_id in there}
    if work:
        await follow_work(db, fulfillment_order_ids=work, actor=ACTOR, now=now)
