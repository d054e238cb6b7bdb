"""Reads of supply to come: receipts, what may be promised by date, who waits, and the documents of service."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, Text, Uuid, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from batuta.inventory.domain.atp import AtpStep, Flow, atp_steps
from batuta.inventory.domain.supply import (
    ExpectedReceipt,
    Lateness,
    Reliability,
    SupplierLateness,
    SupplyFilter,
    SupplyKind,
    SupplyStatus,
)
from batuta.inventory.domain.waiting import AheadKind, Coming, Waiting
from batuta.inventory.queries.availability import Available, availability
from batuta.inventory.tables import expected, lateness, peg, supply_run, waiting
from batuta.plumbing.database import Connection, Row, rows_with
from batuta.plumbing.listing import Listing

Place = tuple[UUID, UUID]
"""A SKU and a location."""


class SupplyRun(msgspec.Struct, frozen=True, kw_only=True):
    """The document of one receipt, or of one look at free stock (INV-24).

    came: units of the receipt; free: units that could be given. served: who got how many, in their order.
    passed_over: who still waits, and for how many units.
    """

    id: UUID
    sku_id: UUID
    location_id: UUID
    expected_id: UUID | None
    came: int
    free: int
    served: list[dict[str, Any]]
    passed_over: list[dict[str, Any]]
    actor: str
    ran_at: datetime


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order's line that wait, when they are promised, and the receipts they are pegged to."""

    order_id: UUID
    channel_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    kind: AheadKind
    units: int
    promised_at: datetime | None
    first_promised_at: datetime | None
    receipt_ids: list[UUID]


async def supply_of(
    db: Connection,
    *,
    sku_ids: Collection[UUID],
    location_ids: Collection[UUID] | None = None,
    now: datetime,
    reliability: Reliability = Reliability.P90,
) -> dict[Place, list[AtpStep]]:
    """By SKU and location, what may be promised anew from now and from each later date (INV-20, INV-21).

    Receipts count from their date with their supplier's lateness; one that is overdue counts no more until somebody
    says when it comes. What lines wait for is taken off. Places without stock and receipts are left out.
    """
    ids = list(set(sku_ids))
    if not ids:
        return {}
    stock = await availability(db, sku_ids=ids, location_ids=location_ids, now=now)
    free: dict[Place, int] = defaultdict(int)
    for one in stock:
        free[one.sku_id, one.location_id] += free_now(one)
    flows = await _flows(db, ids, now=now, reliability=reliability)
    wanted = None if location_ids is None else set(location_ids)
    places = {place for place in (*free, *flows) if wanted is None or place[1] in wanted}
    return {place: atp_steps(free[place], flows.get(place, ()), now=now) for place in sorted(places)}


def free_now(one: Available) -> int:
    """What may be promised at once; below zero where more is reserved and kept back than there is."""
    return one.available or min(0, one.on_hand - one.reserved - one.safety)


async def _flows(
    db: Connection, sku_ids: Sequence[UUID], *, now: datetime, reliability: Reliability
) -> dict[Place, list[Flow]]:
    """What comes to each place, and what lines that wait take of it when it comes."""
    flows: dict[Place, list[Flow]] = defaultdict(list)
    dates: dict[UUID, datetime] = {}
    for sku_id, one in await coming(db, sku_ids, reliability=reliability):
        if one.at > now:
            flows[sku_id, one.location_id].append(Flow(one.at, one.units))
            dates[one.expected_id] = one.at
    for sku_id, location_id, expected_id, units in await db.execute(_TAKEN, {"sku_ids": list(sku_ids)}):
        flows[sku_id, location_id].append(Flow(dates.get(expected_id, now), -units))
    return flows


_TAKEN = text(
    """
    SELECT p.sku_id, e.location_id, p.expected_id, sum(p.units)
    FROM inventory.peg p JOIN inventory.expected e ON e.id = p.expected_id
    WHERE p.sku_id = ANY(:sku_ids)
    GROUP BY p.sku_id, e.location_id, p.expected_id
    UNION ALL
    SELECT w.sku_id, w.location_id, NULL, sum(w.units - coalesce(p.units, 0))
    FROM inventory.waiting w
    LEFT JOIN (
        SELECT line_id, sku_id, sum(units) AS units FROM inventory.peg WHERE sku_id = ANY(:sku_ids) GROUP BY 1, 2
    ) AS p USING (line_id, sku_id)
    WHERE w.sku_id = ANY(:sku_ids) AND w.units > coalesce(p.units, 0)
    GROUP BY w.sku_id, w.location_id
    """
)

_sku_ids = any_(bindparam("sku_ids", type_=ARRAY(Uuid)))
_COMING = (
    select(
        expected.c.sku_id,
        expected.c.id,
        expected.c.location_id,
        expected.c.due_at,
        (expected.c.quantity - expected.c.received).label("units"),
        expected.c.supplier_code,
        func.coalesce(lateness.c.learned_p50_days, lateness.c.p50_days, 0).label("p50_days"),
        func.coalesce(lateness.c.learned_p90_days, lateness.c.p90_days, 0).label("p90_days"),
    )
    .join_from(expected, lateness, lateness.c.supplier_code == expected.c.supplier_code, isouter=True)
    .where(expected.c.sku_id == _sku_ids, expected.c.status == SupplyStatus.OPEN.value)
)


