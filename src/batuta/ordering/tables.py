"""Tables of ordering."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Named,
    Sequence,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from batuta.catalog.domain import PriceRule
from batuta.catalog.tables import sku
from batuta.company.tables import channel
from batuta.customers.tables import customer
from batuta.locations.tables import location
from batuta.ordering.domain import (
    Bucket,
    HoldKind,
    HoldStatus,
    Method,
    OrderStatus,
    PromiseBasis,
    PromiseKind,
    Stage,
)
from batuta.plumbing.database import Instant, Json, metadata

SCHEMA = "ordering"

order_number = Sequence("order_number", start=100_001, metadata=metadata, schema=SCHEMA)


def _one_of(column: str, values: type[Any]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class OrderColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    number: Named[str] = Column(Text, nullable=False, unique=True)
    channel_id: Named[UUID] = Column(Uuid, nullable=False)  # no foreign key: see decision 0044
    external_id: Named[str | None] = Column(Text)
    customer_id: Named[UUID | None] = Column(ForeignKey(customer.c.id))
    status: Named[str] = Column(Text, nullable=False)
    currency: Named[str] = Column(Text, nullable=False)
    method: Named[str] = Column(Text, nullable=False)
    pickup_location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    service_kind: Named[str] = Column(Text, nullable=False)
    locale: Named[str] = Column(Text, nullable=False)
    email: Named[str | None] = Column(Text)
    phone: Named[str | None] = Column(Text)
    ship_to: Named[dict[str, Any]] = Column(Json, nullable=False)
    bill_to: Named[dict[str, Any] | None] = Column(Json)
    net_minor: Named[int] = Column(BigInteger, nullable=False)
    tax_minor: Named[int] = Column(BigInteger, nullable=False)
    gross_minor: Named[int] = Column(BigInteger, nullable=False)
    shipping_minor: Named[int] = Column(BigInteger, nullable=False)
    shipping_tax_minor: Named[int] = Column(BigInteger, nullable=False)
    shipping_tax_rate_bp: Named[int] = Column(Integer, nullable=False)
    placed_at: Named[datetime] = Column(Instant, nullable=False)
    placed_by: Named[str] = Column(Text, nullable=False)
    on_behalf_of: Named[str | None] = Column(Text)
    fingerprint: Named[bytes] = Column(LargeBinary, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    version: Named[int] = Column(Integer, nullable=False)
    ship_terms: Named[Any] = Column(Json, nullable=False, server_default="{}")


order = Table(
    "order",
    metadata,
    OrderColumns,
    UniqueConstraint("channel_id", "external_id"),
    _one_of("status", OrderStatus),
    _one_of("method", Method),
    CheckConstraint("net_minor + tax_minor = gross_minor", name="totals_agree"),
    Index("order_customer_placed_idx", "customer_id", "placed_at", postgresql_where="customer_id IS NOT NULL"),
    Index("order_expires_idx", "expires_at", postgresql_where="expires_at IS NOT NULL AND status = 'placed'"),
    Index("order_placed_idx", "placed_at", "id"),
    Index("order_status_placed_idx", "status", "placed_at", "id"),
    Index("order_email_idx", func.lower(text("email")), "placed_at"),
    schema=SCHEMA,
)


class LineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False)
    position: Named[int] = Column(SmallInteger, nullable=False)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)  # likewise
    sku_code: Named[str] = Column(Text, nullable=False)
    name: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    components: Named[list[Any]] = Column(Json, nullable=False)
    is_tracked: Named[bool] = Column(Boolean, nullable=False)
    is_shipped: Named[bool] = Column(Boolean, nullable=False)
    unit_price_minor: Named[int] = Column(BigInteger, nullable=False)
    unit_net_minor: Named[int] = Column(BigInteger, nullable=False)
    unit_gross_minor: Named[int] = Column(BigInteger, nullable=False)
    discount_minor: Named[int] = Column(BigInteger, nullable=False)
    net_minor: Named[int] = Column(BigInteger, nullable=False)
    tax_minor: Named[int] = Column(BigInteger, nullable=False)
    gross_minor: Named[int] = Column(BigInteger, nullable=False)
    tax_category: Named[str] = Column(Text, nullable=False)
    tax_rate_bp: Named[int] = Column(Integer, nullable=False)
    jurisdiction: Named[str] = Column(Text, nullable=False)
    is_tax_included: Named[bool] = Column(Boolean, nullable=False)
    rounding_rule: Named[str] = Column(Text, nullable=False)
    tax_engine: Named[str] = Column(Text, nullable=False)
    first_bucket: Named[str] = Column(Text, nullable=False)
    open: Named[int] = Column(Integer, nullable=False)
    reserved: Named[int] = Column(Integer, nullable=False)
    backordered: Named[int] = Column(Integer, nullable=False)
    preordered: Named[int] = Column(Integer, nullable=False)
    allocated: Named[int] = Column(Integer, nullable=False)
    released: Named[int] = Column(Integer, nullable=False)
    picked: Named[int] = Column(Integer, nullable=False)
    packed: Named[int] = Column(Integer, nullable=False)
    shipped: Named[int] = Column(Integer, nullable=False)
    delivered: Named[int] = Column(Integer, nullable=False)
    cancelled: Named[int] = Column(Integer, nullable=False)
    returned: Named[int] = Column(Integer, nullable=False)
    route: Named[dict[str, Any] | None] = Column(Json)
    sold_as: Named[dict[str, Any] | None] = Column(Json)
    repriced: Named[dict[str, Any] | None] = Column(Json)


line = Table(
    "line",
    metadata,
    LineColumns,
    UniqueConstraint("order_id", "position"),
    CheckConstraint(" + ".join(f'"{bucket}"' for bucket in Bucket) + " = quantity", name="buckets_sum_to_quantity"),
    CheckConstraint(" AND ".join(f'"{bucket}" >= 0' for bucket in Bucket), name="buckets_not_negative"),
    CheckConstraint("returned BETWEEN 0 AND delivered", name="returned_was_delivered"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("net_minor + tax_minor = gross_minor", name="amounts_agree"),
    _one_of("first_bucket", Bucket),
    # Ids keep their order's time: the newest orders of a SKU are the last of its entries.
    Index("line_sku_order_idx", "sku_id", "order_id"),
    schema=SCHEMA,
)


class MadeLineColumns(TypedColumns):
    line_id: Named[UUID] = Column(ForeignKey(line.c.id), primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    recipe: Named[Any] = Column(Json, nullable=False)
    personalisation: Named[Any] = Column(Json, nullable=False)


made_line = Table("made_line", metadata, MadeLineColumns, schema=SCHEMA)


class UnitMoveColumns(TypedColumns):
    line_id: Named[UUID] = Column(ForeignKey(line.c.id), primary_key=True)
    cause_id: Named[UUID] = Column(Uuid, primary_key=True)
    source: Named[str] = Column(Text, primary_key=True)
    target: Named[str] = Column(Text, primary_key=True)
    quantity: Named[int] = Column(Integer, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    happened_at: Named[datetime] = Column(Instant, nullable=False)


unit_move = Table(
    "unit_move",
    metadata,
    UnitMoveColumns,
    CheckConstraint("quantity > 0", name="quantity_positive"),
    _one_of("source", Bucket),
    _one_of("target", Bucket),
    schema=SCHEMA,
)


class UnitReturnColumns(TypedColumns):
    """Delivered units that came back, by the return line that brought them."""

    line_id: Named[UUID] = Column(ForeignKey(line.c.id), primary_key=True)
    cause_id: Named[UUID] = Column(Uuid, primary_key=True)
    quantity: Named[int] = Column(Integer, nullable=False)
    happened_at: Named[datetime] = Column(Instant, nullable=False)


unit_return = Table(
    "unit_return",
    metadata,
    UnitReturnColumns,
    CheckConstraint("quantity > 0", name="quantity_positive"),
    schema=SCHEMA,
)


class HoldColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    kind: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    blocks: Named[str] = Column(Text, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    placed_at: Named[datetime] = Column(Instant, nullable=False)
    due_at: Named[datetime | None] = Column(Instant)
    ended_at: Named[datetime | None] = Column(Instant)
    ended_by: Named[str | None] = Column(Text)
    ended_because: Named[str | None] = Column(Text)


hold = Table(
    "hold",
    metadata,
    HoldColumns,
    _one_of("kind", HoldKind),
    _one_of("status", HoldStatus),
    _one_of("blocks", Stage),
    Index("hold_due_idx", "due_at", postgresql_where="due_at IS NOT NULL AND status = 'active'"),
    schema=SCHEMA,
)


class CancellationColumns(TypedColumns):
    """Wishes to cancel and what became of them, so that asking again answers the same."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    asked_at: Named[datetime] = Column(Instant, nullable=False)
    outcome: Named[list[Any]] = Column(Json, nullable=False)


