"""Templates of slots: a window on certain weekdays, from which dated slots are made (PRM-03, PRM-06)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.errors import NotFound
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import AmountMinor, Code, fitting
from batuta.locations.domain import (
    WEEKDAYS,
    BadLocation,
    ImplausibleLocation,
    Location,
    holidays_of,
    shifts_on,
    wall_instant,
    wall_minutes,
)
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.slots.windows import (
    BadSlot,
    Capacity,
    Country,
    Currency,
    ImplausibleSlot,
    LeadMinutes,
    OverbookingBp,
    Prefixes,
    Slot,
    check_money_and_zone,
    check_resource,
)

HORIZON_DAYS_MAX = 90
CUT_OFF_DAYS_MAX = 30

WallTime = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["18:00"])]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Weekdays = Annotated[tuple[Weekday, ...], msgspec.Meta(max_length=7)]


class UnknownSlotTemplate(NotFound):
    """There is no such template."""


class SlotTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A window of local wall time on weekdays, `horizon_days` ahead.

    cut_off: the wall time until which its slots can be had, so many days before. holiday_calendar: on whose holidays
    there is none, as `ES-MD`; with a location there is none on days on which that is shut either.
    from_day, until_day: the first and the last day; None is no bound.
    """

    id: UUID
    code: Code
    method: Method
    time_zone: str
    weekdays: Weekdays
    window_from: WallTime
    window_until: WallTime
    currency: Currency
    country: Country | None = None
    postal_prefixes: Prefixes = ()
    location_id: UUID | None = None
    capacity: Capacity | None = None
    overbooking_bp: OverbookingBp = 0
    price_minor: AmountMinor = 0
    lead_minutes: LeadMinutes = 0
    cut_off: WallTime | None = None
    cut_off_days_before: Annotated[int, msgspec.Meta(ge=0, le=CUT_OFF_DAYS_MAX)] = 0
    holiday_calendar: str | None = None
    from_day: date | None = None
    until_day: date | None = None
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=HORIZON_DAYS_MAX)] = 14
    is_active: bool = True


def check_template(template: SlotTemplate) -> SlotTemplate:
    """Return the template, its weekdays and prefixes in order, if it can be.

    Raises:
        BadSlot: text or numbers that do not fit.
        ImplausibleSlot: a window, resource, zone, currency or calendar that is none.
    """
    fitting(template, BadSlot)
    check_resource(template.method, template.country, template.location_id, template.postal_prefixes)
    check_money_and_zone(template.currency, template.time_zone)
    if not wall_minutes(template.window_from) < wall_minutes(template.window_until):
        raise ImplausibleSlot(
            "a window ends after it begins; part one across midnight there",
            field="window_until",
            got=f"{template.window_from}-{template.window_until}",
        )
    if template.from_day and template.until_day and template.until_day < template.from_day:
        raise ImplausibleSlot("the last day comes before the first", field="until_day", got=str(template.until_day))
    if template.holiday_calendar is not None:
        try:
            holidays_of(template.holiday_calendar, 2000)
        except (BadLocation, ImplausibleLocation) as problem:
            raise ImplausibleSlot(problem.sentence, **problem.facts) from None
    return msgspec.structs.replace(
        template,
        weekdays=tuple(day for day in WEEKDAYS if day in template.weekdays),
        postal_prefixes=tuple(sorted(set(template.postal_prefixes or ("",)))),
    )


def days_of(template: SlotTemplate, locations: Mapping[UUID, Location], *, now: datetime) -> Sequence[date]:
    """The local days from today on which the template has its window."""
    if not template.is_active:
        return ()
    today = now.astimezone(ZoneInfo(template.time_zone)).date()
    ahead = (today + timedelta(days=step) for step in range(template.horizon_days + 1))
    return [day for day in ahead if _has_window(template, locations, day)]


def slot_on(template: SlotTemplate, day: date) -> Slot | None:
    """The slot of a local day; None where clocks jump over all of its window (PRM-01).

    A wall time that comes twice begins a window with its first and ends it with its second, as opening hours do.
    """
    zone = ZoneInfo(template.time_zone)
    from_at = wall_instant(day, wall_minutes(template.window_from), zone, fold=0)
    until_at = wall_instant(day, wall_minutes(template.window_until), zone, fold=int(template.window_until != "24:00"))
    if not from_at < until_at:
        return None
    return Slot(
        id=child_id(template.id, "slot", day),
        method=template.method,
        country=template.country,
        postal_prefixes=template.postal_prefixes,
        location_id=template.location_id,
        from_at=from_at,
        until_at=until_at,
        time_zone=template.time_zone,
        capacity=template.capacity,
        overbooking_bp=template.overbooking_bp,
        price_minor=template.price_minor,
        currency=template.currency,
        lead_minutes=template.lead_minutes,
        cut_off_at=_cut_off_at(template, day, zone),
        template_id=template.id,
        day=day,
    )


def next_generation(template: SlotTemplate, *, now: datetime) -> datetime | None:
    """When one more day has come within sight: the template's next midnight; None while it is not in use."""
    if not template.is_active:
        return None
    zone = ZoneInfo(template.time_zone)
    return wall_instant(now.astimezone(zone).date() + timedelta(days=1), 0, zone, fold=0)


def _has_window(template: SlotTemplate, locations: Mapping[UUID, Location], day: date) -> bool:
    if WEEKDAYS[day.weekday()] not in template.weekdays:
        return False
    if (template.from_day and day < template.from_day) or (template.until_day and day > template.until_day):
        return False
    if template.holiday_calendar and day in holidays_of(template.holiday_calendar, day.year):
        return False
    if template.location_id is None:
        return True
    location = locations.get(template.location_id)
    return location is not None and location.is_active and bool(shifts_on(location, day))


def _cut_off_at(template: SlotTemplate, day: date, zone: ZoneInfo) -> datetime | None:
    if template.cut_off is None:
        return None
    return wall_instant(
        day - timedelta(days=template.cut_off_days_before), wall_minutes(template.cut_off), zone, fold=0
    )
