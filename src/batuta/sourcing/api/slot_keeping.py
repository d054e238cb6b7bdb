"""Slots and their templates as operators keep them (PRM-06)."""

from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.kernel.codes import check_same_id
from batuta.kernel.errors import Forbidden
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import AmountMinor, Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_code,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.sourcing.commands import delete_slots, lock_slot_template, lock_slots, save_slot_templates, save_slots
from batuta.sourcing.domain import Method, Slot, SlotTemplate, UnknownSlot, UnknownSlotTemplate
from batuta.sourcing.domain.slots.templates import CUT_OFF_DAYS_MAX, HORIZON_DAYS_MAX, WallTime, Weekdays
from batuta.sourcing.domain.slots.windows import Capacity, Country, Currency, LeadMinutes, OverbookingBp, Prefixes
from batuta.sourcing.queries import (
    SlotFilter,
    TakenSlot,
    list_slot_templates,
    list_slots,
    slot_template_versions,
    slot_templates_by_id,
    slot_versions,
    slots_by_id,
)

FromDay = Annotated[date | None, QueryParameter(description="Slots that end on this day, by UTC, or later")]
UntilDay = Annotated[date | None, QueryParameter(description="Slots that begin before this day, by UTC")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NotYourSlots(Forbidden):
    """Slots of regions are of no location; who is bound to certain locations keeps only the slots of these."""


class SlotBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A slot as it shall be. capacity: left out, nobody can have it. postal_prefixes: none is all of the country."""

    method: Method
    from_at: Moment
    until_at: Moment
    time_zone: Code
    currency: Currency
    capacity: Capacity | None = None
    overbooking_bp: OverbookingBp = 0
    price_minor: AmountMinor = 0
    lead_minutes: LeadMinutes = 0
    cut_off_at: Moment | None = None
    country: Country | None = None
    postal_prefixes: Prefixes = ()
    location_id: UUID | None = None
    is_open: bool = True


class TemplateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window on weekdays, from which slots are made `horizon_days` ahead.

    cut_off: until when a slot can be had, so many days before. holiday_calendar: country or country-region, as `ES-MD`.
    """

    code: Code
    method: Method
    time_zone: Code
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
    holiday_calendar: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    from_day: date | None = None
    until_day: date | None = None
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=HORIZON_DAYS_MAX)] = 14
    is_active: bool = True


@get("/api/slots/calendar", guards=[requires("locations.read")])
async def slots_kept(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    template_id: FromQuery[UUID | None] = None,
    location_id: FromQuery[UUID | None] = None,
    from_day: FromDay = None,
    until_day: UntilDay = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[TakenSlot]:
    """Every slot that ends after a time, closed ones too, with how many have it; the earliest first."""
    wanted = SlotFilter(
        template_id=template_id,
        location_id=location_id,
        location_ids=None if caller.location_ids is None else sorted(caller.location_ids),
        from_at=_midnight(from_day),
        until_at=_midnight(until_day),
    )
    behind = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_slots(db, wanted=wanted, behind=behind, limit=limit + 1, now=moment())
    return page_of(found, limit=limit, key=lambda one: (one.slot.from_at, one.slot.id))


@get("/api/slots/{slot_id:uuid}", guards=[requires("locations.read")])
async def slot(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], slot_id: FromPath[UUID]
) -> Response[Slot]:
    """One slot; its version is the ETag."""
    async with engine.connect() as db:
        tag = etag((await slot_versions(db, [slot_id])).get(slot_id, 0))
        return Response(await _seen_slot(db, caller, slot_id), headers={"etag": tag})


