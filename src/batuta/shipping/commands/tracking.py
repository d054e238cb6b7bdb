"""What carriers report of parcels, in any order and as often as they like."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Integer, Select, Text, Uuid, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from batuta.kernel.events import Event
from batuta.plumbing.database import Connection, Instant, Row, Rows, arrays, insert_new, params, rows_with
from batuta.plumbing.events import publish
from batuta.shipping import events
from batuta.shipping.domain import (
    PRECEDENCE,
    Outlook,
    ParcelStatus,
    Recorded,
    Report,
    Scan,
    TrackingCode,
    TrackingStatus,
    UnknownParcel,
    normalise,
    outlook,
)
from batuta.shipping.tables import carrier, parcel, scan, tracking_code, unmatched_scan

Found = Row
Number = tuple[str, str]
Codes = Mapping[UUID, Mapping[str, tuple[TrackingStatus, str]]]


async def record_tracking(db: Connection, *, scans: Sequence[Scan], now: datetime) -> list[Recorded | UnknownParcel]:
    """Book what carriers reported: late, twice and shuffled reports end the same (SHP-02, SHP-03).

    A scan whose parcel nobody knows is answered `UnknownParcel`, kept, and applied when the parcel appears.
    """
    found = await _lock_by_number(db, {(one.carrier_code, one.tracking_number) for one in scans})
    rows = [found.get((one.carrier_code, one.tracking_number)) for one in scans]
    known = [(row, one) for row, one in zip(rows, scans, strict=True) if row is not None]
    unknown = [one for row, one in zip(rows, scans, strict=True) if row is None]
    new = await _insert(db, known, now)
    after = await _settle(db, {row.id: row for row, _ in known}, {key[0] for key in new})
    await _keep(db, unknown, now)
    answers: list[Recorded | UnknownParcel] = []
    for row, one in zip(rows, scans, strict=True):
        if row is None:
            answers.append(_unknown(one))
            continue
        key = (row.id, one.happened_at, one.raw_code, one.place)
        answers.append(Recorded(row.id, after[row.id], key in new))
        new.discard(key)
    return answers


async def adopt_scans(db: Connection, *, parcel_ids: Sequence[UUID], now: datetime) -> int:
    """Apply to parcels that just got their tracking numbers what carriers had reported before."""
    if not parcel_ids:
        return 0
    return await _adopt(db, await db.execute(_waiting_for, {"ids": list(parcel_ids)}), now)


async def match_scans(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: apply scans that were kept while, in another transaction, their parcel was just being labelled."""
    return await _adopt(db, await db.execute(_waiting_first, {"limit": limit}), now)


async def save_tracking_codes(
    db: Connection,
    *,
    codes: Sequence[TrackingCode],
    now: datetime,  # noqa: ARG001, as every command
) -> None:
    """Say what carriers' codes mean. Scans that nobody understood until now are told anew, and their parcels move."""
    given = arrays("given", carrier_id=Uuid(), raw_code=Text(), status=Text(), detail=Text())
    rows = {(one.carrier_id, one.raw_code): one for one in codes}
    values = params(
        "given",
        carrier_id=[key[0] for key in rows],
        raw_code=[key[1] for key in rows],
        status=[one.status for one in rows.values()],
        detail=[one.detail for one in rows.values()],
    )
    saving = insert(tracking_code).from_select(["carrier_id", "raw_code", "status", "detail"], given.select())
    told = {"status": saving.excluded.status, "detail": saving.excluded.detail}
    await db.execute(saving.on_conflict_do_update(index_elements=["carrier_id", "raw_code"], set_=told), values)
    is_dark = (
        (scan.c.status == TrackingStatus.UNKNOWN)
        & (scan.c.raw_code == given.c.raw_code)
        & (parcel.c.carrier_id == given.c.carrier_id)
    )
    dark = select(scan.c.parcel_id).join(parcel, parcel.c.id == scan.c.parcel_id).join(given, is_dark)
    found = {row.id: row for row in await db.execute(_locking(parcel.c.id.in_(dark)), values)}
    await db.execute(
        update(scan)
        .where(scan.c.parcel_id == parcel.c.id, is_dark)
        .values(status=given.c.status, detail=given.c.detail),
        values,
    )
    await _settle(db, found, set(found))


def _locking(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(*_NEEDED)
        .join(carrier, carrier.c.id == parcel.c.carrier_id)
        .where(condition)
        .order_by(parcel.c.id)
        .with_for_update(key_share=True, of=parcel)
    )


