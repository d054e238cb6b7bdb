"""Work orders follow their fulfillment orders: opened as a location accepts, and fewer units as it serves fewer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Uuid, bindparam, case, update

from batuta.catalog.domain import Component
from batuta.fulfillment.domain import Changes, FulfillmentOrder, FulfillmentStatus, LineUnits, WorkOrder, WorkStatus
from batuta.fulfillment.events import WorkCancelled, WorkOpened
from batuta.fulfillment.queries import work_orders_by_id
from batuta.fulfillment.tables import work_order
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.ordering.domain import MadeLine
from batuta.ordering.queries import made_lines
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params
from batuta.plumbing.events import publish

NOT_ACCEPTED = {FulfillmentStatus.PLANNED, FulfillmentStatus.OFFERED}

_given = arrays("given", id=Uuid(), quantity=Integer())
_lessen = (
    update(work_order)
    .where(work_order.c.id == _given.c.id)
    .values(
        quantity=_given.c.quantity,
        status=case((_given.c.quantity == 0, WorkStatus.CANCELLED.value), else_=work_order.c.status),
        version=work_order.c.version + 1,
        updated_at=bindparam("now", type_=Instant),
    )
)


async def follow_work(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Open and lessen work orders as their fulfillment orders changed; nothing here is ever refused."""
    first: dict[UUID, FulfillmentOrder] = {}
    last: dict[UUID, tuple[FulfillmentOrder, str]] = {}
    for _, change in changes:
        if any(line.makes for line in change.before.lines):
            first.setdefault(change.after.id, change.before)
            last[change.after.id] = change.after, change.actor
    pairs = [(first[id_], *last[id_]) for id_ in sorted(last)]
    if pairs:
        await _open(db, [(after, actor) for before, after, actor in pairs if _is_accepted(before, after)], now=now)
        await _adjust(db, [one for one in pairs if one[0].status not in NOT_ACCEPTED], now=now)
    return {}


def work_order_id(fulfillment_order_id: UUID, line_id: UUID) -> UUID:
    return child_id(fulfillment_order_id, "work", line_id)


def _is_accepted(before: FulfillmentOrder, after: FulfillmentOrder) -> bool:
    return before.status in NOT_ACCEPTED and after.status not in NOT_ACCEPTED and bool(after.live_units())


async def _open(db: Connection, accepted: Sequence[tuple[FulfillmentOrder, str]], *, now: datetime) -> None:
    lines = {line.line_id for one, _ in accepted for line in one.lines if line.makes}
    bought = await made_lines(db, lines) if lines else {}
    opened = [
        (_opened(one, units, bought[line_id], now), one, actor)
        for one, actor in accepted
        for line_id, units in one.units("live").items()
        if line_id in bought and units
    ]
    await insert_rows(db, work_order, [_row(work, now) for work, _, _ in opened])
    await publish(
        db,
        [
            WorkOpened(**about(work, one, actor, now), needs_proof=work.recipe.needs_proof)
            for work, one, actor in opened
        ],
    )


def _opened(one: FulfillmentOrder, units: int, bought: MadeLine, now: datetime) -> WorkOrder:
    parts = {line.sku_id: line.per_unit for line in one.lines if line.line_id == bought.line_id}
    return WorkOrder(
        id=work_order_id(one.id, bought.line_id),
        fulfillment_order_id=one.id,
        order_id=one.order_id,
        order_number=one.order_number,
        location_id=one.location_id,
        line_id=bought.line_id,
        sku_id=bought.sku_id,
        quantity=units,
        status=WorkStatus.AWAITING_PROOF if bought.recipe.needs_proof else WorkStatus.OPEN,
        parts=tuple(Component(sku_id=sku_id, quantity=quantity) for sku_id, quantity in parts.items()),
        recipe=bought.recipe,
        personalisation=bought.personalisation,
        version=1,
        created_at=now,
    )


def _row(work: WorkOrder, now: datetime) -> dict[str, Any]:
    row = msgspec.structs.asdict(work) | {"status": str(work.status), "parts": list(work.parts), "updated_at": now}
    del row["marks"]
    return row


async def _adjust(
    db: Connection, pairs: Sequence[tuple[FulfillmentOrder, FulfillmentOrder, str]], *, now: datetime
) -> None:
    """Make the work orders as large as what is still wanted."""
    changed: dict[UUID, tuple[int, FulfillmentOrder, str]] = {}
    for before, after, actor in pairs:
        earlier, made = before.units("live"), {line.line_id for line in after.lines if line.makes}
        for line_id, units in after.units("live").items():
            if line_id in made and units != earlier[line_id]:
                changed[work_order_id(after.id, line_id)] = units, after, actor
    if not changed:
        return
    ids = sorted(changed)
    await db.execute(_lessen, {"now": now} | params("given", id=ids, quantity=[changed[id_][0] for id_ in ids]))
    works = await work_orders_by_id(db, ids)
    told: list[Event] = [
        WorkCancelled(**about(works[id_], one, actor, now)) for id_, (units, one, actor) in changed.items() if not units
    ]
    await publish(db, told)


def about(work: WorkOrder, one: FulfillmentOrder, actor: str, now: datetime) -> dict[str, Any]:
    """What every fact about a work order says."""
    return {
        "stream": work.order_id,
        "happened_at": now,
        "actor": actor,
        "fulfillment_order_id": work.fulfillment_order_id,
        "location_id": work.location_id,
        "method": one.method,
        "work_order_id": work.id,
        "sku_id": work.sku_id,
        "lines": (LineUnits(work.line_id, work.quantity),),
    }
