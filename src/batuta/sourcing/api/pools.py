"""The JSON route of pools: what planning orders together was worth (SRC-04, SRC-06)."""

from datetime import datetime
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency

from batuta.plumbing.database import Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, page_of, read_cursor, requires
from batuta.plumbing.web.scopes import check_unbound
from batuta.sourcing.domain.pools.components import PoolRun
from batuta.sourcing.queries import list_pool_runs


@get("/api/sourcing/pool-runs", guards=[requires("sourcing.manage")])
async def pool_runs(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], limit: Limit = LIMIT_USUAL, cursor: Cursor = None
) -> Page[PoolRun]:
    """List the pools that were planned in the last 90 days, the newest first, with what that saved."""
    check_unbound(caller)
    after = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_pool_runs(db, after=after, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.planned_at, one.id))


ROUTES = [pool_runs]
