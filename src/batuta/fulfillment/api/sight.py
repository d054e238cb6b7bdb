"""What callers see of fulfillment: the work at their locations for their channels' orders, and no customer's code."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response

from batuta.fulfillment.commands.carrying import lock_fulfillments, unknown
from batuta.fulfillment.domain import FulfillmentOrder, UnknownPackage
from batuta.fulfillment.queries import parcel_scopes, work_scopes
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, PermissionMissing, caller_of, check_version, etag, once
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_seen

TO_SHIP_HELD = "orders.hold"

Verb = Callable[[Connection, datetime], Awaitable[Sequence[FulfillmentOrder | BatutaError]]]


async def work(
    request: AnyRequest, engine: Engine, fulfillment_order_id: UUID, verb: Verb
) -> Response[FulfillmentOrder]:
    """Do a verb of a fulfillment order that the caller sees, and answer with how it stands then."""
    now = moment()

    async def act(db: Connection) -> Answer[FulfillmentOrder]:
        await check_work_seen(db, caller_of(request), fulfillment_order_id)
        await check_work_version(db, request, fulfillment_order_id)
        (outcome,) = await verb(db, now)
        return answer_of(outcome)

    return await once(engine, request, act)


async def check_work_seen(db: Connection, caller: Caller, fulfillment_order_id: UUID) -> None:
    """Raises:
    UnknownFulfillmentOrder: of somebody else.
    """
    await check_seen(db, caller, work_scopes, fulfillment_order_id, unknown(fulfillment_order_id))


async def check_parcel_seen(db: Connection, caller: Caller, parcel_id: UUID) -> None:
    """Raises:
    UnknownPackage: of somebody else.
    """
    refusal = UnknownPackage("no such parcel was packed here", parcel_id=str(parcel_id))
    await check_seen(db, caller, parcel_scopes, parcel_id, refusal)


async def check_work_version(db: Connection, request: AnyRequest, fulfillment_order_id: UUID) -> None:
    """Lock the fulfillment order that somebody has read before, and refuse if it is another by now (PLT-02)."""
    if "if-match" in request.headers:
        found = (await lock_fulfillments(db, [fulfillment_order_id])).get(fulfillment_order_id)
        if found is None:
            raise unknown(fulfillment_order_id)
        check_version(request, found.version)


def check_may_ship_held(caller: Caller, despite_hold: str | None) -> None:
    """Whoever may release holds may let goods of a held order leave.

    Raises:
        PermissionMissing
    """
    if despite_hold is not None and not caller.may(TO_SHIP_HELD):
        raise PermissionMissing("you may not let goods of a held order leave", permission=TO_SHIP_HELD)


def answer_of(outcome: FulfillmentOrder | BatutaError) -> Answer[FulfillmentOrder]:
    """Raises:
    BatutaError: the outcome, if it is a refusal.
    """
    if isinstance(outcome, BatutaError):
        raise outcome
    return Answer(shown(outcome), headers={"etag": etag(outcome.version)})


def shown(one: FulfillmentOrder) -> FulfillmentOrder:
    """The fulfillment order as it is always shown: without the code that proves who the customer is."""
    packages = tuple(sorted(one.packages, key=lambda package: package.parcel_id))
    return msgspec.structs.replace(one, packages=packages, pickup_code=None)
