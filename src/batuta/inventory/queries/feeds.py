"""Reads of feeds: who speaks of which places, what was counted last, and what was not as the ledger said."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, case, func, select, union_all

from batuta.catalog.tables import sku
from batuta.inventory.domain import AccountKind, Condition, MovementReason, StockKey
from batuta.inventory.domain.feeds import Difference, DifferenceFilter, Feed, FeedLine
from batuta.inventory.domain.reconciling import Known, Level, Place, Since
from batuta.inventory.tables import Key, movement, reservation, stock
from batuta.inventory.tables.feeds import feed, feed_count, feed_difference, feed_location
from batuta.locations.tables import location
from batuta.plumbing.database import Connection, Instant, Row, arrays, params, rows_with
from batuta.plumbing.listing import Listing

HAPPENS_AHEAD_MAX = timedelta(days=1)
"""A movement is recorded at most so long before it happens."""

_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_location_ids = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_cut = bindparam("cut_at", type_=Instant)

_FEEDS = Listing(select(feed), order=(feed.c.code,), filters={"code": feed.c.code == bindparam("code", type_=Text())})


async def list_feeds(db: Connection, *, behind: str | None = None, limit: int) -> list[Feed]:
    """A page of feeds in the order of their codes, behind the code with which the page before it ended."""
    rows = await _FEEDS.read(db, {}, behind=None if behind is None else (behind,), limit=limit)
    return await _whole(db, [dict(row) for row in rows])


async def feeds_by_code(db: Connection, codes: Collection[str]) -> dict[str, Feed]:
    return {one.code: one for one in await _whole(db, await rows_with(db, feed.c.code, codes))}


async def feeds_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Feed]:
    return {one.id: one for one in await _whole(db, await rows_with(db, feed.c.id, ids))}


async def _whole(db: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Feed]:
    places: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await rows_with(db, feed_location.c.feed_id, [row["id"] for row in rows]):
        places[row["feed_id"]].append(row["location_id"])
    return [msgspec.convert({**row, "location_ids": sorted(places[row["id"]])}, Feed) for row in rows]


_places = arrays("place", sku_id=Uuid(), location_id=Uuid(), condition=Key)
_levels = select(
    stock.c.sku_id, stock.c.location_id, stock.c.condition, stock.c.lot, stock.c.on_hand, stock.c.reserved
).join_from(
    _places,
    stock,
    (stock.c.sku_id == _places.c.sku_id)
    & (stock.c.location_id == _places.c.location_id)
    & (stock.c.condition == _places.c.condition),
)


async def levels_at(db: Connection, places: Collection[Place]) -> dict[StockKey, Level]:
    """The stock rows of places, all lots."""
    if not places:
        return {}
    sku_ids, location_ids, conditions = zip(*places, strict=True)
    given = params("place", sku_id=sku_ids, location_id=location_ids, condition=conditions)
    return {StockKey(*row[:4]): Level(row[4], row[5]) for row in await db.execute(_levels, given)}


_filled = (
    select(sku.c.code, location.c.code, location.c.id, stock.c.condition, stock.c.lot)
    .join_from(stock, sku, sku.c.id == stock.c.sku_id)
    .join(location, location.c.id == stock.c.location_id)
    .where(
        location.c.code == any_(bindparam("location_codes", type_=ARRAY(Text(), dimensions=1))),
        stock.c.condition == any_(bindparam("conditions", type_=ARRAY(Text(), dimensions=1))),
        stock.c.on_hand > 0,
    )
    .order_by(location.c.code, sku.c.code, stock.c.condition, stock.c.lot)
)


async def filled_rows(
    db: Connection, location_codes: Collection[str], conditions: Collection[str]
) -> list[tuple[UUID, FeedLine]]:
    """The stock rows of locations in which units lie, with the location, as lines that count none there."""
    rows = await db.execute(_filled, {"location_codes": list(location_codes), "conditions": list(conditions)})
    return [
        (
            location_id,
            FeedLine(
                sku_code=sku_code,
                location_code=location_code,
                quantity=0,
                condition=Condition(condition),
                lot=lot,
            ),
        )
        for sku_code, location_code, location_id, condition, lot in rows
    ]


# Units that leave by a claim go to parcels, or with these reasons to customers; slips and feeds know none of them.
_is_issue = (movement.c.target_kind == AccountKind.PARCEL.value) | (
    (movement.c.target_kind == AccountKind.CUSTOMER.value)
    & movement.c.reason.in_(
        [reason.value for reason in (MovementReason.PICK, MovementReason.PACK, MovementReason.SHIP)]
    )
)
_after = (
    (movement.c.sku_id == any_(_sku_ids))
    & (movement.c.recorded_at > bindparam("recorded_from", type_=Instant))
    & (movement.c.effective_at > _cut)
)
_sides = union_all(
    select(
        movement.c.sku_id,
        movement.c.target_location_id.label("location_id"),
        movement.c.target_condition.label("condition"),
        movement.c.lot,
        movement.c.quantity.label("moved"),
        (movement.c.quantity * 0).label("issued"),
    ).where(_after, movement.c.target_location_id == any_(_location_ids)),
    select(
        movement.c.sku_id,
        movement.c.source_location_id,
        movement.c.source_condition,
        movement.c.lot,
        -movement.c.quantity,
        case((_is_issue, movement.c.quantity), else_=0),
    ).where(_after, movement.c.source_location_id == any_(_location_ids)),
).subquery("side")
_row = (_sides.c.sku_id, _sides.c.location_id, _sides.c.condition, _sides.c.lot)
_moved_since = select(*_row, func.sum(_sides.c.moved), func.sum(_sides.c.issued)).group_by(*_row)

_claim_row = (reservation.c.sku_id, reservation.c.location_id, reservation.c.condition, reservation.c.lot)
_claimed_since = (
    select(*_claim_row, func.sum(reservation.c.held), func.sum(reservation.c.consumed))
    .where(
        reservation.c.created_at > _cut,
        reservation.c.sku_id == any_(_sku_ids),
        reservation.c.location_id == any_(_location_ids),
    )
    .group_by(*_claim_row)
)


async def moved_since(db: Connection, places: Collection[Place], cut_at: datetime) -> dict[StockKey, Since]:
    """What happened after a moment to the stock rows of SKUs and locations, rows of other places perhaps among them."""
    given = {**_ids(places), "cut_at": cut_at, "recorded_from": cut_at - HAPPENS_AHEAD_MAX}
    return {StockKey(*row[:4]): Since(moved=row[4], issued=row[5]) for row in await db.execute(_moved_since, given)}


async def claimed_since(db: Connection, places: Collection[Place], cut_at: datetime) -> dict[StockKey, Since]:
    """The claims that were made after a moment on the stock rows of SKUs and locations."""
    rows = await db.execute(_claimed_since, {**_ids(places), "cut_at": cut_at})
    return {StockKey(*row[:4]): Since(held=row[4], consumed=row[5]) for row in rows}


_counts = select(
    feed_count.c.sku_id, feed_count.c.location_id, feed_count.c.condition, feed_count.c.lot, feed_count.c.cut_at
).where(feed_count.c.sku_id == any_(_sku_ids), feed_count.c.location_id == any_(_location_ids))


async def counts_known(db: Connection, places: Collection[Place]) -> dict[Place, list[Known]]:
    """When the places of SKUs and locations were counted last, lot by lot."""
    found: dict[Place, list[Known]] = defaultdict(list)
    for sku_id, location_id, condition, lot, cut_at in await db.execute(_counts, _ids(places)):
        found[sku_id, location_id, condition].append(Known(lot, cut_at))
    return found


def _ids(places: Collection[Place]) -> dict[str, list[UUID]]:
    return {
        "sku_ids": list({place[0] for place in places}),
        "location_ids": list({place[1] for place in places}),
    }


_DIFFERENCES = Listing(
    select(feed_difference),
    order=(feed_difference.c.found_at, feed_difference.c.id),
    filters={
        "feed_id": feed_difference.c.feed_id == bindparam("feed_id", type_=Uuid()),
        "sku_id": feed_difference.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "location_ids": feed_difference.c.location_id == any_(_location_ids),
        "status": feed_difference.c.status == bindparam("status", type_=Text()),
    },
    is_newest_first=True,
)


async def list_differences(
    db: Connection, *, wanted: DifferenceFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[Difference]:
    """A page of differences, found last first."""
    rows = await _DIFFERENCES.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [difference_from(row) for row in rows]


async def differences_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Difference]:
    rows = await rows_with(db, feed_difference.c.id, ids)
    return {row["id"]: msgspec.convert(row, Difference) for row in rows}


def difference_from(row: Row) -> Difference:
    """Read a row of the table of differences."""
    return msgspec.convert(dict(row), Difference)
