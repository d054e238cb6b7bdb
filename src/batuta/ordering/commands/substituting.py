"""Sending another SKU than was ordered (INV-17): the new goods are claimed before the old ones are let go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, update

from batuta.catalog.domain import PriceRule, Sku, Substitute
from batuta.catalog.queries import skus_by_code, skus_by_id, substitutes_of
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_id
from batuta.inventory.commands import Forgo, forgo, release, reserve
from batuta.inventory.domain import Release, Reserved, ReserveLine, ReserveRequest
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.commands.adjusting import Adjustment, adjust
from batuta.ordering.commands.cancelling import UnknownOrder
from batuta.ordering.commands.moving import UnknownLine, lock_orders, move_units
from batuta.ordering.domain import Bucket, Line, Order, Repriced, Share, UnitMove
from batuta.ordering.domain.substituting import (
    ADJUSTMENT,
    Substituted,
    SubstituteLine,
    allowed,
    check_covered,
    repriced,
    waiting_units,
)
from batuta.ordering.events import LineSubstituted
from batuta.ordering.queries import orders_by_id, substitutions_by_id
from batuta.ordering.tables import line, substitution
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection, Json, arrays, insert_rows, params
from batuta.plumbing.events import publish
from batuta.pricing.domain import Quote, QuoteLine, QuoteRequest
from batuta.pricing.queries import quote

_given = arrays("given", id=Uuid(), components=Json, repriced=Json)
_SEND = update(line).where(line.c.id == _given.c.id).values(components=_given.c.components, repriced=_given.c.repriced)


class _Known(msgspec.Struct, frozen=True):
    orders: dict[UUID, Order]
    channels: Mapping[UUID, Channel]
    skus: Mapping[str, Sku]
    listed: Mapping[UUID, list[Substitute]]
    codes: Mapping[UUID, str]


async def substitute(
    db: Connection, *, wishes: Sequence[SubstituteLine], now: datetime
) -> list[Substituted | BatutaError]:
    """Send other SKUs than were ordered, from the lists of what may be; each line wholly, or why not.

    Only units that no location has been asked for; a line that a location is at work on is replaced once it reports
    it short. Locks the orders.
    """
    known = await _look(db, wishes)
    done = await substitutions_by_id(db, [one.id for one in wishes])
    outcomes: list[Substituted | BatutaError] = []
    for wish in wishes:
        try:
            if wish.id not in done:
                done[wish.id] = await _substitute(db, wish, known, now=now)
                known.orders.update(await orders_by_id(db, [wish.order_id]))
            outcomes.append(done[wish.id])
        except BatutaError as refusal:
            outcomes.append(refusal)
    return outcomes


async def _look(db: Connection, wishes: Sequence[SubstituteLine]) -> _Known:
    await lock_orders(db, {one.order_id for one in wishes})
    orders = await orders_by_id(db, {one.order_id for one in wishes})
    listed = await substitutes_of(db, {one.sku_id for order in orders.values() for one in order.lines})
    named = await skus_by_id(db, {one.sku_id for those in listed.values() for one in those})
    return _Known(
        orders,
        await channels_by_id(db, {one.channel_id for one in orders.values()}),
        await skus_by_code(db, {one.sku_code for one in wishes}),
        listed,
        {one.id: one.code for one in named.values()},
    )


async def _substitute(db: Connection, wish: SubstituteLine, known: _Known, *, now: datetime) -> Substituted:
    """Raises:
    BatutaError: and nothing has changed.
    """
    order = known.orders.get(wish.order_id)
    if order is None:
        raise UnknownOrder("there is no such order", order_id=str(wish.order_id))
    present = next((one for one in order.lines if one.id == wish.line_id), None)
    if present is None:
        raise UnknownLine("the order has no such line", line_id=str(wish.line_id))
    waiting = waiting_units(present)
    sku = known.skus.get(wish.sku_code)
    found = allowed(wish, present, sku, known.listed.get(present.sku_id, []), known.codes)
    assert sku
    rule, own_minor = found.price_rule, 0
    if rule is not PriceRule.AS_ORDERED:
        own_minor = await _own_minor(db, order, present, sku=sku, channel=known.channels[order.channel_id], now=now)
    price = repriced(present, rule, own_minor=own_minor)
    more_minor = price.amount_minor - present.worth_minor(Share(0, price.units))
    money = (await balances(db, [order.id])).get(order.id) if more_minor > 0 else None
    check_covered(more_minor, room_minor=money.room_minor if money else None, sku_code=sku.code)
    made = Substituted(
        id=wish.id,
        order_id=order.id,
        line_id=present.id,
        instead_of_id=present.components[0].sku_id,
        sku_id=sku.id,
        sku_code=sku.code,
        quantity=sum(waiting.values()),
        price_rule=rule,
        amount_minor=more_minor,
        consented_by=wish.consented_by,
        reason=wish.reason,
        actor=wish.actor,
        substituted_at=now,
    )
    async with db.savepoint():
        await _claim(db, order, made, now=now)
        await _let_go(db, made, waiting, now=now)
        await _write(db, made, price if made.amount_minor else present.repriced, now=now)
    return made


async def _own_minor(db: Connection, order: Order, present: Line, *, sku: Sku, channel: Channel, now: datetime) -> int:
    units = present.buckets.live
    asked = QuoteRequest(
        id=present.id,
        channel_id=channel.id,
        currency=order.currency,
        tax_mode=channel.tax_mode,
        country=order.ship_to.country,
        region=order.ship_to.region,
        at=now,
        rounding_rule=channel.policies.rounding_rule,
        lines=[QuoteLine(line_id=present.id, sku_id=sku.id, tax_category=sku.tax_category, quantity=units)],
    )
    (told,) = await quote(db, requests=[asked])
    if not isinstance(told, Quote):
        raise told
    return told.gross_minor


async def _claim(db: Connection, order: Order, made: Substituted, *, now: datetime) -> None:
    wish = ReserveRequest(
        holder_id=order.id,
        lines=[ReserveLine(line_id=made.line_id, sku_id=made.sku_id, quantity=made.quantity)],
        channel_id=order.channel_id,
        region=order.ship_to.region,
        actor=made.actor,
    )
    (claimed,) = await reserve(db, requests=[wish], now=now)
    if not isinstance(claimed, Reserved):
        raise claimed


async def _let_go(db: Connection, made: Substituted, waiting: Mapping[Bucket, int], *, now: datetime) -> None:
    old = Release(holder_id=made.order_id, line_id=made.line_id, sku_id=made.instead_of_id)
    await release(db, releases=[old], now=now)
    ahead = {bucket: units for bucket, units in waiting.items() if bucket is not Bucket.RESERVED}
    if not ahead:
        return
    await forgo(db, units=[Forgo(line_id=made.line_id, sku_id=made.instead_of_id, units=sum(ahead.values()))], now=now)
    moves = [
        UnitMove(
            order_id=made.order_id,
            line_id=made.line_id,
            source=bucket,
            target=Bucket.RESERVED,
            quantity=units,
            cause_id=made.id,
            actor=made.actor,
        )
        for bucket, units in ahead.items()
    ]
    for outcome in await move_units(db, moves=moves, now=now):
        if isinstance(outcome, BatutaError):
            raise outcome


async def _write(db: Connection, made: Substituted, price: Repriced | None, *, now: datetime) -> None:
    sent: list[Any] = [(made.sku_id, 1)]
    cost = msgspec.structs.asdict(price) if price else None
    await db.execute(_SEND, params("given", id=[made.line_id], components=[sent], repriced=[cost]))
    row = {**msgspec.structs.asdict(made), "price_rule": str(made.price_rule)}
    await insert_rows(db, substitution, [row])
    if made.amount_minor:
        booked = Adjustment(
            id=child_id(made.id, "price"),
            order_id=made.order_id,
            name=ADJUSTMENT,
            amount_minor=made.amount_minor,
            actor=made.actor,
            line_id=made.line_id,
        )
        await adjust(db, adjustments=[booked], now=now)
    told = LineSubstituted(
        stream=made.order_id,
        happened_at=now,
        actor=made.actor,
        line_id=made.line_id,
        instead_of_id=made.instead_of_id,
        sku_id=made.sku_id,
        quantity=made.quantity,
        amount_minor=made.amount_minor,
    )
    await publish(db, [told])
