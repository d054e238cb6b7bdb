"""Rows of purchase orders: locked, written, told."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, BigInteger, Text, Uuid, any_, bindparam, select, update

from batuta.fulfillment.commands.carrying import lock_fulfillments
from batuta.fulfillment.domain import FulfillmentOrder
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_rows, params, rows_with
from batuta.plumbing.events import publish
from batuta.purchasing.domain import Purchase, PurchaseStep
from batuta.purchasing.events import PurchaseMoved
from batuta.purchasing.queries import purchases_by_id
from batuta.purchasing.tables import purchase, purchase_line, purchase_step

_lock = (
    select(purchase.c.id)
    .where(purchase.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(purchase.c.id)
    .with_for_update(key_share=True)
)
_given = arrays("given", id=Uuid(), status=Text(), due_at=Instant)
_write = update(purchase).where(purchase.c.id == _given.c.id).values(status=_given.c.status, due_at=_given.c.due_at)
_counted = arrays(
    "counted", id=Uuid(), quantity=Integer(), unit_cost_minor=BigInteger(), shipped=Integer(), invoiced=BigInteger()
)
_COUNTS = ("quantity", "unit_cost_minor", "shipped", "invoiced")
_write_lines = (
    update(purchase_line)
    .where(purchase_line.c.id == _counted.c.id)
    .values({name: _counted.c[name] for name in _COUNTS})
)


async def lock_purchases(db: Connection, ids: Collection[UUID]) -> dict[UUID, Purchase]:
    """Lock purchase orders in the order of their ids, and read them; unknown ids are left out."""
    await db.execute(_lock, {"ids": sorted(set(ids))})
    return await purchases_by_id(db, ids)


async def lock_with_work(
    db: Connection, ids: Collection[UUID]
) -> tuple[dict[UUID, Purchase], dict[UUID, FulfillmentOrder]]:
    """Lock the orders behind purchase orders, and then these; with the work that each is of, by its own id."""
    rows = await rows_with(db, purchase.c.id, set(ids))
    work = await lock_fulfillments(db, {row["fulfillment_order_id"] for row in rows})
    return await lock_purchases(db, ids), work


async def write_purchases(db: Connection, before: Mapping[UUID, Purchase], after: Iterable[Purchase]) -> None:
    """Write what has changed in locked purchase orders, and tell it."""
    changed = [one for one in after if one != before[one.id]]
    if not changed:
        return
    given = {name: [getattr(one, name) for one in changed] for name in ("id", "status", "due_at")}
    await db.execute(_write, params("given", **given))
    lines = [line for one in changed for line in one.lines if line not in before[one.id].lines]
    if lines:
        counts = {name: [getattr(line, name) for line in lines] for name in ("id", *_COUNTS)}
        await db.execute(_write_lines, params("counted", **counts))
    await tell_steps(db, [(one, step) for one in changed for step in one.steps[len(before[one.id].steps) :]])


async def tell_steps(db: Connection, steps: Collection[tuple[Purchase, PurchaseStep]]) -> None:
    """Keep who did what, and tell it."""
    await insert_rows(
        db, purchase_step, [{"purchase_id": one.id, **msgspec.structs.asdict(step)} for one, step in steps]
    )
    await publish(db, [PurchaseMoved(**_fact(one, step)) for one, step in steps])


def _fact(one: Purchase, step: PurchaseStep) -> dict[str, Any]:
    return {
        "stream": one.order_id,
        "happened_at": step.at,
        "actor": step.actor,
        "purchase_id": one.id,
        "fulfillment_order_id": one.fulfillment_order_id,
        "location_id": one.location_id,
        "status": step.status,
        "due_at": one.due_at,
        "note": step.note,
    }
