"""Locations that give units back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, update

from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, Integer, arrays, insert_new, params, rows_with
from batuta.sourcing.commands.capacity import give_back_capacity
from batuta.sourcing.domain import Rejection, Withdrawal
from batuta.sourcing.tables import assignment, rejection

_KEY = ("order_id", "line_id", "sku_id", "location_id", "attempt")
_lock = (
    select(assignment)
    .where(assignment.c.order_id == any_(bindparam("order_ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(*assignment.primary_key.columns)
    .with_for_update(key_share=True)
)
_given = arrays(
    "given",
    order_id=Uuid(),
    line_id=Uuid(),
    sku_id=Uuid(),
    location_id=Uuid(),
    attempt=Integer(),
    quantity=Integer(),
)
_lessen = (
    update(assignment)
    .where(*(assignment.c[column] == _given.c[column] for column in _KEY))
    .values(quantity=_given.c.quantity)
)


async def record_rejection(db: Connection, *, rejections: Sequence[Rejection], now: datetime) -> list[int]:
    """Take units off the plans of locations that will not serve them, and ban them there; answer the units of each.

    The claims stay where they are until the units are planned again. A rejection sent again is worth no units.
    """
    order_ids = {one.order_id for one in rejections}
    rows = (await db.execute(_lock, {"order_ids": sorted(order_ids)})).all()
    standing = [dict(row) for row in rows]
    known = {_cause(row) for row in await rows_with(db, rejection.c.order_id, order_ids)}
    changed: dict[tuple[Any, ...], dict[str, Any]] = {}
    made: list[dict[str, Any]] = []
    given_back = []
    for one in rejections:
        row = _row(one, standing, now)
        units = 0
        if _cause(row) not in known:
            known.add(_cause(row))
            units = _give_back(one, standing, changed)
            made.append(row | {"quantity": units})
        given_back.append(units)

    await insert_new(db, rejection, sorted(made, key=_cause), returning=["order_id"])
    await _write(db, changed)
    return given_back


async def withdraw(db: Connection, *, withdrawals: Sequence[Withdrawal]) -> None:
    """Take cancelled units off the plans of their locations, whose load is less by then; nobody is banned.

    The caller does it once for each cancellation, and releases the claims.
    """
    if not withdrawals:
        return
    order_ids = {one.order_id for one in withdrawals}
    rows = (await db.execute(_lock, {"order_ids": sorted(order_ids)})).all()
    standing = [dict(row) for row in rows]
    changed: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in withdrawals:
        _give_back(one, standing, changed)
    await _write(db, changed)


def _row(one: Rejection, standing: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    attempts = [row["attempt"] for row in standing if _is_there(one, row)]
    cause = one.cause_id or child_id(one.order_id, "rejected", max(attempts, default=0))
    return {
        "order_id": one.order_id,
        "line_id": one.line_id,
        "sku_id": one.sku_id,
        "location_id": one.location_id,
        "cause_id": cause,
        "reason": one.reason,
        "quantity": 0,
        "until_at": one.until_at,
        "is_for_all": one.is_for_all,
        "actor": one.actor,
        "created_at": now,
    }


def _give_back(
    one: Rejection | Withdrawal, standing: Sequence[dict[str, Any]], changed: dict[tuple[Any, ...], dict[str, Any]]
) -> int:
    """Take the units off the assignments there, the latest first."""
    there = sorted((row for row in standing if _is_there(one, row)), key=lambda row: -row["attempt"])
    left = sum(row["quantity"] for row in there) if one.quantity is None else one.quantity
    given_back = 0
    for row in there:
        units = min(left, row["quantity"])
        if units:
            row["quantity"] -= units
            left -= units
            given_back += units
            changed[tuple(row[column] for column in _KEY)] = row
    return given_back


def _is_there(one: Rejection | Withdrawal, row: Mapping[str, Any]) -> bool:
    return (one.order_id, one.line_id, one.sku_id, one.location_id) == tuple(row[column] for column in _KEY[:4])


def _cause(row: Mapping[str, Any]) -> tuple[UUID, ...]:
    return tuple(row[column] for column in (*_KEY[:4], "cause_id"))


async def _write(db: Connection, changed: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> None:
    if not changed:
        return
    columns: dict[str, list[Any]] = defaultdict(list)
    plans: set[tuple[UUID, UUID, int]] = set()
    for row in changed.values():
        for column in (*_KEY, "quantity"):
            columns[column].append(row[column])
        plans.add((row["order_id"], row["location_id"], row["attempt"]))
    await db.execute(_lessen, params("given", **columns))
    await give_back_capacity(db, plans=plans)
