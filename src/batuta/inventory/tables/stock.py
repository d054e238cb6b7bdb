"""Stock rows, the claims on them, and the ledger they are the sums of."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.catalog.tables import sku
from batuta.inventory.domain import AccountKind, ClaimKind, ClaimStatus, Condition, MovementReason
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Text, metadata

# Keys are compared and sorted as bytes, so that Python and PostgreSQL agree on the order of locks.
Key = Text(collation="C")


def one_of(column: str, kinds: type[StrEnum]) -> CheckConstraint:
    """The constraint that a column holds one of the words."""
    known = ", ".join(f"'{kind}'" for kind in kinds)
    return CheckConstraint(f"{column} IN ({known})", name=f"{column}_is_known")


class StockColumns(TypedColumns):
    """first_expiry_at: no soft claim on the row ends before it; a hint that spares most reads a look at the claims.

    expires_at: from when the lot can no longer be sold.
    """

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    condition: Named[str] = Column(Key, primary_key=True)
    lot: Named[str] = Column(Key, primary_key=True)
    on_hand: Named[int] = Column(Integer, nullable=False)
    reserved: Named[int] = Column(Integer, nullable=False)
    safety: Named[int] = Column(Integer, nullable=False)
    first_expiry_at: Named[datetime | None] = Column(Instant)
    expires_at: Named[datetime | None] = Column(Instant)


# Room is left on each page, so that an update stays on it and touches no index.
stock = Table(
    "stock",
    metadata,
    StockColumns,
    CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
    CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    CheckConstraint("safety >= 0", name="safety_not_negative"),
    CheckConstraint("condition = 'sellable' OR (reserved = 0 AND safety = 0)", name="only_sellable_is_promised"),
    CheckConstraint("lot = '' OR safety = 0", name="safety_is_of_the_location"),
    one_of("condition", Condition),
    schema="inventory",
    postgresql_with={"fillfactor": "70"},
)
Index("stock_location_idx", stock.c.location_id, stock.c.sku_id)


class ReservationColumns(TypedColumns):
    """Claims. The stock row they name is there because it was locked when they were granted."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    holder_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    line_id: Named[UUID] = Column(Uuid, nullable=False)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)
    location_id: Named[UUID] = Column(Uuid, nullable=False)
    condition: Named[str] = Column(Key, nullable=False)
    lot: Named[str] = Column(Key, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    held: Named[int] = Column(Integer, nullable=False)
    consumed: Named[int] = Column(Integer, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    pool_id: Named[UUID | None] = Column(Uuid)
    good_until_at: Named[datetime | None] = Column(Instant)


reservation = Table(
    "reservation",
    metadata,
    ReservationColumns,
    CheckConstraint("quantity > 0 AND held >= 0 AND consumed >= 0", name="units_not_negative"),
    CheckConstraint("held + consumed <= quantity", name="no_more_than_granted"),
    CheckConstraint("(held > 0) = (status = 'held')", name="held_while_units_are_held"),
    CheckConstraint("(expires_at IS NOT NULL) = (kind = 'soft' AND status = 'held')", name="held_soft_claims_end"),
    one_of("kind", ClaimKind),
    one_of("status", ClaimStatus),
    schema="inventory",
    postgresql_with={"fillfactor": "85"},
)
# Hard claims, the many, stay out of both.
_ends = reservation.c.expires_at.is_not(None)
Index("reservation_soft_row_idx", reservation.c.sku_id, reservation.c.location_id, postgresql_where=_ends)
Index("reservation_soft_end_idx", reservation.c.expires_at, postgresql_where=_ends)


class ReleaseColumns(TypedColumns):
    """Units of a claim that were given back, so that it is known what was claimed at any moment. Rows are only added.

    held: what the claim held afterwards. holder_id: who held it then.
    """

    reservation_id: Named[UUID] = Column(Uuid, primary_key=True)
    held: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    units: Named[int] = Column(Integer, nullable=False)
    holder_id: Named[UUID] = Column(Uuid, nullable=False)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)
    location_id: Named[UUID] = Column(Uuid, nullable=False)
    lot: Named[str] = Column(Key, nullable=False)
    released_at: Named[datetime] = Column(Instant, nullable=False)


release = Table(
    "release",
    metadata,
    ReleaseColumns,
    CheckConstraint("units > 0 AND held >= 0", name="units_not_negative"),
    schema="inventory",
)
Index("release_sku_idx", release.c.sku_id, release.c.released_at)


class MovementColumns(TypedColumns):
    """The ledger. Rows are only ever added."""

    key: Named[str] = Column(Key, primary_key=True)
    sku_id: Named[UUID] = Column(Uuid, nullable=False)
    quantity: Named[int] = Column(Integer, nullable=False)
    source_kind: Named[str] = Column(Text, nullable=False)
    source_location_id: Named[UUID | None] = Column(Uuid)
    source_condition: Named[str | None] = Column(Key)
    source_parcel_id: Named[UUID | None] = Column(Uuid)
    target_kind: Named[str] = Column(Text, nullable=False)
    target_location_id: Named[UUID | None] = Column(Uuid)
    target_condition: Named[str | None] = Column(Key)
    target_parcel_id: Named[UUID | None] = Column(Uuid)
    lot: Named[str] = Column(Key, nullable=False)
    reason: Named[str] = Column(Text, nullable=False)
    document_id: Named[UUID] = Column(Uuid, nullable=False, index=True)
    actor: Named[str] = Column(Text, nullable=False)
    effective_at: Named[datetime] = Column(Instant, nullable=False)
    recorded_at: Named[datetime] = Column(Instant, nullable=False)


movement = Table(
    "movement",
    metadata,
    MovementColumns,
    CheckConstraint("quantity > 0", name="quantity_is_positive"),
    CheckConstraint(
        "(source_kind = 'location') = (source_location_id IS NOT NULL)"
        " AND (source_kind = 'location') = (source_condition IS NOT NULL)"
        " AND (target_kind = 'location') = (target_location_id IS NOT NULL)"
        " AND (target_kind = 'location') = (target_condition IS NOT NULL)",
        name="locations_name_row",
    ),
    CheckConstraint(
        "(source_kind = 'parcel') = (source_parcel_id IS NOT NULL)"
        " AND (target_kind = 'parcel') = (target_parcel_id IS NOT NULL)",
        name="parcels_name_parcel",
    ),
    one_of("source_kind", AccountKind),
    one_of("target_kind", AccountKind),
    one_of("reason", MovementReason),
    schema="inventory",
)
Index("movement_sku_idx", movement.c.sku_id, movement.c.recorded_at, movement.c.key)
Index("movement_recorded_idx", movement.c.recorded_at, movement.c.key)


class HolderColumns(TypedColumns):
    """Who reserved by the API, and for which channel; carts and orders are holders without a row here."""

    id: Named[UUID] = Column(Uuid, primary_key=True)
    channel_id: Named[UUID] = Column(Uuid, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)


holder = Table("holder", metadata, HolderColumns, schema="inventory")
