"""Learning from deliveries how long lanes take."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from batuta.kernel.addresses import Address, distance_m
from batuta.plumbing.database import Connection, Instant, Row, upsert_rows
from batuta.shipping.domain import Delivery, Lane, Learned, Preparing, RateRequest, Tariffs, learn_lanes
from batuta.shipping.queries import learned_of, tariffs, timetables
from batuta.shipping.tables import parcel, preparing, scan, transit_model

LESSONS_MAX = 5_000
"""The latest deliveries of a service that teach; older ones weigh little."""

LOOK_EVERY = timedelta(days=1)
LEARN_EVERY = timedelta(days=7)
NEWS_PART = 100
"""For less than this part of what is known, learning waits for a week."""

_due = text("""
    SELECT s.id, m.lessons, m.learned_at,
           (SELECT count(*) FROM shipping.parcel p
            WHERE p.service_id = s.id AND p.delivered_at > coalesce(m.heard_until_at, '-infinity')
              AND p.delivered_at <= :now) AS news
    FROM shipping.service s LEFT JOIN shipping.transit_model m ON m.service_id = s.id
    WHERE coalesce(m.due_at <= :now, true) AND EXISTS (
        SELECT FROM shipping.parcel p
        WHERE p.service_id = s.id AND p.delivered_at > coalesce(m.heard_until_at, '-infinity')
          AND p.delivered_at <= :now
    )
    ORDER BY s.id LIMIT 1
""")


async def learn_transit(
    db: Connection,
    *,
    now: datetime,
    limit: int,  # noqa: ARG001, one service at a time, so that the others of the step do not wait for long
) -> int:
    """Sweep: learn the lanes of a service with new deliveries from its latest ones, once a day at most.

    Ever less often while little is new, so that learning costs no more than it is worth.
    """
    row = (await db.execute(_due, {"now": now})).one_or_none()
    if row is None:
        return 0
    if row.lessons and row.news * NEWS_PART < row.lessons and row.learned_at > now - LEARN_EVERY:
        await db.execute(_look_again, {"of_service": row.id, "at": now + LOOK_EVERY})
        return 1
    await _learn(db, row.id, now)
    return 1


async def save_preparing(db: Connection, *, learned: Sequence[Preparing], now: datetime) -> None:
    """Keep how long locations take to get parcels ready, as those who watch them have learned."""
    rows = [{**msgspec.structs.asdict(one), "learned_at": now} for one in learned]
    await upsert_rows(db, preparing, sorted(rows, key=lambda row: row["location_id"]), key=["location_id"])


_look_again = (
    update(transit_model)
    .where(transit_model.c.service_id == bindparam("of_service", type_=Uuid()))
    .values(due_at=bindparam("at", type_=Instant))
)

_delivered = (
    select(
        parcel.c.id,
        parcel.c.carrier_id,
        parcel.c.origin,
        parcel.c.destination,
        parcel.c.handed_over_at,
        parcel.c.delivered_at,
        select(func.min(scan.c.utc_offset_minutes))
        .where(scan.c.parcel_id == parcel.c.id, scan.c.happened_at == parcel.c.delivered_at)
        .scalar_subquery()
        .label("utc_offset_minutes"),
    )
    .where(
        parcel.c.service_id == bindparam("service_id", type_=Uuid()),
        parcel.c.delivered_at <= bindparam("now", type_=Instant),
        parcel.c.handed_over_at <= parcel.c.delivered_at,
    )
    .order_by(parcel.c.delivered_at.desc(), parcel.c.id)
    .limit(bindparam("most", type_=Integer()))
)


async def _learn(db: Connection, service_id: UUID, now: datetime) -> None:
    rows = (await db.execute(_delivered, {"service_id": service_id, "now": now, "most": LESSONS_MAX})).all()
    before = (await learned_of(db, [service_id], now=now)).get(service_id)
    deliveries = _deliveries(rows, service_id, await tariffs(db))
    if rows and deliveries:
        calendar = (await timetables(db)).calendar(rows[0].carrier_id)
        at = _local(now, rows[0].utc_offset_minutes)
        learned = learn_lanes(deliveries, calendar, at=at, before=before)
    else:
        learned = before or Learned(floor_days=0.0, table_weight=0.0)
    await db.execute(
        _save,
        {
            "service_id": service_id,
            "learned": msgspec.to_builtins(learned, str_keys=True),
            "lessons": learned.lessons,
            "heard_until_at": max([row.delivered_at for row in rows], default=now),
            "learned_at": now,
            "due_at": now + LOOK_EVERY,
        },
    )


_model = transit_model.c
_values = {
    name: bindparam(name, type_=_model[name].type)
    for name in ("service_id", "learned", "lessons", "heard_until_at", "learned_at", "due_at")
}
_inserted = insert(transit_model).values(**_values, changed_by=func.pg_current_xact_id())
_save = _inserted.on_conflict_do_update(
    index_elements=["service_id"],
    set_={name: _inserted.excluded[name] for name in (*_values, "changed_by") if name != "service_id"},
)


def _deliveries(rows: Iterable[Row], service_id: UUID, known: Tariffs) -> list[Delivery]:
    """The deliveries whose lanes the rate card still knows."""
    found = []
    for row in rows:
        lane = _lane(service_id, row.origin, row.destination, known)
        if lane is not None:
            found.append(
                Delivery(
                    parcel_id=row.id,
                    lane=lane,
                    handed_over_at=_local(row.handed_over_at, row.utc_offset_minutes),
                    delivered_at=_local(row.delivered_at, row.utc_offset_minutes),
                )
            )
    return found


def _lane(service_id: UUID, origin: Mapping[str, object], there: Mapping[str, object], known: Tariffs) -> Lane | None:
    start, end = msgspec.convert(origin, Address), msgspec.convert(there, Address)
    rated = known.days(
        service_id,
        RateRequest(
            id=service_id,
            origin_country=start.country,
            origin_postal_code=start.postal_code,
            destination_country=end.country,
            destination_postal_code=end.postal_code,
            weight_g=1,
        ),
    )
    if rated is None:
        return None
    return Lane(
        service_id=service_id,
        zone=rated.zone,
        days_min=rated.days_min,
        days_max=rated.days_max,
        origin_country=start.country,
        origin_postal_code=start.postal_code,
        destination_country=end.country,
        destination_postal_code=end.postal_code,
        distance_m=_distance_m(start, end),
    )


def _distance_m(start: Address, end: Address) -> int | None:
    if start.latitude is None or start.longitude is None or end.latitude is None or end.longitude is None:
        return None
    return distance_m(start.latitude, start.longitude, end.latitude, end.longitude)


def _local(at: datetime, utc_offset_minutes: int | None) -> datetime:
    return at.astimezone(timezone(timedelta(minutes=utc_offset_minutes or 0)))
