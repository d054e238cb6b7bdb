"""Slots that shoppers can have, and places in them (PRM-06)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from batuta.kernel.errors import BatutaError, NotFound, Refused
from batuta.locations.queries import countries_with_places, locations_by_code, places_of
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, anyone, batched, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import ScopesOf, sees
from batuta.sourcing.commands import hold_slots, release_slots
from batuta.sourcing.domain import (
    Destination,
    HoldSlot,
    HoldStatus,
    Method,
    OfferedSlot,
    Slot,
    SlotHold,
    UnknownSlotHold,
)
from batuta.sourcing.domain.promises.asking import UnknownPostalCode
from batuta.sourcing.domain.slots.windows import Country
from batuta.sourcing.queries import offered_slots, slot_holds_of, slots_by_id

DAYS = 14
DAYS_MAX = 91
FROM_WITHIN = timedelta(days=400)
HOLD_MINUTES = 15
HOLD_MINUTES_MAX = 120

CountryCode = Annotated[str | None, QueryParameter(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
PostalCode = Annotated[str | None, QueryParameter(max_length=20)]
LocationCode = Annotated[str | None, QueryParameter(max_length=100, description="Where the goods are collected")]
FromDay = Annotated[date | None, QueryParameter(description="The first day, by UTC; today unless given")]
Days = Annotated[int, QueryParameter(ge=1, le=DAYS_MAX, description="How many days from then")]


class NoDestination(Refused):
    """Slots are for a country and postal code, or for a location where goods are collected; one of the two."""


class NobodyCollectsThere(NotFound):
    """No location has this code, or it does not work."""


class HoldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the goods go, by country and postal code; who collects them says neither.

    holder_id: the caller's own id of the basket; a basket has one slot, and unless given, is made here.
    """

    holder_id: UUID | None = None
    country: Country | None = None
    postal_code: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[^\x00]*$")] = ""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=HOLD_MINUTES_MAX)] = HOLD_MINUTES


class OfferedSlots(msgspec.Struct, frozen=True, kw_only=True):
    """The slots that can be had, the earliest first; full ones have nothing left."""

    items: list[OfferedSlot]


class SlotOfOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The window of an order, and its place in it."""

    slot: Slot
    hold: SlotHold


def hold_batcher(engine: Engine) -> Batcher[HoldSlot, SlotHold]:
    return Batcher(engine, _hold, name="hold_slots")


@get("/api/slots", guards=[anyone()], opt={"also_answers": [404, 409]})
async def slots_offered(
    *,
    engine: NamedDependency[Engine],
    country: CountryCode = None,
    postal_code: PostalCode = None,
    location_code: LocationCode = None,
    from_day: FromDay = None,
    days: Days = DAYS,
) -> OfferedSlots:
    """The windows in which goods can be delivered to a postal code, or collected at a location; two weeks ahead."""
    now = moment()
    asked = now if from_day is None else datetime.combine(from_day, time(), UTC)
    since = min(max(now, asked), now + FROM_WITHIN)
    before = since + timedelta(days=days)
    async with engine.connect() as db:
        destination = await _destination(db, country, postal_code, location_code)
        return OfferedSlots(items=await offered_slots(db, destination, from_at=since, until_at=before, now=now))


@post("/api/slots/{slot_id:uuid}/holds", guards=[requires("carts.write")], status_code=HTTPStatus.OK)
async def hold_slot(request: AnyRequest, slot_id: FromPath[UUID], data: JSONBody[HoldBody]) -> Response[SlotHold]:
    """Keep a place in a slot for a while; the order that is placed with its `holder_id` has it then."""
    caller = caller_of(request)
    wish = HoldSlot(
        slot_id=slot_id,
        holder_id=data.holder_id or fresh_id(),
        destination=Destination(
            method=Method.SHIP if data.country else Method.PICKUP,
            country=data.country or "",
            postal_code=data.postal_code,
        ),
        until_at=moment() + timedelta(minutes=data.minutes),
        actor=caller.actor,
    )
    return await batched(request, hold_batcher, wish)


@delete("/api/slots/holds/{holder_id:uuid}", guards=[requires("carts.write")])
async def release_slot(
    request: AnyRequest, engine: NamedDependency[Engine], holder_id: FromPath[UUID]
) -> Response[None]:
    """Give a held place back; one that an order has is given back by cancelling the order."""

    async def act(db: Connection) -> Answer[None]:
        held = (await slot_holds_of(db, [holder_id])).get(holder_id)
        if held is None or held.status is not HoldStatus.HELD:
            raise UnknownSlotHold("no slot is held under this id", slot_hold_id=str(holder_id))
        await release_slots(db, holder_ids=[holder_id])
        return Answer(None)

    return await once(engine, request, act)


@get("/api/orders/{order_id:uuid}/slot", guards=[requires("orders.read")])
async def slot_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> SlotOfOrder:
    """The window in which an order is to be had, where one was chosen."""
    async with engine.connect() as db:
        scope = (await order_scopes(db, [order_id])).get(order_id)
        held = (await slot_holds_of(db, [order_id])).get(order_id)
        if scope is None or not sees(caller, scope) or held is None:
            raise UnknownSlotHold("this order has no slot", order_id=str(order_id))
        return SlotOfOrder(slot=(await slots_by_id(db, [held.slot_id]))[held.slot_id], hold=held)


async def _hold(db: Connection, wishes: Sequence[HoldSlot], now: datetime) -> Sequence[SlotHold | BatutaError]:
    """Who collects is held a place at the location of the slot."""
    found = await slots_by_id(db, {one.slot_id for one in wishes})
    return await hold_slots(db, wishes=[_placed(one, found.get(one.slot_id)) for one in wishes], now=now)


def _placed(wish: HoldSlot, found: Slot | None) -> HoldSlot:
    if found is None or wish.destination.method is not Method.PICKUP:
        return wish
    there = Destination(method=Method.PICKUP, location_id=found.location_id)
    return msgspec.structs.replace(wish, destination=there)


async def _destination(
    db: Connection, country: str | None, postal_code: str | None, location_code: str | None
) -> Destination:
    if (location_code is None) != (country is not None and postal_code is not None):
        raise NoDestination("name country and postal_code, or location_code")
    if country is not None and postal_code is not None:
        if not await places_of(db, [(country, postal_code)]) and await countries_with_places(db, [country]):
            raise UnknownPostalCode("there is no such postal code", country=country, postal_code=postal_code)
        return Destination(method=Method.SHIP, country=country, postal_code=postal_code)
    assert location_code is not None
    found = (await locations_by_code(db, [location_code])).get(location_code)
    if found is None or not found.is_active:
        raise NobodyCollectsThere("goods cannot be collected there", location_code=location_code)
    return Destination(method=Method.PICKUP, location_id=found.id)


ROUTES = [slots_offered, hold_slot, release_slot, slot_of_order]