@post("/api/slots", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def make_slot(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[SlotBody]
) -> Response[Slot]:
    """Make one slot by hand."""

    async def act(db: Connection) -> Answer[Slot]:
        return await _save_slot(db, caller, data, fresh_id())

    return await once(engine, request, act)


@put("/api/slots/{slot_id:uuid}", guards=[requires("locations.write")])
async def put_slot(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    slot_id: FromPath[UUID],
    data: JSONBody[SlotBody],
) -> Response[Slot]:
    """Change a slot, which its template leaves alone since; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Slot]:
        if await lock_slots(db, [slot_id]):
            await _seen_slot(db, caller, slot_id)
        check_version(request, (await slot_versions(db, [slot_id])).get(slot_id, 0))
        return await _save_slot(db, caller, data, slot_id)

    return await once(engine, request, act)


@delete("/api/slots/{slot_id:uuid}", guards=[requires("locations.write")])
async def delete_slot(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], slot_id: FromPath[UUID]
) -> Response[None]:
    """Delete a slot that nobody has."""

    async def act(db: Connection) -> Answer[None]:
        _check_bound(caller, (await _seen_slot(db, caller, slot_id)).location_id)
        only(await delete_slots(db, slot_ids=[slot_id], now=moment()))
        return Answer(None)

    return await once(engine, request, act)


@get("/api/slot-templates", guards=[requires("locations.read")])
async def slot_templates(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[SlotTemplate]:
    """The templates of slots, in the order of their codes."""
    behind = read_code(cursor)
    own = None if caller.location_ids is None else sorted(caller.location_ids)
    async with engine.connect() as db:
        found = await list_slot_templates(db, location_ids=own, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/slot-templates/{template_id:uuid}", guards=[requires("locations.read")])
async def slot_template(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], template_id: FromPath[UUID]
) -> Response[SlotTemplate]:
    """One template; its version is the ETag."""
    async with engine.connect() as db:
        tag = await _template_tag(db, template_id)
        found = (await slot_templates_by_id(db, [template_id])).get(template_id)
    if found is None or not _sees(caller, found.location_id):
        raise UnknownSlotTemplate("there is no such template", template_id=str(template_id))
    return Response(found, headers=tag)


@post("/api/slot-templates", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def save_slot_template(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[TemplateBody]
) -> Response[SlotTemplate]:
    """Save a template by its code, and make its slots; one that is there keeps its id."""

    async def act(db: Connection) -> Answer[SlotTemplate]:
        return await _save_template(db, caller, data, fresh_id())

    return await once(engine, request, act)


@put("/api/slot-templates/{template_id:uuid}", guards=[requires("locations.write")])
async def put_slot_template(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    template_id: FromPath[UUID],
    data: JSONBody[TemplateBody],
) -> Response[SlotTemplate]:
    """Save a template under an id, and make its slots anew; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[SlotTemplate]:
        check_version(request, await lock_slot_template(db, template_id=template_id))
        saved = await _save_template(db, caller, data, template_id)
        check_same_id(saved.content, template_id)
        return saved

    return await once(engine, request, act)


async def _seen_slot(db: Connection, caller: Caller, slot_id: UUID) -> Slot:
    found = (await slots_by_id(db, [slot_id])).get(slot_id)
    if found is None or not _sees(caller, found.location_id):
        raise UnknownSlot("there is no such slot", slot_id=str(slot_id))
    return found


async def _save_slot(db: Connection, caller: Caller, data: SlotBody, slot_id: UUID) -> Answer[Slot]:
    _check_bound(caller, data.location_id)
    given = Slot(id=slot_id, **msgspec.structs.asdict(data))
    saved = only(await save_slots(db, slots=[given], now=moment()))
    return Answer(saved, headers={"etag": etag((await slot_versions(db, [slot_id])).get(slot_id, 0))})


async def _save_template(db: Connection, caller: Caller, data: TemplateBody, template_id: UUID) -> Answer[SlotTemplate]:
    _check_bound(caller, data.location_id)
    before = (await slot_templates_by_id(db, [template_id])).get(template_id)
    if before is not None and not _sees(caller, before.location_id):
        raise UnknownSlotTemplate("there is no such template", template_id=str(template_id))
    given = SlotTemplate(id=template_id, **msgspec.structs.asdict(data))
    saved = only(await save_slot_templates(db, templates=[given], now=moment()))
    return Answer(saved, headers=await _template_tag(db, saved.id))


async def _template_tag(db: Connection, template_id: UUID) -> dict[str, str]:
    return {"etag": etag((await slot_template_versions(db, [template_id])).get(template_id, 0))}


def _sees(caller: Caller, location_id: UUID | None) -> bool:
    return caller.location_ids is None or (location_id is not None and location_id in caller.location_ids)


def _check_bound(caller: Caller, location_id: UUID | None) -> None:
    if not _sees(caller, location_id):
        raise NotYourSlots("you work at certain locations, and keep only their slots")


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


ROUTES = [
    slots_kept,
    slot,
    make_slot,
    put_slot,
    delete_slot,
    slot_templates,
    slot_template,
    save_slot_template,
    put_slot_template,
]
