"""The order: its header, its lines, and the three statuses that are derived from them (ORD-02)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.catalog.domain import Recipe
from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.ordering.domain.buckets import Buckets, Share, value_of
from batuta.ordering.domain.holds import Hold, Stage


class OrderStatus(StrEnum):
    """The header's own status; where the goods and the money are is derived."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


ORDER_MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PLACED: frozenset(
        {OrderStatus.ACCEPTED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
    ),
    OrderStatus.ACCEPTED: frozenset({OrderStatus.IN_PROGRESS, OrderStatus.COMPLETED, OrderStatus.CANCELLED}),
    OrderStatus.IN_PROGRESS: frozenset({OrderStatus.ACCEPTED, OrderStatus.COMPLETED, OrderStatus.CANCELLED}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
}


class Method(StrEnum):
    SHIP = "ship"
    PICKUP = "pickup"


class FulfillmentStatus(StrEnum):
    """Where the goods are, of the order as a whole; derived, never stored."""

    UNFULFILLED = "unfulfilled"
    IN_WORK = "in_work"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Component(msgspec.Struct, frozen=True):
    """So many units of stock for each unit of the line."""

    sku_id: UUID
    quantity: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """How units are had. pickup_location_id: where the customer comes for them, if they do."""

    method: Method
    pickup_location_id: UUID | None
    service_kind: str
    ship_to: Address


class SoldAs(msgspec.Struct, frozen=True):
    """In what a quantity was told: so many boxes."""

    unit: str
    quantity: int


class Repriced(msgspec.Struct, frozen=True):
    """What the first units of a line cost together, since something else is sent instead."""

    units: int
    amount_minor: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line as it was bought (TAX-01: stored, never computed again). quantity: in base units.

    components: what it takes from stock; the SKU itself, or a bundle's parts; nothing for services.
    is_shipped: whether it travels. Amounts are of the whole line, after discounts. route: how units of it are had that
    no location has been asked for, since the customer chose another way than the order's (SRC-16). sold_as: in what the
    buyer told the quantity, where not in base units (INV-15). repriced: since when it is not what was bought (INV-17),
    of all units that were not cancelled by then.
    """

    id: UUID
    position: int
    sku_id: UUID
    sku_code: str
    name: str
    quantity: int
    buckets: Buckets
    components: tuple[Component, ...]
    is_tracked: bool
    is_shipped: bool
    unit_price_minor: int
    unit_net_minor: int
    unit_gross_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_category: str
    tax_rate_bp: int
    jurisdiction: str
    is_tax_included: bool
    rounding_rule: str
    tax_engine: str
    route: Route | None = None
    sold_as: SoldAs | None = None
    repriced: Repriced | None = None

    def worth_minor(self, share: Share) -> int:
        """What units cost that are not cancelled, or are cancelled now; shares side by side lose nothing."""
        amount_minor, units = self.gross_minor, self.quantity
        if self.repriced:
            amount_minor, units = self.repriced.amount_minor, self.repriced.units
        return value_of(amount_minor, units, share)


class MadeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is made to order: by which recipe, as it was when it was bought, and what its buyer asked for."""

    line_id: UUID
    order_id: UUID
    sku_id: UUID
    recipe: Recipe
    personalisation: dict[str, str]


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told about an order, and what every message names. name: who receives the goods."""

    id: UUID
    number: str
    channel_id: UUID
    currency: str
    email: str | None
    locale: str
    name: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. shipping_minor: what the customer pays for shipping, with its tax.

    ship_terms: how it may be split and how long it waits; without max_splits, as its strategy or channel has it.
    """

    id: UUID
    number: str
    channel_id: UUID
    external_id: str | None
    customer_id: UUID | None
    status: OrderStatus
    currency: str
    method: Method
    pickup_location_id: UUID | None
    service_kind: str
    locale: str
    email: str | None
    phone: str | None
    ship_to: Address
    bill_to: Address | None
    net_minor: int
    tax_minor: int
    gross_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    shipping_tax_rate_bp: int
    placed_at: datetime
    placed_by: str
    expires_at: datetime | None
    version: int
    lines: tuple[Line, ...]
    holds: tuple[Hold, ...]
    ship_terms: ShipTerms = ShipTerms()

    @property
    def waits_until_at(self) -> datetime | None:
        """Until when it waits for what cannot be sent; None is as long as its channel lets it."""
        days = self.ship_terms.max_wait_days
        return None if days is None else self.placed_at + timedelta(days=days)

    def is_held(self, stage: Stage) -> bool:
        """Whether a hold keeps this stage from happening."""
        return any(hold.keeps(stage) for hold in self.holds)

    @property
    def route(self) -> Route:
        """How what is ordered is had, unless a line says otherwise."""
        return Route(
            method=self.method,
            pickup_location_id=self.pickup_location_id,
            service_kind=self.service_kind,
            ship_to=self.ship_to,
        )

    @property
    def fulfillment(self) -> FulfillmentStatus:
        return fulfillment_status([line.buckets for line in self.lines])


def fulfillment_status(lines: Sequence[Buckets]) -> FulfillmentStatus:
    """Derive where the goods are from the buckets of all lines; deterministic, never stored (ORD-01)."""
    live = sum(line.live for line in lines)
    delivered = sum(line.delivered for line in lines)
    shipped = sum(line.shipped for line in lines)
    returned = sum(line.returned for line in lines)
    if not live:
        return FulfillmentStatus.CANCELLED
    if returned:
        return FulfillmentStatus.RETURNED if returned == live else FulfillmentStatus.PARTLY_RETURNED
    if delivered:
        return FulfillmentStatus.DELIVERED if delivered == live else FulfillmentStatus.PARTLY_DELIVERED
    if shipped:
        return FulfillmentStatus.SHIPPED if shipped == live else FulfillmentStatus.PARTLY_SHIPPED
    return FulfillmentStatus.IN_WORK if any(line.in_work for line in lines) else FulfillmentStatus.UNFULFILLED


def payment_status(*, due: int, authorised: int, captured: int, refunded: int) -> str:
    """Derive how far the money is: `unpaid`, `authorised`, `captured`, `partly_refunded`, `refund_owed` and so on.

    due: what the customer owes now for what is not cancelled or refunded away; the others are sums of entries.
    """
    kept = captured - refunded
    if kept > due:
        return "refund_owed"
    if kept == due and not captured:
        return "nothing_due"
    if kept == due:
        return ("partly_refunded" if kept else "refunded") if refunded else "captured"
    if captured:
        return "partly_captured"
    if authorised >= due:
        return "authorised"
    return "partly_authorised" if authorised else "unpaid"
