"""Orders with their first plans, as they were made."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, any_, bindparam, select

from batuta.company.queries import channels_by_id
from batuta.customers.queries import customers_by_id
from batuta.inventory.domain.past import PastClaim
from batuta.inventory.queries.past import past_claims_of
from batuta.orchestration.commands.offering import abilities_of, components_of
from batuta.orchestration.commands.sourcing import request_for
from batuta.ordering.domain import MadeLine, Order, PromiseKind
from batuta.ordering.queries import made_lines_of, orders_by_id, promises_of
from batuta.plumbing.database import Connection, Instant, Row, rows_with
from batuta.rehearsal.domain import Recorded
from batuta.sourcing.domain import SourcingLine
from batuta.sourcing.tables import assignment, decision

FIRST = 1

_DECIDED = (
    select(
        decision.c.order_id, decision.c.line_id, decision.c.at, decision.c.record["quantity"].as_integer().label("n")
    )
    .where(decision.c.attempt == FIRST)
    .order_by(decision.c.at, decision.c.order_id, decision.c.line_id)
)
_WITHIN = _DECIDED.where(
    decision.c.at >= bindparam("from_at", type_=Instant), decision.c.at < bindparam("until_at", type_=Instant)
)
_AT = _DECIDED.where(decision.c.is_whole, decision.c.at == any_(bindparam("moments", type_=ARRAY(Instant))))


async def recorded_orders(db: Connection, *, from_at: datetime, until_at: datetime) -> tuple[list[Recorded], int]:
    """The orders first planned within a period, in order of time; and how many are left out.

    Those are left out that did not hold their units when they were planned, so that it is not known from where.
    """
    return await _recorded(db, (await db.execute(_WITHIN, {"from_at": from_at, "until_at": until_at})).all())


async def recorded_at(db: Connection, moments: Collection[datetime]) -> list[Recorded]:
    """The orders first planned at these moments of late, in order of time, but those that are left out."""
    found, _ = await _recorded(db, (await db.execute(_AT, {"moments": sorted(moments)})).all())
    return found


async def _recorded(db: Connection, rows: Sequence[Row]) -> tuple[list[Recorded], int]:
    lines: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    at: dict[UUID, datetime] = {}
    for row in rows:
        lines[row.order_id][row.line_id] = row.n
        at[row.order_id] = row.at
    orders = await orders_by_id(db, lines)
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    buyers = await customers_by_id(db, {one.customer_id for one in orders.values() if one.customer_id})
    claims = await past_claims_of(db, orders)
    placed = await _placed(db, orders)
    promised = await promises_of(db, orders)
    made = await made_lines_of(db, orders.values())
    found = []
    for order_id, planned_at in at.items():
        order = orders[order_id]
        buyer = buyers.get(order.customer_id) if order.customer_id else None
        request = msgspec.structs.replace(
            request_for(order, channels[order.channel_id], buyer), lines=_lines(order, lines[order_id], made)
        )
        found.append(
            Recorded(
                request=request,
                number=order.number,
                at=planned_at,
                claims=_held(claims[order_id], lines[order_id], planned_at),
                placed=placed.get(order_id, {}),
                sku_codes={line.id: line.sku_code for line in order.lines},
                net_minor=order.net_minor,
                promised_at=next((one.p90_at for one in promised[order_id] if one.kind is PromiseKind.ORIGINAL), None),
            )
        )
    whole = [one for one in found if _is_known(one, orders[one.request.order_id])]
    return whole, len(found) - len(whole)


def _lines(order: Order, units: Mapping[UUID, int], made: Mapping[UUID, MadeLine]) -> tuple[SourcingLine, ...]:
    return tuple(
        SourcingLine(
            line_id=line.id,
            components=components_of(line),
            quantity=units[line.id],
            unit_value_minor=line.gross_minor // line.quantity,
            unit_net_minor=line.net_minor // line.quantity,
            abilities=abilities_of(line, made),
        )
        for line in order.lines
        if line.id in units
    )


def _held(claims: Sequence[PastClaim], lines: Collection[UUID], at: datetime) -> dict[tuple[UUID, UUID, UUID], int]:
    held: dict[tuple[UUID, UUID, UUID], int] = defaultdict(int)
    for one in claims:
        if one.line_id in lines and (units := one.held_before(at)):
            held[one.line_id, one.sku_id, one.location_id] += units
    return dict(held)


def _is_known(one: Recorded, order: Order) -> bool:
    """Whether it held then all that it was planned with."""
    held: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for (line_id, sku_id, _), units in one.claims.items():
        held[line_id, sku_id] += units
    tracked = {line.id for line in order.lines if line.is_tracked}
    return all(
        held[line.line_id, sku_id] >= per_unit * line.quantity
        for line in one.request.lines
        if line.line_id in tracked
        for sku_id, per_unit in line.components
    )


async def _placed(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, dict[tuple[UUID, UUID], int]]:
    placed: dict[UUID, dict[tuple[UUID, UUID], int]] = defaultdict(lambda: defaultdict(int))
    row: dict[str, Any]
    for row in await rows_with(db, assignment.c.order_id, order_ids):
        if row["attempt"] == FIRST:
            placed[row["order_id"]][row["sku_id"], row["location_id"]] += row["planned"]
    return placed
