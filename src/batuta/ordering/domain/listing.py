"""Orders in lists: what may be asked for, and what a row tells."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.ordering.domain.orders import FulfillmentStatus, Method, OrderStatus


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders. What is None does not matter; periods are half-open.

    channel_ids, location_ids, customer_id: also what the asker may see at most (PLT-07). An order is of the locations
    that it was planned to ship from or is collected at.
    """

    statuses: tuple[OrderStatus, ...] = ()
    channel_ids: frozenset[UUID] | None = None
    location_ids: frozenset[UUID] | None = None
    channel_code: str | None = None
    customer_id: UUID | None = None
    email: str | None = None
    external_id: str | None = None
    number: str | None = None
    sku_code: str | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    is_held: bool | None = None


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order in a list. name: of who receives it."""

    id: UUID
    number: str
    channel_id: UUID
    external_id: str | None
    customer_id: UUID | None
    status: OrderStatus
    fulfillment: FulfillmentStatus
    payment: str
    is_held: bool
    method: Method
    name: str
    email: str | None
    currency: str
    gross_minor: int
    lines: int
    units: int
    placed_at: datetime
    version: int