_NEEDED = (
    parcel.c.id,
    parcel.c.owner_id,
    parcel.c.carrier_id,
    carrier.c.code.label("carrier_code"),
    parcel.c.tracking_number,
    parcel.c.our_status,
    parcel.c.status,
    parcel.c.exception_at,
    parcel.c.handed_over_at,
    parcel.c.delivered_at,
)


_numbers = arrays("given", carrier_code=Text(), tracking_number=Text())
_locked = (
    select(*_NEEDED)
    .select_from(_numbers)
    .join(carrier, carrier.c.code == _numbers.c.carrier_code)
    .join(parcel, (parcel.c.carrier_id == carrier.c.id) & (parcel.c.tracking_number == _numbers.c.tracking_number))
    .order_by(parcel.c.id)
    .with_for_update(key_share=True, of=parcel)
)


async def _lock_by_number(db: Connection, keys: Iterable[Number]) -> dict[Number, Found]:
    asked = sorted(keys)
    rows = await db.execute(
        _locked,
        params("given", carrier_code=[key[0] for key in asked], tracking_number=[key[1] for key in asked]),
    )
    return {(row.carrier_code, row.tracking_number): row for row in rows}


async def _insert(
    db: Connection, scans: Sequence[tuple[Found, Scan]], now: datetime
) -> set[tuple[UUID, datetime, str, str]]:
    """Insert the scans that are new and return their keys."""
    codes = await _codes(db, {row.carrier_id for row, _ in scans})
    rows = []
    for row, one in scans:
        status, detail = normalise(one.raw_code, codes.get(row.carrier_id, {}))
        rows.append(
            {
                "parcel_id": row.id,
                "happened_at": one.happened_at,
                "raw_code": one.raw_code,
                "place": one.place,
                "utc_offset_minutes": _offset_minutes(one.happened_at),
                "status": status,
                "detail": detail,
                "received_at": one.received_at,
                "created_at": now,
            }
        )
    rows.sort(key=lambda row: (row["parcel_id"], row["happened_at"], row["raw_code"], row["place"]))
    new = await insert_new(db, scan, rows, returning=["parcel_id", "happened_at", "raw_code", "place"])
    return {(key[0], key[1], key[2], key[3]) for key in new}


async def _settle(db: Connection, found: Mapping[UUID, Found], touched: AbstractSet[UUID]) -> dict[UUID, ParcelStatus]:
    """Work out the touched parcels anew from all their scans, tell what became true, and return every status."""
    reports = await _reports(db, touched)
    outlooks = {key: outlook(ParcelStatus(found[key].our_status), reports[key]) for key in sorted(touched)}
    await _write(db, outlooks)
    await publish(db, [fact for key, seen in outlooks.items() for fact in _facts(found[key], seen)])
    return {key: outlooks[key].status if key in outlooks else ParcelStatus(row.status) for key, row in found.items()}


_reported = select(
    scan.c.parcel_id, scan.c.happened_at, scan.c.status, scan.c.detail, scan.c.raw_code, scan.c.place
).where(scan.c.parcel_id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))


async def _reports(db: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, list[Report]]:
    reports: dict[UUID, list[Report]] = {parcel_id: [] for parcel_id in parcel_ids}
    if not reports:
        return reports
    rows = await db.execute(_reported, {"ids": list(reports)})
    for parcel_id, happened_at, status, *rest in rows:
        reports[parcel_id].append(Report(happened_at, TrackingStatus(status), *rest))
    return reports


_OUTLOOK: Mapping[str, TypeEngine[Any]] = {
    "status": Text(),
    "carrier_status": Text(),
    "carrier_detail": Text(),
    "carrier_at": Instant,
    "exception_code": Text(),
    "exception_at": Instant,
    "delivered_at": Instant,
}
_outlooks = arrays("given", id=Uuid(), **_OUTLOOK)
_write_outlooks = (
    update(parcel).where(parcel.c.id == _outlooks.c.id).values({name: _outlooks.c[name] for name in _OUTLOOK})
)


async def _write(db: Connection, outlooks: Mapping[UUID, Outlook]) -> None:
    if not outlooks:
        return
    await db.execute(
        _write_outlooks,
        params(
            "given",
            id=list(outlooks),
            **{name: [getattr(seen, name) for seen in outlooks.values()] for name in _OUTLOOK},
        ),
    )


