"""Parcels, their contents, and what was seen of them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Select, Text, Uuid, any_, bindparam, func, select

from batuta.plumbing.database import Connection, Row, arrays, params, rows_with
from batuta.shipping.domain import Content, Parcel, SeenScan
from batuta.shipping.tables import carrier, content, parcel, scan, service, unmatched_scan


async def parcels_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Parcel]:
    """The parcels of these ids that exist, with their contents."""
    return {one.id: one for one in await _parcels(db, _by_id, list(ids))}


async def parcels_of_owner(db: Connection, owner_ids: Iterable[UUID]) -> dict[UUID, list[Parcel]]:
    """Every owner's parcels in the order in which they were opened."""
    owners = list(owner_ids)
    found: dict[UUID, list[Parcel]] = {owner: [] for owner in owners}
    for one in await _parcels(db, _by_owner, owners):
        found[one.owner_id].append(one)
    return found


async def parcel_by_tracking(db: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """The parcel ids of (carrier code, tracking number); a number nobody knows is left out."""
    asked = list(keys)
    given = arrays("given", carrier_code=Text(), tracking_number=Text())
    rows = await db.execute(
        select(given.c.carrier_code, given.c.tracking_number, parcel.c.id)
        .join(carrier, carrier.c.code == given.c.carrier_code)
        .join(
            parcel,
            (parcel.c.carrier_id == carrier.c.id) & (parcel.c.tracking_number == given.c.tracking_number),
        ),
        params("given", carrier_code=[key[0] for key in asked], tracking_number=[key[1] for key in asked]),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def scans_of(db: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, list[SeenScan]]:
    """What carriers reported of each parcel, in the order in which it happened, by the carrier's own clock."""
    ids = list(parcel_ids)
    found: dict[UUID, list[SeenScan]] = {parcel_id: [] for parcel_id in ids}
    rows = await db.execute(
        select(scan)
        .where(scan.c.parcel_id == func.any(ids))
        .order_by(scan.c.parcel_id, scan.c.happened_at, scan.c.raw_code, scan.c.place)
    )
    for row in rows:
        zone = timezone(timedelta(minutes=row["utc_offset_minutes"]))
        seen = msgspec.convert({**row, "happened_at": row["happened_at"].astimezone(zone)}, SeenScan)
        found[row["parcel_id"]].append(seen)
    return found


async def unmatched_scans(db: Connection) -> int:
    """How many scans wait for a parcel that nobody knows yet."""
    return int(await db.scalar(select(func.count()).select_from(unmatched_scan)))


_SHOWN = [
    parcel.c[column]
    for column in parcel.c.keys()  # noqa: SIM118, iterating the collection gives columns
    if column not in {"number", "carrier_id", "our_status", "exception_at"}
]


_shown = (
    select(
        *_SHOWN,
        func.coalesce(service.c.code, "").label("service_code"),
        func.coalesce(carrier.c.code, "").label("carrier_code"),
    )
    .outerjoin(service, service.c.id == parcel.c.service_id)
    .outerjoin(carrier, carrier.c.id == parcel.c.carrier_id)
    .order_by(parcel.c.number)
)
_ids = any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1)))
_by_id = _shown.where(parcel.c.id == _ids)
_by_owner = _shown.where(parcel.c.owner_id == _ids)


async def _parcels(db: Connection, wanted: Select[Any], ids: Sequence[UUID]) -> list[Parcel]:
    rows = (await db.execute(wanted, {"ids": ids})).all()
    contents = await _contents(db, [row.id for row in rows])
    return [_parcel(row, contents.get(row.id, [])) for row in rows]


async def _contents(db: Connection, parcel_ids: list[UUID]) -> dict[UUID, list[Content]]:
    found: dict[UUID, list[Content]] = {}
    rows = await rows_with(db, content.c.parcel_id, parcel_ids)
    for row in sorted(rows, key=lambda row: tuple(row[column.name] for column in content.primary_key.columns)):
        one = Content(line_id=row["line_id"], sku_id=row["sku_id"], quantity=row["quantity"])
        found.setdefault(row["parcel_id"], []).append(one)
    return found


def _parcel(row: Row, contents: list[Content]) -> Parcel:
    return msgspec.convert({**row, "contents": contents}, Parcel)
