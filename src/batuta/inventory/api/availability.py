"""What may be promised, for whom: for systems in numbers and with reasons, for shoppers in a word."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_code
from batuta.inventory.commands.shopping import ShopAvailability, UnknownGoods, show_to_shoppers
from batuta.inventory.domain import Asker
from batuta.inventory.domain.holding import NoSuchChannel, NoSuchPlace
from batuta.inventory.queries import Available, NetworkUnits, availability, network_units
from batuta.kernel.errors import BatutaError
from batuta.kernel.quantities import Code
from batuta.locations.domain import Ability
from batuta.locations.queries import all_locations, location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.shared_reads import SharedRead
from batuta.plumbing.web import AnyRequest, Caller, anyone, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.reading import shared, told

SKUS_MAX = 1_000
PLACES_MAX = 200

Codes = Annotated[list[Code], msgspec.Meta(min_length=1, max_length=SKUS_MAX)]
Places = Annotated[list[Code], msgspec.Meta(min_length=1, max_length=PLACES_MAX)]
Word = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]
CodeAsked = Annotated[str, QueryParameter(min_length=1, max_length=100)]


class AvailabilityBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of what, for whom, and where alone; without places, everywhere.

    channel_code, region, customer_group: whose buffers hold, and whose pools are open. ability: only locations that
    work and can do that, as `ship` or `pickup`. are_places_told: or only the figure of all of them.
    """

    sku_codes: Codes
    location_codes: Places | None = None
    channel_code: Code | None = None
    region: Word = ""
    customer_group: Word = ""
    ability: Ability | None = None
    are_places_told: bool = True


