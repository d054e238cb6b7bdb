"""When carriers come for the demo company's parcels, and the windows that it offers."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection
from batuta.shipping.commands import save_calendars, save_pickups
from batuta.shipping.domain import CarrierCalendar, Pickups
from batuta.sourcing.commands import save_slot_templates
from batuta.sourcing.domain import SlotTemplate

IdOf = Callable[[str, str], UUID]


async def make_windows(db: Connection, written: Mapping[str, Any], id_of: IdOf, now: datetime) -> None:
    """Save calendars, pickups and templates of slots.

    Raises:
        BatutaError: one of them is refused.
    """
    calendars = [
        msgspec.convert(row | {"carrier_id": id_of("carrier", row["carrier"])}, CarrierCalendar)
        for row in written["calendar"]
    ]
    pickups = [
        Pickups(location_id=id_of("location", code), carrier_id=id_of("carrier", row["carrier"]), weekly=row["weekly"])
        for row in written["pickup"]
        for code in row["locations"]
    ]
    templates = [
        msgspec.convert(
            row
            | {"id": id_of("slot template", row["code"])}
            | ({"location_id": id_of("location", row["location"])} if "location" in row else {}),
            SlotTemplate,
        )
        for row in written["slot_template"]
    ]
    for saved in (
        *await save_calendars(db, calendars=calendars, now=now),
        *await save_pickups(db, pickups=pickups, now=now),
        *await save_slot_templates(db, templates=templates, now=now),
    ):
        if isinstance(saved, BatutaError):
            raise saved
