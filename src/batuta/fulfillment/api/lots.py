"""Where the units of a lot went: for those who must tell the customers (INV-14)."""

from datetime import datetime
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from batuta.fulfillment.queries import LotOrder, LotReach, orders_of_lot, reach_of_lot
from batuta.inventory.domain.lots import Lot, UnknownLot
from batuta.inventory.queries.lots import lots_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, page_of, read_cursor, requires


@get("/api/lots/{lot_id:uuid}/orders", guards=[requires("orders.read")])
async def lot_orders(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    lot_id: FromPath[UUID],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[LotOrder]:
    """List the orders that got units of a lot, with whom to tell: recalled or not, the oldest first."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        lot = await _lot(db, lot_id)
        found = await orders_of_lot(
            db,
            sku_id=lot.sku_id,
            lot=lot.code,
            channel_ids=caller.channel_ids,
            location_ids=caller.location_ids,
            behind=behind,
            limit=limit + 1,
        )
    return page_of(found, limit=limit, key=lambda one: (one.placed_at, one.order_id))


@get("/api/lots/{lot_id:uuid}/reach", guards=[requires("inventory.read")])
async def lot_reach(engine: NamedDependency[Engine], lot_id: FromPath[UUID]) -> LotReach:
    """Say how many orders and customers got units of a lot."""
    async with engine.connect() as db:
        lot = await _lot(db, lot_id)
        return await reach_of_lot(db, sku_id=lot.sku_id, lot=lot.code)


async def _lot(db: Connection, lot_id: UUID) -> Lot:
    found = (await lots_by_id(db, [lot_id])).get(lot_id)
    if found is None:
        raise UnknownLot("there is no such lot", lot_id=str(lot_id))
    return found


ROUTES = [lot_orders, lot_reach]