cancellation = Table("cancellation", metadata, CancellationColumns, schema=SCHEMA)


class AdjustmentColumns(TypedColumns):
    """Named amounts on top of an order, or of a line of it, or off it: interest, goodwill, what goods weighed."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    name: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    booked_at: Named[datetime] = Column(Instant, nullable=False)
    line_id: Named[UUID | None] = Column(Uuid)


adjustment = Table("adjustment", metadata, AdjustmentColumns, schema=SCHEMA)


class PromiseColumns(TypedColumns):
    """What was promised for an order, and each time it changed; the first is what on time is measured by (PRM-05).

    service_kind: `pickup` where the buyer comes. plan: `PromisedShipment`s. order_by_at: until when it could be had.
    """

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    basis: Named[str] = Column(Text, nullable=False)
    service_kind: Named[str] = Column(Text, nullable=False)
    earliest_at: Named[datetime] = Column(Instant, nullable=False)
    p50_at: Named[datetime] = Column(Instant, nullable=False)
    p90_at: Named[datetime] = Column(Instant, nullable=False)
    window_from_at: Named[datetime] = Column(Instant, nullable=False)
    order_by_at: Named[datetime] = Column(Instant, nullable=False)
    price_minor: Named[int | None] = Column(BigInteger)
    limiting_step: Named[str] = Column(Text, nullable=False)
    is_estimated: Named[bool] = Column(Boolean, nullable=False)
    plan: Named[list[Any]] = Column(Json, nullable=False)
    made_at: Named[datetime] = Column(Instant, nullable=False)


promise = Table(
    "promise",
    metadata,
    PromiseColumns,
    _one_of("kind", PromiseKind),
    _one_of("basis", PromiseBasis),
    CheckConstraint("earliest_at <= p50_at AND p50_at <= p90_at", name="dates_in_order"),
    CheckConstraint("price_minor >= 0", name="price_not_negative"),
    Index("promise_order_idx", "order_id", "made_at"),
    Index("promise_original_idx", "order_id", unique=True, postgresql_where="kind = 'original'"),
    schema=SCHEMA,
)


class CartColumns(TypedColumns):
    """token_hash: SHA-256 of the secret; the secret itself is nowhere. order_id: the order that the cart became.

    lines: in their order. They are read and written with their cart alone, and whoever locks it has them as they are.
    """

    id: Named[UUID] = Column(Uuid, primary_key=True)
    channel_id: Named[UUID] = Column(ForeignKey(channel.c.id), nullable=False)
    token_hash: Named[bytes] = Column(LargeBinary, nullable=False)
    customer_id: Named[UUID | None] = Column(ForeignKey(customer.c.id), index=True)
    email: Named[str | None] = Column(Text)
    phone: Named[str | None] = Column(Text)
    locale: Named[str | None] = Column(Text)
    ship_to: Named[dict[str, Any] | None] = Column(Json)
    bill_to: Named[dict[str, Any] | None] = Column(Json)
    method: Named[str] = Column(Text, nullable=False)
    service_kind: Named[str | None] = Column(Text)
    pickup_location_id: Named[UUID | None] = Column(ForeignKey(location.c.id))
    reserved_until_at: Named[datetime | None] = Column(Instant)
    order_id: Named[UUID | None] = Column(Uuid)
    version: Named[int] = Column(Integer, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime] = Column(Instant, nullable=False, index=True)
    slot_id: Named[UUID | None] = Column(Uuid)
    lines: Named[list[dict[str, Any]]] = Column(Json, nullable=False)


cart = Table(
    "cart",
    metadata,
    CartColumns,
    _one_of("method", Method),
    CheckConstraint("NOT jsonb_path_exists(lines, '$[*] ? (!(@.quantity > 0))')", name="quantities_positive"),
    schema=SCHEMA,
)


class SubstitutionColumns(TypedColumns):
    """What is sent instead of what a line says."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    line_id: Named[UUID] = Column(ForeignKey(line.c.id), nullable=False, index=True)
    instead_of_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    sku_code: Named[str] = Column(Text, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    price_rule: Named[str] = Column(Text, nullable=False)
    amount_minor: Named[int] = Column(BigInteger, nullable=False)
    consented_by: Named[str] = Column(Text, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    substituted_at: Named[datetime] = Column(Instant, nullable=False)


substitution = Table(
    "substitution",
    metadata,
    SubstitutionColumns,
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("instead_of_id <> sku_id", name="another_sku"),
    _one_of("price_rule", PriceRule),
    schema=SCHEMA,
)


class RerouteColumns(TypedColumns):
    """Questions to customers whose store cannot serve them; what was chosen is kept as it was shown."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    order_id: Named[UUID] = Column(ForeignKey(order.c.id), nullable=False, index=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    line_ids: Named[list[Any]] = Column(Json, nullable=False)
    asked_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime] = Column(Instant, nullable=False)
    chosen_at: Named[datetime | None] = Column(Instant)
    chosen_by: Named[str | None] = Column(Text)
    chosen: Named[dict[str, Any] | None] = Column(Json)


reroute = Table(
    "reroute",
    metadata,
    RerouteColumns,
    CheckConstraint("expires_at > asked_at", name="ends_after_it_begins"),
    CheckConstraint("num_nulls(chosen_at, chosen_by, chosen) IN (0, 3)", name="chosen_whole"),
    schema=SCHEMA,
)
