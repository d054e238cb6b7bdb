"""Purchase orders: listed, read and approved."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from batuta.plumbing.database import Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    page_of,
    read_cursor,
    requires,
)
from batuta.purchasing.api.bodies import ApproveBody, Moment, PurchaseTold
from batuta.purchasing.api.sight import PATH, seen, told, work
from batuta.purchasing.commands import approve
from batuta.purchasing.domain import Approve, PurchaseStatus
from batuta.purchasing.queries import PurchaseFilter, list_purchases

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
MAY_READ = requires("purchasing.read")


@get("/api/purchase-orders", guards=[MAY_READ])
async def purchases(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_id: FromQuery[UUID | None] = None,
    order_id: FromQuery[UUID | None] = None,
    status: FromQuery[PurchaseStatus | None] = None,
    due_before: FromQuery[Moment | None] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[PurchaseTold]:
    """List purchase orders, the newest first; a supplier's people see those of their location."""
    behind = read_cursor(cursor, tuple[datetime, UUID])
    asked = None if location_id is None else [location_id]
    if caller.location_ids is not None:
        asked = sorted(caller.location_ids.intersection(caller.location_ids if asked is None else asked))
    wanted = PurchaseFilter(
        location_ids=asked,
        order_id=order_id,
        status=status,
        due_before=None if due_before is None else min(LATEST, max(EARLIEST, due_before)),
    )
    async with engine.connect() as db:
        found = await list_purchases(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of([told(one) for one in found], limit=limit, key=lambda one: (one.created_at, one.id))


@get(PATH, guards=[MAY_READ])
async def purchase(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], purchase_id: FromPath[UUID]
) -> PurchaseTold:
    """Answer with a purchase order: its lines, what they cost, and who did what when."""
    async with engine.connect() as db:
        return told(await seen(db, caller, purchase_id))


@post(f"{PATH}/approve", guards=[requires("purchasing.manage")], status_code=200)
async def approve_purchase(
    request: AnyRequest, engine: NamedDependency[Engine], purchase_id: FromPath[UUID], data: JSONBody[ApproveBody]
) -> Response[PurchaseTold]:
    """Agree to a draft with the costs of its lines, and send it to the supplier."""
    wish = Approve(
        purchase_id=purchase_id,
        actor=caller_of(request).actor,
        costs={one.purchase_line_id: one.unit_cost_minor for one in data.costs},
    )
    return await work(request, engine, purchase_id, lambda db, now: approve(db, approvals=[wish], now=now))


ROUTES: Sequence[Any] = [purchases, purchase, approve_purchase]
