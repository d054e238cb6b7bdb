"""Placing orders, many at a time: checked, priced, claimed from stock, stored and told in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all

from batuta.catalog.queries import composed_of, products_by_id, recipes_of, skus_by_code, skus_by_id, units_of
from batuta.company.queries import channels_by_code
from batuta.customers.queries import customers_by_id
from batuta.inventory.commands import release
from batuta.inventory.commands.ahead import forgo_orders
from batuta.inventory.domain import OutOfStock, Release
from batuta.inventory.queries import holders_by_id
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.outcomes import each
from batuta.locations.queries import locations_by_code
from batuta.ordering.commands.claiming import claim
from batuta.ordering.commands.promising import keep_told, read_promises
from batuta.ordering.commands.slots import take_slots
from batuta.ordering.commands.storing import Priced, payments_of, store
from batuta.ordering.domain import BadOrder, Placed, PlaceOrder, fingerprint
from batuta.ordering.domain.drafts import Draft, World, draft
from batuta.ordering.tables import order
from batuta.payments.domain import check_payment
from batuta.plumbing.database import Connection, Text, Uuid, arrays, params
from batuta.pricing.domain import Quote, QuoteLine, QuoteRequest
from batuta.pricing.queries import quote
from batuta.sourcing.commands import release_slots
from batuta.sourcing.queries import slot_holds_of


class PaysTooMuch(Refused):
    """The means of payment come to more than the order is worth."""


class ExternalIdUsed(Refused):
    """The channel's number stands for an order of other goods: what was placed is cancelled, not sent again."""


Outcome = Placed | BatutaError


async def place(db: Connection, *, orders: Sequence[PlaceOrder], now: datetime) -> list[Outcome]:
    """Place orders; each stands whole or is refused with the reason, and its neighbours go on.

    An order whose id, or channel and outside number, is already placed is answered as before (ORD-07), and refused
    where that number stands for other goods. Stock is claimed for all lines or for none (RES-05, RES-06); a refusal
    says what is left and where. Locks stock rows.
    """
    outcomes: dict[int, Outcome] = {}
    first = _first_of_each(orders)
    drafts = dict(zip(first, each([orders[i] for i in first], _drafting(await _world(db, orders))), strict=True))
    known = await _already_placed(db, [one for one in drafts.values() if isinstance(one, Draft)])

    ready: dict[int, Draft] = {}
    for i, one in drafts.items():
        if isinstance(one, BatutaError):
            outcomes[i] = one
        elif one.asked.id in known:
            outcomes[i] = known[one.asked.id]
        else:
            ready[i] = one
    told, unkept = await read_promises(db, ready, now=now)
    outcomes |= unkept
    ready = {i: one for i, one in ready.items() if i not in unkept}
    priced = await _priced(db, ready, outcomes)
    claims, refused = await claim(db, {i: ready[i] for i in priced}, told, now=now)
    outcomes |= refused
    slotless = await take_slots(db, {i: ready[i] for i in claims}, now=now)
    outcomes |= slotless
    await _give_back(db, [ready[i] for i in slotless], now=now)
    claimed = {i: ready[i] for i in claims if i not in slotless}
    stored = await store(db, claimed, priced, claims, now=now)
    await keep_told(db, [(one.order_id, told[i]) for i, one in stored.items() if i in told])
    lost = {i: one for i, one in claimed.items() if i not in stored}
    outcomes |= {**stored, **await _placed_elsewhere(db, lost, now=now)}
    return [outcomes[same] for same in _first_index(orders, first)]


def _first_of_each(orders: Sequence[PlaceOrder]) -> list[int]:
    seen: set[object] = set()
    first = []
    for i, one in enumerate(orders):
        keys = {_own_key(one), one.id}
        if not keys & seen:
            first.append(i)
        seen |= keys
    return first


def _own_key(one: PlaceOrder) -> object:
    return (one.channel_code, one.external_id, fingerprint(one)) if one.external_id else one.id


def _first_index(orders: Sequence[PlaceOrder], first: Sequence[int]) -> list[int]:
    by_key: dict[object, int] = {}
    for i in first:
        by_key[_own_key(orders[i])] = by_key[orders[i].id] = i
    return [by_key.get(_own_key(one), by_key.get(one.id, i)) for i, one in enumerate(orders)]


def _other_goods(one: PlaceOrder, number: str) -> ExternalIdUsed:
    return ExternalIdUsed(
        "this number of the channel's stands for an order of other goods", external_id=one.external_id, number=number
    )


def _drafting(world: World) -> Any:
    return lambda one: draft(one, world)


async def _world(db: Connection, orders: Sequence[PlaceOrder]) -> World:
    skus = await skus_by_code(db, {one.sku_code for asked in orders for one in asked.lines})
    parts = await composed_of(db, skus.values())
    made = [sku.id for sku in skus.values() if sku.is_made_to_order]
    wanted = {part.sku_id for several in parts.values() for part in several}
    measured = {one.sku_code for asked in orders for one in asked.lines if one.unit is not None}
    unnamed = {sku.product_id for sku in skus.values() if not sku.name}
    pickups = {asked.pickup_location_code for asked in orders if asked.pickup_location_code}
    customers = {asked.customer_id for asked in orders if asked.customer_id is not None}
    slot_holders = {asked.slot_hold_id for asked in orders if asked.slot_hold_id is not None}
    reservations = {asked.reservation_id for asked in orders if asked.reservation_id is not None}
    return World(
        channels=await channels_by_code(db, {asked.channel_code for asked in orders}),
        skus=skus,
        parts=parts,
        parts_skus=await skus_by_id(db, wanted) if wanted else {},
        locations=await locations_by_code(db, pickups) if pickups else {},
        customers=await customers_by_id(db, customers) if customers else {},
        products=await products_by_id(db, unnamed) if unnamed else {},
        recipes=await recipes_of(db, made) if made else {},
        slot_holds=await slot_holds_of(db, slot_holders),
        reservations=await holders_by_id(db, reservations) if reservations else {},
        units=await units_of(db, {skus[code].id for code in measured if code in skus}) if measured else {},
    )


