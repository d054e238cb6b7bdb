"""What may happen to an order next: one deed by chance, of those that its state allows."""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from sqlalchemy import text

from batuta.fulfillment.commands import (
    accept,
    agree_to_cancel,
    dispatch,
    hand_over,
    pack,
    pick,
    refuse_to_cancel,
    reject,
    report_short,
    start_picking,
)
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    Dispatch,
    FulfillmentOrder,
    FulfillmentStatus,
    HandOver,
    Pack,
    Pick,
    Reject,
    RejectionReason,
    ReportShort,
    ShortUnits,
    StartPicking,
)
from batuta.ordering.commands import EndHold, cancel, end_holds
from batuta.ordering.domain import CancelLine, CancelRequest, HoldStatus, Order
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
    ReturnStatus,
)
from batuta.returns.queries import returns_of_orders
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import Parcel, ParcelStatus
from tests.journeys.journey import BUYER, SELLER, Journey
from tests.making import fresh_id

Deed = Callable[[], Awaitable[object]]

_IS = FulfillmentStatus
UNDER_WAY = {
    ParcelStatus.MANIFESTED,
    ParcelStatus.LABELLED,
    ParcelStatus.IN_TRANSIT,
    ParcelStatus.OUT_FOR_DELIVERY,
    ParcelStatus.EXCEPTION,
}


