"""What units are worth to the locations that have them."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.inventory.commands.worth import set_stock_worths
from batuta.inventory.domain.worth import Days, ShareBp, StockWorth, UnknownWorth
from batuta.inventory.queries.worth import all_stock_worths
from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Code
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment

WORTHS_MAX = 1_000


class SaidTwice(Refused):
    """What is said of a location and a SKU is said once."""


class OnlyYours(Refused):
    """Who works at some locations says nothing of all."""


class WorthBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What units are worth to a location: all locations, or all SKUs, where it names none. See `StockWorth`."""

    location_code: Code | None = None
    sku_code: Code | None = None
    horizon_days: Days | None = None
    target_days: Days | None = None
    markdown_day_bp: ShareBp = 0
    expiry_days: Days | None = None


class WorthsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    worths: Annotated[list[WorthBody], msgspec.Meta(max_length=WORTHS_MAX)]


class Worths(msgspec.Struct, frozen=True, kw_only=True):
    worths: list[StockWorth]


@get("/api/stock-worths", guards=[requires("inventory.read")])
async def stock_worths(engine: NamedDependency[Engine], caller: NamedDependency[Caller]) -> Worths:
    """List what is said of what units are worth to the locations that have them."""
    async with engine.connect() as db:
        found = await all_stock_worths(db)
    return Worths(worths=[one for one in found if one.location_id is None or caller.sees_location(one.location_id)])


@put("/api/stock-worths", guards=[requires("sourcing.manage")])
async def put_stock_worths(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[WorthsBody]
) -> Response[Worths]:
    """Say anew what units are worth to locations, so that plans weigh scarcity and markdown; the rest is forgotten."""
    if caller.location_ids is not None:
        raise OnlyYours("what units are worth is said for all locations at once")

    async def act(db: Connection) -> Answer[Worths]:
        skus = await skus_by_code(db, {one.sku_code for one in data.worths if one.sku_code})
        places = await location_ids_by_code(db, {one.location_code for one in data.worths if one.location_code})
        worths = [_worth(one, skus, places) for one in data.worths]
        if len({(one.location_id, one.sku_id) for one in worths}) < len(worths):
            raise SaidTwice("what is said of a location and a SKU is said once")
        await set_stock_worths(db, worths=worths, now=moment())
        return Answer(Worths(worths=await all_stock_worths(db)))

    return await once(engine, request, act)


def _worth(one: WorthBody, skus: Mapping[str, Sku], places: Mapping[str, UUID]) -> StockWorth:
    if (one.sku_code and one.sku_code not in skus) or (one.location_code and one.location_code not in places):
        raise UnknownWorth("there is no such location or SKU", sku_code=one.sku_code, location_code=one.location_code)
    return StockWorth(
        location_id=places[one.location_code] if one.location_code else None,
        sku_id=skus[one.sku_code].id if one.sku_code else None,
        horizon_days=one.horizon_days,
        target_days=one.target_days,
        markdown_day_bp=one.markdown_day_bp,
        expiry_days=one.expiry_days,
    )


ROUTES = [stock_worths, put_stock_worths]
