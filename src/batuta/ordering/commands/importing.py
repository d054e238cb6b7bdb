"""Taking over orders that were closed elsewhere, many at a time: history with its goods and its money."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Sku, SkuKind, name_in
from batuta.catalog.queries import components_of, skus_by_code
from batuta.company.domain import ShipTerms
from batuta.company.queries import channels_by_code
from batuta.customers.queries import customers_by_id
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each, good
from batuta.locations.queries import locations_by_code
from batuta.ordering.commands.storing import draw_numbers
from batuta.ordering.domain import Bucket, Method, OrderStatus, Placed
from batuta.ordering.domain.importing import ClosedLine, ClosedOrder, Known, check_closed
from batuta.ordering.events import OrderImported
from batuta.ordering.queries import orders_by_external_id
from batuta.ordering.tables import line, order
from batuta.payments.commands import record_paid
from batuta.payments.domain import PaidElsewhere
from batuta.plumbing.database import Connection, insert_new, insert_rows, rows_with
from batuta.plumbing.events import publish

Parts = Mapping[UUID, Sequence[Component]]


async def import_closed(db: Connection, *, orders: Sequence[ClosedOrder], now: datetime) -> list[Placed | BatutaError]:
    """Store closed orders with their lines, the goods that left and the money that was paid; nothing is set going.

    An order that is there already is answered as it stands. Locks stock rows, last.

    Raises:
        NotEnoughStock: goods left a location that never had them; nothing of the batch is stored.
    """
    known = await _known(db, orders)
    checked = each(orders, lambda one: check_closed(one, known))
    numbers = await draw_numbers(db, len(orders))
    wanted = {one.id: _order_row(one, known, number) for one, number in zip(good(checked), numbers, strict=False)}
    new = {id_ for (id_,) in await insert_new(db, order, [wanted[id_] for id_ in sorted(wanted)], returning=["id"])}
    fresh = list({one.id: one for one in good(checked) if one.id in new}.values())

    parts = await _parts(db, known.skus)
    rows = [row for one in fresh for row in _line_rows(one, known, parts)]
    await insert_rows(db, line, rows)
    await record_paid(db, paid=[_paid(one, known) for one in fresh], now=now)
    await publish(db, [_told(one, wanted[one.id]) for one in fresh])
    ids = {(row["order_id"], row["position"]): row["id"] for row in rows}
    movements = [move for one in fresh for move in _left(one, known, parts, ids)]
    moved = await record_movements(db, movements=movements, now=now)
    for outcome in moved:
        if isinstance(outcome, BatutaError):
            raise outcome
    stored = await _stored(db, [one for one in good(checked) if one.id not in new], known)
    stored |= {id_: _placed(wanted[id_]) for id_ in new}
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in checked]


async def _known(db: Connection, orders: Sequence[ClosedOrder]) -> Known:
    locations = await locations_by_code(db, {one.location_code for one in orders if one.location_code})
    customers = await customers_by_id(db, {one.customer_id for one in orders if one.customer_id})
    return Known(
        channels=await channels_by_code(db, {one.channel_code for one in orders}),
        skus=await skus_by_code(db, {entry.sku_code for one in orders for entry in one.lines}),
        location_ids={code: place.id for code, place in locations.items()},
        customer_ids=frozenset(customers),
    )


async def _parts(db: Connection, skus: Mapping[str, Sku]) -> Parts:
    """What each SKU takes from stock: itself, a bundle's components, or nothing."""
    bundles = await components_of(db, [sku.id for sku in skus.values() if sku.kind is SkuKind.BUNDLE])
    own = {sku.id: [Component(sku_id=sku.id, quantity=1)] if sku.is_tracked else [] for sku in skus.values()}
    return own | bundles


def _order_row(one: ClosedOrder, known: Known, number: str) -> dict[str, Any]:
    channel = known.channels[one.channel_code]
    return {
        "id": one.id,
        "number": number,
        "channel_id": channel.id,
        "external_id": one.external_id,
        "customer_id": one.customer_id,
        "status": OrderStatus.COMPLETED.value,
        "currency": channel.currency,
        "method": Method.SHIP.value,
        "pickup_location_id": None,
        "service_kind": "standard",
        "locale": channel.locale,
        "email": None,
        "phone": None,
        "ship_to": msgspec.to_builtins(one.ship_to),
        "bill_to": None,
        "net_minor": one.net_minor,
        "tax_minor": one.tax_minor,
        "gross_minor": one.net_minor + one.tax_minor,
        "shipping_minor": one.shipping_minor,
        "shipping_tax_minor": one.shipping_tax_minor,
        "shipping_tax_rate_bp": 0,
        "placed_at": one.placed_at,
        "placed_by": one.actor,
        "on_behalf_of": None,
        # Looks like no order that is placed now, so none is held as its double.
        "fingerprint": b"",
        "expires_at": None,
        "version": 1,
        "ship_terms": ShipTerms(),
    }