class Deeds:
    """The deeds of one world. Refusals are answers here: the laws say whether they were right."""

    def __init__(self, journey: Journey, chance: random.Random) -> None:
        self.journey = journey
        self.chance = chance

    async def one_for(self, order_id: UUID) -> None:
        """Let something happen to an order; nothing, when nothing can."""
        order = await self.journey.order(order_id)
        deeds = [
            *(deed for one in await self.journey.work(order_id) for deed in self._of_work(one)),
            *(deed for one in await self.journey.parcels(order_id) for deed in self._of_parcel(one)),
            *await self._of_returns(order),
            *self._of_customer(order),
            *self._of_person(order),
        ]
        if deeds:
            await self.chance.choice(deeds)()

    def _of_work(self, work: FulfillmentOrder) -> list[Deed]:
        ask, id_ = self.journey.ask, work.id
        packing = Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")
        short = ReportShort(
            fulfillment_order_id=id_,
            lines=(ShortUnits(line_id=work.lines[0].line_id, quantity=1),),
            actor=SELLER,
            reason=self.chance.choice([RejectionReason.NOT_FOUND, RejectionReason.DAMAGED]),
        )
        no = Reject(
            fulfillment_order_id=id_,
            actor=SELLER,
            reason=self.chance.choice([RejectionReason.CANNOT_SERVE, RejectionReason.OTHER, RejectionReason.NOT_FOUND]),
        )
        at_once = Dispatch(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")
        yes = partial(ask, accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])
        start = partial(ask, start_picking, starts=[StartPicking(fulfillment_order_id=id_, actor=SELLER)])
        picked = partial(ask, pick, picks=[Pick(fulfillment_order_id=id_, actor=SELLER)])
        packed = partial(ask, pack, packs=[packing])
        gone = partial(ask, hand_over, handovers=[HandOver(fulfillment_order_id=id_, actor=SELLER)])
        dispatched = partial(ask, dispatch, dispatches=[at_once])
        rejected = partial(ask, reject, rejections=[no])
        lacking = partial(ask, report_short, reports=[short])
        answered = partial(self._answer, work)
        possible: dict[FulfillmentStatus, list[Deed]] = {
            _IS.OFFERED: [yes, yes, yes, rejected, dispatched],
            _IS.ACCEPTED: [start, start, packed, rejected],
            _IS.PICKING: [picked, picked, picked, lacking],
            _IS.PICKED: [packed, packed, packed, lacking],
            _IS.PACKED: [gone, gone, packed],
            _IS.CANCEL_REQUESTED: [answered, answered, gone],
            _IS.CANCEL_REFUSED: [picked, packed, gone],
        }
        return possible.get(work.status, [])

    async def _answer(self, work: FulfillmentOrder) -> None:
        open_ = """
            SELECT cancellation_id FROM fulfillment.cancellation_part
            WHERE fulfillment_order_id = :id AND status = 'requested'
        """
        async with self.journey.engine.connect() as db:
            ids = list(await db.scalars(text(open_), {"id": work.id}))
        says = self.chance.choice([agree_to_cancel, refuse_to_cancel])
        answers = [
            AnswerCancellation(cancellation_id=id_, fulfillment_order_id=work.id, actor=SELLER, reason="so it is")
            for id_ in ids
        ]
        await self.journey.ask(says, answers=answers)

    def _of_parcel(self, parcel: Parcel) -> list[Deed]:
        if parcel.status not in UNDER_WAY:
            return []
        codes = ["in_transit", "out_for_delivery", "attempt_failed", "delivered", "delivered", "returned"]
        code = self.chance.choice(codes)
        scan = self.journey.scan(parcel, code, self.journey.now)
        return [lambda: self.journey.ask(record_tracking, scans=[scan] * self.chance.randint(1, 2))]

    def _of_customer(self, order: Order) -> list[Deed]:
        if self.chance.random() > 0.08:
            return []
        line = self.chance.choice(order.lines)
        lines = [CancelLine(line_id=line.id, quantity=1)] if self.chance.random() < 0.5 else None
        wish = CancelRequest(id=fresh_id(), order_id=order.id, reason="changed my mind", actor=BUYER, lines=lines)
        return [lambda: self.journey.ask(cancel, requests=[wish, wish])]

    def _of_person(self, order: Order) -> list[Deed]:
        """Somebody looks at what is held, now and then, and lets it go."""
        ends = [
            EndHold(hold_id=hold.id, actor="staff:eva", reason="seen to")
            for hold in order.holds
            if hold.status is HoldStatus.ACTIVE and self.chance.random() < 0.3
        ]
        return [partial(self.journey.ask, end_holds, ends=ends)] if ends else []

    async def _of_returns(self, order: Order) -> list[Deed]:
        async with self.journey.engine.connect() as db:
            found = (await returns_of_orders(db, [order.id]))[order.id]
        deeds = [deed for one in found for deed in self._of_return(one)]
        line = order.lines[0]
        if line.buckets.delivered > line.buckets.returned and not found and self.chance.random() < 0.4:
            units = (ReturnedUnits(order_line_id=line.id, quantity=1),)
            wish = RequestReturn(id=fresh_id(), order_id=order.id, lines=units, actor=BUYER)
            deeds.append(lambda: self.journey.ask(request, requests=[wish]))
        return deeds

    def _of_return(self, back: Return) -> list[Deed]:
        ask, line = self.journey.ask, back.lines[0]
        here = self.chance.choice(list(self.journey.shop.locations.values())).id
        came = (ReceivedUnits(line_id=line.id, quantity=1),)
        receipt = Receipt(id=fresh_id(), return_id=back.id, location_id=here, lines=came, actor=SELLER)
        look = GradeUnits(
            id=fresh_id(),
            return_id=back.id,
            line_id=line.id,
            grade=self.chance.choice(list(Grade)),
            quantity=1,
            actor=SELLER,
        )
        paid_back = Resolve(id=fresh_id(), return_id=back.id, actor=SELLER)
        approved = partial(ask, approve, approvals=[Approve(return_id=back.id, actor=SELLER)])
        received = partial(ask, receive, receipts=[receipt, receipt])
        refunded = partial(ask, resolve, resolutions=[paid_back, paid_back])
        possible: dict[ReturnStatus, list[Deed]] = {
            ReturnStatus.REQUESTED: [approved],
            ReturnStatus.APPROVED: [received, refunded],
            ReturnStatus.RECEIVED: [partial(ask, grade, gradings=[look]), refunded],
            ReturnStatus.GRADED: [refunded],
        }
        return possible.get(back.status, [])