class SkuAvailable(msgspec.Struct, frozen=True, kw_only=True):
    """How many units of a SKU may still be promised, in all and location by location, the most first.

    is_stocked: bundles, services and what is not tracked have no stock of their own.
    """

    sku_id: UUID
    sku_code: str
    is_stocked: bool
    available: int
    locations: list[Available]


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised at a moment. unknown: codes of no SKU."""

    as_of: datetime
    skus: list[SkuAvailable]
    unknown: list[str]


@post(
    "/api/availability",
    guards=[requires("inventory.read")],
    status_code=HTTPStatus.OK,
    opt={"takes_no_key": True},
    is_express=True,
)
async def read_availability(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[AvailabilityBody],
) -> Response[Availability]:
    """Say how many units of SKUs may still be promised, where, and what keeps the others back."""
    is_of_all = data.location_codes is None and data.ability is None and caller.location_ids is None
    if is_of_all and not data.are_places_told:
        return await shared(request, network_reader, Question(asked=data, channel_ids=caller.channel_ids))
    now = moment()
    async with engine.connect() as db:
        skus = await skus_by_code(db, set(data.sku_codes))
        asker = await _asker(db, caller, data)
        location_ids = await _location_ids(db, caller, data.location_codes)
        if data.ability is not None:
            location_ids = await _able(db, location_ids, data.ability)
        ids = [one.id for one in skus.values()]
        found = await availability(db, sku_ids=ids, location_ids=location_ids, asker=asker, now=now)
    places: dict[UUID, list[Available]] = {sku_id: [] for sku_id in ids}
    for one in found:
        places[one.sku_id].append(one)
    codes = list(dict.fromkeys(data.sku_codes))
    told_of = [
        _available(skus[code], places[skus[code].id], are_places_told=data.are_places_told)
        for code in codes
        if code in skus
    ]
    unknown = [code for code in codes if code not in skus]
    return told(request, Availability(as_of=now, skus=told_of, unknown=unknown))


class Question(msgspec.Struct, frozen=True):
    """What somebody asks of the whole network. channel_ids: those that they may see; None is all."""

    asked: AvailabilityBody
    channel_ids: frozenset[UUID] | None


def network_reader(engine: Engine) -> SharedRead[Question, Availability]:
    """Answers questions of the whole network together."""
    return SharedRead(engine, read_network)


async def read_network(
    db: Connection, questions: Sequence[Question], now: datetime
) -> Sequence[Availability | BatutaError]:
    """Answer what may be promised in all, to each who asks."""
    named = {one.asked.channel_code for one in questions if one.asked.channel_code is not None}
    channels = await channels_by_code(db, named) if named else {}
    askers = [_asker_of(one.asked, channels, one.channel_ids) for one in questions]
    wanted: dict[Asker, set[str]] = {}
    for one, asker in zip(questions, askers, strict=True):
        if isinstance(asker, Asker):
            wanted.setdefault(asker, set()).update(one.asked.sku_codes)
    found = await network_units(db, wanted, now=now)
    return [
        asker if isinstance(asker, NoSuchChannel) else _of_network(one.asked.sku_codes, found[asker], now)
        for one, asker in zip(questions, askers, strict=True)
    ]


def _of_network(codes: Sequence[str], found: Mapping[str, NetworkUnits], now: datetime) -> Availability:
    distinct = list(dict.fromkeys(codes))
    return Availability(
        as_of=now,
        skus=[
            SkuAvailable(
                sku_id=one.sku_id,
                sku_code=code,
                is_stocked=one.is_stocked,
                available=one.available,
                locations=[],
            )
            for code in distinct
            if (one := found.get(code))
        ],
        unknown=[code for code in distinct if code not in found],
    )


@get("/api/availability", guards=[anyone()])
async def read_shop_availability(
    request: AnyRequest, engine: NamedDependency[Engine], channel_code: CodeAsked, sku_code: CodeAsked
) -> Response[ShopAvailability]:
    """Say what a product page tells shoppers: in stock, low or out, at which stores, and when there is more.

    Public, and to be kept for the seconds that the channel says; `If-None-Match` answers 304 while nothing changed.
    """
    async with engine.begin() as db:
        shown = await show_to_shoppers(db, channel_code=channel_code, sku_code=sku_code, now=moment())
    if isinstance(shown, (NoSuchChannel, UnknownGoods)):
        raise shown
    tag = _tag_of(shown)
    headers = {"etag": tag, "cache-control": f"public, max-age={shown.max_age_s}"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)  # type: ignore[arg-type]
    return Response(shown, headers=headers)


def _tag_of(shown: ShopAvailability) -> str:
    """A name of all that it says but for the moment."""
    said = msgspec.json.encode(msgspec.structs.replace(shown, as_of=datetime.min.replace(tzinfo=UTC)))
    return f'W/"{hashlib.blake2b(said, digest_size=12).hexdigest()}"'


async def _asker(db: Connection, caller: Caller, data: AvailabilityBody) -> Asker:
    channels = {} if data.channel_code is None else await channels_by_code(db, [data.channel_code])
    asker = _asker_of(data, channels, caller.channel_ids)
    if isinstance(asker, NoSuchChannel):
        raise asker
    return asker


def _asker_of(
    data: AvailabilityBody, channels: Mapping[str, Channel], channel_ids: frozenset[UUID] | None
) -> Asker | NoSuchChannel:
    """For whom it is asked. channel_ids: those that who asks may see; None is all."""
    channel = channels.get(data.channel_code) if data.channel_code is not None else None
    if data.channel_code is not None and (channel is None or not (channel_ids is None or channel.id in channel_ids)):
        return NoSuchChannel("there is no such channel", channel_code=data.channel_code)
    return Asker(channel_id=channel.id if channel else None, region=data.region, customer_group=data.customer_group)


async def _able(db: Connection, location_ids: Sequence[UUID] | None, ability: Ability) -> list[UUID]:
    places = (await all_locations(db)).by_id.values()
    wanted = None if location_ids is None else set(location_ids)
    return [
        one.id for one in places if one.is_active and ability in one.abilities and (wanted is None or one.id in wanted)
    ]


async def _location_ids(db: Connection, caller: Caller, codes: Sequence[str] | None) -> list[UUID] | None:
    if codes is None:
        return None if caller.location_ids is None else sorted(caller.location_ids)
    found = await location_ids_by_code(db, codes)
    for code in codes:
        if code not in found or not caller.sees_location(found[code]):
            raise NoSuchPlace("there is no such location", location_code=code)
    return sorted(found.values())


def _available(sku: Sku, places: list[Available], *, are_places_told: bool) -> SkuAvailable:
    places.sort(key=lambda one: (-one.available, one.location_id))
    return SkuAvailable(
        sku_id=sku.id,
        sku_code=sku.code,
        is_stocked=sku.is_tracked,
        available=sum(one.available for one in places),
        locations=places if are_places_told else [],
    )


ROUTES = [read_availability, read_shop_availability]
