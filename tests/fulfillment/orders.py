"""Orders in a database, placed and offered to their locations."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, hand_over, offer, pack, pick
from batuta.fulfillment.domain import (
    Accept,
    FulfillmentOrder,
    HandOver,
    Method,
    Offer,
    OfferedLine,
    Pack,
    Pick,
)
from batuta.fulfillment.queries import AUDIT, fulfillment_orders_by_id
from batuta.inventory.queries import AUDIT as STOCK_LAWS
from batuta.ordering.commands import place
from batuta.ordering.domain import Buckets, Order, Placed, PlaceLine, PlaceOrder
from batuta.ordering.queries import AUDIT as ORDER_LAWS
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from batuta.shipping.domain import Service
from tests.making import NOW, fresh_id
from tests.shipping.making import given_service
from tests.world import MADRID, Shop, build_shop, sound

ACTOR = "staff:ana"
SCORE = "system:score"

NEVER_MINUTES = 5_000_000


class World:
    """A shop with a carrier, and what happens in it."""

    def __init__(self, shop: Shop, service: Service) -> None:
        self.shop = shop
        self.service = service

    async def place(self, db: Connection, *lines: tuple[str, int], count: int = 1, **changes: Any) -> list[Order]:
        wanted = [
            PlaceOrder(
                **{
                    "id": fresh_id(),
                    "channel_code": self.shop.channel.code,
                    "lines": [PlaceLine(sku_code=self.shop.skus[name].code, quantity=units) for name, units in lines],
                    "ship_to": MADRID,
                    "actor": "customer:ana",
                    "placed_at": NOW,
                    **changes,
                }
            )
            for _ in range(count)
        ]
        outcomes = await place(db, orders=wanted, now=NOW)
        assert all(isinstance(one, Placed) for one in outcomes), outcomes
        found = await orders_by_id(db, [one.id for one in wanted])
        return [found[one.id] for one in wanted]

    def offer_of(self, order: Order, place: str = "north", **changes: Any) -> Offer:
        return Offer(
            **{
                "id": fresh_id(),
                "order_id": order.id,
                "order_number": order.number,
                "location_id": self.shop.locations[place].id,
                "method": Method.SHIP,
                "service_id": self.service.id,
                "lines": tuple(
                    OfferedLine(
                        line_id=line.id,
                        sku_id=part.sku_id,
                        quantity=line.quantity * part.quantity,
                        per_unit=part.quantity,
                        is_tracked=line.is_tracked,
                    )
                    for line in order.lines
                    for part in line.components
                ),
                "ship_to": MADRID,
                "locale": "es",
                "expires_at": NOW + timedelta(hours=4),
                "actor": SCORE,
                **changes,
            }
        )

    async def offered(
        self, db: Connection, *lines: tuple[str, int], count: int = 1, **changes: Any
    ) -> list[FulfillmentOrder]:
        orders = await self.place(db, *lines, count=count)
        return good(await offer(db, offers=[self.offer_of(one, **changes) for one in orders], now=NOW))


async def build_world(db: Connection, **stock: dict[str, int]) -> World:
    # These orders are worked on unpaid, and no sweep of another test shall let go of them.
    policies = Policies(unpaid_minutes=NEVER_MINUTES)
    shop = await build_shop(db, stock=stock or {"chair": {"north": 100}}, policies=policies)
    _, service = await given_service(db)
    return World(shop, service)


def good(outcomes: Sequence[object]) -> list[FulfillmentOrder]:
    sound(outcomes)
    return [one for one in outcomes if isinstance(one, FulfillmentOrder)]


async def accept_all(db: Connection, those: Sequence[FulfillmentOrder], now: datetime = NOW) -> None:
    asked = [Accept(fulfillment_order_id=one.id, actor=ACTOR) for one in those]
    sound(await accept(db, acceptances=asked, now=now))


async def pick_all(db: Connection, those: Sequence[FulfillmentOrder]) -> None:
    await accept_all(db, those)
    sound(await pick(db, picks=[Pick(fulfillment_order_id=one.id, actor=ACTOR) for one in those], now=NOW))


async def pack_all(db: Connection, those: Sequence[FulfillmentOrder]) -> list[FulfillmentOrder]:
    await pick_all(db, those)
    asked = [Pack(fulfillment_order_id=one.id, actor=ACTOR, label_format="zpl") for one in those]
    return good(await pack(db, packs=asked, now=NOW))


async def hand_over_all(db: Connection, those: Sequence[FulfillmentOrder]) -> list[FulfillmentOrder]:
    await pack_all(db, those)
    asked = [HandOver(fulfillment_order_id=one.id, actor=ACTOR) for one in those]
    return good(await hand_over(db, handovers=asked, now=NOW))


async def buckets(db: Connection, order_id: UUID) -> Buckets:
    """The buckets of an order's only line."""
    (line,) = (await orders_by_id(db, [order_id]))[order_id].lines
    return line.buckets


async def now_is(db: Connection, one: FulfillmentOrder) -> FulfillmentOrder:
    return (await fulfillment_orders_by_id(db, [one.id]))[one.id]


async def facts(db: Connection, order_id: UUID) -> list[str]:
    return [fact.name for fact in (await facts_of(db, [order_id]))[order_id] if fact.name.startswith("fulfillment.")]


async def assert_lawful(db: Connection) -> None:
    """Every law of this room, of orders and of stock holds in this transaction."""
    broken = [one for one in await examine(db, [*AUDIT, *ORDER_LAWS, *STOCK_LAWS]) if one.broken]
    assert not broken


async def assert_lawful_of(db: Connection, *those: FulfillmentOrder) -> None:
    """The laws of this room and of orders hold for these, in a database that others use too."""
    ours = {str(id_) for one in those for id_ in (one.id, *(line.line_id for line in one.lines))}
    for verdict in await examine(db, [*AUDIT, *ORDER_LAWS]):
        assert not [row for row in verdict.rows if ours & {str(value) for value in row.values()}], verdict
