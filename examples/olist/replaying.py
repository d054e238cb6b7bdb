"""Replaying: hour by hour, what the data says that customers, the bank, sellers and carriers did."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.fulfillment.commands import accept, dispatch, reject, start_picking
from batuta.fulfillment.domain import (
    Accept,
    Dispatch,
    FulfillmentOrder,
    FulfillmentStatus,
    Reject,
    RejectionReason,
    StartPicking,
)
from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.commands import cancel, place
from batuta.ordering.domain import CancelRequest, Means, NamedAmount, PlaceLine, PlaceOrder
from batuta.payments.adapters.test_provider import TestProvider
from batuta.payments.commands import settle as settle_payments
from batuta.payments.queries import payments_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.stepping import Clockwork, settle_wholly
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import Scan
from batuta.shipping.queries import parcels_of_owner
from examples.olist.building import ACTOR, BEGINNING, CARRIER, CHANNEL, address_of, id_of
from examples.olist.reading import Bought, Pay
from examples.olist.returning import bring_back

HOUR = timedelta(hours=1)
WORKER = id_of("worker", "replay")
SELLER = "location:seller"

# A key of the data may be all digits, and then look like a card number, which is refused as a token.
LETTERS = str.maketrans("0123456789", "ghijklmnop")
METHODS = {"credit_card": "card", "boleto": "boleto", "voucher": "voucher", "debit_card": "debit"}
WORKED = {"shipped", "delivered", "processing", "invoiced", "canceled"}


class Refusal(msgspec.Struct, frozen=True):
    """An order of the data that batuta refused."""

    key: str
    status: str
    code: str


class Step(msgspec.Struct, frozen=True):
    """Something that happened to an order in an hour. kind orders what happened in the same hour."""

    kind: int
    order: Bought


PLACED, APPROVED, WORKED_ON, DELIVERED, CANCELLED = range(5)


def steps_by_time(orders: Sequence[Bought], *, step: timedelta = HOUR) -> list[tuple[datetime, list[Step]]]:
    """Every stretch of time in which something happened, by its end, and what happened in it."""
    hours: dict[datetime, list[Step]] = defaultdict(list)

    def happens(at: datetime | None, kind: int, order: Bought) -> None:
        if at is not None:
            hours[BEGINNING + ((at - BEGINNING) // step + 1) * step].append(Step(kind, order))

    for order in orders:
        happens(order.placed_at, PLACED, order)
        happens(order.approved_at, APPROVED, order)
        if order.handed_over_at or order.status in {"processing", "invoiced", "unavailable"}:
            happens(order.handed_over_at or order.approved_at, WORKED_ON, order)
        happens(order.delivered_at, DELIVERED, order)
        if order.status == "canceled":
            happens(order.last_known_at, CANCELLED, order)
    return sorted(hours.items())


class Replay:
    """A replay of the data on an engine; every verb may be played again after a crash and changes nothing then."""

    def __init__(self, engine: Engine, clockwork: Clockwork) -> None:
        self._engine = engine
        self._clockwork = clockwork
        self._provider = TestProvider(engine)
        self.refused: list[Refusal] = []
        self._verbs: Mapping[int, Callable[[Sequence[Bought], datetime], Awaitable[None]]] = {
            PLACED: self._place,
            APPROVED: self._approve,
            WORKED_ON: self._work,
            DELIVERED: self._deliver,
            CANCELLED: self._cancel,
        }

    async def hour(self, now: datetime, steps: Sequence[Step]) -> None:
        """Play what happened in the hour before `now`, and all that follows from it."""
        turns: list[dict[int, list[Bought]]] = []
        seen: Counter[UUID] = Counter()
        for step in sorted(steps, key=lambda step: step.kind):
            # What happened to one order in one hour happens in turns; different orders do not wait for each other.
            turn = seen[step.order.id]
            seen[step.order.id] += 1
            if turn == len(turns):
                turns.append(defaultdict(list))
            if step.order.items or step.kind == PLACED:
                turns[turn][step.kind].append(step.order)
        for turn_ in turns:
            await asyncio.gather(*(self._verbs[kind](orders, now) for kind, orders in turn_.items()))
            await self._settle(now)

    async def _settle(self, now: datetime) -> None:
        await settle_wholly(self._engine, self._clockwork, now=now, worker=WORKER)

    async def _place(self, orders: Sequence[Bought], now: datetime) -> None:
        async with self._engine.begin() as db:
            outcomes = await place(db, orders=[_asked(order) for order in orders], now=now)
        for order, outcome in zip(orders, outcomes, strict=True):
            if isinstance(outcome, BatutaError):
                self.refused.append(Refusal(order.key, order.status, type(outcome).code))

    async def _approve(self, orders: Sequence[Bought], now: datetime) -> None:
        async with self._engine.connect() as db:
            payments = await payments_of(db, [order.id for order in orders])
        payment_ids = [one.payment.id for views in payments.values() for one in views]
        for payment_id in payment_ids:
            await self._provider.decide(payment_id, is_approved=True, at=now)
        told = await self._provider.webhooks(payment_ids, sent_at=now)
        reports = [report for body, headers in told for report in self._provider.read_webhook(body, headers, now=now)]
        async with self._engine.begin() as db:
            await settle_payments(db, reports=reports, now=now)

    async def _work(self, orders: Sequence[Bought], now: datetime) -> None:
        """Sellers do what they did: nothing at all, accept, pick, or pack and hand over."""
        status = {order.id: order.status for order in orders}
        left = {order.id for order in orders if order.handed_over_at}
        async with self._engine.begin() as db:
            work = [one for several in (await fulfillment_orders_of(db, list(status))).values() for one in several]
            refusing = [one for one in work if status[one.order_id] == "unavailable"]
            if refusing:
                await self._reject(db, refusing, now)
            taken = [one for one in work if status[one.order_id] in WORKED]
            leaving = [one for one in taken if one.order_id in left]
            dispatches = [Dispatch(fulfillment_order_id=one.id, actor=SELLER, label_format="zpl") for one in leaving]
            await dispatch(db, dispatches=dispatches, now=now)
            staying = [one for one in taken if one.order_id not in left]
            await accept(
                db, acceptances=[Accept(fulfillment_order_id=one.id, actor=SELLER) for one in staying], now=now
            )
            begun = [one for one in staying if status[one.order_id] != "invoiced"]
            starts = [StartPicking(fulfillment_order_id=one.id, actor=SELLER) for one in begun]
            await start_picking(db, starts=starts, now=now)

    async def _reject(self, db: Connection, work: Sequence[FulfillmentOrder], now: datetime) -> None:
        rejections = [
            Reject(fulfillment_order_id=one.id, reason=RejectionReason.CANNOT_SERVE, actor=SELLER)
            for one in work
            if one.status is FulfillmentStatus.OFFERED
        ]
        await reject(db, rejections=rejections, now=now)

    async def _deliver(self, orders: Sequence[Bought], now: datetime) -> None:
        await self._scan(orders, "delivered", now)

    async def _scan(self, orders: Sequence[Bought], raw_code: str, now: datetime) -> None:
        async with self._engine.begin() as db:
            parcels = await parcels_of_owner(db, [order.id for order in orders])
            scans = [
                Scan(
                    carrier_code=CARRIER,
                    tracking_number=parcel.tracking_number,
                    raw_code=raw_code,
                    happened_at=order.delivered_at or order.last_known_at,
                    received_at=now,
                )
                for order in orders
                for parcel in parcels.get(order.id, [])
                if parcel.tracking_number
            ]
            await record_tracking(db, scans=scans, now=now)

    async def _cancel(self, orders: Sequence[Bought], now: datetime) -> None:
        """What has not left is cancelled; what has left is turned round; what has arrived comes back as a return."""
        wishes = [
            CancelRequest(id=child_id(order.id, "cancel"), order_id=order.id, reason="canceled", actor=ACTOR)
            for order in orders
        ]
        async with self._engine.begin() as db:
            await cancel(db, requests=wishes, now=now)
        await self._scan(
            [order for order in orders if order.handed_over_at and not order.delivered_at], "returned", now
        )
        await bring_back(self._engine, [order for order in orders if order.delivered_at], now=now)


def _asked(order: Bought) -> PlaceOrder:
    extra = order.difference_minor if order.items else 0
    return PlaceOrder(
        id=order.id,
        channel_code=CHANNEL,
        external_id=order.key,
        customer_id=id_of("customer", order.customer),
        email=f"{order.customer}@customers.example",
        lines=[PlaceLine(sku_code=item.product, quantity=1, given_unit_minor=item.price_minor) for item in order.items],
        ship_to=address_of(order.place, f"Customer {order.customer[:6]}"),
        actor=ACTOR,
        on_behalf_of=f"customer:{order.customer}",
        placed_at=order.placed_at,
        given_shipping_minor=order.freight_minor,
        means=[_means(pay, order) for pay in order.pays if pay.amount_minor],
        adjustments=[NamedAmount(name=_name_of(order), amount_minor=extra)] if extra else [],
    )


def _means(pay: Pay, order: Bought) -> Means:
    """Cards are taken when the goods leave; a boleto, a voucher, a debit card is paid when it is approved.

    The bank answers when the data says so.
    """
    return Means(
        method=METHODS[pay.kind],
        amount_minor=pay.amount_minor,
        token=f"tok_pending_{order.key[:16].translate(LETTERS)}_extended",
        captures_at_once=not pay.is_card,
    )


def _name_of(order: Bought) -> str:
    """Why an order was paid with another amount than goods and freight."""
    if order.difference_minor < 0:
        return "discount"
    in_instalments = any(pay.is_card and pay.installments > 1 for pay in order.pays)
    return "instalment interest" if in_instalments else "surcharge"