_asked = arrays("asked", id=Uuid(), channel_id=Uuid(), external_id=Text())
_as_placed = (
    _asked.c.id.label("asked_id"),
    order.c.id,
    order.c.number,
    order.c.currency,
    order.c.gross_minor,
    order.c.fingerprint,
)
_has_key = (order.c.channel_id == _asked.c.channel_id) & (order.c.external_id == _asked.c.external_id)
_PLACED = union_all(
    select(*_as_placed).join_from(_asked, order, _has_key),
    select(*_as_placed).join_from(_asked, order, order.c.id == _asked.c.id),
)


async def _already_placed(db: Connection, drafts: Sequence[Draft]) -> dict[UUID, Placed | ExternalIdUsed]:
    """What was placed before, under the ids that are asked for now; imported orders do not say of which goods."""
    if not drafts:
        return {}
    given = params(
        "asked",
        id=[one.asked.id for one in drafts],
        channel_id=[one.channel.id for one in drafts],
        external_id=[one.asked.external_id for one in drafts],
    )
    asked = {one.asked.id: one.asked for one in drafts}
    known: dict[UUID, Placed | ExternalIdUsed] = {}
    for asked_id, id_, number, currency, gross_minor, goods in await db.execute(_PLACED, given):
        if asked_id == id_ or (asked_id not in known and goods in {b"", fingerprint(asked[asked_id])}):
            known[asked_id] = Placed(order_id=id_, number=number, currency=currency, gross_minor=gross_minor)
        else:
            known.setdefault(asked_id, _other_goods(asked[asked_id], number))
    return known


async def _priced(db: Connection, drafts: Mapping[int, Draft], outcomes: dict[int, Outcome]) -> dict[int, Priced]:
    if not drafts:
        return {}
    answers = await quote(db, requests=[_quote_request(one) for one in drafts.values()])
    priced: dict[int, Priced] = {}
    for (i, one), answer in zip(drafts.items(), answers, strict=True):
        if not isinstance(answer, Quote):
            outcomes[i] = answer
            continue
        means = sum(way.amount_minor for way in one.asked.means)
        due = answer.gross_minor + sum(extra.amount_minor for extra in one.asked.adjustments)
        if means > due + _weight_margin_minor(one, answer):
            outcomes[i] = PaysTooMuch("the payments come to more than the order", due_minor=due, means_minor=means)
            continue
        try:
            payments = payments_of(one)
        except BadOrder as problem:
            outcomes[i] = problem
            continue
        if unpayable := next((wrong for pay in payments if (wrong := check_payment(pay))), None):
            outcomes[i] = unpayable
            continue
        priced[i] = Priced(answer, payments)
    return priced


def _weight_margin_minor(one: Draft, answer: Quote) -> int:
    """By how much more than what is due may be held, since some of it is charged by weight later (INV-15)."""
    by_weight = {entry.id for entry in one.lines if entry.sku.is_weighed}
    gross = sum(line.gross_minor for line in answer.lines if line.line_id in by_weight) if by_weight else 0
    return gross * one.channel.policies.weight_margin_bp // 10_000


def _quote_request(one: Draft) -> QuoteRequest:
    ships = one.pickup_location_id is None and any(entry.is_shipped for entry in one.lines)
    return QuoteRequest(
        id=one.asked.id,
        channel_id=one.channel.id,
        currency=one.channel.currency,
        tax_mode=one.channel.tax_mode,
        country=one.ship_to.country,
        region=one.ship_to.region,
        at=one.asked.placed_at,
        rounding_rule=one.channel.policies.rounding_rule,
        service_kind=one.asked.service_kind if ships else None,
        given_shipping_minor=one.asked.given_shipping_minor,
        window_minor=one.window_minor,
        lines=[
            QuoteLine(
                line_id=entry.id,
                sku_id=entry.sku.id,
                tax_category=entry.sku.tax_category,
                quantity=entry.asked.quantity,
                given_unit_minor=entry.asked.given_unit_minor,
                discount_minor=entry.asked.discount_minor,
            )
            for entry in one.lines
        ],
    )


async def _placed_elsewhere(db: Connection, drafts: Mapping[int, Draft], *, now: datetime) -> dict[int, Outcome]:
    """Orders that another transaction placed while this one waited: give back our claims, answer with theirs."""
    if not drafts:
        return {}
    theirs = await _already_placed(db, list(drafts.values()))
    ours = [one for one in drafts.values() if not _is_own(theirs[one.asked.id], one)]
    await _give_back(db, ours, now=now)
    await release_slots(db, holder_ids=[one.asked.id for one in ours if one.asked.slot_hold_id])
    return {i: theirs[one.asked.id] for i, one in drafts.items()}


def _is_own(placed: Outcome, one: Draft) -> bool:
    return isinstance(placed, Placed) and placed.order_id == one.asked.id


async def _give_back(db: Connection, drafts: Sequence[Draft], *, now: datetime) -> None:
    """Let go of what was claimed for orders that are not stored."""
    if not drafts:
        return
    ids = [one.asked.id for one in drafts]
    await release(db, releases=[Release(holder_id=id_) for id_ in ids], now=now)
    await forgo_orders(db, order_ids=ids, now=now)


__all__ = ["ExternalIdUsed", "OutOfStock", "PaysTooMuch", "place"]
