"""How many orders a location takes a day."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Date, Uuid, func, select, update

from batuta.plumbing.database import Connection, Integer, arrays, insert_new, params
from batuta.sourcing.commands.gathering import Gathered, Refusals
from batuta.sourcing.domain import Draft
from batuta.sourcing.tables import assignment, load

Day = tuple[UUID, date]
"""A location and one of its local days."""

_given = arrays("given", location_id=Uuid(), day=Date(), orders=Integer())
_lock = (
    select(load.c.location_id, load.c.day, load.c.orders)
    .join(_given, (_given.c.location_id == load.c.location_id) & (_given.c.day == load.c.day))
    .order_by(load.c.location_id, load.c.day)
    .with_for_update(of=load)
)
_add = (
    update(load)
    .where(load.c.location_id == _given.c.location_id, load.c.day == _given.c.day)
    .values(orders=load.c.orders + _given.c.orders)
)
_planned = (
    select(func.count(assignment.c.order_id.distinct()))
    .where(
        assignment.c.location_id == load.c.location_id,
        assignment.c.day == load.c.day,
        assignment.c.quantity > 0,
    )
    .scalar_subquery()
)
_count_again = (
    update(load).where(load.c.location_id == _given.c.location_id, load.c.day == _given.c.day).values(orders=_planned)
)


async def take_capacity(
    db: Connection, drafts: Sequence[Draft], gathered: Gathered, refusals: Refusals, *, without: Collection[UUID]
) -> set[UUID]:
    """Count the planned orders at the locations that limit them; return those that found a location full.

    Locks the locations' days in ascending order.
    """
    taking: dict[Day, list[UUID]] = defaultdict(list)
    for draft in drafts:
        order_id = draft.request.order_id
        for location_id in draft.location_ids & gathered.days.keys():
            if order_id not in without and (order_id, location_id) not in gathered.known.counted:
                taking[location_id, gathered.days[location_id]].append(order_id)
    if not taking:
        return set()

    orders = await _lock_days(db, sorted(taking))
    forced = {draft.request.order_id for draft in drafts if draft.request.override}
    refused = set()
    for (location_id, day), order_ids in taking.items():
        left = max(0, (gathered.locations[location_id].daily_capacity_orders or 0) - orders[location_id, day])
        late = [order_id for order_id in order_ids[left:] if order_id not in forced]
        refused.update(late)
        refusals.full.update((order_id, location_id) for order_id in late)
    taken = {key: sum(order_id not in refused for order_id in order_ids) for key, order_ids in sorted(taking.items())}
    await db.execute(_add, _rows(list(taken), list(taken.values())))
    return refused


async def count_again(db: Connection, days: Collection[Day]) -> None:
    """Set the loads to the orders that still stand there."""
    if days:
        await _lock_days(db, sorted(days))
        await db.execute(_count_again, _rows(sorted(days), [0] * len(days)))


async def _lock_days(db: Connection, days: Sequence[Day]) -> dict[Day, int]:
    rows = [{"location_id": location_id, "day": day, "orders": 0} for location_id, day in days]
    await insert_new(db, load, rows, returning=["location_id"])
    locked = await db.execute(_lock, _rows(days, [0] * len(days)))
    return {(row.location_id, row.day): row.orders for row in locked}


def _rows(days: Sequence[Day], orders: Sequence[int]) -> dict[str, Sequence[object]]:
    return params("given", location_id=[day[0] for day in days], day=[day[1] for day in days], orders=orders)
