"""A shop's day in which everything happens that a law speaks about."""

from datetime import timedelta
from uuid import UUID

from batuta.inventory.commands import reserve
from batuta.inventory.domain import ReserveLine, ReserveRequest
from batuta.ordering.commands import cancel
from batuta.ordering.domain import CancelRequest
from batuta.plumbing.database import Engine
from batuta.plumbing.events.parked import lags
from batuta.plumbing.stepping import settle
from batuta.returns.commands import approve, grade, receive, request, resolve
from batuta.returns.domain import (
    Approve,
    Grade,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RequestReturn,
    Resolve,
    ReturnedUnits,
)
from batuta.returns.queries import returns_by_id
from tests.journeys.journey import Journey
from tests.making import fresh_id
from tests.world import build_carrier, build_shop, sound

STAFF = "staff:ana"


async def play(engine: Engine) -> Journey:
    """Play orders that are delivered and returned, on their way, offered, declined, cancelled; and fill a cart."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 50, "south": 50}})
        await build_carrier(db)
    journey = Journey(engine, shop)

    delivered = await journey.buy(("chair", 2), ("service", 1), gross_minor=7_990)
    await journey.send(delivered)
    await journey.carrier_says(delivered, "delivered", journey.now)
    await take_back(journey, delivered)
    on_its_way = await journey.buy(("chair", 1), gross_minor=2_990)
    await journey.send(on_its_way)
    await journey.buy(("chair", 3), gross_minor=7_990)
    await journey.buy(("chair", 1), gross_minor=2_990, token="tok_declined")
    regretted = await journey.buy(("chair", 2), gross_minor=5_490)
    wish = CancelRequest(id=fresh_id(), order_id=regretted, reason="changed my mind", actor="customer:ana")
    async with engine.begin() as db:
        sound(await cancel(db, requests=[wish], now=journey.now))
    await fill_cart(journey)
    await journey.pass_time(minutes=1)
    await pass_over(journey)
    return journey


async def pass_over(journey: Journey) -> None:
    """A step of the worker goes past the facts that nobody hears, once no open transaction hides them."""
    while True:
        await settle(journey.engine, journey.works, clock=lambda: journey.now, worker=fresh_id())
        async with journey.engine.connect() as db:
            if not any(one.seconds for one in await lags(db, now=journey.now + timedelta(days=1))):
                return


async def take_back(journey: Journey, order_id: UUID) -> None:
    """Return one unit of the order's first line: requested, approved, received, graded and refunded."""
    line = (await journey.order(order_id)).lines[0]
    wish = RequestReturn(
        id=fresh_id(),
        order_id=order_id,
        lines=(ReturnedUnits(order_line_id=line.id, quantity=1, reason="too small"),),
        actor="customer:ana",
    )
    place = journey.shop.locations["north"].id
    async with journey.engine.begin() as db:
        sound(await request(db, requests=[wish], now=journey.now))
        sound(await approve(db, approvals=[Approve(return_id=wish.id, actor=STAFF)], now=journey.now))
        (line_id,) = [one.id for one in (await returns_by_id(db, [wish.id]))[wish.id].lines]
        came = Receipt(
            id=fresh_id(),
            return_id=wish.id,
            location_id=place,
            lines=(ReceivedUnits(line_id=line_id, quantity=1),),
            actor=STAFF,
        )
        sound(await receive(db, receipts=[came], now=journey.now))
        seen = GradeUnits(
            id=fresh_id(), return_id=wish.id, line_id=line_id, grade=Grade.RESELL, quantity=1, actor=STAFF
        )
        sound(await grade(db, gradings=[seen], now=journey.now))
        paid_back = Resolve(id=fresh_id(), return_id=wish.id, actor=STAFF)
        sound(await resolve(db, resolutions=[paid_back], now=journey.now))
    await journey.pass_time(seconds=1)


async def fill_cart(journey: Journey) -> None:
    """Hold units for a cart that nobody orders yet."""
    wanted = ReserveRequest(
        holder_id=fresh_id(),
        lines=[ReserveLine(line_id=fresh_id(), sku_id=journey.shop.skus["chair"].id, quantity=1)],
        until_at=journey.now + timedelta(hours=1),
    )
    async with journey.engine.begin() as db:
        sound(await reserve(db, requests=[wanted], now=journey.now))
