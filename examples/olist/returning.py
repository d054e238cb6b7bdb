"""Orders that were canceled after they had arrived come back: announced, received, graded, refunded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Engine
from batuta.returns.commands import approve, grade, receive, request, resolve
from batuta.returns.domain import (
    Approve,
    Grade,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RequestReturn,
    Resolve,
    Return,
    ReturnedUnits,
)
from examples.olist.building import ACTOR
from examples.olist.reading import Bought


async def bring_back(engine: Engine, orders: Sequence[Bought], *, now: datetime) -> None:
    """Send everything of these orders back to where it came from, and all of its money to the customer."""
    if not orders:
        return
    ids = [order.id for order in orders]
    async with engine.begin() as db:
        found = await orders_by_id(db, ids)
        work = await fulfillment_orders_of(db, ids)
        asked = [
            RequestReturn(
                id=child_id(one.id, "return"),
                order_id=one.id,
                lines=tuple(
                    ReturnedUnits(order_line_id=line.id, quantity=line.quantity, reason="canceled")
                    for line in one.lines
                ),
                actor=ACTOR,
            )
            for one in found.values()
        ]
        announced = [one for one in await request(db, requests=asked, now=now) if not isinstance(one, BatutaError)]
        await approve(db, approvals=[Approve(return_id=one.id, actor=ACTOR) for one in announced], now=now)
        homes = {order_id: several[0].location_id for order_id, several in work.items() if several}
        arrived = [_receipt(one, homes) for one in announced]
        await receive(db, receipts=arrived, now=now)
        gradings = [
            GradeUnits(
                id=child_id(line.id, "grade"),
                return_id=one.id,
                line_id=line.id,
                grade=Grade.RESELL,
                quantity=line.quantity,
                actor=ACTOR,
            )
            for one in announced
            for line in one.lines
        ]
        await grade(db, gradings=gradings, now=now)
        resolutions = [
            Resolve(
                id=child_id(one.id, "refund"),
                return_id=one.id,
                actor=ACTOR,
                shipping_minor=found[one.order_id].shipping_minor if one.order_id else 0,
                reason="canceled",
            )
            for one in announced
        ]
        await resolve(db, resolutions=resolutions, now=now)


def _receipt(one: Return, homes: Mapping[UUID, UUID]) -> Receipt:
    assert one.order_id
    return Receipt(
        id=child_id(one.id, "receipt"),
        return_id=one.id,
        location_id=homes[one.order_id],
        lines=tuple(ReceivedUnits(line_id=line.id, quantity=line.quantity) for line in one.lines),
        actor=ACTOR,
    )
