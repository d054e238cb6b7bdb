"""Setting price lists and tax rates."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.company.domain import UnknownChannel
from batuta.kernel.codes import check_same_id
from batuta.kernel.errors import Refused
from batuta.kernel.outcomes import only, whole
from batuta.kernel.periods import Period
from batuta.kernel.quantities import Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, etag, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_everywhere, check_unbound
from batuta.pricing.commands import lock_price_list, save_price_lists, save_tax_rates
from batuta.pricing.domain import NoSuchPriceList, PriceList, TaxRate
from batuta.pricing.domain.lists import Country, Currency, Priority, RateBp, Region
from batuta.pricing.queries import price_list_with_version

RATES_MAX = 1_000
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class EndsTooEarly(Refused):
    """A price or rate ends after it begins."""


class PriceListBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price list as it shall be; it keeps its channel and currency. Of two, that of the greater priority wins."""

    code: Code
    channel_id: UUID
    currency: Currency
    priority: Priority = 0


class RateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A country's rate for a category of goods, or a region's own. rate_bp: 2100 is 21 %."""

    country: Country
    tax_category: Code
    rate_bp: RateBp
    region: Region = ""
    from_at: Moment | None = None
    until_at: Moment | None = None


class RatesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rates: Annotated[list[RateBody], msgspec.Meta(min_length=1, max_length=RATES_MAX)]


class TaxRates(msgspec.Struct, frozen=True, kw_only=True):
    """Rates as they stand now."""

    rates: list[TaxRate]


@get("/api/price-lists/{price_list_id:uuid}", guards=[requires("pricing.read")])
async def price_list(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], price_list_id: FromPath[UUID]
) -> Response[PriceList]:
    """Answer with a price list; its version is the ETag."""
    async with engine.connect() as db:
        found, version = await list_of(db, caller, price_list_id)
    return Response(found, headers={"etag": etag(version)})


@post("/api/price-lists", guards=[requires("pricing.manage")], status_code=HTTPStatus.OK)
async def save_price_list(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[PriceListBody],
) -> Response[PriceList]:
    """Save a price list by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_list(db, request, caller, data, None))


@put("/api/price-lists/{price_list_id:uuid}", guards=[requires("pricing.manage")])
async def put_price_list(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    price_list_id: FromPath[UUID],
    data: JSONBody[PriceListBody],
) -> Response[PriceList]:
    """Save a price list under an id, its own or a new one; `If-Match` refuses what is based on an older version."""
    return await once(engine, request, lambda db: _save_list(db, request, caller, data, price_list_id))


@post("/api/tax-rates", guards=[requires("pricing.manage")], status_code=HTTPStatus.OK)
async def put_tax_rates(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[RatesBody]
) -> Response[TaxRates]:
    """Set dated tax rates, all of them or none; each holds from now on unless it says from when.

    It ends the rate that holds by then; orders keep the tax they were placed with.
    """
    check_unbound(caller)

    async def act(db: Connection) -> Answer[TaxRates]:
        now = moment()
        rates = [
            TaxRate(
                country=one.country,
                region=one.region,
                tax_category=one.tax_category,
                rate_bp=one.rate_bp,
                valid=period_of(one.from_at or now, one.until_at),
            )
            for one in data.rates
        ]
        return Answer(TaxRates(rates=whole(await save_tax_rates(db, tax_rates=rates, now=now, actor=caller.actor))))

    return await once(engine, request, act)


async def _save_list(
    db: Connection, request: AnyRequest, caller: Caller, body: PriceListBody, wanted_id: UUID | None
) -> Answer[PriceList]:
    check_everywhere(caller)
    if not caller.sees_channel(body.channel_id):
        raise UnknownChannel("there is no such channel", channel_id=str(body.channel_id))
    check_version(request, await lock_price_list(db, code=body.code))
    given = PriceList(id=wanted_id or fresh_id(), **msgspec.structs.asdict(body))
    saved = only(await save_price_lists(db, price_lists=[given], now=moment(), actor=caller.actor))
    check_same_id(saved, wanted_id)
    _, version = await list_of(db, caller, saved.id)
    return Answer(saved, headers={"etag": etag(version)})


async def list_of(db: Connection, caller: Caller, price_list_id: UUID) -> tuple[PriceList, int]:
    """A price list that the caller may see, and its version.

    Raises:
        NoSuchPriceList.
    """
    found = await price_list_with_version(db, price_list_id)
    if found is None or not caller.sees_channel(found[0].channel_id):
        raise NoSuchPriceList("there is no such price list", price_list_id=str(price_list_id))
    return found


def period_of(from_at: datetime, until_at: datetime | None) -> Period:
    """The time of a price or rate, within what can be stored.

    Raises:
        EndsTooEarly.
    """
    begin = min(LATEST, max(EARLIEST, from_at))
    end = None if until_at is None else min(LATEST, max(EARLIEST, until_at))
    if end is not None and end <= begin:
        raise EndsTooEarly("it ends after it begins", from_at=begin.isoformat(), until_at=end.isoformat())
    return Period(begin, end)


ROUTES = [price_list, save_price_list, put_price_list, put_tax_rates]
