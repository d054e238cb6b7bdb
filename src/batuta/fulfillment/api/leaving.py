"""The verbs at the door and the counter."""

from datetime import datetime, timedelta
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.company.queries import channels_by_id
from batuta.fulfillment.api.bodies import CollectBody, ExtendBody, HandOverBody, ReadyBody, TakeBackBody, WriteOffBody
from batuta.fulfillment.api.sight import answer_of, check_may_ship_held, check_parcel_seen, work
from batuta.fulfillment.commands import (
    UnknownLocation,
    collect,
    extend_pickups,
    hand_over,
    ready_for_pickup,
    take_back,
    write_off,
)
from batuta.fulfillment.commands.carrying import lock_fulfillments, unknown
from batuta.fulfillment.domain import (
    BadTime,
    Collect,
    ExtendPickup,
    FulfillmentOrder,
    HandOver,
    MakeReady,
    TakeBack,
    WriteOff,
    pickup_code,
)
from batuta.fulfillment.queries import work_scopes
from batuta.kernel.errors import BatutaError
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_secret, moment

PATH = "/api/fulfillment-orders/{fulfillment_order_id:uuid}"
MAY_WORK = requires("fulfillment.work")
WAITING_MAX = timedelta(days=366)


@post(f"{PATH}/hand-over", status_code=200, guards=[MAY_WORK])
async def give_to_carrier(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[HandOverBody],
) -> Response[FulfillmentOrder]:
    """The carrier took parcels: their units are shipped, and what they are worth is captured."""
    caller = caller_of(request)
    check_may_ship_held(caller, data.despite_hold)
    wish = HandOver(
        fulfillment_order_id=fulfillment_order_id,
        parcel_ids=data.parcel_ids,
        despite_hold=data.despite_hold,
        actor=caller.actor,
    )
    return await work(request, engine, fulfillment_order_id, lambda db, now: hand_over(db, handovers=[wish], now=now))


@post(f"{PATH}/ready", status_code=200, guards=[MAY_WORK])
async def make_ready(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[ReadyBody],
) -> Response[FulfillmentOrder]:
    """The goods wait at the counter. The customer is told a code, which nobody here is told."""
    actor = caller_of(request).actor

    async def verb(db: Connection, now: datetime) -> list[FulfillmentOrder | BatutaError]:
        found = (await lock_fulfillments(db, [fulfillment_order_id])).get(fulfillment_order_id)
        if found is None:
            raise unknown(fulfillment_order_id)
        wish = MakeReady(
            fulfillment_order_id=fulfillment_order_id,
            code=found.pickup_code or pickup_code(fulfillment_order_id, fresh_secret().encode()),
            until_at=_bounded(data.until_at, now) if data.until_at else await _usual_end(db, found, now),
            actor=actor,
        )
        return await ready_for_pickup(db, pickups=[wish], now=now)

    return await work(request, engine, fulfillment_order_id, verb)


async def _usual_end(db: Connection, found: FulfillmentOrder, now: datetime) -> datetime:
    """Until when the channel lets goods wait."""
    channel_id = (await work_scopes(db, [found.id]))[found.id].channel_id
    assert channel_id is not None, "an order is of a channel"
    channel = (await channels_by_id(db, [channel_id]))[channel_id]
    return now + min(timedelta(days=channel.policies.pickup_days), WAITING_MAX)


def _bounded(until_at: datetime, now: datetime) -> datetime:
    """Raises:
    BadTime: more than a year ahead.
    """
    if until_at - now > WAITING_MAX:
        raise BadTime("goods do not wait for more than a year", until_at=until_at.isoformat())
    return until_at


@post(f"{PATH}/extend", status_code=200, guards=[MAY_WORK])
async def extend_time(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[ExtendBody],
) -> Response[FulfillmentOrder]:
    """Give the customer more time to collect."""
    wish = ExtendPickup(
        fulfillment_order_id=fulfillment_order_id,
        until_at=_bounded(data.until_at, moment()),
        actor=caller_of(request).actor,
    )
    return await work(
        request, engine, fulfillment_order_id, lambda db, now: extend_pickups(db, extensions=[wish], now=now)
    )


@post(f"{PATH}/collect", status_code=200, guards=[MAY_WORK])
async def collect_goods(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[CollectBody],
) -> Response[FulfillmentOrder]:
    """Give the goods over the counter to whoever knows the code."""
    caller = caller_of(request)
    check_may_ship_held(caller, data.despite_hold)
    wish = Collect(
        fulfillment_order_id=fulfillment_order_id,
        code=data.code,
        collected_by=data.collected_by,
        despite_hold=data.despite_hold,
        actor=caller.actor,
    )
    return await work(request, engine, fulfillment_order_id, lambda db, now: collect(db, collections=[wish], now=now))


@post("/api/parcels/{parcel_id:uuid}/take-back", status_code=200, guards=[MAY_WORK])
async def take_parcel_back(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    parcel_id: FromPath[UUID],
    data: JSONBody[TakeBackBody],
) -> Response[FulfillmentOrder]:
    """A parcel came home undelivered: its goods are in quarantine here, and their units cancelled."""
    caller = caller_of(request)
    wish = TakeBack(parcel_id=parcel_id, location_id=data.location_id, reason=data.reason, actor=caller.actor)

    async def act(db: Connection) -> Answer[FulfillmentOrder]:
        await check_parcel_seen(db, caller, parcel_id)
        if data.location_id is not None:
            known = await locations_by_id(db, [data.location_id])
            if data.location_id not in known or not caller.sees_location(data.location_id):
                raise UnknownLocation("no location has this id", location_id=str(data.location_id))
        (outcome,) = await take_back(db, returns=[wish], now=moment())
        return answer_of(outcome)

    return await once(engine, request, act)


@post("/api/parcels/{parcel_id:uuid}/write-off", status_code=200, guards=[requires("orders.cancel")])
async def write_parcel_off(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    parcel_id: FromPath[UUID],
    data: JSONBody[WriteOffBody],
) -> Response[FulfillmentOrder]:
    """A parcel is lost for good: its goods are booked as a loss, its units cancelled and what was paid given back.

    A carrier's `lost` alone does none of this: lost parcels turn up again.
    """
    caller = caller_of(request)
    wish = WriteOff(parcel_id=parcel_id, reason=data.reason, actor=caller.actor)

    async def act(db: Connection) -> Answer[FulfillmentOrder]:
        await check_parcel_seen(db, caller, parcel_id)
        (outcome,) = await write_off(db, losses=[wish], now=moment())
        return answer_of(outcome)

    return await once(engine, request, act)
