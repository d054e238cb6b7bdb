"""Purchase orders made of what suppliers' locations are asked for, and approved."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import FulfillmentOrder, Method
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each
from batuta.locations.queries import locations_by_id
from batuta.ordering.domain import Order
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection, insert_new, insert_rows
from batuta.purchasing.commands.following import follow_work
from batuta.purchasing.commands.rows import lock_purchases, tell_steps, write_purchases
from batuta.purchasing.domain import (
    Approve,
    Purchase,
    PurchaseLine,
    PurchaseStatus,
    PurchaseStep,
    Supplier,
    UnknownPurchase,
    approved,
    cost_after_commission,
)
from batuta.purchasing.queries import costs_at, suppliers_by_id
from batuta.purchasing.tables import purchase, purchase_line

Costs = Mapping[tuple[UUID, UUID], int]


async def order_from_suppliers(
    db: Connection, *, work: Mapping[UUID, UUID], actor: str, now: datetime
) -> list[Purchase]:
    """Make a purchase order of each fulfillment order that is at a supplier, and send it where all costs are known.

    work: the location of each fulfillment order. The same again makes nothing new. One whose costs are not known, or
    whose supplier's purchase orders a person approves, waits as a draft.
    """
    suppliers = await suppliers_by_id(db, set(work.values()))
    asked = [id_ for id_, location_id in work.items() if location_id in suppliers]
    if not asked:
        return []
    found = {id_: one for id_, one in (await fulfillment_orders_by_id(db, asked)).items() if one.method is Method.SHIP}
    orders = await orders_by_id(db, {one.order_id for one in found.values()})
    currencies = {id_: one.currency for id_, one in (await locations_by_id(db, suppliers)).items()}
    skus = {line.sku_id for one in found.values() for line in one.lines}
    costs = await costs_at(db, location_ids=list(suppliers), sku_ids=skus)
    drafts = [
        _draft(one, orders[one.order_id], suppliers[one.location_id], currencies[one.location_id], costs, (actor, now))
        for _, one in sorted(found.items())
    ]
    made = await _insert(db, drafts)
    ready = [one for one in made if not suppliers[one.location_id].needs_approval and _is_priced(one)]
    await approve(db, approvals=[Approve(purchase_id=one.id, actor=actor) for one in ready], now=now)
    await follow_work(db, fulfillment_order_ids=list(found), actor=actor, now=now)
    return made


def _is_priced(one: Purchase) -> bool:
    return all(line.unit_cost_minor is not None for line in one.lines)


def _draft(  # noqa: PLR0917 - what a purchase order is made of
    work: FulfillmentOrder,
    order: Order,
    supplier: Supplier,
    currency: str,
    costs: Costs,
    by: tuple[str, datetime],
) -> Purchase:
    actor, now = by
    id_ = child_id(work.id, "purchase")
    prices = _after_commission(order, supplier, currency)
    lines = [
        PurchaseLine(
            id=child_id(id_, line.line_id, line.sku_id),
            purchase_id=id_,
            position=position,
            line_id=line.line_id,
            sku_id=line.sku_id,
            ordered=line.quantity,
            quantity=line.quantity,
            unit_cost_minor=costs.get((work.location_id, line.sku_id), prices.get((line.line_id, line.sku_id))),
        )
        for position, line in enumerate(work.lines)
    ]
    return Purchase(
        id=id_,
        fulfillment_order_id=work.id,
        order_id=work.order_id,
        order_number=work.order_number,
        location_id=work.location_id,
        status=PurchaseStatus.DRAFT,
        currency=currency,
        due_at=None,
        created_at=now,
        lines=lines,
        steps=[PurchaseStep(status=PurchaseStatus.DRAFT, actor=actor, at=now)],
    )


def _after_commission(order: Order, supplier: Supplier, currency: str) -> dict[tuple[UUID, UUID], int]:
    """What units cost that nobody agreed a cost for; what a part of a bundle was sold for nobody knows."""
    if supplier.commission_bp is None or order.currency != currency:
        return {}
    return {
        (line.id, line.sku_id): cost_after_commission(line.net_minor, line.quantity, supplier.commission_bp)
        for line in order.lines
    }


async def _insert(db: Connection, drafts: Sequence[Purchase]) -> list[Purchase]:
    rows = []
    for one in drafts:
        row = msgspec.structs.asdict(one)
        del row["lines"], row["steps"]
        rows.append(row)
    stored = {id_ for (id_,) in await insert_new(db, purchase, rows, returning=["id"])}
    new = [one for one in drafts if one.id in stored]
    await insert_rows(db, purchase_line, [msgspec.structs.asdict(line) for one in new for line in one.lines])
    await tell_steps(db, [(one, step) for one in new for step in one.steps])
    return new


async def approve(db: Connection, *, approvals: Sequence[Approve], now: datetime) -> list[Purchase | BatutaError]:
    """Agree to purchase orders with the costs of their lines, and send them."""
    before = await lock_purchases(db, {one.purchase_id for one in approvals})
    after = dict(before)

    def agree(one: Approve) -> Purchase:
        after[one.purchase_id] = approved(known(after, one.purchase_id), one, now=now)
        return after[one.purchase_id]

    outcomes = each(approvals, agree)
    await write_purchases(db, before, after.values())
    return outcomes


def known(purchases: Mapping[UUID, Purchase], id_: UUID) -> Purchase:
    """Raises:
    UnknownPurchase.
    """
    if id_ not in purchases:
        raise UnknownPurchase("there is no such purchase order", purchase_id=str(id_))
    return purchases[id_]
