"""A shop, a worker and a clock: what the stories are told with."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from batuta.fulfillment.commands import accept, hand_over, pack, pick, start_picking
from batuta.fulfillment.domain import Accept, FulfillmentOrder, FulfillmentStatus, HandOver, Pack, Pick, StartPicking
from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.inventory.queries import availability
from batuta.kernel.errors import BatutaError
from batuta.notifications.queries import messages_of
from batuta.ordering.commands import cancel, place
from batuta.ordering.domain import (
    Cancelled,
    CancelLine,
    CancelRequest,
    HoldKind,
    HoldStatus,
    Means,
    Order,
    Placed,
)
from batuta.ordering.queries import orders_by_id
from batuta.payments.domain import Balance
from batuta.payments.queries import balances
from batuta.plumbing.audit import Verdict, examine
from batuta.plumbing.database import Engine
from batuta.plumbing.events import facts_of
from batuta.plumbing.settings import Settings
from batuta.plumbing.stepping import settle_wholly
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import Parcel, Scan
from batuta.shipping.queries import parcels_of_owner
from batuta.worker import LAWS, clockwork
from tests.making import NOW, fresh_id
from tests.ordering.test_commands import an_order
from tests.world import Shop

WORKER = fresh_id()
SELLER = "location:north"
BUYER = "customer:ana"


class Journey:
    """A shop, a worker, and a clock."""

    def __init__(self, engine: Engine, shop: Shop, settings: Settings | None = None) -> None:
        self.engine = engine
        self.shop = shop
        self.now = NOW
        self.works = clockwork(settings or Settings())

    async def pass_time(self, **elapsed: int) -> None:
        self.now += timedelta(**elapsed)
        await settle_wholly(self.engine, self.works, now=self.now, worker=WORKER)

    async def ask(self, command: Callable[..., Awaitable[Any]], **things: Any) -> list[Any]:
        """Run a command in a transaction of its own, and return its answers, refusals too."""
        async with self.engine.begin() as db:
            return list(await command(db, **things, now=self.now))

    async def do(self, command: Callable[..., Awaitable[Any]], **things: Any) -> list[Any]:
        """`ask`, where nothing may be refused; and let what follows from it happen."""
        answers = await self.ask(command, **things)
        for answer in answers:
            if isinstance(answer, BatutaError):
                raise answer
        await self.pass_time(seconds=1)
        return answers

    async def buy(
        self,
        *lines: tuple[str, int],
        gross_minor: int,
        token: str = "tok_visa",
        means: Iterable[Means] | None = None,
        **changes: Any,
    ) -> UUID:
        paid = list(means or [Means(method="card", amount_minor=gross_minor, token=token)])
        asked = an_order(self.shop, *lines, placed_at=self.now, means=paid, **changes)
        (outcome,) = await self.do(place, orders=[asked])
        assert isinstance(outcome, Placed), outcome
        assert outcome.gross_minor == gross_minor
        return asked.id

    async def cancel(self, order_id: UUID, *lines: tuple[UUID, int], reason: str = "changed my mind") -> Cancelled:
        """Cancel units of lines, or all that is left."""
        wish = CancelRequest(
            id=fresh_id(),
            order_id=order_id,
            reason=reason,
            actor=BUYER,
            lines=[CancelLine(line_id=line_id, quantity=units) for line_id, units in lines] or None,
        )
        (outcome,) = await self.do(cancel, requests=[wish])
        assert isinstance(outcome, Cancelled)
        return outcome

    async def prepare(self, order_id: UUID) -> None:
        """Every location that was asked accepts, picks and packs."""
        ids = await self.ids(order_id, FulfillmentStatus.OFFERED)
        await self.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])
        await self.do(start_picking, starts=[StartPicking(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])
        await self.do(pick, picks=[Pick(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])
        packs = [Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl") for id_ in ids]
        await self.do(pack, packs=packs)

    async def send(self, order_id: UUID) -> None:
        await self.prepare(order_id)
        await self.leave(order_id)

    async def leave(self, order_id: UUID) -> None:
        """The carrier takes what is packed."""
        ids = await self.ids(order_id, FulfillmentStatus.PACKED)
        await self.do(hand_over, handovers=[HandOver(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])

    async def finish(self, order_id: UUID) -> None:
        """What a location works on is picked, packed, taken by the carrier, and delivered."""
        at_work = (FulfillmentStatus.ACCEPTED, FulfillmentStatus.PICKING, FulfillmentStatus.CANCEL_REFUSED)
        ids = [one.id for one in await self.work(order_id) if one.status in at_work]
        await self.do(pick, picks=[Pick(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])
        packs = [Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl") for id_ in ids]
        await self.do(pack, packs=packs)
        await self.do(hand_over, handovers=[HandOver(fulfillment_order_id=id_, actor=SELLER) for id_ in ids])
        await self.carrier_says(order_id, "delivered", self.now)

    async def carrier_says(
        self, order_id: UUID, raw_code: str, at: datetime, *, of: Iterable[Parcel] | None = None
    ) -> None:
        """The carrier reports something of these parcels, or of every one of the order."""
        parcels = await self.parcels(order_id) if of is None else of
        await self.ask(record_tracking, scans=[self.scan(one, raw_code, at) for one in parcels])
        await self.pass_time(seconds=1)

    def scan(self, parcel: Parcel, raw_code: str, at: datetime) -> Scan:
        return Scan(
            carrier_code=self.shop.carrier_code,
            tracking_number=parcel.tracking_number or "",
            raw_code=raw_code,
            happened_at=at,
            received_at=self.now,
        )

    async def order(self, order_id: UUID) -> Order:
        async with self.engine.connect() as db:
            return (await orders_by_id(db, [order_id]))[order_id]

    async def holds(self, order_id: UUID) -> list[HoldKind]:
        """What keeps the order from going on."""
        return [one.kind for one in (await self.order(order_id)).holds if one.status is HoldStatus.ACTIVE]

    async def work(self, order_id: UUID) -> list[FulfillmentOrder]:
        async with self.engine.connect() as db:
            return (await fulfillment_orders_of(db, [order_id]))[order_id]

    async def ids(self, order_id: UUID, status: FulfillmentStatus) -> list[UUID]:
        """The fulfillment orders in a status."""
        return [one.id for one in await self.work(order_id) if one.status is status]

    async def parcels(self, order_id: UUID) -> list[Parcel]:
        async with self.engine.connect() as db:
            return (await parcels_of_owner(db, [order_id]))[order_id]

    async def money(self, order_id: UUID) -> Balance:
        async with self.engine.connect() as db:
            return (await balances(db, [order_id]))[order_id]

    async def available(self, name: str) -> int:
        async with self.engine.connect() as db:
            found = await availability(db, sku_ids=[self.shop.skus[name].id], now=self.now)
        return sum(one.available for one in found)

    async def told(self, order_id: UUID) -> list[str]:
        """The templates of the messages to the customer, the earliest first."""
        async with self.engine.connect() as db:
            return [one.template for one in (await messages_of(db, [order_id]))[order_id]]

    async def facts(self, stream: UUID) -> list[str]:
        async with self.engine.connect() as db:
            return [fact.name for fact in (await facts_of(db, [stream]))[stream]]


async def broken_laws(engine: Engine) -> list[Verdict]:
    """Whatever is not as it must be, by all laws of the house in one snapshot."""
    async with engine.snapshot() as db:
        return [verdict for verdict in await examine(db, LAWS) if verdict.broken]
