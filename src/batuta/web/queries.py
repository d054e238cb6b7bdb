"""Finding the orders of a page of the list, and what a page about one order is drawn from, read once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ARRAY, Select, Text, Uuid, any_, bindparam, exists, func, select, text, tuple_, union

from batuta.catalog.domain import name_in
from batuta.catalog.queries import products_by_id, skus_by_code, skus_by_id
from batuta.company.domain import Channel
from batuta.company.queries import brands_by_id, channels_by_id, legal_entities_by_id
from batuta.fulfillment.tables import fulfillment_order
from batuta.ordering.domain import HoldStatus, Order, OrderStatus
from batuta.ordering.queries import orders_by_id
from batuta.ordering.tables import hold, line, order
from batuta.plumbing.database import Connection, Instant

UTC_ZONE = ZoneInfo("UTC")


class View(StrEnum):
    """A cut through all orders that people come back to."""

    ALL = "all"
    HELD = "held"
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


_OPEN = (OrderStatus.PLACED, OrderStatus.ACCEPTED, OrderStatus.IN_PROGRESS)
STATUSES: Mapping[View, tuple[OrderStatus, ...]] = {
    View.HELD: _OPEN,
    View.OPEN: _OPEN,
    View.COMPLETED: (OrderStatus.COMPLETED,),
    View.CANCELLED: (OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED),
}


class OrdersWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders a page shows.

    words: a whole number of ours or of the channel, a whole e-mail or SKU.
    channel_ids, location_ids: None is every one; an order is of the locations that work on it or wait with it.
    before: the place of the last order of the page before.
    """

    view: View = View.ALL
    words: str = ""
    channel_ids: Collection[UUID] | None = None
    location_ids: Collection[UUID] | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    before: tuple[datetime, UUID] | None = None


async def orders_wanted(db: Connection, wanted: OrdersWanted, *, limit: int) -> list[Order]:
    """The newest orders that fit, at most so many; their place is (placed_at, id)."""
    given: dict[str, Any] = {"limit": limit}
    if wanted.words:
        skus = await skus_by_code(db, {wanted.words, wanted.words.upper()})
        given |= {"words": wanted.words, "sku_ids": [one.id for one in skus.values()]}
    for name in ("channel_ids", "location_ids"):
        if (ids := getattr(wanted, name)) is not None:
            given[name] = sorted(ids)
    if wanted.view in STATUSES:
        given["statuses"] = [str(status) for status in STATUSES[wanted.view]]
    given |= {name: at for name in ("from_at", "until_at") if (at := getattr(wanted, name)) is not None}
    if wanted.before is not None:
        given |= {"before_at": wanted.before[0], "before_id": wanted.before[1]}
    found_ids = (await db.scalars(_ids_of(frozenset(given), is_held=wanted.view is View.HELD), given)).all()
    found = await orders_by_id(db, found_ids)
    return [found[id_] for id_ in found_ids if id_ in found]


@lru_cache(maxsize=128)
def _ids_of(given: frozenset[str], *, is_held: bool) -> Select[Any]:
    of = order.c
    page = select(of.id).order_by(of.placed_at.desc(), of.id.desc()).limit(bindparam("limit"))
    if "words" in given:
        page = page.where(of.id.in_(_named()))
    if is_held:
        page = page.where(exists().where(hold.c.order_id == of.id, hold.c.status == str(HoldStatus.ACTIVE)))
    if "statuses" in given:
        page = page.where(of.status == any_(bindparam("statuses", type_=ARRAY(Text, dimensions=1))))
    if "channel_ids" in given:
        page = page.where(of.channel_id == any_(bindparam("channel_ids", type_=ARRAY(Uuid, dimensions=1))))
    if "location_ids" in given:
        places = any_(bindparam("location_ids", type_=ARRAY(Uuid, dimensions=1)))
        works = exists().where(fulfillment_order.c.order_id == of.id, fulfillment_order.c.location_id == places)
        page = page.where(works | (of.pickup_location_id == places))
    if "from_at" in given:
        page = page.where(of.placed_at >= bindparam("from_at", type_=Instant))
    if "until_at" in given:
        page = page.where(of.placed_at < bindparam("until_at", type_=Instant))
    if "before_id" in given:
        place = tuple_(bindparam("before_at", type_=Instant), bindparam("before_id", type_=Uuid))
        page = page.where(tuple_(of.placed_at, of.id) < place)
    return page


def _named() -> Select[Any]:
    """Each way of being found has an index of its own, which one WHERE with OR would not use."""
    words = bindparam("words", type_=Text)
    sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid, dimensions=1))
    ways = union(
        select(order.c.id).where(order.c.number == words),
        select(order.c.id).where(order.c.external_id == words, order.c.channel_id.in_(text(_EVERY_CHANNEL))),
        select(order.c.id).where(func.lower(order.c.email) == func.lower(words)),
        select(line.c.order_id).where(line.c.sku_id == any_(sku_ids)),
    ).subquery()
    return select(ways.c.id)


# The index of outside numbers begins with the channel, and there are few channels.
_EVERY_CHANNEL = "SELECT id FROM company.channel"


class Home(msgspec.Struct, frozen=True):
    """A channel and the time zone of whom it belongs to."""

    channel: Channel
    zone: ZoneInfo


async def homes_of(db: Connection, channel_ids: Collection[UUID]) -> dict[UUID, Home]:
    """The channels of orders, each with its time zone."""
    channels = await channels_by_id(db, set(channel_ids))
    brands = await brands_by_id(db, {one.brand_id for one in channels.values()})
    entities = await legal_entities_by_id(db, {one.legal_entity_id for one in brands.values()})
    zones = {one.id: ZoneInfo(entities[one.legal_entity_id].time_zone) for one in brands.values()}
    return {one.id: Home(one, zones.get(one.brand_id, UTC_ZONE)) for one in channels.values()}


async def channel_choices(db: Connection, visible: Collection[UUID] | None) -> Sequence[Channel]:
    """The channels that somebody may look at, by name."""
    ids = (await db.scalars(_channel_ids)).all()
    found = await channels_by_id(db, [id_ for id_ in ids if visible is None or id_ in visible])
    return sorted(found.values(), key=lambda one: (one.name, one.id))


_channel_ids = text(_EVERY_CHANNEL)


async def line_names(db: Connection, order: Order) -> dict[UUID, str]:
    """What the lines of an order are called; one that was sold under its bare code has its product's name."""
    nameless = {line.sku_id for line in order.lines if line.name == line.sku_code}
    skus = await skus_by_id(db, nameless) if nameless else {}
    products = await products_by_id(db, {one.product_id for one in skus.values()}) if skus else {}
    names = {one.id: name_in(products[one.product_id].name, order.locale) for one in skus.values()}
    return {line.id: names.get(line.sku_id) or line.name for line in order.lines}
