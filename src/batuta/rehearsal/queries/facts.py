"""What plans of a period were decided on."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Date, Uuid, any_, bindparam, select

from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain.past import Past
from batuta.inventory.queries import Withheld, withheld
from batuta.inventory.queries.past import changes_since, levels_of
from batuta.locations.queries import AllLocations, all_locations
from batuta.plumbing.database import Connection, rows_with
from batuta.pricing.domain.costs import UnitCosts
from batuta.pricing.queries import unit_costs_of
from batuta.rehearsal.domain import Recorded
from batuta.sourcing.domain import Good
from batuta.sourcing.domain.strategies import Strategies
from batuta.sourcing.queries import categories_of, goods_of
from batuta.sourcing.tables import assignment, rejection

_PLANNED = select(assignment.c.location_id, assignment.c.day, assignment.c.order_id, assignment.c.planned_at).where(
    assignment.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
    assignment.c.day >= bindparam("from_day", type_=Date()),
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What does not depend on rules. planned: when orders were first planned at a location, by its day."""

    past: Past
    goods: Mapping[UUID, Good]
    every: AllLocations
    kept_back: Withheld
    rejections: Sequence[Mapping[str, Any]]
    planned: Mapping[tuple[UUID, date], Sequence[datetime]]
    costs: UnitCosts

    def barred(self, at: datetime) -> frozenset[tuple[UUID | None, UUID, UUID]]:
        """SKUs at locations that gave them back before, and were not to be asked at that moment."""
        return frozenset(
            (None if row["is_for_all"] else row["order_id"], row["sku_id"], row["location_id"])
            for row in self.rejections
            if row["created_at"] < at and (row["until_at"] is None or row["until_at"] > at)
        )

    def load(self, location_id: UUID, day: date, at: datetime) -> int:
        """Orders that the location had been given of its day before a moment."""
        return bisect_left(self.planned.get((location_id, day), ()), at)


async def facts_of(
    db: Connection, orders: Sequence[Recorded], known: Collection[Strategies], *, now: datetime
) -> Facts:
    """Read what the orders' plans were decided on, from the first of them on."""
    asked = {sku_id for one in orders for line in one.request.lines for sku_id, _ in line.components}
    skus = await skus_by_id(db, asked)
    categories: dict[UUID, str] = {}
    for one in known:
        categories |= await categories_of(db, one, skus)
    goods = goods_of(asked, skus, categories)
    tracked = [sku_id for sku_id, good in goods.items() if good.is_tracked]
    since = min((one.at for one in orders), default=now)
    past = Past(await levels_of(db, tracked, now=now), await changes_since(db, tracked, since=since, now=now))
    every = await all_locations(db)
    return Facts(
        past=past,
        goods=goods,
        every=every,
        kept_back=await withheld(db),
        rejections=await rows_with(db, rejection.c.sku_id, asked),
        planned=await _planned(db, every, since=since),
        costs=await unit_costs_of(db, asked),
    )


async def _planned(db: Connection, every: AllLocations, *, since: datetime) -> dict[tuple[UUID, date], list[datetime]]:
    limited = [one.id for one in every.by_id.values() if one.daily_capacity_orders is not None]
    first: dict[tuple[UUID, date, UUID], datetime] = {}
    given = {"location_ids": limited, "from_day": since.date() - timedelta(days=1)}
    for row in await db.execute(_PLANNED, given) if limited else ():
        key = (row["location_id"], row["day"], row["order_id"])
        first[key] = min(row["planned_at"], first.get(key, row["planned_at"]))
    found: dict[tuple[UUID, date], list[datetime]] = defaultdict(list)
    for (location_id, day, _), at in first.items():
        found[location_id, day].append(at)
    return {key: sorted(moments) for key, moments in found.items()}
