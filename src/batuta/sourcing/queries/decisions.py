"""Decisions and assignments, many orders at once."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with
from batuta.sourcing.domain import Assignment, Decision
from batuta.sourcing.tables import assignment, decision

_OVERRIDDEN = select(decision.c.order_id).where(
    decision.c.order_id == any_(bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1))),
    decision.c.record.has_key("override"),
)


async def decisions_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Decision]]:
    """Every decision on the orders' lines, oldest attempt first (SRC-12)."""
    found: dict[UUID, list[Decision]] = {order_id: [] for order_id in order_ids}
    for row in await rows_with(db, decision.c.order_id, order_ids):
        found[row["order_id"]].append(msgspec.convert(row["record"], Decision))
    for decisions in found.values():
        decisions.sort(key=lambda one: (one.attempt, one.line_id))
    return found


async def overridden_among(db: Connection, order_ids: Collection[UUID]) -> set[UUID]:
    """The orders of which a person once said where they ship from (SRC-15)."""
    return set(await db.scalars(_OVERRIDDEN, {"order_ids": list(order_ids)})) if order_ids else set()


async def assignments_of(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Assignment]]:
    """Where the orders' units ship from as things stand; what a location gave back is left out."""
    found: dict[UUID, list[Assignment]] = {order_id: [] for order_id in order_ids}
    rows = await rows_with(db, assignment.c.order_id, order_ids)
    for row in sorted(rows, key=lambda row: (row["attempt"], row["line_id"], row["sku_id"], row["location_id"])):
        if row["quantity"]:
            found[row["order_id"]].append(
                Assignment(
                    line_id=row["line_id"],
                    sku_id=row["sku_id"],
                    location_id=row["location_id"],
                    quantity=row["quantity"],
                    service_id=row["service_id"],
                    price_minor=row["price_minor"],
                )
            )
    return found


AUDIT = (
    Law(
        "every planned unit has a decision",
        """
        SELECT a.order_id, a.line_id, a.sku_id, a.location_id, a.attempt, a.quantity
        FROM sourcing.assignment a
        LEFT JOIN sourcing.decision d
            ON (d.order_id, d.line_id, d.attempt) = (a.order_id, a.line_id, a.attempt) AND d.outcome = 'planned'
        WHERE d.order_id IS NULL
        """,
    ),
)
