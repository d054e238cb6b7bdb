"""Availability, stock rows and the ledger, by the codes that shops and warehouses know."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter

from batuta.inventory.commands import keep_back, record_slips
from batuta.inventory.domain import (
    Condition,
    LedgerEntry,
    Lot,
    MovementFilter,
    MovementReason,
    StockFilter,
    StockKey,
)
from batuta.inventory.domain.slips import (
    SLIPS_MAX,
    Bundle,
    SafetySlip,
    Slip,
    SlipAnswer,
    SlipAnswers,
    answer_of,
    document_id,
)
from batuta.inventory.queries import StockLevel, list_movements, list_stock
from batuta.kernel.errors import BatutaError
from batuta.kernel.quantities import Code
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    batched,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import moment

SKUS_MAX = 1_000
PLACES_MAX = 200
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

Codes = Annotated[list[Code], msgspec.Meta(min_length=1, max_length=SKUS_MAX)]
Places = Annotated[list[Code], msgspec.Meta(min_length=1, max_length=PLACES_MAX)]
Slips = Annotated[list[Slip], msgspec.Meta(min_length=1, max_length=SLIPS_MAX)]
SafetySlips = Annotated[list[SafetySlip], msgspec.Meta(min_length=1, max_length=SLIPS_MAX)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Told = SlipAnswers | SlipAnswer
Few = Annotated[list[UUID] | None, QueryParameter(max_items=PLACES_MAX)]
DocumentIs = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


class SlipsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slips: Slips


class SafetyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    levels: SafetySlips


@get("/api/stock", guards=[requires("inventory.read")])
async def stock(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: Few = None,
    location_id: Few = None,
    condition: FromQuery[Condition | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[StockLevel]:
    """List stock rows: units on hand, reserved and kept back, by SKU, location, condition and lot."""
    place = read_cursor(cursor, tuple[UUID, UUID, Condition, Lot])
    wanted = StockFilter(sku_ids=sku_id, location_ids=_seen(caller, location_id), condition=condition)
    async with engine.connect() as db:
        behind = StockKey(*place) if place else None
        found = await list_stock(db, wanted=wanted, behind=behind, limit=limit + 1, now=moment())
    return page_of(found, limit=limit, key=lambda one: (one.sku_id, one.location_id, one.condition, one.lot))


@get("/api/stock/movements", guards=[requires("inventory.read")])
async def movements(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromQuery[UUID | None] = None,
    location_id: Few = None,
    document: DocumentIs = None,
    reason: FromQuery[MovementReason | None] = None,
    recorded_from: FromQuery[Moment | None] = None,
    recorded_until: FromQuery[Moment | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[LedgerEntry]:
    """List the ledger, what was recorded last first."""
    behind = read_cursor(cursor, tuple[datetime, Lot])
    wanted = MovementFilter(
        sku_id=sku_id,
        location_ids=_seen(caller, location_id),
        document_id=None if document is None else document_id(document),
        reason=reason,
        recorded_from=_instant(recorded_from),
        recorded_until=_instant(recorded_until),
    )
    async with engine.connect() as db:
        found = await list_movements(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.recorded_at, one.key))


@post("/api/stock/movements", guards=[requires("inventory.move")])
async def record_movement(
    request: AnyRequest, caller: NamedDependency[Caller], data: JSONBody[Slip]
) -> Response[SlipAnswer]:
    """Record units that came, went, broke, were counted or moved; the same key again is answered, not repeated."""
    one = Bundle(slips=[data], actor=caller.actor, location_ids=caller.location_ids, is_alone=True)
    return await batched(request, slip_batcher, one)


@post("/api/stock/movements/batch", guards=[requires("inventory.move")], status_code=HTTPStatus.OK)
async def record_movements(
    request: AnyRequest, caller: NamedDependency[Caller], data: JSONBody[SlipsBody]
) -> Response[SlipAnswers]:
    """Record many slips; each is recorded or refused by itself, and answered in order."""
    many = Bundle(slips=data.slips, actor=caller.actor, location_ids=caller.location_ids)
    return await batched(request, slip_batcher, many)


@put("/api/stock/safety", guards=[requires("inventory.move")])
async def set_safety(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[SafetyBody],
) -> Response[SlipAnswers]:
    """Say how many units locations keep back from sale; units that are reserved already stay so."""

    async def act(db: Connection) -> Answer[SlipAnswers]:
        kept = await keep_back(db, slips=data.levels, location_ids=caller.location_ids, now=moment())
        told = [
            answer_of(f"{slip.sku_code}@{slip.location_code}", outcome)
            for slip, outcome in zip(data.levels, kept, strict=True)
        ]
        return Answer(SlipAnswers(answers=told))

    return await once(engine, request, act)


def slip_batcher(engine: Engine) -> Batcher[Bundle, Any]:
    """Records slips of requests that come together in one transaction."""

    async def run(db: Connection, bundles: Sequence[Bundle], now: datetime) -> Sequence[Told | BatutaError]:
        return await record_slips(db, bundles=bundles, now=now)

    return Batcher(engine, run, name="movements", weight=lambda one: len(one.slips))


def _seen(caller: Caller, location_ids: list[UUID] | None) -> list[UUID] | None:
    """Of the locations asked for, those that the caller may see."""
    if caller.location_ids is None:
        return location_ids
    return sorted(caller.location_ids.intersection(caller.location_ids if location_ids is None else location_ids))


def _instant(at: datetime | None) -> datetime | None:
    """A moment that PostgreSQL can compare with."""
    return None if at is None else min(LATEST, max(EARLIEST, at))


ROUTES = [stock, movements, record_movement, record_movements, set_safety]
