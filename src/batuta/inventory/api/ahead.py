"""What may be promised from when on, how else it can be had, and how much channels sell ahead of stock."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.catalog.queries import substitutes_of
from batuta.inventory.api.naming import channel_id
from batuta.inventory.api.sight import Moment, check_seen, instant, places_of, stocked_skus
from batuta.inventory.commands import delete_paths, peg_again, save_paths, set_limits
from batuta.inventory.domain.atp import AtpStep, together
from batuta.inventory.domain.reaching import (
    COMPONENTS_MAX,
    HOLIDAYS_MAX,
    LeadDays,
    LeadPath,
    Part,
    PathKind,
    Weekday,
)
from batuta.inventory.domain.supply import Reliability
from batuta.inventory.domain.waiting import BackorderLimit, LimitUse
from batuta.inventory.queries import Capable, Promised, Wanted, capable_of, limit_uses, paths_of, promises_of, supply_of
from batuta.kernel.outcomes import whole
from batuta.kernel.quantities import QUANTITY_MAX, Code, Quantity, QuantityOrNone
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_unbound

LIMITS_MAX = 1_000
SKUS_MAX = 1_000

CodeIs = Annotated[str, QueryParameter(min_length=1, max_length=100)]
CodeOrNone = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]
Units = Annotated[int | None, QueryParameter(ge=1, le=QUANTITY_MAX)]
Orders = Annotated[list[UUID], QueryParameter(min_items=1, max_items=100)]


class PlaceSupply(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised at a location, from now and from each later moment at which there is more."""

    location_id: UUID
    steps: list[AtpStep]


class Atp(msgspec.Struct, frozen=True, kw_only=True):
    """Available to promise. network: all locations together. capable: of so many units, by location, where asked."""

    as_of: datetime
    sku_id: UUID
    sku_code: str
    reliability: Reliability
    network: list[AtpStep]
    locations: list[PlaceSupply]
    capable: list[Capable]


class LimitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many units of a SKU a channel may sell ahead; none is none. launch_at: before it, they are pre-ordered."""

    sku_code: Code
    channel_code: Code
    units: QuantityOrNone
    until_at: Moment | None = None
    launch_at: Moment | None = None


class LimitsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limits: Annotated[list[LimitBody], msgspec.Meta(min_length=1, max_length=LIMITS_MAX)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """used: units that wait for supply now."""

    limits: list[LimitUse]


class PartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_code: Code
    quantity: Quantity


class PathBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How more of a SKU can be had at a location: from another one, from a supplier, or made there of components.

    lead_days: working days, of the calendar of weekdays (Monday is 1) and holidays. units_per_day: of what is made.
    """

    sku_code: Code
    location_code: Code
    kind: PathKind
    lead_days: LeadDays
    source_location_code: Code | None = None
    supplier_code: Code | None = None
    components: Annotated[list[PartBody], msgspec.Meta(max_length=COMPONENTS_MAX)] = []
    units_per_day: Quantity | None = None
    weekdays: Annotated[list[Weekday], msgspec.Meta(max_length=7)] | None = None
    holidays: Annotated[list[date], msgspec.Meta(max_length=HOLIDAYS_MAX)] = []


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    paths: list[LeadPath]


class PegsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_codes: Annotated[list[Code], msgspec.Meta(min_length=1, max_length=SKUS_MAX)]


