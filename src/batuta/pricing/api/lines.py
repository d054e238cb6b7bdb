"""Setting prices, one a line."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.kernel.errors import BatutaError, Invalid, NotFound
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import AmountMinor, Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires, sentence_for
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_everywhere
from batuta.pricing.api.setting import Moment, list_of, period_of
from batuta.pricing.commands import Beginning, forget_prices, set_prices
from batuta.pricing.domain import Price

ROWS_MAX = 20_000
ROWS_OF_SKU_MAX = 100
ROWS_AT_ONCE = 2_000

Wanted = TypeVar("Wanted", Price, Beginning)


class BadPriceRow(Invalid):
    """The line is no price."""


class TooManyRows(Invalid):
    """The body has more lines than are taken at once."""


class UnknownSku(NotFound):
    """There is no such SKU."""


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit's price, from now on unless it says from when, and until it says or another one begins.

    amount_minor: null takes back the price that was to begin then.
    """

    sku_code: Code
    amount_minor: AmountMinor | None
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
    another end. What has not begun is taken back by `"amount_minor": null` and its `from_at`: the price before it holds
    on; such lines go first. Orders keep the prices they were placed with. At most 20,000 lines, 100 of one SKU.
    """
    check_everywhere(caller)
    lines = [line for line in (await request.body()).split(b"\n") if line.strip()]
    if len(lines) > ROWS_MAX:
        raise TooManyRows("send fewer lines at once", lines=len(lines), lines_max=ROWS_MAX)

    async def act(db: Connection) -> Answer[PricesTaken]:
        await list_of(db, caller, price_list_id)
        trial = db.savepoint()
        await trial.start()
        problems = await _refused_of(_Import(db, caller, price_list_id, moment()), lines)
        await (trial.rollback() if dry_run else trial.commit())
        taken = len(lines) - len(problems)
        refused = [
            RefusedRow(line=line, code=one.code, detail=sentence_for(request, one.code, one.sentence), facts=one.facts)
            for line, one in problems
        ]
        return Answer(PricesTaken(lines=len(lines), taken=taken, refused=refused, is_dry_run=dry_run))

    return await once(engine, request, act)


async def _refused_of(to: "_Import", lines: Sequence[bytes]) -> list[tuple[int, BatutaError]]:
    """Do what the lines say, and return why which were refused."""
    often: Counter[str] = Counter()
    read = list(enumerate(each(lines, lambda line: _read(line, often)), start=1))
    rows = [(line, row) for line, row in read if isinstance(row, PriceRow)]
    outcomes = [
        *read,
        *await _done(to, [one for one in rows if one[1].amount_minor is None], to.beginning, to.forget),
        *await _done(to, [one for one in rows if one[1].amount_minor is not None], to.price, to.set),
    ]
    return sorted((line, one) for line, one in outcomes if isinstance(one, BatutaError))


def _read(line: bytes, often: Counter[str]) -> PriceRow:
    try:
        row = msgspec.json.decode(line, type=PriceRow)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadPriceRow(f"this line is no price: {problem}") from None
    if row.amount_minor is None and row.from_at is None:
        raise BadPriceRow("a price is taken back by its beginning: say from_at")
    often[row.sku_code] += 1
    if often[row.sku_code] > ROWS_OF_SKU_MAX:
        raise TooManyRows("send fewer lines of one SKU at once", sku_code=row.sku_code, lines_max=ROWS_OF_SKU_MAX)
    return row


class _Import(msgspec.Struct, frozen=True):
    """Who sets prices of which list, and when."""

    db: Connection
    caller: Caller
    price_list_id: UUID
    now: datetime

    def price(self, row: PriceRow, sku_id: UUID) -> Price:
        assert row.amount_minor is not None, "a line with an amount"
        valid = period_of(row.from_at or self.now, row.until_at)
        return Price(price_list_id=self.price_list_id, sku_id=sku_id, amount_minor=row.amount_minor, valid=valid)

    def beginning(self, row: PriceRow, sku_id: UUID) -> Beginning:
        assert row.from_at is not None, "a line that takes back"
        return self.price_list_id, sku_id, row.from_at

    async def set(self, prices: Sequence[Price]) -> list[Price | BatutaError]:
        return await set_prices(self.db, prices=prices, now=self.now, actor=self.caller.actor)

    async def forget(self, prices: Sequence[Beginning]) -> list[Price | BatutaError]:
        return await forget_prices(self.db, prices=prices, now=self.now, actor=self.caller.actor)


async def _done(
    to: _Import,
    rows: Sequence[tuple[int, PriceRow]],
    read: Callable[[PriceRow, UUID], Wanted],
    act: Callable[[Sequence[Wanted]], Awaitable[Sequence[Price | BatutaError]]],
) -> list[tuple[int, object]]:
    """Do what some lines want, and return what became of each line."""
    done: list[tuple[int, object]] = []
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[begin : begin + ROWS_AT_ONCE]
        skus = await skus_by_code(to.db, {row.sku_code for _, row in some})
        known = [(row, skus.get(row.sku_code)) for _, row in some]
        decided = each(known, lambda one: read(one[0], _known(*one).id))
        outcomes = iter(await act(good(decided)))
        done += [
            (line, one if isinstance(one, BatutaError) else next(outcomes))
            for (line, _), one in zip(some, decided, strict=True)
        ]
    return done


def _known(row: PriceRow, sku: Sku | None) -> Sku:
    if sku is None:
        raise UnknownSku("there is no such SKU", sku_code=row.sku_code)
    return sku


ROUTES = [put_prices]
