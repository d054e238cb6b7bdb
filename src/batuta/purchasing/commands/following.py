"""Purchase orders follow the work of their suppliers' locations, whoever did it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from batuta.fulfillment.commands.carrying import lock_fulfillments
from batuta.plumbing.database import Connection
from batuta.purchasing.commands.rows import lock_purchases, write_purchases
from batuta.purchasing.domain import followed
from batuta.purchasing.queries import purchase_ids_of_work


async def follow_work(
    db: Connection, *, fulfillment_order_ids: Collection[UUID], actor: str, now: datetime, note: str = ""
) -> None:
    """Bring the purchase orders of fulfillment orders to where these stand; those without one are passed over."""
    ids = await purchase_ids_of_work(db, fulfillment_order_ids)
    if not ids:
        return
    work = await lock_fulfillments(db, ids)
    before = await lock_purchases(db, ids.values())
    after = [followed(one, work[one.fulfillment_order_id], actor=actor, now=now, note=note) for one in before.values()]
    await write_purchases(db, before, after)