class Pegged(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines are promised for another day now."""

    moved: int


class Promises(msgspec.Struct, frozen=True, kw_only=True):
    promises: list[Promised]


@get("/api/supply/atp", guards=[requires("inventory.read")])
async def atp(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_code: CodeIs,
    location_code: CodeOrNone = None,
    units: Units = None,
    reliability: FromQuery[Reliability] = Reliability.P90,
) -> Atp:
    """Say how many units may be promised from when on; with `units`, from when on so many can be had, and how.

    Receipts count with their supplier's lateness; what others wait for is not promised again.
    """
    now = moment()
    async with engine.connect() as db:
        sku_id = (await stocked_skus(db, [sku_code]))[sku_code]
        places = await places_of(db, [location_code]) if location_code else {}
        for code, location_id in places.items():
            check_seen(caller, code, location_id)
        wanted = sorted(places.values()) or (None if caller.location_ids is None else sorted(caller.location_ids))
        found = await supply_of(db, sku_ids=[sku_id], location_ids=wanted, now=now, reliability=reliability)
        steps = {location_id: several for (_, location_id), several in found.items()}
        capable = []
        if units is not None:
            instead = tuple(one.sku_id for one in (await substitutes_of(db, [sku_id])).get(sku_id, ()))
            at = {*steps, *places.values(), *(place for _, place in await paths_of(db, [sku_id]))}
            asked = [
                Wanted(sku_id=sku_id, location_id=one, units=units, instead=instead)
                for one in sorted(at)
                if wanted is None or one in wanted
            ]
            capable = await capable_of(db, wanted=asked, now=now)
    return Atp(
        as_of=now,
        sku_id=sku_id,
        sku_code=sku_code,
        reliability=reliability,
        network=together(steps.values()),
        locations=[PlaceSupply(location_id=one, steps=steps[one]) for one in sorted(steps)],
        capable=capable,
    )


@get("/api/supply/limits", guards=[requires("inventory.move")])
async def limits(engine: NamedDependency[Engine], caller: NamedDependency[Caller], sku_code: CodeIs) -> Limits:
    """List how much channels may sell ahead of a SKU, and how much of it is used."""
    async with engine.connect() as db:
        sku_id = (await stocked_skus(db, [sku_code]))[sku_code]
        found = await limit_uses(db, [sku_id])
    return Limits(limits=[one for one in found if caller.sees_channel(one.channel_id)])


@put("/api/supply/limits", guards=[requires("inventory.manage")])
async def put_limits(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[LimitsBody],
) -> Response[Limits]:
    """Say how many units channels may sell ahead of stock; never more than is to come is sold."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[Limits]:
        skus = await stocked_skus(db, {one.sku_code for one in data.limits})
        channels = {code: await channel_id(db, code) for code in sorted({one.channel_code for one in data.limits})}
        wanted = [
            BackorderLimit(
                sku_id=skus[one.sku_code],
                channel_id=channel,
                units=one.units,
                until_at=instant(one.until_at),
                launch_at=instant(one.launch_at),
            )
            for one in data.limits
            if (channel := channels[one.channel_code])
        ]
        kept = {(one.sku_id, one.channel_id) for one in whole(await set_limits(db, limits=wanted, now=moment()))}
        found = await limit_uses(db, {sku_id for sku_id, _ in kept})
        return Answer(Limits(limits=[one for one in found if (one.sku_id, one.channel_id) in kept]))

    return await once(engine, request, act)


@get("/api/supply/paths", guards=[requires("inventory.move")])
async def paths(engine: NamedDependency[Engine], sku_code: CodeIs) -> Paths:
    """List the ways in which more of a SKU can be had."""
    async with engine.connect() as db:
        sku_id = (await stocked_skus(db, [sku_code]))[sku_code]
        found = await paths_of(db, [sku_id])
    return Paths(paths=[one for several in found.values() for one in several])


@put("/api/supply/paths/{path_id:uuid}", guards=[requires("inventory.manage")])
async def put_path(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    path_id: FromPath[UUID],
    data: JSONBody[PathBody],
) -> Response[LeadPath]:
    """Make or replace a way in which more of a SKU can be had at a location."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[LeadPath]:
        path = await _path(db, path_id, data)
        (saved,) = await save_paths(db, paths=[path], now=moment())
        if isinstance(saved, LeadPath):
            return Answer(saved)
        raise saved

    return await once(engine, request, act)


@delete("/api/supply/paths/{path_id:uuid}", guards=[requires("inventory.manage")])
async def delete_path(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], path_id: FromPath[UUID]
) -> Response[None]:
    """Forget a way; one that is not there is no problem."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[None]:
        await delete_paths(db, ids=[path_id])
        return Answer(None)

    return await once(engine, request, act)


@post("/api/supply/pegs", guards=[requires("inventory.manage")], status_code=HTTPStatus.OK)
async def peg(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[PegsBody],
) -> Response[Pegged]:
    """Share what is to come of SKUs anew among those who wait, so that a sooner receipt serves whom it can."""
    check_unbound(caller)

    async def act(db: Connection) -> Answer[Pegged]:
        skus = await stocked_skus(db, set(data.sku_codes))
        return Answer(Pegged(moved=len(await peg_again(db, sku_ids=set(skus.values()), now=moment()))))

    return await once(engine, request, act)


@get("/api/supply/promises", guards=[requires("orders.read")])
async def promises(engine: NamedDependency[Engine], caller: NamedDependency[Caller], order_id: Orders) -> Promises:
    """Say of orders which units wait for supply, for when they are promised, and from which receipts."""
    async with engine.connect() as db:
        found = await promises_of(db, order_id)
    told = [one for several in found.values() for one in several if caller.sees_channel(one.channel_id)]
    return Promises(promises=sorted(told, key=lambda one: (one.order_id, one.line_id, one.sku_id)))


async def _path(db: Connection, path_id: UUID, data: PathBody) -> LeadPath:
    skus = await stocked_skus(db, {data.sku_code, *(part.sku_code for part in data.components)})
    codes = {data.location_code, *([data.source_location_code] if data.source_location_code else [])}
    places = await places_of(db, codes)
    return LeadPath(
        id=path_id,
        sku_id=skus[data.sku_code],
        location_id=places[data.location_code],
        kind=data.kind,
        lead_days=data.lead_days,
        source_location_id=places[data.source_location_code] if data.source_location_code else None,
        supplier_code=data.supplier_code,
        components=[Part(sku_id=skus[part.sku_code], quantity=part.quantity) for part in data.components],
        units_per_day=data.units_per_day,
        weekdays=(1, 2, 3, 4, 5) if data.weekdays is None else tuple(sorted(set(data.weekdays))),
        holidays=data.holidays,
    )


ROUTES = [
    atp,
    limits,
    put_limits,
    paths,
    put_path,
    delete_path,
    peg,
    promises,
]
