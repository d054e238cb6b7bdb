"""Price lists, prices, tax rates and shipping charges, to read; quotes; and what units cost us."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.company.domain import Channel, UnknownChannel
from batuta.company.queries import channels_by_code, channels_by_id
from batuta.kernel.errors import NotFound
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import AmountMinor, Code, Quantity
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    once,
    page_of,
    read_code,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.pricing.commands import set_unit_costs
from batuta.pricing.domain import Price, PriceFilter, PriceList, Quote, QuoteLine, QuoteRequest, ShippingCharge, TaxRate
from batuta.pricing.domain.costs import NoSuchPlace, UnitCost
from batuta.pricing.domain.lists import Country, Currency, Region
from batuta.pricing.queries import (
    costs_of,
    list_price_lists,
    list_prices,
    list_tax_rates,
    quote,
    shipping_charges_of,
)

LINES_MAX = 1_000
SKUS_MAX = 200
COSTS_MAX = 5_000

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
CodesAsked = Annotated[list[Code], QueryParameter(min_items=1, max_items=SKUS_MAX)]
Few = Annotated[list[UUID] | None, QueryParameter(max_items=SKUS_MAX)]
In = Annotated[str | None, QueryParameter(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


class UnknownSku(NotFound):
    """There is no such SKU."""


class AskedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a SKU."""

    sku_code: Code
    quantity: Quantity


class AskedQuote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be ordered. country, region: where it would go; the channel's country when they say nothing.

    service_kind: how it would be shipped; without it the quote has no shipping.
    """

    channel_code: Code
    lines: Annotated[list[AskedLine], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    country: Country | None = None
    region: Region = ""
    service_kind: Code | None = None


class CostBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a unit of a SKU costs us, without tax.

    location_code: when it comes from there; else wherever it comes from.
    """

    sku_code: Code
    currency: Currency
    cost_minor: AmountMinor
    location_code: Code | None = None


class CostsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    costs: Annotated[list[CostBody], msgspec.Meta(min_length=1, max_length=COSTS_MAX)]


class UnitCosts(msgspec.Struct, frozen=True, kw_only=True):
    costs: list[UnitCost]


class ShippingCharges(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel asks for shipping; of one service, the least amount of goods first."""

    charges: list[ShippingCharge]


@get("/api/price-lists", guards=[requires("pricing.read")])
async def price_lists(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[PriceList]:
    """List the price lists of the caller's channels in the order of their codes."""
    behind = read_code(cursor)
    async with engine.connect() as db:
        found = await list_price_lists(db, channel_ids=_channels(caller), behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/prices", guards=[requires("pricing.read")])
async def prices(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    price_list_id: FromQuery[UUID | None] = None,
    sku_id: Few = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Price]:
    """List dated prices, past, present and to come, by list, SKU and beginning."""
    behind = read_cursor(cursor, tuple[UUID, UUID, Instant])
    wanted = PriceFilter(price_list_id=price_list_id, sku_ids=sku_id, channel_ids=_channels(caller))
    async with engine.connect() as db:
        found = await list_prices(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.price_list_id, one.sku_id, one.valid.from_at))


@get("/api/tax-rates", guards=[requires("pricing.read")])
async def tax_rates(
    engine: NamedDependency[Engine], country: In = None, cursor: Cursor = None, limit: Limit = LIMIT_USUAL
) -> Page[TaxRate]:
    """List dated tax rates by country, region and category."""
    behind = read_cursor(cursor, tuple[Country, Region, Code, Instant])
    async with engine.connect() as db:
        found = await list_tax_rates(db, country=country, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.country, one.region, one.tax_category, one.valid.from_at))


@get("/api/channels/{channel_id:uuid}/shipping-charges", guards=[requires("pricing.read")])
async def shipping_charges(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], channel_id: FromPath[UUID]
) -> ShippingCharges:
    """Answer with what a channel asks for shipping, by service and amount of goods."""
    async with engine.connect() as db:
        if not caller.sees_channel(channel_id) or not await channels_by_id(db, [channel_id]):
            raise UnknownChannel("there is no such channel", channel_id=str(channel_id))
        return ShippingCharges(charges=(await shipping_charges_of(db, [channel_id]))[channel_id])


