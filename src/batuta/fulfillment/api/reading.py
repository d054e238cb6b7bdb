"""Work lists, and the fulfillments of an order."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from batuta.fulfillment.api.sight import check_work_seen, shown
from batuta.fulfillment.commands.carrying import unknown
from batuta.fulfillment.domain import Cancellation, FulfillmentOrder, FulfillmentStatus, Method
from batuta.fulfillment.queries import (
    WorkWanted,
    cancellations_of,
    fulfillment_orders_by_id,
    fulfillment_orders_of,
    order_scopes,
    work_page,
)
from batuta.ordering.commands import UnknownOrder
from batuta.plumbing.database import Engine
from batuta.plumbing.web import LIMIT_USUAL, Caller, Cursor, Limit, Page, etag, page_of, read_cursor, requires
from batuta.plumbing.web.scopes import sees

VALUES_MAX = 50

LocationIds = Annotated[
    list[UUID] | None, QueryParameter(name="location_id", max_items=VALUES_MAX, description="Only of these locations")
]
Statuses = Annotated[
    list[FulfillmentStatus] | None,
    QueryParameter(name="status", max_items=VALUES_MAX, description="Only in these statuses"),
]
Methods = Annotated[list[Method] | None, QueryParameter(name="method", max_items=VALUES_MAX)]


class Fulfillments(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order is worked on, and what locations were asked to stop."""

    items: list[FulfillmentOrder]
    cancellations: list[Cancellation]


@get("/api/fulfillment-orders", guards=[requires("fulfillment.read")])
async def open_work(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_ids: LocationIds = None,
    statuses: Statuses = None,
    methods: Methods = None,
    limit: Limit = LIMIT_USUAL,
    cursor: Cursor = None,
) -> Page[FulfillmentOrder]:
    """Open work, oldest first: what is offered, worked on or under way. What is over is found by its order."""
    wanted = WorkWanted(
        location_ids=_seen(location_ids, caller.location_ids),
        channel_ids=caller.channel_ids,
        statuses=statuses,
        methods=methods,
    )
    after = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await work_page(db, wanted=wanted, after=after, limit=limit + 1)
    page = page_of(found, limit=limit, key=lambda one: (one[0], one[1].id))
    return Page(items=[shown(one) for _, one in page.items], next=page.next)


@get("/api/fulfillment-orders/{fulfillment_order_id:uuid}", guards=[requires("fulfillment.read")])
async def one_fulfillment(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], fulfillment_order_id: FromPath[UUID]
) -> Response[FulfillmentOrder]:
    """A fulfillment order with its lines and packages. Its version is the `ETag`."""
    async with engine.connect() as db:
        await check_work_seen(db, caller, fulfillment_order_id)
        found = (await fulfillment_orders_by_id(db, [fulfillment_order_id])).get(fulfillment_order_id)
    if found is None:
        raise unknown(fulfillment_order_id)
    return Response(shown(found), headers={"etag": etag(found.version)})


@get("/api/orders/{order_id:uuid}/fulfillments", guards=[requires("fulfillment.read")])
async def fulfillments_of_order(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], order_id: FromPath[UUID]
) -> Fulfillments:
    """The fulfillment orders of an order, oldest first, and the cancellations that locations were asked for.

    Whoever works at some locations sees the work of those.
    """
    refusal = UnknownOrder("there is no such order", order_id=str(order_id))
    async with engine.connect() as db:
        scope = (await order_scopes(db, [order_id])).get(order_id)
        if scope is None or not sees(caller, scope):
            raise refusal
        work = [
            one
            for one in (await fulfillment_orders_of(db, [order_id]))[order_id]
            if caller.sees_location(one.location_id)
        ]
        asked = (await cancellations_of(db, [order_id]))[order_id]
    ids = {one.id for one in work}
    return Fulfillments(
        items=[shown(one) for one in work],
        cancellations=[
            msgspec.structs.replace(one, parts=tuple(part for part in one.parts if part.fulfillment_order_id in ids))
            for one in asked
        ],
    )


def _seen(wanted: list[UUID] | None, own: frozenset[UUID] | None) -> frozenset[UUID] | None:
    """The locations to look at: those wanted, of those the caller sees."""
    if wanted is None:
        return own
    return frozenset(wanted) if own is None else own.intersection(wanted)
