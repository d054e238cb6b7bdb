"""When carriers come and on which days they work, as agreed with them; saving the same again changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, bindparam, delete, select

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.locations.domain import UnknownLocation
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, upsert_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.shipping.domain import CarrierCalendar, Pickups, UnknownCarrier, check_calendar, check_pickups
from batuta.shipping.queries import carriers_by_id
from batuta.shipping.queries.rates import SHIPPING
from batuta.shipping.tables import carrier_calendar, pickup

_of_these = (
    pickup.c.location_id == bindparam("location_id", type_=Uuid()),
    pickup.c.carrier_id == bindparam("carrier_id", type_=Uuid()),
)
_FORGET = delete(pickup).where(*_of_these)
_LOCK_PICKUPS = select(pickup.c.version).where(*_of_these).with_for_update()
_LOCK_CALENDAR = (
    select(carrier_calendar.c.version)
    .where(carrier_calendar.c.carrier_id == bindparam("carrier_id", type_=Uuid()))
    .with_for_update()
)


async def lock_pickups(db: Connection, *, location_id: UUID, carrier_id: UUID) -> int:
    """Lock pickups that are going to be saved and return their version; 0 when there are none yet."""
    return int(await db.scalar(_LOCK_PICKUPS, {"location_id": location_id, "carrier_id": carrier_id}) or 0)


async def lock_calendar(db: Connection, *, carrier_id: UUID) -> int:
    """Lock a calendar that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK_CALENDAR, {"carrier_id": carrier_id}) or 0)


async def save_pickups(db: Connection, *, pickups: Sequence[Pickups], now: datetime) -> list[Pickups | BatutaError]:
    """Say when carriers come to locations; each answer is what is stored, or why not. The last word counts."""
    locations = await locations_by_id(db, {one.location_id for one in pickups})
    carriers = await carriers_by_id(db, {one.carrier_id for one in pickups})

    def decide(one: Pickups) -> Pickups:
        if one.location_id not in locations:
            raise UnknownLocation("there is no such location", location_id=str(one.location_id))
        if one.carrier_id not in carriers:
            raise UnknownCarrier("there is no such carrier", carrier_id=str(one.carrier_id))
        return check_pickups(one)

    checked = each(pickups, decide)
    rows = {
        (one.location_id, one.carrier_id): {
            "location_id": one.location_id,
            "carrier_id": one.carrier_id,
            "weekly": one.weekly,
            "special_days": msgspec.to_builtins(one.special_days),
            "created_at": now,
            "updated_at": now,
        }
        for one in good(checked)
    }
    await upsert_rows(db, pickup, rows.values(), key=("location_id", "carrier_id"))
    await mark_changed(db, SHIPPING)
    return checked


async def forget_pickups(db: Connection, *, location_id: UUID, carrier_id: UUID) -> None:
    """Nobody says any more when the carrier comes there; the location's cut-off counts again."""
    await db.execute(_FORGET, {"location_id": location_id, "carrier_id": carrier_id})
    await mark_changed(db, SHIPPING)


async def save_calendars(
    db: Connection, *, calendars: Sequence[CarrierCalendar], now: datetime
) -> list[CarrierCalendar | BatutaError]:
    """Say on which days carriers work; each answer is what is stored, or why not. The last word counts."""
    carriers = await carriers_by_id(db, {one.carrier_id for one in calendars})

    def decide(one: CarrierCalendar) -> CarrierCalendar:
        if one.carrier_id not in carriers:
            raise UnknownCarrier("there is no such carrier", carrier_id=str(one.carrier_id))
        return check_calendar(one)

    checked = each(calendars, decide)
    rows = {
        one.carrier_id: {
            "carrier_id": one.carrier_id,
            "working_days": one.working_days,
            "holiday_calendar": one.holiday_calendar,
            "special_days": msgspec.to_builtins(one.special_days),
            "created_at": now,
            "updated_at": now,
        }
        for one in good(checked)
    }
    await upsert_rows(db, carrier_calendar, rows.values(), key=("carrier_id",))
    await mark_changed(db, SHIPPING)
    return checked