@post("/api/quotes", guards=[requires("pricing.read")], status_code=HTTPStatus.OK)
async def make_quote(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[AskedQuote]
) -> Quote:
    """Price what would be ordered, with its tax and shipping, to the last cent; nothing is kept."""
    now = moment()
    async with engine.connect() as db:
        channel = (await channels_by_code(db, [data.channel_code])).get(data.channel_code)
        if channel is None or not caller.sees_channel(channel.id):
            raise UnknownChannel("there is no such channel", channel_code=data.channel_code)
        skus = await skus_by_code(db, {line.sku_code for line in data.lines})
        return only(await quote(db, requests=[_request(data, channel, _lines(data, skus), now=now)]))


def _request(data: AskedQuote, channel: Channel, lines: list[QuoteLine], *, now: datetime) -> QuoteRequest:
    return QuoteRequest(
        id=fresh_id(),
        channel_id=channel.id,
        currency=channel.currency,
        tax_mode=channel.tax_mode,
        rounding_rule=channel.policies.rounding_rule,
        country=data.country or channel.country,
        region=data.region,
        lines=lines,
        service_kind=data.service_kind,
        at=now,
    )


def _lines(data: AskedQuote, skus: dict[str, Sku]) -> list[QuoteLine]:
    for line in data.lines:
        if line.sku_code not in skus:
            raise UnknownSku("there is no such SKU", sku_code=line.sku_code)
    return [
        QuoteLine(
            line_id=fresh_id(),
            sku_id=skus[line.sku_code].id,
            tax_category=skus[line.sku_code].tax_category,
            quantity=line.quantity,
        )
        for line in data.lines
    ]


def _channels(caller: Caller) -> list[UUID] | None:
    return None if caller.channel_ids is None else sorted(caller.channel_ids)


@put("/api/costs", guards=[requires("purchasing.manage")])
async def put_unit_costs(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[CostsBody]
) -> Response[UnitCosts]:
    """Say what units of SKUs cost us, all of them or none; plans weigh what is earned by it (SRC-03)."""

    async def act(db: Connection) -> Answer[UnitCosts]:
        skus = await skus_by_code(db, {one.sku_code for one in data.costs})
        places = await location_ids_by_code(db, {one.location_code for one in data.costs if one.location_code})
        costs = [_cost(one, skus, places, caller) for one in data.costs]
        saved = await set_unit_costs(db, costs=costs, now=moment(), actor=caller.actor)
        return Answer(UnitCosts(costs=[only([one]) for one in saved]))

    return await once(engine, request, act)


@get("/api/costs", guards=[requires("purchasing.read")])
async def unit_costs(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], sku_code: CodesAsked
) -> UnitCosts:
    """What units of SKUs cost us, from anywhere and from locations."""
    async with engine.connect() as db:
        skus = await skus_by_code(db, set(sku_code))
        found = await costs_of(db, {one.id for one in skus.values()})
    seen = [one for one in found if one.location_id is None or caller.sees_location(one.location_id)]
    return UnitCosts(costs=sorted(seen, key=lambda one: (one.sku_id, one.currency, str(one.location_id or ""))))


def _cost(one: CostBody, skus: Mapping[str, Sku], places: Mapping[str, UUID], caller: Caller) -> UnitCost:
    if one.sku_code not in skus:
        raise UnknownSku("there is no such SKU", sku_code=one.sku_code)
    location_id = places.get(one.location_code) if one.location_code else None
    if one.location_code and (location_id is None or not caller.sees_location(location_id)):
        raise NoSuchPlace("there is no such location", location_code=one.location_code)
    return UnitCost(
        sku_id=skus[one.sku_code].id, location_id=location_id, currency=one.currency, cost_minor=one.cost_minor
    )


ROUTES = [put_unit_costs, unit_costs, price_lists, prices, tax_rates, shipping_charges, make_quote]