def _line_rows(one: ClosedOrder, known: Known, parts: Parts) -> Iterable[dict[str, Any]]:
    channel = known.channels[one.channel_code]
    is_included = channel.tax_mode == "inclusive"
    for position, entry in enumerate(one.lines):
        sku = known.skus[entry.sku_code]
        takes = parts[sku.id]
        yield {
            "id": child_id(one.id, "line", position),
            "order_id": one.id,
            "position": position,
            "sku_id": sku.id,
            "sku_code": sku.code,
            "name": entry.name or name_in(sku.name, channel.locale, otherwise=sku.code),
            "quantity": entry.quantity,
            "components": [[str(part.sku_id), part.quantity] for part in takes],
            "is_tracked": bool(takes),
            "is_shipped": sku.is_shipped,
            **_amounts(entry),
            "tax_category": sku.tax_category,
            "jurisdiction": one.ship_to.country,
            "is_tax_included": is_included,
            "rounding_rule": "as_imported",
            "tax_engine": "import",
            "first_bucket": Bucket.DELIVERED.value,
            **_ALL_DELIVERED,
            Bucket.DELIVERED.value: entry.quantity,
            "route": None,
            "sold_as": None,
        }


_ALL_DELIVERED = {**{bucket.value: 0 for bucket in Bucket}, "returned": 0}


def _amounts(entry: ClosedLine) -> dict[str, int]:
    return {
        "unit_price_minor": entry.unit_price_minor,
        "unit_net_minor": entry.net_minor // entry.quantity,
        "unit_gross_minor": entry.gross_minor // entry.quantity,
        "discount_minor": entry.discount_minor,
        "net_minor": entry.net_minor,
        "tax_minor": entry.tax_minor,
        "gross_minor": entry.gross_minor,
        "tax_rate_bp": entry.tax_rate_bp,
    }


def _paid(one: ClosedOrder, known: Known) -> PaidElsewhere:
    return PaidElsewhere(
        order_id=one.id,
        amount_minor=one.net_minor + one.tax_minor,
        currency=known.channels[one.channel_code].currency,
        paid_at=one.shipped_at,
        reference=one.external_id,
    )


def _told(one: ClosedOrder, row: Mapping[str, Any]) -> OrderImported:
    return OrderImported(
        stream=one.id,
        happened_at=one.placed_at,
        actor=one.actor,
        number=row["number"],
        channel_id=row["channel_id"],
        currency=row["currency"],
        gross_minor=row["gross_minor"],
    )


def _left(
    one: ClosedOrder, known: Known, parts: Parts, line_ids: Mapping[tuple[UUID, int], UUID]
) -> Iterable[Movement]:
    """The goods straight from the location to the customer; the parcels between are not known."""
    if one.location_code is None:
        return
    source, target = Account.location(known.location_ids[one.location_code]), Account.customer()
    for position, entry in enumerate(one.lines):
        for part in parts[known.skus[entry.sku_code].id]:
            yield Movement(
                key=f"imported:{line_ids[one.id, position]}:{part.sku_id}",
                sku_id=part.sku_id,
                quantity=entry.quantity * part.quantity,
                source=source,
                target=target,
                reason=MovementReason.SHIP,
                document_id=one.id,
                actor=one.actor,
                effective_at=one.shipped_at,
            )


async def _stored(db: Connection, orders: Sequence[ClosedOrder], known: Known) -> dict[UUID, Placed]:
    """How orders stand that were there before, by the ids that are asked for now."""
    if not orders:
        return {}
    stored = {row["id"]: _placed(row) for row in await rows_with(db, order.c.id, [one.id for one in orders])}
    others = {one.id: _outside_key(one, known) for one in orders if one.id not in stored}
    found = await orders_by_external_id(db, list(set(others.values())))
    for asked, key in others.items():
        there = found[key]
        stored[asked] = Placed(
            order_id=there.id, number=there.number, currency=there.currency, gross_minor=there.gross_minor
        )
    return stored


def _outside_key(one: ClosedOrder, known: Known) -> tuple[UUID, str]:
    return (known.channels[one.channel_code].id, one.external_id)


def _placed(row: Mapping[str, Any]) -> Placed:
    return Placed(order_id=row["id"], number=row["number"], currency=row["currency"], gross_minor=row["gross_minor"])