async def coming(
    db: Connection, sku_ids: Collection[UUID], *, reliability: Reliability = Reliability.P90
) -> list[tuple[UUID, Coming]]:
    """What is still to come of the SKUs, overdue or not, with the lateness of its supplier in its date."""
    rows = await db.execute(_COMING, {"sku_ids": list(sku_ids)})
    return [(row.sku_id, _coming(row, reliability)) for row in rows]


def _coming(row: Row, reliability: Reliability) -> Coming:
    late = Lateness(supplier_code=row.supplier_code or "none", p50_days=row.p50_days, p90_days=row.p90_days)
    return Coming(row.id, row.location_id, row.due_at + late.of(reliability), row.units)


async def receipts_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, ExpectedReceipt]:
    """Expected receipts; unknown ids are left out."""
    return {row["id"]: receipt_from(row) for row in await rows_with(db, expected.c.id, list(set(ids)))}


def receipt_from(row: dict[str, Any]) -> ExpectedReceipt:
    """Read a row of the expected table."""
    return ExpectedReceipt(**{**row, "kind": SupplyKind(row["kind"]), "status": SupplyStatus(row["status"])})


_RECEIPTS = Listing(
    select(expected),
    order=(expected.c.due_at, expected.c.id),
    filters={
        "sku_id": expected.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "location_ids": expected.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid))),
        "status": expected.c.status == bindparam("status", type_=Text()),
        "document": expected.c.document == bindparam("document", type_=Text()),
    },
)


async def list_receipts(
    db: Connection, *, wanted: SupplyFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[ExpectedReceipt]:
    """A page of expected receipts, the earliest due first."""
    rows = await _RECEIPTS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [receipt_from(dict(row)) for row in rows]


async def latenesses(db: Connection) -> list[SupplierLateness]:
    """How late each known supplier mostly is."""
    names = SupplierLateness.__struct_fields__
    return [SupplierLateness(**{name: row[name] for name in names}) for row in map(dict, await db.execute(_LATENESS))]


_LATENESS = select(lateness).order_by(lateness.c.supplier_code)


async def runs_by_id(db: Connection, ids: Iterable[UUID]) -> dict[UUID, SupplyRun]:
    """Documents of service."""
    return {row["id"]: SupplyRun(**row) for row in await rows_with(db, supply_run.c.id, list(set(ids)))}


_RUNS = Listing(
    select(supply_run),
    order=(supply_run.c.ran_at, supply_run.c.id),
    filters={
        "sku_id": supply_run.c.sku_id == bindparam("sku_id", type_=Uuid()),
        "location_ids": supply_run.c.location_id == any_(bindparam("location_ids", type_=ARRAY(Uuid))),
        "expected_id": supply_run.c.expected_id == bindparam("expected_id", type_=Uuid()),
    },
    is_newest_first=True,
)


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents to list; None is any."""

    sku_id: UUID | None = None
    location_ids: list[UUID] | None = None
    expected_id: UUID | None = None


async def list_runs(
    db: Connection, *, wanted: RunFilter, behind: tuple[datetime, UUID] | None = None, limit: int
) -> list[SupplyRun]:
    """A page of documents of service, the newest first."""
    rows = await _RUNS.read(db, msgspec.structs.asdict(wanted), behind=behind, limit=limit)
    return [SupplyRun(**dict(row)) for row in rows]


async def waiting_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Waiting]]:
    """What of each order waits for supply, or did; orders of which nothing ever waited are left out."""
    found: dict[UUID, list[Waiting]] = defaultdict(list)
    for row in await rows_with(db, waiting.c.order_id, order_ids):
        found[row["order_id"]].append(waiting_from(row))
    return found


async def promises_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Promised]]:
    """When what waits of each order is promised; orders of which nothing waits are left out."""
    lines = {id_: [one for one in several if one.units] for id_, several in (await waiting_of(db, order_ids)).items()}
    pegs: dict[Place, list[UUID]] = defaultdict(list)
    for row in await rows_with(db, peg.c.line_id, [one.line_id for several in lines.values() for one in several]):
        pegs[row["line_id"], row["sku_id"]].append(row["expected_id"])
    return {id_: [_promised(one, pegs[one.line_id, one.sku_id]) for one in several] for id_, several in lines.items()}


def _promised(one: Waiting, receipt_ids: list[UUID]) -> Promised:
    return Promised(
        order_id=one.order_id,
        channel_id=one.channel_id,
        line_id=one.line_id,
        sku_id=one.sku_id,
        location_id=one.location_id,
        kind=one.kind,
        units=one.units,
        promised_at=one.promised_at,
        first_promised_at=one.first_promised_at,
        receipt_ids=sorted(receipt_ids),
    )


def waiting_from(row: dict[str, Any]) -> Waiting:
    """Read a row of the waiting table."""
    return Waiting(**{**row, "kind": AheadKind(row["kind"])})


_PATIENCE: Select[Any] = (
    select(waiting)
    .where(waiting.c.units > 0, waiting.c.patience_until_at <= bindparam("now"))
    .order_by(waiting.c.patience_until_at, waiting.c.line_id, waiting.c.sku_id)
    .limit(bindparam("limit"))
)


async def out_of_patience(db: Connection, *, now: datetime, limit: int) -> list[Waiting]:
    """Waiting lines whose promise was broken for longer than their channel allows, the longest first (INV-25)."""
    return [waiting_from(dict(row)) for row in await db.execute(_PATIENCE, {"now": now, "limit": limit})]
