"""A purchase order, and how it follows the work of the supplier."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import FulfillmentOrder, FulfillmentStatus, RejectionReason, TrackingNumber
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import AmountMinor
from batuta.kernel.states import move

PURCHASE_LINES_MAX = 2_000
DUE_WITHIN = timedelta(days=730)


class UnknownPurchase(NotFound):
    """There is no such purchase order."""


class UnknownPurchaseLine(NotFound):
    """The purchase order has no such line."""


class CostsMissing(Refused):
    """A purchase order is approved with the cost of each of its lines."""


class NotSentYet(Refused):
    """The purchase order has not been approved, so the supplier has nothing to answer."""


class ImplausibleDay(Invalid):
    """Nothing is sent in the past, nor in years."""


class PurchaseStatus(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    SHIPPED = "shipped"
    RECEIVED = "received"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


_IS = PurchaseStatus
_OUT = {_IS.ACKNOWLEDGED, _IS.SHIPPED, _IS.RECEIVED, _IS.REJECTED, _IS.CANCELLED}

PURCHASE_MOVES: dict[PurchaseStatus, set[PurchaseStatus]] = {
    _IS.DRAFT: {_IS.APPROVED} | _OUT,
    _IS.APPROVED: {_IS.SENT} | _OUT,
    _IS.SENT: _OUT,
    _IS.ACKNOWLEDGED: {_IS.SHIPPED, _IS.RECEIVED, _IS.REJECTED, _IS.CANCELLED},
    _IS.SHIPPED: {_IS.RECEIVED},
    _IS.RECEIVED: {_IS.CLOSED},
    _IS.CLOSED: set(),
    _IS.REJECTED: set(),
    _IS.CANCELLED: set(),
}
"""What the supplier's work has become may be heard late, so that steps between are passed over."""

_STANDS: Mapping[FulfillmentStatus, PurchaseStatus] = {
    FulfillmentStatus.ACCEPTED: _IS.ACKNOWLEDGED,
    FulfillmentStatus.PICKING: _IS.ACKNOWLEDGED,
    FulfillmentStatus.PICKED: _IS.ACKNOWLEDGED,
    FulfillmentStatus.PACKED: _IS.ACKNOWLEDGED,
    FulfillmentStatus.HANDED_OVER: _IS.SHIPPED,
    FulfillmentStatus.CLOSED: _IS.RECEIVED,
    FulfillmentStatus.REJECTED: _IS.REJECTED,
    FulfillmentStatus.SHORT: _IS.REJECTED,
    FulfillmentStatus.EXPIRED: _IS.REJECTED,
    FulfillmentStatus.CANCELLED: _IS.CANCELLED,
}


class PurchaseStep(msgspec.Struct, frozen=True, kw_only=True):
    """Who brought a purchase order to a status, and what they said."""

    status: PurchaseStatus
    actor: str
    at: datetime
    note: str = ""


class PurchaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU that serve a line of the customer's order.

    ordered: as it was first asked for. quantity: what of it is still asked for. shipped: what the supplier's carrier
    has. invoiced: what matched or accepted invoices are of. unit_cost_minor: None while nobody has agreed one.
    """

    id: UUID
    purchase_id: UUID
    position: int
    line_id: UUID
    sku_id: UUID
    ordered: int
    quantity: int
    unit_cost_minor: int | None = None
    shipped: int = 0
    invoiced: int = 0


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier is asked to send to a customer. due_at: when it says that it sends it."""

    id: UUID
    fulfillment_order_id: UUID
    order_id: UUID
    order_number: str
    location_id: UUID
    status: PurchaseStatus
    currency: str
    due_at: datetime | None
    created_at: datetime
    lines: list[PurchaseLine]
    steps: list[PurchaseStep]

    @property
    def cost_minor(self) -> int:
        """What the units that are still asked for cost, as far as agreed."""
        return sum(line.quantity * (line.unit_cost_minor or 0) for line in self.lines)


