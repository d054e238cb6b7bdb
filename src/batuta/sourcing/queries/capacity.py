"""How much locations were given, and what of that stands."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Integer, Uuid, and_, any_, bindparam, func, literal, select, union_all

from batuta.locations.domain import CapacityPeriod, Location
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, Instant, Row, arrays, params, rows_with
from batuta.sourcing.domain import Method, Site
from batuta.sourcing.domain.capacity import NO_WORK, Capacity, Windows, Work, windows_at
from batuta.sourcing.domain.holds import CapacityHold, Window
from batuta.sourcing.tables import assignment, capacity_hold, load

_WORK = ("orders", "lines", "units", "packages")
_locations = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_begins = bindparam("begins", type_=ARRAY(Instant, dimensions=1))
_now = bindparam("now", type_=Instant)


def _lapsed(per: CapacityPeriod) -> Any:
    begins_at = capacity_hold.c.day_at if per is CapacityPeriod.DAY else capacity_hold.c.hour_at
    amounts = [(-capacity_hold.c[name]).label(name) for name in _WORK]
    return select(
        capacity_hold.c.location_id, begins_at.label("begins_at"), literal(per.value), capacity_hold.c.method, *amounts
    ).where(capacity_hold.c.location_id == any_(_locations), capacity_hold.c.expires_at <= _now)


_counted = select(load.c.location_id, load.c.begins_at, load.c.per, load.c.method, *(load.c[name] for name in _WORK))
_LOADS = union_all(
    _counted.where(load.c.location_id == any_(_locations), load.c.begins_at == any_(_begins)),
    *(_lapsed(per) for per in CapacityPeriod),
)
_from = bindparam("from_at", type_=Instant)
_until = bindparam("until_at", type_=Instant)
_BETWEEN = union_all(
    _counted.where(load.c.location_id == any_(_locations), load.c.begins_at >= _from, load.c.begins_at < _until),
    *(_lapsed(per) for per in CapacityPeriod),
)
_key = arrays("key", order_id=Uuid(), location_id=Uuid(), attempt=Integer())
_is_key = [assignment.c[name] == _key.c[name] for name in ("order_id", "location_id", "attempt")]
_STANDING = (
    select(
        *(assignment.c[name] for name in ("order_id", "location_id", "attempt")),
        func.count(assignment.c.line_id.distinct()).label("lines"),
        func.sum(assignment.c.quantity).label("units"),
    )
    .select_from(_key.join(assignment, and_(*_is_key)))
    .where(assignment.c.quantity > 0)
    .group_by(*(assignment.c[name] for name in ("order_id", "location_id", "attempt")))
)

Key = tuple[UUID, UUID, int]
"""Of a hold: order, location and attempt."""


async def capacities_of(
    db: Connection, locations: Collection[Location], sites: Mapping[UUID, Site], *, now: datetime
) -> dict[UUID, Capacity]:
    """What each location that has limits was given of the day and the hour in which it would begin now.

    One statement, and none when nobody has limits.
    """
    windows = {one.id: windows_at(one, sites[one.id].opens_at or now) for one in locations if one.capacity}
    given = await loads_in(db, windows, now=now)
    return {one.id: Capacity(one, windows[one.id], given[one.id]) for one in locations if one.id in windows}


async def loads_in(
    db: Connection, windows: Mapping[UUID, Windows], *, now: datetime
) -> dict[UUID, dict[tuple[CapacityPeriod, Method], Work]]:
    """What locations were given in their windows; what has lapsed is not among it, whether or not a sweep saw that."""
    found: dict[UUID, dict[tuple[CapacityPeriod, Method], Work]] = {id_: {} for id_ in windows}
    if not windows:
        return found
    begins = {at for several in windows.values() for at in several}
    rows = await db.execute(_LOADS, {"location_ids": list(windows), "begins": sorted(begins), "now": now})
    for window, work in works_in(rows).items():
        if windows[window.location_id].begin(window.per) == window.begins_at:
            found[window.location_id][window.per, window.method] = work
    return found


async def loads_between(
    db: Connection, location_ids: Collection[UUID], *, from_at: datetime, until_at: datetime, now: datetime
) -> dict[Window, Work]:
    """What locations were given in windows that begin in a time; windows without any are absent."""
    given = {"location_ids": list(location_ids), "from_at": from_at, "until_at": until_at, "now": now}
    found = works_in(await db.execute(_BETWEEN, given)) if location_ids else {}
    return {window: work for window, work in found.items() if from_at <= window.begins_at < until_at}


async def capacity_holds_of(db: Connection, order_ids: Collection[UUID]) -> dict[Key, CapacityHold]:
    """What the plans of orders took, given back or not."""
    return {one.key: one for one in map(hold_of, await rows_with(db, capacity_hold.c.order_id, order_ids))}


async def standing_work(db: Connection, keys: Collection[Key]) -> dict[Key, tuple[int, int]]:
    """Lines and units of plans that were not given back; plans of which nothing is left are absent."""
    columns = zip(*sorted(keys), strict=True)
    given = params("key", **dict(zip(("order_id", "location_id", "attempt"), columns, strict=True)))
    rows = await db.execute(_STANDING, given)
    return {(row.order_id, row.location_id, row.attempt): (row.lines, row.units) for row in rows}


def hold_of(row: Row | Mapping[str, Any]) -> CapacityHold:
    return msgspec.convert(dict(row), CapacityHold)


def works_in(rows: Any) -> dict[Window, Work]:
    """Rows of windows, each with its work, added up."""
    found: dict[Window, Work] = {}
    for location_id, begins_at, per, method, *amounts in rows:
        window = Window(location_id, begins_at, CapacityPeriod(per), Method(method))
        found[window] = found.get(window, NO_WORK).plus(Work(**dict(zip(_WORK, amounts, strict=True))))
    return found


CAPACITY_LAWS = (
    Law(
        "a location's load is what is held and confirmed of its capacity",
        """
        SELECT location_id, begins_at, per, method
        FROM sourcing.load l
        FULL JOIN (
            SELECT location_id, begins_at, per, method, sum(orders) AS orders, sum(lines) AS lines,
                sum(units) AS units, sum(packages) AS packages
            FROM sourcing.capacity_hold
            CROSS JOIN LATERAL (VALUES ('day', day_at), ('hour', hour_at)) AS counted (per, begins_at)
            WHERE status IN ('held', 'confirmed')
            GROUP BY location_id, begins_at, per, method
        ) AS h USING (location_id, begins_at, per, method)
        WHERE (coalesce(l.orders, 0), coalesce(l.lines, 0), coalesce(l.units, 0), coalesce(l.packages, 0))
            <> (coalesce(h.orders, 0), coalesce(h.lines, 0), coalesce(h.units, 0), coalesce(h.packages, 0))
        """,
    ),
    Law(
        "what is held and confirmed of a location's capacity is what stands of its plans",
        """
        SELECT order_id, location_id, attempt, h.units, coalesce(a.units, 0) AS planned
        FROM sourcing.capacity_hold h
        LEFT JOIN (
            SELECT order_id, location_id, attempt, count(DISTINCT line_id) AS lines, sum(quantity) AS units
            FROM sourcing.assignment WHERE quantity > 0 GROUP BY order_id, location_id, attempt
        ) AS a USING (order_id, location_id, attempt)
        WHERE h.status IN ('held', 'confirmed')
            AND (h.orders, h.lines, h.units) <> (1, coalesce(a.lines, 0), coalesce(a.units, 0))
        """,
    ),
)
