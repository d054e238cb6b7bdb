"""The buckets of the order's lines follow its fulfillment orders."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from batuta.fulfillment.domain import Change, Changes, Stage, StageMove
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.commands import GivenUp, give_up, move_units
from batuta.ordering.domain import Bucket, NotEnoughUnits, UnitMove, UnitsMoved
from batuta.ordering.queries import lines_by_id
from batuta.plumbing.database import Connection


async def move_buckets(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Move the units of the orders' lines; cancelled ones are given up, with their worth and their claims.

    Each change is a cause of its own, so that a later one may move units of the same line between the same buckets.
    """
    moves = [(i, change, one) for i, change in changes for one in change.moves]
    kept = [(i, change, one) for i, change, one in moves if one.target is not Stage.CANCELLED]
    lost = [(i, change, one) for i, change, one in moves if one.target is Stage.CANCELLED]
    outcomes = await move_units(db, moves=[_move(change, one) for _, change, one in kept], now=now)
    refusals: dict[int, BatutaError] = {
        i: outcome for (i, _, _), outcome in zip(kept, outcomes, strict=True) if not isinstance(outcome, UnitsMoved)
    }
    if lost:
        refusals |= await _missing(db, lost)
        await give_up(db, units=[_given_up(change, one) for i, change, one in lost if i not in refusals], now=now)
    return refusals


def _cause(change: Change) -> UUID:
    return child_id(change.after.id, "version", change.after.version)


def _move(change: Change, one: StageMove) -> UnitMove:
    return UnitMove(
        order_id=change.after.order_id,
        line_id=one.line_id,
        source=Bucket(one.source),
        target=Bucket(one.target),
        quantity=one.quantity,
        cause_id=_cause(change),
        actor=change.actor,
    )


def _given_up(change: Change, one: StageMove) -> GivenUp:
    return GivenUp(
        order_id=change.after.order_id,
        line_id=one.line_id,
        source=Bucket(one.source),
        quantity=one.quantity,
        cause_id=_cause(change),
        reason=change.because,
        location_id=change.after.location_id,
        actor=change.actor,
    )


async def _missing(db: Connection, lost: list[tuple[int, Change, StageMove]]) -> dict[int, BatutaError]:
    """`give_up` answers nothing, so the buckets are looked at before it."""
    lines = await lines_by_id(db, [one.line_id for _, _, one in lost])
    left: Counter[tuple[UUID, Stage]] = Counter()
    refusals: dict[int, BatutaError] = {}
    for i, _, one in lost:
        line = lines.get(one.line_id)
        there = line.buckets.of(Bucket(one.source)) if line else 0
        left[one.line_id, one.source] += one.quantity
        if left[one.line_id, one.source] > there:
            refusals[i] = NotEnoughUnits(
                f"only {there} units are {one.source}",
                line_id=str(one.line_id),
                bucket=str(one.source),
                asked=one.quantity,
                left=there,
            )
    return refusals
