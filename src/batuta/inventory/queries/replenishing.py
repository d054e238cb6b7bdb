"""Reads of demand, rules, schedules and proposals; what stores have and what centers can spare."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select
from sqlalchemy import text as sql

from batuta.inventory.domain.replenishing import Proposal, ProposalLine, ProposalStatus, Rule, Schedule
from batuta.inventory.queries.availability import availability
from batuta.inventory.tables.replenishing import (
    demand,
    proposal,
    proposal_line,
    replenishment_rule,
    replenishment_schedule,
)
from batuta.plumbing.database import Connection, arrays, params, rows_with
from batuta.plumbing.listing import Listing

Place = tuple[UUID, UUID]
"""A SKU and a location."""


class RuleFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rules to list; None is any."""

    sku_id: UUID | None = None
    location_ids: list[UUID] | None = None
    source_location_id: UUID | None = None


class ProposalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which proposals to list; None is any."""

    source_location_ids: list[UUID] | None = None
    status: ProposalStatus | None = None


class Store(msgspec.Struct, frozen=True):
    """A rule of a location, what it needs a day, and what it has, with all that is on its way to it."""

    rule: Rule
    units_per_day: float
    position: int


_location_ids = bindparam("location_ids", type_=ARRAY(Uuid(), dimensions=1))
_RULES = Listing(
    select(replenishment_rule),
    order=(replenishment_rule.c.sku_id, replenishment_rule.c.location_id),
    filters={
        "sku_id": replenishment_rule.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "location_ids": replenishment_rule.c.location_id == any_(_location_ids),
        "source_location_id": replenishment_rule.c.source_location_id == bindparam("source_location_id", type_=Uuid()),
    },
)
_PROPOSALS = Listing(
    select(proposal),
    order=(proposal.c.created_at, proposal.c.id),
    filters={
        "source_location_ids": proposal.c.source_location_id
        == any_(bindparam("source_location_ids", type_=ARRAY(Uuid(), dimensions=1))),
        "status": proposal.c.status == bindparam("status", type_=Text()),
    },
    is_newest_first=True,
)
_place = arrays("place", sku_id=Uuid(), location_id=Uuid())
_demand = select(demand.c.sku_id, demand.c.location_id, demand.c.units_per_day).join_from(
    _place, demand, (demand.c.sku_id == _place.c.sku_id) & (demand.c.location_id == _place.c.location_id)
)
_rules_at = select(replenishment_rule).join_from(
    _place,
    replenishment_rule,
    (replenishment_rule.c.sku_id == _place.c.sku_id) & (replenishment_rule.c.location_id == _place.c.location_id),
)
_stores = sql(
    """
    WITH coming AS (
        SELECT t.target_location_id AS location_id, l.sku_id, sum(
            CASE t.status WHEN 'requested' THEN l.requested WHEN 'approved' THEN l.approved WHEN 'picked' THEN l.picked
            ELSE l.shipped - l.received - l.damaged - l.lost - l.sent_back END
        ) AS units
        FROM inventory.transfer t JOIN inventory.transfer_line l ON l.transfer_id = t.id
        WHERE t.status NOT IN ('closed', 'cancelled')
        GROUP BY t.target_location_id, l.sku_id
    )
    SELECT r.*, coalesce(d.units_per_day, 0) AS units_per_day, CAST(
        coalesce(here.units, 0) + coalesce(coming.units, 0) + coalesce(expected.units, 0) AS bigint
    ) AS position
    FROM inventory.replenishment_rule r
    LEFT JOIN inventory.demand d USING (sku_id, location_id)
    LEFT JOIN coming USING (sku_id, location_id)
    LEFT JOIN LATERAL (
        SELECT sum(s.on_hand - s.reserved) AS units FROM inventory.stock s
        WHERE s.sku_id = r.sku_id AND s.location_id = r.location_id AND s.condition = 'sellable'
          AND (s.expires_at IS NULL OR s.expires_at > :now)
    ) AS here ON true
    LEFT JOIN LATERAL (
        SELECT sum(e.quantity - e.received) AS units FROM inventory.expected e
        WHERE e.sku_id = r.sku_id AND e.location_id = r.location_id AND e.status = 'open' AND e.kind <> 'transfer'
    ) AS expected ON true
    WHERE r.source_location_id = :source_location_id AND r.is_active
    """
)
_leaving = sql(
    """
    SELECT l.sku_id, sum(CASE t.status WHEN 'requested' THEN l.requested ELSE l.approved END) AS units
    FROM inventory.transfer t JOIN inventory.transfer_line l ON l.transfer_id = t.id
    WHERE t.source_location_id = :location_id AND t.status IN ('requested', 'approved')
      AND l.sku_id = ANY (CAST(:sku_ids AS uuid[]))
    GROUP BY l.sku_id
    """
)


async def list_rules(
    db: Connection, *, wanted: RuleFilter, behind: tuple[UUID, UUID] | None = None, limit: int
) -> list[Rule]:
    """A page of rules by SKU and location."""
    rows = await _RULES.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Rule])


async def list_proposals(
    db: Connection, *, wanted: ProposalFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[Proposal]:
    """A page of proposals without lines, the newest first."""
    rows = await _PROPOSALS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Proposal])


async def proposals_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Proposal]:
    """Proposals with their lines, by location and SKU."""
    rows = await rows_with(db, proposal.c.id, ids)
    lines: dict[UUID, list[ProposalLine]] = defaultdict(list)
    for line in msgspec.convert(await rows_with(db, proposal_line.c.proposal_id, ids), list[ProposalLine]):
        lines[line.proposal_id].append(line)
    return {
        row["id"]: msgspec.convert(
            row | {"lines": sorted(lines[row["id"]], key=lambda line: (line.location_id, line.sku_id))}, Proposal
        )
        for row in rows
    }


async def schedules_of(db: Connection, location_ids: Collection[UUID]) -> dict[UUID, Schedule]:
    """When centers propose what to send; those that never do are absent."""
    rows = await rows_with(db, replenishment_schedule.c.source_location_id, location_ids)
    return {row["source_location_id"]: msgspec.convert(row, Schedule) for row in rows}


async def demand_of(db: Connection, places: Collection[Place]) -> dict[Place, float]:
    """Units a day that SKUs at locations are expected to need; nothing is known of those that are absent."""
    given = params("place", sku_id=[one for one, _ in places], location_id=[at for _, at in places])
    rows = await db.execute(_demand, given)
    return {(sku_id, location_id): units for sku_id, location_id, units in rows}


async def stores_of(db: Connection, source_location_id: UUID, *, now: datetime) -> list[Store]:
    """The rules that a center fills, with what there is and what is coming."""
    rows = await db.execute(_stores, {"source_location_id": source_location_id, "now": now})
    return [Store(msgspec.convert(dict(row), Rule), row["units_per_day"], row["position"]) for row in rows]


async def spare_of(db: Connection, location_id: UUID, sku_ids: Collection[UUID], *, now: datetime) -> dict[UUID, int]:
    """What a center can spare of SKUs: free units, less what it keeps for itself and what it has agreed to send."""
    places = [(sku_id, location_id) for sku_id in sku_ids]
    free = {
        one.sku_id: one.available
        for one in await availability(db, sku_ids=sku_ids, location_ids=[location_id], now=now)
    }
    needs = await demand_of(db, places)
    given = params("place", sku_id=[one for one, _ in places], location_id=[at for _, at in places])
    own = msgspec.convert([dict(row) for row in await db.execute(_rules_at, given)], list[Rule])
    kept = {rule.sku_id: rule.least(needs.get((rule.sku_id, location_id), 0)) for rule in own if rule.is_active}
    rows = await db.execute(_leaving, {"location_id": location_id, "sku_ids": list(sku_ids)})
    leaving = {row.sku_id: row.units for row in rows}
    return {sku_id: max(0, free.get(sku_id, 0) - kept.get(sku_id, 0) - leaving.get(sku_id, 0)) for sku_id in sku_ids}