class Approve(msgspec.Struct, frozen=True, kw_only=True):
    """Agree to a purchase order and send it. costs: of a unit, by line, for those without or with another."""

    purchase_id: UUID
    actor: str
    costs: Mapping[UUID, AmountMinor] = {}


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """The supplier takes it on. due_at: when it sends it."""

    purchase_id: UUID
    actor: str
    due_at: datetime | None = None
    note: str = ""


class Refuse(msgspec.Struct, frozen=True, kw_only=True):
    """The supplier says no. sku_ids: to these only; None is to all."""

    purchase_id: UUID
    reason: RejectionReason
    actor: str
    sku_ids: tuple[UUID, ...] | None = None
    note: str = ""


class ShipPurchase(msgspec.Struct, frozen=True, kw_only=True):
    """The supplier's carrier has all that is asked for. tracking_number: the carrier's, if the supplier has one."""

    purchase_id: UUID
    actor: str
    tracking_number: TrackingNumber | None = None


def check_due(due_at: datetime | None, *, now: datetime) -> None:
    """Raises:
    ImplausibleDay: in the past, or years ahead.
    """
    if due_at is not None and not now - timedelta(days=1) <= due_at <= now + DUE_WITHIN:
        raise ImplausibleDay("goods are sent from today on, and within two years", due_at=due_at.isoformat())


def stepped(purchase: Purchase, status: PurchaseStatus, *, actor: str, now: datetime, note: str = "") -> Purchase:
    """The purchase order in another status, with the step that says who brought it there.

    Raises:
        IllegalMove.
    """
    if move(PURCHASE_MOVES, purchase.status, status) is purchase.status:
        return purchase
    step = PurchaseStep(status=status, actor=actor, at=now, note=note)
    return msgspec.structs.replace(purchase, status=status, steps=[*purchase.steps, step])


def approved(purchase: Purchase, wish: Approve, *, now: datetime) -> Purchase:
    """The purchase order approved and sent, once each line has its cost.

    Raises:
        UnknownPurchaseLine. CostsMissing. IllegalMove: it has been sent, and is not waiting for approval.
    """
    if strange := sorted(map(str, wish.costs.keys() - {line.id for line in purchase.lines})):
        raise UnknownPurchaseLine("the purchase order has no such line", purchase_line_ids=strange)
    lines = [
        msgspec.structs.replace(line, unit_cost_minor=wish.costs.get(line.id, line.unit_cost_minor))
        for line in purchase.lines
    ]
    if lacking := [str(line.id) for line in lines if line.unit_cost_minor is None]:
        raise CostsMissing("say what a unit of each line costs", purchase_line_ids=lacking)
    if purchase.status is PurchaseStatus.SENT and lines == purchase.lines:
        return purchase
    agreed = stepped(purchase, PurchaseStatus.APPROVED, actor=wish.actor, now=now)
    sent = stepped(agreed, PurchaseStatus.SENT, actor=wish.actor, now=now)
    return msgspec.structs.replace(sent, lines=lines)


def followed(purchase: Purchase, work: FulfillmentOrder, *, actor: str, now: datetime, note: str = "") -> Purchase:
    """The purchase order as the work of the supplier's location stands: it asks for what that asks for."""
    counts = {(one.line_id, one.sku_id): (one.live, one.handed_over) for one in work.lines}
    lines = []
    for line in purchase.lines:
        live, shipped = counts.get((line.line_id, line.sku_id), (0, 0))
        lines.append(msgspec.structs.replace(line, quantity=live, shipped=shipped))
    status = _STANDS.get(work.status, purchase.status)
    follows = status in PURCHASE_MOVES[purchase.status]
    moved = stepped(purchase, status, actor=actor, now=now, note=note) if follows else purchase
    return closed_if_settled(msgspec.structs.replace(moved, lines=lines), actor=actor, now=now)


def closed_if_settled(purchase: Purchase, *, actor: str, now: datetime) -> Purchase:
    """The purchase order closed, if the customer has all of it and the supplier has invoiced all of it."""
    is_settled = all(line.invoiced >= line.quantity for line in purchase.lines)
    if purchase.status is PurchaseStatus.RECEIVED and is_settled:
        return stepped(purchase, PurchaseStatus.CLOSED, actor=actor, now=now)
    return purchase
