"""Past orders, one of each kind, by the house's own commands and score at a moment of the past."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from batuta.fulfillment.commands import accept, hand_over, pack, pick, start_picking
from batuta.fulfillment.domain import Accept, HandOver, Pack, Pick, StartPicking
from batuta.fulfillment.queries import fulfillment_orders_of
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import id_from
from batuta.kernel.money import split_minor
from batuta.ordering.commands import import_closed, place
from batuta.ordering.domain import Means, OrderStatus, PlaceLine, PlaceOrder
from batuta.ordering.domain.importing import ClosedLine, ClosedOrder
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Engine
from batuta.plumbing.settings import Settings
from batuta.plumbing.stepping import settle_wholly
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import Scan
from batuta.shipping.queries import parcels_of_owner
from batuta.worker import clockwork
from benchmarks.catalogue import ACTOR, BUYER, CHANNEL, PRICE_MINOR, SHIPPING_MINOR, TAX_BP, sku_code
from benchmarks.shopping import TOKEN

CARRIER = "carrier"
LEFT_FROM = "L0"
BASIS = 10_000
WORKER = id_from("benchmarks:worker", datetime.fromisoformat("2020-01-01T00:00:00Z"))


class NotLived(RuntimeError):
    """The order did not come to its end."""


class Life:
    """A clock that only this order's deeds move on. Nothing else may happen in the house meanwhile."""

    def __init__(self, engine: Engine, *, now: datetime) -> None:
        self._engine = engine
        self._now = now
        self._works = clockwork(Settings())

    async def rest(self) -> None:
        """Let all that is under way in the house come to its end, at the time that it is."""
        await settle_wholly(self._engine, self._works, now=datetime.now(UTC), worker=WORKER)

    async def live(self, *, skus: Sequence[int], external_id: str) -> UUID:
        """Buy one of each SKU, paid by card; send it from where the score says; deliver it: the order's id.

        Raises:
            NotLived: it is not closed afterwards.
        """
        order_id = id_from(external_id, self._now)
        await self._do(place, orders=[self._wish(order_id, skus, external_id)])
        async with self._engine.connect() as db:
            ids = [one.id for one in (await fulfillment_orders_of(db, [order_id]))[order_id]]
        await self._do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=ACTOR) for id_ in ids])
        await self._do(start_picking, starts=[StartPicking(fulfillment_order_id=id_, actor=ACTOR) for id_ in ids])
        await self._do(pick, picks=[Pick(fulfillment_order_id=id_, actor=ACTOR) for id_ in ids])
        packs = [Pack(fulfillment_order_id=id_, actor=ACTOR, label_format="zpl") for id_ in ids]
        await self._do(pack, packs=packs)
        await self._do(hand_over, handovers=[HandOver(fulfillment_order_id=id_, actor=ACTOR) for id_ in ids])
        await self._deliver(order_id)
        async with self._engine.connect() as db:
            order = (await orders_by_id(db, [order_id]))[order_id]
        if order.status is not OrderStatus.COMPLETED:
            raise NotLived(f"the order to copy is {order.status}")
        return order_id

    async def take_over(self, *, skus: Sequence[int], external_id: str) -> UUID:
        """Import an order of one of each SKU that was bought and delivered elsewhere: its id."""
        order_id = id_from(external_id, self._now)
        net_minor, tax_minor = split_minor(PRICE_MINOR, (BASIS, TAX_BP))
        shipping_net_minor, shipping_tax_minor = split_minor(SHIPPING_MINOR, (BASIS, TAX_BP))
        lines = [
            ClosedLine(
                sku_code=sku_code(number),
                quantity=1,
                unit_price_minor=PRICE_MINOR,
                net_minor=net_minor,
                tax_minor=tax_minor,
                tax_rate_bp=TAX_BP,
            )
            for number in skus
        ]
        closed = ClosedOrder(
            id=order_id,
            channel_code=CHANNEL,
            external_id=external_id,
            lines=lines,
            ship_to=BUYER,
            placed_at=self._now,
            shipped_at=self._now + timedelta(hours=1),
            actor=ACTOR,
            location_code=LEFT_FROM,
            shipping_minor=shipping_net_minor + shipping_tax_minor,
            shipping_tax_minor=shipping_tax_minor,
        )
        await self._do(import_closed, orders=[closed])
        return order_id

    async def _do(self, command: Callable[..., Awaitable[Sequence[object]]], **things: Any) -> None:
        async with self._engine.begin() as db:
            answers = await command(db, **things, now=self._now)
        for answer in answers:
            if isinstance(answer, BatutaError):
                raise NotLived(f"{command.__name__}: {answer!r}")
        self._now += timedelta(minutes=1)
        await settle_wholly(self._engine, self._works, now=self._now, worker=WORKER)

    def _wish(self, order_id: UUID, skus: Sequence[int], external_id: str) -> PlaceOrder:
        amount_minor = len(skus) * PRICE_MINOR + SHIPPING_MINOR
        return PlaceOrder(
            id=order_id,
            channel_code=CHANNEL,
            lines=[PlaceLine(sku_code=sku_code(number), quantity=1) for number in skus],
            ship_to=BUYER,
            actor=ACTOR,
            placed_at=self._now,
            external_id=external_id,
            email=f"{external_id}@example.com",
            means=[Means(method="card", amount_minor=amount_minor, token=TOKEN)],
        )

    async def _deliver(self, order_id: UUID) -> None:
        async with self._engine.connect() as db:
            parcels = (await parcels_of_owner(db, [order_id]))[order_id]
        self._now += timedelta(hours=12)
        scans = [
            Scan(
                carrier_code=CARRIER,
                tracking_number=one.tracking_number or "",
                raw_code="delivered",
                happened_at=self._now,
                received_at=self._now,
            )
            for one in parcels
        ]
        await self._do(record_tracking, scans=scans)