def _facts(row: Found, seen: Outlook) -> list[Event]:
    """What has become true of the parcel; each is told once."""
    told: list[Event] = []
    common = {"stream": row.owner_id, "actor": f"carrier:{row.carrier_code}", "parcel_id": row.id}
    before, after = ParcelStatus(row.status), seen.status
    was_away = PRECEDENCE[before] > PRECEDENCE[ParcelStatus.VOIDED]
    if seen.taken_at and not was_away and row.handed_over_at is None:
        told.append(events.ParcelTakenUnannounced(happened_at=seen.taken_at, **common))
    if seen.delivered_at and row.delivered_at is None:
        told.append(events.ParcelDelivered(happened_at=seen.delivered_at, delivered_at=seen.delivered_at, **common))
    if seen.exception_at and seen.exception_at != row.exception_at:
        told.append(events.ParcelException(happened_at=seen.exception_at, code=seen.exception_code, **common))
    if after is not before and after in _ENDS and seen.ended_at:
        told.append(_ENDS[after](happened_at=seen.ended_at, **common))
    return told


_ENDS: Mapping[ParcelStatus, type[Event]] = {
    ParcelStatus.LOST: events.ParcelLost,
    ParcelStatus.RETURNING: events.ParcelReturning,
    ParcelStatus.RETURNED: events.ParcelReturned,
    ParcelStatus.VOIDED: events.ParcelVoided,
}


async def _keep(db: Connection, scans: Sequence[Scan], now: datetime) -> None:
    rows = [
        {
            "carrier_code": one.carrier_code,
            "tracking_number": one.tracking_number,
            "happened_at": one.happened_at,
            "raw_code": one.raw_code,
            "place": one.place,
            "utc_offset_minutes": _offset_minutes(one.happened_at),
            "received_at": one.received_at,
            "created_at": now,
        }
        for one in scans
    ]
    rows.sort(key=lambda row: tuple(row[column.name] for column in unmatched_scan.primary_key))
    await insert_new(db, unmatched_scan, rows, returning=["raw_code"])


def _waiting() -> Select[*tuple[Any, ...]]:
    """The kept scans whose parcels are known by now, with their parcels, locked."""
    return (
        select(*_NEEDED, *(unmatched_scan.c[name] for name in ("happened_at", "raw_code", "place", "received_at")))
        .add_columns(unmatched_scan.c.utc_offset_minutes)
        .select_from(unmatched_scan)
        .join(carrier, carrier.c.code == unmatched_scan.c.carrier_code)
        .join(
            parcel,
            (parcel.c.carrier_id == carrier.c.id) & (parcel.c.tracking_number == unmatched_scan.c.tracking_number),
        )
        .order_by(parcel.c.id)
        .with_for_update(key_share=True, of=parcel)
    )


_waiting_for = _waiting().where(parcel.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
_waiting_first = _waiting().limit(bindparam("limit", type_=Integer()))
_adopted = arrays("given", **{column.name: column.type for column in unmatched_scan.primary_key.columns})
_forget_adopted = delete(unmatched_scan).where(
    *(column == _adopted.c[column.name] for column in unmatched_scan.primary_key.columns)
)


async def _adopt(db: Connection, waiting: Rows, now: datetime) -> int:
    rows = waiting.all()
    if not rows:
        return 0
    scans = [(row, _kept(row)) for row in rows]
    found = {row.id: row for row in rows}
    new = await _insert(db, scans, now)
    await _settle(db, found, {key[0] for key in new})
    keys = unmatched_scan.primary_key.columns
    await db.execute(
        _forget_adopted,
        params("given", **{column.name: [getattr(one, column.name) for _, one in scans] for column in keys}),
    )
    return len(rows)


def _kept(row: Found) -> Scan:
    zone = timezone(timedelta(minutes=row.utc_offset_minutes))
    return Scan(
        carrier_code=row.carrier_code,
        tracking_number=row.tracking_number,
        raw_code=row.raw_code,
        happened_at=row.happened_at.astimezone(zone),
        received_at=row.received_at,
        place=row.place,
    )


async def _codes(db: Connection, carrier_ids: Iterable[UUID]) -> Codes:
    codes: dict[UUID, dict[str, tuple[TrackingStatus, str]]] = {}
    for row in await rows_with(db, tracking_code.c.carrier_id, list(carrier_ids)):
        codes.setdefault(row["carrier_id"], {})[row["raw_code"]] = (TrackingStatus(row["status"]), row["detail"])
    return codes


def _offset_minutes(at: datetime) -> int:
    return (at.utcoffset() or timedelta()) // timedelta(minutes=1)


def _unknown(one: Scan) -> UnknownParcel:
    return UnknownParcel(
        "no parcel has this tracking number yet; the scan is kept",
        carrier_code=one.carrier_code,
        tracking_number=one.tracking_number,
    )
