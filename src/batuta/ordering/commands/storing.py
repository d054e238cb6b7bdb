"""The rows of a placed order: header, lines, first holds, means of payment, what is due, and the fact."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, any_, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.expression import bindparam
from stdnum import damm

from batuta.company.domain import ShipMode
from batuta.inventory.queries.limits import Limits, limits
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.ordering.commands.adjusting import Adjustment, adjust
from batuta.ordering.commands.claiming import Claims
from batuta.ordering.commands.holding import insert_holds
from batuta.ordering.domain import BadOrder, Bucket, HoldKind, Means, NewHold, Placed, PlaceOrder, fingerprint
from batuta.ordering.domain.drafts import Draft
from batuta.ordering.events import OrderPlaced
from batuta.ordering.tables import line, made_line, order, order_number, unit_move
from batuta.payments.commands import open_payments, record_due
from batuta.payments.domain import CaptureMoment, Due, Method, Payment
from batuta.plumbing.database import Connection, Integer, insert_new, insert_rows
from batuta.plumbing.events import publish
from batuta.pricing.domain import Quote


class Priced(NamedTuple):
    """What an order costs, and how it is paid."""

    quote: Quote
    payments: list[Payment]


async def store(
    db: Connection,
    drafts: Mapping[int, Draft],
    priced: Mapping[int, Priced],
    claims: Mapping[int, Claims],
    *,
    now: datetime,
) -> dict[int, Placed]:
    """Store claimed orders with all that belongs to them; return those that no other transaction stored first."""
    if not drafts:
        return {}
    numbers, sold_ahead = await draw_numbers(db, len(drafts)), await limits(db)
    placed = {
        i: Placed(
            order_id=one.asked.id,
            number=number,
            currency=one.channel.currency,
            gross_minor=priced[i].quote.gross_minor,
        )
        for (i, one), number in zip(drafts.items(), numbers, strict=True)
    }
    rows = sorted(
        (_order_row(one, priced[i].quote, placed[i].number, claims[i]) for i, one in drafts.items()),
        key=lambda row: row["id"],
    )
    new = {id_ for (id_,) in await insert_new(db, order, rows, returning=["id"])}
    fresh = {i: one for i, one in drafts.items() if one.asked.id in new}
    await insert_rows(
        db, line, [row for i, one in fresh.items() for row in _line_rows(one, priced[i].quote, claims[i])]
    )
    await insert_rows(db, made_line, [row for one in fresh.values() for row in _made_rows(one)])
    await insert_rows(db, unit_move, [row for i, one in fresh.items() for row in _first_moves(one, claims[i])])
    of_supply = [hold for i, one in fresh.items() for hold in _supply_holds(one, claims[i], sold_ahead, now=now)]
    await insert_holds(db, [*await _first_holds(db, list(fresh.values())), *of_supply], now=now)
    await open_payments(db, payments=[pay for i in fresh for pay in priced[i].payments], now=now)
    await record_due(db, dues=[_due(one, priced[i].quote) for i, one in fresh.items()], now=now)
    await publish(db, [_told(one, placed[i]) for i, one in fresh.items()])
    await adjust(db, adjustments=[extra for one in fresh.values() for extra in _adjustments(one)], now=now)
    return {i: placed[i] for i in fresh}


async def draw_numbers(db: Connection, count: int) -> list[str]:
    """Order numbers for people, each ending in a check digit (Damm: sees every swap of neighbours)."""
    drawn = await db.scalars(_draw, {"count": count})
    return [f"{number}{damm.calc_check_digit(str(number))}" for number in drawn]


_draw = select(order_number.next_value()).select_from(
    func.generate_series(1, bindparam("count", type_=Integer())).alias("n")
)


def _order_row(one: Draft, priced: Quote, number: str, claims: Claims) -> dict[str, Any]:
    asked = one.asked
    return {
        "id": asked.id,
        "number": number,
        "channel_id": one.channel.id,
        "external_id": asked.external_id,
        "customer_id": asked.customer_id,
        "status": "placed",
        "currency": one.channel.currency,
        "method": str(asked.method),
        "pickup_location_id": one.pickup_location_id,
        "service_kind": asked.service_kind,
        "locale": one.locale,
        "email": asked.email,
        "phone": asked.phone,
        "ship_to": one.ship_to,
        "bill_to": asked.bill_to,
        "net_minor": priced.net_minor,
        "tax_minor": priced.tax_minor,
        "gross_minor": priced.gross_minor,
        "shipping_minor": priced.shipping.gross_minor,
        "shipping_tax_minor": priced.shipping.tax_minor,
        "shipping_tax_rate_bp": priced.shipping.tax_rate_bp or 0,
        "placed_at": asked.placed_at,
        "placed_by": asked.actor,
        "on_behalf_of": asked.on_behalf_of,
        "fingerprint": fingerprint(asked),
        "expires_at": _paid_from(one, claims) + timedelta(minutes=one.channel.policies.unpaid_minutes),
        "version": 1,
        "ship_terms": one.ship_terms,
    }


def _paid_from(one: Draft, claims: Claims) -> datetime:
    """When the time to pay begins: what is pre-ordered may be paid when it comes (ORD-08)."""
    preordered = [each.promised_at for each in claims.ahead.values() if each.bucket is Bucket.PREORDERED]
    return max(preordered, default=one.asked.placed_at)


_NOWHERE: Mapping[str, int] = {str(bucket): 0 for bucket in Bucket} | {"returned": 0}


def _line_rows(one: Draft, priced: Quote, claims: Claims) -> list[dict[str, Any]]:
    order_id = one.asked.id
    rows = []
    for entry, price in zip(one.lines, priced.lines, strict=True):
        quantity = entry.asked.quantity
        ahead = claims.ahead.get(entry.id)
        bucket = str(ahead.bucket) if ahead else "reserved" if entry.is_tracked else "open"
        row = {
            "id": entry.id,
            "order_id": order_id,
            "position": entry.position,
            "sku_id": entry.sku.id,
            "sku_code": entry.sku.code,
            "name": entry.name,
            "quantity": quantity,
            "components": [(part.sku_id, part.quantity) for part in entry.components],
            "is_tracked": entry.is_tracked,
            "is_shipped": entry.is_shipped,
            "unit_price_minor": price.unit_price_minor,
            "unit_net_minor": price.unit_net_minor,
            "unit_gross_minor": price.unit_gross_minor,
            "discount_minor": price.discount_minor,
            "net_minor": price.net_minor,
            "tax_minor": price.tax_minor,
            "gross_minor": price.gross_minor,
            "tax_category": price.tax_category,
            "tax_rate_bp": price.tax_rate_bp,
            "jurisdiction": price.jurisdiction,
            "is_tax_included": price.is_tax_included,
            "rounding_rule": price.rounding_rule,
            "tax_engine": price.engine,
            "first_bucket": bucket,
            **_NOWHERE,
            "route": None,
            "sold_as": entry.sold_as,
        }
        row[bucket] = ahead.units if ahead else quantity
        if ahead:
            row["reserved"] = quantity - ahead.units
        rows.append(row)
    return rows


def _made_rows(one: Draft) -> list[dict[str, Any]]:
    return [
        {
            "line_id": entry.id,
            "order_id": one.asked.id,
            "sku_id": entry.sku.id,
            "recipe": entry.recipe,
            "personalisation": entry.personalisation,
        }
        for entry in one.lines
        if entry.recipe is not None
    ]


def _first_moves(one: Draft, claims: Claims) -> list[dict[str, Any]]:
    """A line begins in one bucket; of one that is short, what is there went on at once."""
    return [
        {
            "line_id": entry.id,
            "cause_id": one.asked.id,
            "source": str(ahead.bucket),
            "target": str(Bucket.RESERVED),
            "quantity": entry.asked.quantity - ahead.units,
            "actor": one.asked.actor,
            "happened_at": one.asked.placed_at,
        }
        for entry in one.lines
        if (ahead := claims.ahead.get(entry.id)) and ahead.units < entry.asked.quantity
    ]


def _supply_holds(one: Draft, claims: Claims, sold_ahead: Limits, *, now: datetime) -> list[NewHold]:
    """Before the launch of one of its goods an order waits for it; one that is to come together, for all (ORD-08)."""
    launches = [
        limit.launch_at
        for entry in one.lines
        for part in entry.components
        if (limit := sold_ahead.get((part.sku_id, one.channel.id))) and limit.launch_at and limit.launch_at > now
    ]
    holds = [_hold(one.asked, HoldKind.PREORDER, "sold before its launch", max(launches))] if launches else []
    if claims.ahead and one.ship_terms.mode is not ShipMode.AS_AVAILABLE:
        holds.append(_hold(one.asked, HoldKind.BACKORDER, "it is to come together", None))
    return holds


def payments_of(one: Draft) -> list[Payment]:
    """The payments that an order's means become.

    Raises:
        BadOrder: no such method of payment.
    """
    return [_payment(one, position, way) for position, way in enumerate(one.asked.means)]


def _payment(one: Draft, position: int, way: Means) -> Payment:
    if way.method not in set(Method):
        raise BadOrder(
            "no such method of payment", field=f"means[{position}].method", got=way.method, known=sorted(Method)
        )
    return Payment(
        id=child_id(one.asked.id, "payment", position),
        order_id=one.asked.id,
        position=position,
        method=Method(way.method),
        provider=one.channel.policies.default_payment_provider,
        currency=one.channel.currency,
        amount_minor=way.amount_minor,
        token=way.token,
        capture_moment=CaptureMoment.AT_APPROVAL if way.captures_at_once else CaptureMoment.AT_HANDOVER,
    )


def _due(one: Draft, priced: Quote) -> Due:
    return Due(
        order_id=one.asked.id,
        cause_id=one.asked.id,
        amount_minor=priced.gross_minor,
        currency=one.channel.currency,
    )


def _adjustments(one: Draft) -> list[Adjustment]:
    return [
        Adjustment(
            id=child_id(one.asked.id, "adjustment", position),
            order_id=one.asked.id,
            name=extra.name,
            amount_minor=extra.amount_minor,
            actor=one.asked.actor,
        )
        for position, extra in enumerate(one.asked.adjustments)
    ]


def _told(one: Draft, placed: Placed) -> Event:
    return OrderPlaced(
        stream=one.asked.id,
        happened_at=one.asked.placed_at,
        actor=one.asked.actor,
        number=placed.number,
        channel_id=one.channel.id,
        currency=placed.currency,
        gross_minor=placed.gross_minor,
        on_behalf_of=one.asked.on_behalf_of,
    )


async def _first_holds(db: Connection, drafts: Sequence[Draft]) -> list[NewHold]:
    """Remorse (ORD-05) and looking like an order just placed (ORD-07)."""
    twice = await _bought_twice(db, drafts)
    holds = []
    for one in drafts:
        policies, asked = one.channel.policies, one.asked
        if policies.remorse_minutes:
            due_at = asked.placed_at + timedelta(minutes=policies.remorse_minutes)
            holds.append(_hold(asked, HoldKind.REMORSE, "the customer may still change their mind", due_at))
        if asked.id in twice:
            holds.append(_hold(asked, HoldKind.DUPLICATE, f"the same goods as order {twice[asked.id]}", None))
    return holds


def _hold(asked: PlaceOrder, kind: HoldKind, reason: str, due_at: datetime | None) -> NewHold:
    return NewHold(
        id=child_id(asked.id, "hold", kind),
        order_id=asked.id,
        kind=kind,
        reason=reason,
        actor="system:ordering",
        due_at=due_at,
    )


async def _bought_twice(db: Connection, drafts: Sequence[Draft]) -> dict[UUID, str]:
    """Orders whose customer bought the same goods within the channel's window, and the number of that order."""
    suspects = [one for one in drafts if one.asked.customer_id and one.channel.policies.duplicate_minutes]
    if not suspects:
        return {}
    same_customer = order.c.customer_id == any_(bindparam("customers", type_=ARRAY(Uuid)))
    same_goods = order.c.fingerprint == any_(bindparam("goods", type_=ARRAY(LargeBinary)))
    rows = await db.execute(
        select(order.c.id, order.c.number, order.c.customer_id, order.c.fingerprint, order.c.placed_at).where(
            same_customer, same_goods
        ),
        {
            "customers": [one.asked.customer_id for one in suspects],
            "goods": [fingerprint(one.asked) for one in suspects],
        },
    )
    earlier = list(rows)
    found: dict[UUID, str] = {}
    for one in suspects:
        window = timedelta(minutes=one.channel.policies.duplicate_minutes)
        for row in earlier:
            alike = (row.customer_id, row.fingerprint) == (one.asked.customer_id, fingerprint(one.asked))
            before = (row.placed_at, row.id) < (one.asked.placed_at, one.asked.id)
            if alike and before and one.asked.placed_at - row.placed_at <= window:
                found[one.asked.id] = row.number
    return found
