"""The ways on for a customer whose store cannot serve them, each planned, priced and promised as of now (SRC-16)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.company.domain import RerouteKind
from batuta.company.queries import channels_by_id
from batuta.customers.queries import customers_by_id
from batuta.inventory.domain import Asker
from batuta.kernel.addresses import Address
from batuta.locations.domain import Location
from batuta.locations.queries import all_locations
from batuta.orchestration.queries.asking import (
    Look,
    bans_of,
    codes_of,
    delivery_in,
    options_for,
    pickup_in,
    stores_with,
    units_waiting,
)
from batuta.ordering.domain import Line, Method, Order
from batuta.ordering.domain.cancelling import decide, worth_of
from batuta.ordering.domain.rerouting import Choice, Part, Reroute, choice_of
from batuta.ordering.queries import orders_by_id
from batuta.ordering.queries.claims import spare_claims
from batuta.plumbing.database import Connection
from batuta.sourcing.domain.promises.asking import UnknownPostalCode

STORES_LOOKED_AT, STORES_SHOWN = 6, 3
_IS = RerouteKind


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to choose from. lines: those that wait; store: that cannot have them ready.

    can_deliver: whether the channel delivers instead; deliver_to: where it would go, as far as it is known.
    """

    order: Order
    store: Location
    lines: tuple[Line, ...]
    can_deliver: bool
    deliver_to: Address | None
    choices: tuple[Choice, ...]


async def choices_of(db: Connection, reroute: Reroute, *, deliver_to: Address | None, now: datetime) -> Ways:
    """Everything that the customer may choose now.

    deliver_to: where a delivery shall go; without it, where the order says.

    Raises:
        UnknownPostalCode: there is no such place to deliver to.
    """
    order = (await orders_by_id(db, [reroute.order_id]))[reroute.order_id]
    channel = (await channels_by_id(db, [order.channel_id]))[order.channel_id]
    every = await all_locations(db)
    store = every.by_id[reroute.location_id]
    lines = waiting_at(order, store.id)
    to = deliver_to or (order.ship_to if order.ship_to.postal_code else None)
    buyers = await customers_by_id(db, [order.customer_id]) if order.customer_id else {}
    group = next((one.customer_group for one in buyers.values()), "")
    look = Look(
        id=reroute.id,
        order=order,
        channel=channel,
        store=store,
        asker=Asker(channel_id=channel.id, customer_group=group),
        deliver_to=to,
        codes=await codes_of(db, lines),
        held=await spare_claims(db, [order.id]),
        banned=await bans_of(db, order.id, now=now),
        every=every,
        now=now,
    )
    try:
        choices = await _choices(db, look, lines)
    except UnknownPostalCode:
        if deliver_to is not None:
            raise
        choices = await _choices(db, msgspec.structs.replace(look, deliver_to=None), lines)
    return Ways(
        order=order,
        store=store,
        lines=lines,
        can_deliver=look.may(_IS.DELIVERY),
        deliver_to=to,
        choices=tuple(choices),
    )


def waiting_at(order: Order, location_id: UUID) -> tuple[Line, ...]:
    """Lines of which units wait that were to be collected at a location."""
    return tuple(line for line in order.lines if units_waiting(line) and pickup_of(order, line) == location_id)


def pickup_of(order: Order, line: Line) -> UUID | None:
    """Where a line's waiting units are to be collected, if they are."""
    route = line.route or order.route
    return route.pickup_location_id if line.is_shipped and route.method is Method.PICKUP else None


async def _choices(db: Connection, look: Look, lines: Sequence[Line]) -> list[Choice]:
    if not lines:
        return []
    stores = await stores_with(db, look, lines)
    choices = [_alone(look, part) for part in await _collected(db, look, stores, lines)]
    if not choices and len(lines) > 1 and look.may(_IS.SPLIT):
        choices += await _splits(db, look, stores, lines)
    if door := await _delivered(db, look, lines):
        choices.append(_alone(look, door))
    worth = worth_of(look.order, [decide(line, units_waiting(line)) for line in lines])
    choices.append(_alone(look, look.part(_IS.WAIT, lines)))
    choices.append(_alone(look, look.part(_IS.CANCEL, lines), price_minor=-worth))
    return [one for one in choices if look.may(one.kind)]


def _alone(look: Look, part: Part, *, price_minor: int = 0) -> Choice:
    return choice_of(part.kind, [part], currency=look.order.currency, price_minor=price_minor)


async def _collected(
    db: Connection, look: Look, stores: Mapping[UUID, Sequence[Line]], lines: Sequence[Line]
) -> list[Part]:
    """The nearest stores that would have all of these lines ready."""
    whole = [id_ for id_, there in stores.items() if all(line in there for line in lines)][:STORES_LOOKED_AT]
    asks = [look.at_store(look.every.by_id[id_].code, lines) for id_ in whole]
    found = [pickup_in(options) for options in await options_for(db, look, asks)] if asks else []
    return [look.part(_IS.STORE, lines, one) for one in found if one][:STORES_SHOWN]


async def _delivered(db: Connection, look: Look, lines: Sequence[Line]) -> Part | None:
    """How lines could be delivered; not where that costs the customer more than they were asked for shipping."""
    if look.deliver_to is None or not look.may(_IS.DELIVERY):
        return None
    (options,) = await options_for(db, look, [look.delivered(lines)])
    found = delivery_in(options)
    return look.part(_IS.DELIVERY, lines, found) if found and look.costs(found, lines) <= 0 else None


async def _splits(
    db: Connection, look: Look, stores: Mapping[UUID, Sequence[Line]], lines: Sequence[Line]
) -> list[Choice]:
    """The store that has most of the lines, the nearest of several, and the rest elsewhere; a line is not parted."""
    if not stores:
        return []
    most = max(stores, key=lambda id_: len(stores[id_]))
    here = await _collected(db, look, {most: stores[most]}, stores[most])
    rest = [line for line in lines if line not in stores[most]]
    seconds = [
        *(await _collected(db, look, stores, rest))[:1],
        *([door] if (door := await _delivered(db, look, rest)) else []),
        look.part(_IS.WAIT, rest),
    ]
    return [
        choice_of(_IS.SPLIT, [first, second], currency=look.order.currency)
        for first in here
        for second in seconds
        if look.may(second.kind)
    ]
