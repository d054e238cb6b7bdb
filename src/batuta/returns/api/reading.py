"""Returns found and read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from batuta.plumbing.database import Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, page_of, read_cursor, requires
from batuta.plumbing.web.scopes import ScopesOf
from batuta.returns.api.sight import check_order_returnable, check_return_seen, sees_return
from batuta.returns.domain import Return, ReturnStatus
from batuta.returns.queries import ReturnsWanted, return_scopes, returns_by_id, returns_of_orders, returns_page

VALUES_MAX = 50

Statuses = Annotated[list[ReturnStatus] | None, QueryParameter(name="status", max_items=VALUES_MAX)]
LocationIds = Annotated[
    list[UUID] | None,
    QueryParameter(
        name="location_id",
        max_items=VALUES_MAX,
        description="Only what arrived at these locations, or has not arrived anywhere",
    ),
]
OrderId = Annotated[UUID | None, QueryParameter(name="order_id", description="Only of this order")]
CustomerId = Annotated[UUID | None, QueryParameter(name="customer_id", description="Only of this customer")]


class Returns(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Return]


@get("/api/returns", guards=[requires("returns.read")])
async def returns_found(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    statuses: Statuses = None,
    location_ids: LocationIds = None,
    order_id: OrderId = None,
    customer_id: CustomerId = None,
    limit: Limit = LIMIT_USUAL,
    cursor: Cursor = None,
) -> Page[Return]:
    """Returns, the newest first."""
    own = frozenset({caller.customer_id}) if caller.customer_id else None
    wanted = ReturnsWanted(
        statuses=statuses,
        location_ids=_within(location_ids, caller.location_ids),
        channel_ids=caller.channel_ids,
        order_ids=[order_id] if order_id else None,
        customer_ids=_within([customer_id] if customer_id else None, own),
    )
    before = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await returns_page(db, wanted=wanted, before=before, limit=limit + 1)
    page = page_of(found, limit=limit, key=lambda one: (one[0], one[1].id))
    return Page(items=[one for _, one in page.items], next=page.next)


@get("/api/returns/{return_id:uuid}", guards=[requires("returns.read")])
async def one_return(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], return_id: FromPath[UUID]
) -> Return:
    """A return: what was announced, what came, in what state, and what was given back for it."""
    async with engine.connect() as db:
        await check_return_seen(db, caller, return_id)
        return (await returns_by_id(db, [return_id]))[return_id]


@get("/api/orders/{order_id:uuid}/returns", guards=[requires("returns.read")])
async def returns_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> Returns:
    """The returns of an order, oldest first."""
    async with engine.connect() as db:
        await check_order_returnable(db, caller, order_scopes, order_id)
        found = (await returns_of_orders(db, [order_id]))[order_id]
        scopes = await return_scopes(db, [one.id for one in found])
    return Returns(items=[one for one in found if sees_return(caller, scopes[one.id])])


def _within(wanted: list[UUID] | None, own: frozenset[UUID] | None) -> frozenset[UUID] | None:
    """Those wanted, of those the caller sees."""
    if wanted is None:
        return own
    return frozenset(wanted) if own is None else own.intersection(wanted)
