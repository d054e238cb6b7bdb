"""Setting price lists, prices and tax rates."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.catalog.queries import skus_by_code
from batuta.company.domain import UnknownChannel
from batuta.kernel.codes import check_same_id
from batuta.kernel.errors import BatutaError, Invalid, NotFound, Refused
from batuta.kernel.outcomes import only, whole
from batuta.kernel.periods import Period
from batuta.kernel.quantities import AmountMinor, Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, etag, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_everywhere, check_unbound
from batuta.pricing.commands import lock_price_list, save_price_lists, save_tax_rates, set_prices
from batuta.pricing.domain import NoSuchPriceList, Price, PriceList, TaxRate
from batuta.pricing.domain.lists import Country, Currency, Priority, RateBp, Region
from batuta.pricing.queries import price_list_with_version

RATES_MAX = 1_000
ROWS_MAX = 20_000
ROWS_OF_SKU_MAX = 100
ROWS_AT_ONCE = 2_000
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class BadPriceRow(Invalid):
    """The line is no price."""


class TooManyRows(Invalid):
    """The body has more lines than are taken at once."""


class EndsTooEarly(Refused):
    """A price or rate ends after it begins."""


class UnknownSku(NotFound):
    """There is no such SKU."""


class PriceListBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price list as it shall be; it keeps its channel and currency. Of two, that of the greater priority wins."""

    code: Code
    channel_id: UUID
    currency: Currency
    priority: Priority = 0


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit's price, from now on unless it says from when, and until it says or another one begins."""

    sku_code: Code
    amount_minor: AmountMinor
    from_at: Moment | None = None
    until_at: Moment | None = None


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was not taken, and why. line: the first is 1."""

    line: int
    code: str
    detail: str
    facts: dict[str, object]


class PricesTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lines. is_dry_run: nothing was kept."""

    lines: int
    taken: int
    refused: list[RefusedRow]
    is_dry_run: bool


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
        found, version = await _list_of(db, caller, price_list_id)
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


@post("/api/price-lists/{price_list_id:uuid}/prices", guards=[requires("pricing.manage")], status_code=HTTPStatus.OK)
async def put_prices(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    price_list_id: FromPath[UUID],
    *,
    dry_run: FromQuery[bool] = False,
) -> Response[PricesTaken]:
    """Set prices of a list, one a line (`application/x-ndjson`), each taken or refused by itself.

    A line is `{"sku_code": …, "amount_minor": …}`, perhaps with `from_at` and `until_at`: without a beginning it holds
    from now on. It ends the price that holds by then. What has begun keeps its amount, and may be sent again with
    another end. Orders keep the prices they were placed with. At most 20,000 lines, 100 of one SKU.
    """
    check_everywhere(caller)
    lines = [line for line in (await request.body()).split(b"\n") if line.strip()]
    if len(lines) > ROWS_MAX:
        raise TooManyRows("send fewer lines at once", lines=len(lines), lines_max=ROWS_MAX)

    async def act(db: Connection) -> Answer[PricesTaken]:
        await _list_of(db, caller, price_list_id)
        trial = db.savepoint()
        await trial.start()
        taken = await _set(db, caller, price_list_id, lines, is_dry_run=dry_run)
        await (trial.rollback() if dry_run else trial.commit())
        return Answer(taken)

    return await once(engine, request, act)


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
                valid=_period(one.from_at or now, one.until_at),
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
    _, version = await _list_of(db, caller, saved.id)
    return Answer(saved, headers={"etag": etag(version)})


async def _list_of(db: Connection, caller: Caller, price_list_id: UUID) -> tuple[PriceList, int]:
    found = await price_list_with_version(db, price_list_id)
    if found is None or not caller.sees_channel(found[0].channel_id):
        raise NoSuchPriceList("there is no such price list", price_list_id=str(price_list_id))
    return found


async def _set(
    db: Connection, caller: Caller, price_list_id: UUID, lines: Sequence[bytes], *, is_dry_run: bool
) -> PricesTaken:
    now = moment()
    refused: list[RefusedRow] = []
    often: Counter[str] = Counter()
    for begin in range(0, len(lines), ROWS_AT_ONCE):
        read = [(i, _read(line, often)) for i, line in enumerate(lines[begin : begin + ROWS_AT_ONCE], start=begin + 1)]
        skus = await skus_by_code(db, {row.sku_code for _, row in read if isinstance(row, PriceRow)})
        ids = {code: one.id for code, one in skus.items()}
        made = [(i, row if isinstance(row, BatutaError) else _price(row, price_list_id, ids, now)) for i, row in read]
        good = [(i, one) for i, one in made if isinstance(one, Price)]
        answers = await set_prices(db, prices=[one for _, one in good], now=now, actor=caller.actor)
        set_ = [(i, answer) for (i, _), answer in zip(good, answers, strict=True)]
        refused += _refused([(i, one) for i, one in [*made, *set_] if isinstance(one, BatutaError)])
    refused.sort(key=lambda one: one.line)
    return PricesTaken(lines=len(lines), taken=len(lines) - len(refused), refused=refused, is_dry_run=is_dry_run)


def _read(line: bytes, often: Counter[str]) -> PriceRow | BatutaError:
    try:
        row = msgspec.json.decode(line, type=PriceRow)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        return BadPriceRow(f"this line is no price: {problem}")
    often[row.sku_code] += 1
    if often[row.sku_code] > ROWS_OF_SKU_MAX:
        return TooManyRows("send fewer lines of one SKU at once", sku_code=row.sku_code, lines_max=ROWS_OF_SKU_MAX)
    return row


def _price(row: PriceRow, price_list_id: UUID, ids: dict[str, UUID], now: datetime) -> Price | BatutaError:
    if row.sku_code not in ids:
        return UnknownSku("there is no such SKU", sku_code=row.sku_code)
    try:
        valid = _period(row.from_at or now, row.until_at)
    except EndsTooEarly as problem:
        return problem
    return Price(price_list_id=price_list_id, sku_id=ids[row.sku_code], amount_minor=row.amount_minor, valid=valid)


def _period(from_at: datetime, until_at: datetime | None) -> Period:
    """The time of a price or rate, within what can be stored.

    Raises:
        EndsTooEarly.
    """
    begin = min(LATEST, max(EARLIEST, from_at))
    end = None if until_at is None else min(LATEST, max(EARLIEST, until_at))
    if end is not None and end <= begin:
        raise EndsTooEarly("it ends after it begins", from_at=begin.isoformat(), until_at=end.isoformat())
    return Period(begin, end)


def _refused(outcomes: Sequence[tuple[int, BatutaError]]) -> Iterator[RefusedRow]:
    for line, one in outcomes:
        yield RefusedRow(line=line, code=one.code, detail=one.sentence, facts=one.facts)


ROUTES = [price_list, save_price_list, put_price_list, put_prices, put_tax_rates]
