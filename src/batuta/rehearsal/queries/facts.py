"""What plans of a period were decided on."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain.past import Past
from batuta.inventory.queries import Withheld, withheld
from batuta.inventory.queries.past import changes_since, levels_of
from batuta.locations.queries import AllLocations, all_locations
from batuta.plumbing.database import Connection, Instant, rows_with
from batuta.pricing.domain.costs import UnitCosts
from batuta.pricing.queries import unit_costs_of
from batuta.rehearsal.domain import Recorded
from batuta.sourcing.domain import Good
from batuta.sourcing.domain.capacity import NO_WORK, Work
from batuta.sourcing.domain.holds import Window, counted_in
from batuta.sourcing.domain.strategies import Strategies
from batuta.sourcing.queries import categories_of, goods_of
from batuta.sourcing.queries.capacity import hold_of
from batuta.sourcing.tables import capacity_hold, rejection

_HELD = select(capacity_hold).where(
    capacity_hold.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
    capacity_hold.c.day_at >= bindparam("from_at", type_=Instant),
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What does not depend on rules. given: when locations that have limits were given what, by their windows."""

    past: Past
    goods: Mapping[UUID, Good]
    every: AllLocations
    kept_back: Withheld
    rejections: Sequence[Mapping[str, Any]]
    given: Mapping[Window, Sequence[tuple[datetime, Work]]]
    costs: UnitCosts

    def barred(self, at: datetime) -> frozenset[tuple[UUID | None, UUID, UUID]]:
        """SKUs at locations that gave them back before, and were not to be asked at that moment."""
        return frozenset(
            (None if row["is_for_all"] else row["order_id"], row["sku_id"], row["location_id"])
            for row in self.rejections
            if row["created_at"] < at and (row["until_at"] is None or row["until_at"] > at)
        )

    def load(self, window: Window, at: datetime) -> Work:
        """What the location had been given by plans made before a moment."""
        found = NO_WORK
        for given_at, work in self.given.get(window, ()):
            found = found.plus(work) if given_at < at else found
        return found


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
        given=await _given(db, every, since=since),
        costs=await unit_costs_of(db, asked),
    )


async def _given(db: Connection, every: AllLocations, *, since: datetime) -> dict[Window, list[tuple[datetime, Work]]]:
    limited = [one.id for one in every.by_id.values() if one.capacity]
    found: dict[Window, list[tuple[datetime, Work]]] = defaultdict(list)
    asked = {"location_ids": limited, "from_at": since - timedelta(days=2)}
    for hold in map(hold_of, await db.execute(_HELD, asked) if limited else ()):
        for window in counted_in(hold.location_id, hold.windows, hold.method):
            found[window].append((hold.held_at, hold.work))
    return found
