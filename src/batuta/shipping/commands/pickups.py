"""When carriers come and on which days they work, as agreed with them; saving the same again changes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, bindparam, delete, select

from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, Changed
from batuta.kernel.outcomes import each, good
from batuta.locations.domain import UnknownLocation
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, locked_rows, upsert_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.plumbing.saving import tell
from batuta.shipping.domain import CarrierCalendar, Pickups, UnknownCarrier, check_calendar, check_pickups
from batuta.shipping.events import CarrierSaved
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


async def save_pickups(
    db: Connection, *, pickups: Sequence[Pickups], now: datetime, actor: str = SETUP
) -> list[Pickups | BatutaError]:
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
    said = {(one.location_id, one.carrier_id): one for one in good(checked)}
    changes = await _changes(db, said)
    await upsert_rows(db, pickup, rows.values(), key=("location_id", "carrier_id"))
    await mark_changed(db, SHIPPING)
    await tell(db, CarrierSaved, carriers, changes, now=now, actor=actor)
    return checked


async def forget_pickups(
    db: Connection, *, location_id: UUID, carrier_id: UUID, now: datetime, actor: str = SETUP
) -> None:
    """Nobody says any more when the carrier comes there; the location's cut-off counts again."""
    changes = await _changes(db, {(location_id, carrier_id): None})
    await db.execute(_FORGET, {"location_id": location_id, "carrier_id": carrier_id})
    await mark_changed(db, SHIPPING)
    await tell(db, CarrierSaved, await carriers_by_id(db, changes), changes, now=now, actor=actor)


async def save_calendars(
    db: Connection, *, calendars: Sequence[CarrierCalendar], now: datetime, actor: str = SETUP
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
    found = await locked_rows(db, carrier_calendar.c.carrier_id, sorted(rows))
    present = {row["carrier_id"]: msgspec.convert(row, CarrierCalendar) for row in found}
    await upsert_rows(db, carrier_calendar, rows.values(), key=("carrier_id",))
    await mark_changed(db, SHIPPING)
    changes = {
        one.carrier_id: {"calendar": Changed(before=present.get(one.carrier_id), after=one)}
        for one in good(checked)
        if one != present.get(one.carrier_id)
    }
    await tell(db, CarrierSaved, carriers, changes, now=now, actor=actor)
    return checked


async def _changes(db: Connection, said: Mapping[tuple[UUID, UUID], Pickups | None]) -> dict[UUID, dict[str, Changed]]:
    """What would be otherwise of pickups, by carrier; their rows are locked. said: by location and carrier."""
    rows = await locked_rows(db, pickup.c.location_id, sorted({location_id for location_id, _ in said}))
    present = {(row["location_id"], row["carrier_id"]): msgspec.convert(row, Pickups) for row in rows}
    changes: dict[UUID, dict[str, Changed]] = defaultdict(dict)
    for (location_id, carrier_id), wanted in said.items():
        before = present.get((location_id, carrier_id))
        if before != wanted:
            changes[carrier_id][f"pickups.{location_id}"] = Changed(before=before, after=wanted)
    return changes
