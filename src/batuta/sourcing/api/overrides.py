"""The JSON route of overrides: where people knew better than the rules (SRC-15)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from batuta.plumbing.database import Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, page_of, read_cursor, requires
from batuta.plumbing.web.scopes import check_unbound
from batuta.sourcing.queries import Overridden, OverriddenFilter, list_overridden

CodeIs = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


@get("/api/sourcing/overrides", guards=[requires("sourcing.manage")])
async def overrides(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    strategy_code: CodeIs = None,
    location_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Overridden]:
    """List what people let ship from elsewhere than was planned, the newest first: who, why, and what each plan cost.

    What is often overridden for one reason is a rule that is missing, or wrong. strategy_code: whose plans.
    """
    check_unbound(caller)
    behind = read_cursor(cursor, tuple[datetime, UUID, UUID, int]) if cursor else None
    wanted = OverriddenFilter(strategy_code=strategy_code, location_id=location_id)
    async with engine.connect() as db:
        found = await list_overridden(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.at, one.order_id, one.line_id, one.attempt))


ROUTES = [overrides]
