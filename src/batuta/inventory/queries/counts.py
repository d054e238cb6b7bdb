"""Reads of cycle counts, of what the books said of a moment, and of places that stand still."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, select
from sqlalchemy import text as sql

from batuta.inventory.domain import StockKey
from batuta.inventory.domain.counts import Count, CountEntry, CountLine, CountStatus
from batuta.inventory.domain.slips import AHEAD_MAX
from batuta.inventory.tables.counts import count_entry, count_line, standstill, stock_count
from batuta.inventory.tables.stock import stock
from batuta.plumbing.database import Connection, Integer, arrays, params, rows_with
from batuta.plumbing.listing import Listing

Place = tuple[UUID, UUID]
"""A SKU and a location."""


class CountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which counts to list; None is any."""

    location_ids: list[UUID] | None = None
    status: CountStatus | None = None


_COUNTS = Listing(
    select(stock_count),
    order=(stock_count.c.created_at, stock_count.c.id),
    filters={
        "location_ids": stock_count.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))),
        "status": stock_count.c.status == bindparam("status", type_=Text()),
    },
    is_newest_first=True,
)


async def list_counts(
    db: Connection, *, wanted: CountFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[Count]:
    """A page of counts without their lines, the newest first."""
    rows = await _COUNTS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Count])


async def counts_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Count]:
    """Counts with their lines, and what each person counted, in order."""
    found = await rows_with(db, stock_count.c.id, ids)
    lines: dict[UUID, list[CountLine]] = defaultdict(list)
    for one in await _lines(db, [row["id"] for row in found]):
        lines[one.count_id].append(one)
    return {row["id"]: msgspec.convert(row | {"lines": lines[row["id"]]}, Count) for row in found}


async def _lines(db: Connection, count_ids: Sequence[UUID]) -> list[CountLine]:
    rows = await rows_with(db, count_line.c.count_id, count_ids)
    entries: dict[UUID, list[CountEntry]] = defaultdict(list)
    for one in msgspec.convert(
        await rows_with(db, count_entry.c.line_id, [row["id"] for row in rows]), list[CountEntry]
    ):
        entries[one.line_id].append(one)
    lines = [
        msgspec.convert(row | {"entries": sorted(entries[row["id"]], key=lambda one: one.round)}, CountLine)
        for row in rows
    ]
    return sorted(lines, key=lambda line: line.position)


_books = sql(
    """
    SELECT coalesce(s.on_hand, 0), coalesce(s.on_hand, 0) - coalesce(later.units, 0)
    FROM unnest(
        CAST(:sku_ids AS uuid[]), CAST(:location_ids AS uuid[]), CAST(:conditions AS text[]), CAST(:lots AS text[]),
        CAST(:ats AS timestamptz[])
    ) WITH ORDINALITY AS g (sku_id, location_id, condition, lot, at, position)
    LEFT JOIN inventory.stock s ON (s.sku_id, s.location_id, s.condition, s.lot)
        = (g.sku_id, g.location_id, g.condition COLLATE "C", g.lot COLLATE "C")
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN m.target_location_id = g.location_id AND m.target_condition = g.condition COLLATE "C"
            THEN m.quantity ELSE -m.quantity END) AS units
        FROM inventory.movement m
        WHERE m.sku_id = g.sku_id AND m.recorded_at > g.at - make_interval(secs => :ahead_s)
          AND m.effective_at > g.at AND m.lot = g.lot COLLATE "C"
          AND ((m.target_location_id = g.location_id AND m.target_condition = g.condition COLLATE "C")
            OR (m.source_location_id = g.location_id AND m.source_condition = g.condition COLLATE "C"))
    ) AS later ON true
    ORDER BY g.position
    """
)


class Books(msgspec.Struct, frozen=True):
    """What is on hand of a row now, and what was at a moment, by when things happened."""

    on_hand: int
    then: int


async def books_at(db: Connection, moments: Sequence[tuple[StockKey, datetime]]) -> list[Books]:
    """What the ledger says of rows at moments; what was recorded late counts as of when it happened."""
    if not moments:
        return []
    rows = await db.execute(
        _books,
        {
            "sku_ids": [key.sku_id for key, _ in moments],
            "location_ids": [key.location_id for key, _ in moments],
            "conditions": [key.condition for key, _ in moments],
            "lots": [key.lot for key, _ in moments],
            "ats": [at for _, at in moments],
            "ahead_s": AHEAD_MAX / timedelta(seconds=1),
        },
    )
    return [Books(*row) for row in rows]


_location_id = bindparam("location_id", type_=Uuid())
_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_limit = bindparam("limit", type_=Integer())
_rows_there = (
    select(stock.c.sku_id, stock.c.condition, stock.c.lot)
    .where(stock.c.location_id == _location_id)
    .order_by(stock.c.sku_id, stock.c.condition, stock.c.lot)
    .limit(_limit)
)
_rows_of_skus = _rows_there.where(stock.c.sku_id == any_(_sku_ids))
_last = (
    select(count_line.c.sku_id, func.max(stock_count.c.ended_at).label("at"))
    .join_from(count_line, stock_count)
    .where(stock_count.c.location_id == _location_id, stock_count.c.status == CountStatus.POSTED.value)
    .group_by(count_line.c.sku_id)
    .subquery()
)
_longest_uncounted = (
    select(stock.c.sku_id)
    .join_from(stock, _last, stock.c.sku_id == _last.c.sku_id, isouter=True)
    .where(stock.c.location_id == _location_id)
    .group_by(stock.c.sku_id, _last.c.at)
    .order_by(_last.c.at.nulls_first(), stock.c.sku_id)
    .limit(_limit)
)


async def rows_to_count(
    db: Connection, location_id: UUID, sku_ids: Collection[UUID] | None, *, limit: int
) -> list[StockKey]:
    """The stock rows of a location, or of SKUs there, in the order of their keys."""
    given = {"location_id": location_id, "limit": limit}
    if sku_ids is None:
        found = await db.execute(_rows_there, given)
    else:
        found = await db.execute(_rows_of_skus, given | {"sku_ids": list(sku_ids)})
    return [StockKey(sku_id, location_id, condition, lot) for sku_id, condition, lot in found]


async def longest_uncounted(db: Connection, location_id: UUID, *, limit: int) -> list[UUID]:
    """The SKUs of a location that nobody has counted for the longest time, never first."""
    return [sku_id for (sku_id,) in await db.execute(_longest_uncounted, {"location_id": location_id, "limit": limit})]


_place = arrays("place", sku_id=Uuid(), location_id=Uuid())
_frozen = select(standstill.c.sku_id, standstill.c.location_id, standstill.c.count_id).join_from(
    _place, standstill, (standstill.c.sku_id == _place.c.sku_id) & (standstill.c.location_id == _place.c.location_id)
)


async def frozen_places(db: Connection, places: Collection[Place]) -> dict[Place, UUID]:
    """Of SKUs at locations, those that stand still, and for which count."""
    if not places:
        return {}
    given = params(
        "place", sku_id=[sku_id for sku_id, _ in places], location_id=[location_id for _, location_id in places]
    )
    rows = await db.execute(_frozen, given)
    return {(sku_id, location_id): count_id for sku_id, location_id, count_id in rows}
