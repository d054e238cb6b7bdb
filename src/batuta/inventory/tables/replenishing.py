"""Replenishment: what is expected to be needed, how much each location shall have, and what is proposed to be sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Double, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.catalog.tables import sku
from batuta.inventory.domain.replenishing import ProposalStatus
from batuta.inventory.tables.stock import one_of
from batuta.locations.tables import location
from batuta.plumbing.database import Instant, Integer, Text, metadata

SCHEMA = "inventory"


class DemandColumns(TypedColumns):
    """Units a day: a forecast, and so no whole number."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    units_per_day: Named[float] = Column(Double, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


demand = Table(
    "demand",
    metadata,
    DemandColumns,
    CheckConstraint("units_per_day BETWEEN 0 AND 1000000", name="units_per_day_within_bounds"),
    schema=SCHEMA,
)


class RuleColumns(TypedColumns):
    """Least and most of a SKU at a location, in units and in days of what it needs; of both, what is more."""

    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), primary_key=True)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    source_location_id: Named[UUID | None] = Column(ForeignKey(location.c.id), index=True)
    min_units: Named[int] = Column(Integer, nullable=False)
    max_units: Named[int] = Column(Integer, nullable=False)
    min_days: Named[int] = Column(Integer, nullable=False)
    max_days: Named[int] = Column(Integer, nullable=False)
    case_size: Named[int] = Column(Integer, nullable=False)
    is_active: Named[bool] = Column(Boolean, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


replenishment_rule = Table(
    "replenishment_rule",
    metadata,
    RuleColumns,
    CheckConstraint("min_units BETWEEN 0 AND max_units AND min_days BETWEEN 0 AND max_days", name="least_within_most"),
    CheckConstraint("case_size > 0", name="case_size_is_positive"),
    CheckConstraint("source_location_id <> location_id", name="filled_from_elsewhere"),
    schema=SCHEMA,
)


class ScheduleColumns(TypedColumns):
    """When a center proposes what to send, and whether that needs a person."""

    source_location_id: Named[UUID] = Column(ForeignKey(location.c.id), primary_key=True)
    every_minutes: Named[int] = Column(Integer, nullable=False)
    is_automatic: Named[bool] = Column(Boolean, nullable=False)
    next_at: Named[datetime] = Column(Instant, nullable=False, index=True)
    actor: Named[str] = Column(Text, nullable=False)


replenishment_schedule = Table(
    "replenishment_schedule",
    metadata,
    ScheduleColumns,
    CheckConstraint("every_minutes > 0", name="every_minutes_is_positive"),
    schema=SCHEMA,
)


class ProposalColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    source_location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    status: Named[str] = Column(Text, nullable=False)
    actor: Named[str] = Column(Text, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    decided_by: Named[str | None] = Column(Text)
    decided_at: Named[datetime | None] = Column(Instant)


proposal = Table(
    "replenishment_proposal",
    metadata,
    ProposalColumns,
    CheckConstraint("(decided_at IS NULL) = (status = 'proposed')", name="decided_once"),
    CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
    one_of("status", ProposalStatus),
    schema=SCHEMA,
)
Index("replenishment_proposal_created_idx", proposal.c.created_at, proposal.c.id)
Index(
    "replenishment_proposal_open_key",
    proposal.c.source_location_id,
    unique=True,
    postgresql_where=proposal.c.status == ProposalStatus.PROPOSED.value,
)


class ProposalLineColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    proposal_id: Named[UUID] = Column(ForeignKey(proposal.c.id), nullable=False, index=True)
    sku_id: Named[UUID] = Column(ForeignKey(sku.c.id), nullable=False)
    location_id: Named[UUID] = Column(ForeignKey(location.c.id), nullable=False)
    position: Named[int] = Column(Integer, nullable=False)
    min_units: Named[int] = Column(Integer, nullable=False)
    max_units: Named[int] = Column(Integer, nullable=False)
    case_size: Named[int] = Column(Integer, nullable=False)
    wanted: Named[int] = Column(Integer, nullable=False)
    units: Named[int] = Column(Integer, nullable=False)
    approved: Named[int | None] = Column(Integer)


proposal_line = Table(
    "replenishment_line",
    metadata,
    ProposalLineColumns,
    CheckConstraint("units BETWEEN 0 AND wanted", name="no_more_than_wanted"),
    CheckConstraint("approved BETWEEN 0 AND units", name="no_more_than_proposed"),
    schema=SCHEMA,
)
