"""Goods that arrive, announced or not, and what state they are in."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku, Tracking
from batuta.catalog.queries import skus_by_id
from batuta.inventory.domain import Account, Condition, Movement, MovementReason
from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.locations.tables import location
from batuta.ordering.commands import UnitReturn
from batuta.plumbing.database import Connection, rows_with
from batuta.returns.commands.announcing import about
from batuta.returns.commands.carrying import Step, Task, carry, known, lock
from batuta.returns.commands.pieces import (
    Lots,
    lots_that_came,
    lots_unannounced,
    pieces_that_came,
    pieces_unannounced,
)
from batuta.returns.domain import (
    GRADED_TO,
    Arrival,
    BlindReceipt,
    BlindUnits,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    Return,
    ReturnLine,
    ReturnStatus,
    SoldOrder,
    Whereabouts,
    decide_blind,
    decide_grade,
    decide_receipt,
)
from batuta.returns.events import GradedUnits, Received, Resolved, UnitsOfLine
from batuta.returns.queries import returns_by_id, sold_orders
from batuta.returns.tables import receipt


class UnknownSku(NotFound):
    """No SKU has this id; what nobody can name is received without one, and described."""


class UnknownLocation(NotFound):
    """No location has this id."""


class Dock:
    """What is known at the dock: SKUs, and whether stock is kept of them; locations; receipts written before."""

    def __init__(self, skus: Collection[Sku], location_ids: set[UUID], receipt_ids: set[UUID]) -> None:
        self.tracked = {sku.id: sku.is_tracked for sku in skus}
        self.with_serials = {sku.id for sku in skus if sku.tracking is Tracking.SERIAL}
        self.location_ids = location_ids
        self.receipt_ids = receipt_ids

    def check(self, location_id: UUID, lines: Sequence[ReceivedUnits] | Sequence[BlindUnits]) -> None:
        """Raises:
        UnknownLocation. UnknownSku.
        """
        if location_id not in self.location_ids:
            raise UnknownLocation("no location has this id", location_id=str(location_id))
        for line in lines:
            if line.sku_id and line.sku_id not in self.tracked:
                raise UnknownSku("no SKU has this id", sku_id=str(line.sku_id))


async def receive(db: Connection, *, receipts: Sequence[Receipt], now: datetime) -> list[Return | BatutaError]:
    """Count goods that arrived into quarantine, whatever was announced (RET-05); the same receipt id counts once."""
    await lock(db, (one.return_id for one in receipts))
    announced = await returns_by_id(db, {one.return_id for one in receipts})
    lines = [line for one in announced.values() for line in one.lines]
    dock = await _dock(db, receipts, known={part.sku_id for line in lines for part in line.components})
    tasks = []
    for one in receipts:
        if one.id in dock.receipt_ids:
            tasks.append(Task(one.return_id, partial(_received_before, one)))
        else:
            dock.receipt_ids.add(one.id)
            tasks.append(Task(one.return_id, partial(_receive, one, dock, now)))
    outcomes = await carry(db, tasks=tasks, now=now)
    # What was refused is refused again further down the same batch, though its id was seen by then.
    refused = {
        (one.id, one.return_id): outcome
        for one, outcome in zip(reversed(receipts), reversed(outcomes), strict=True)
        if isinstance(outcome, BatutaError)
    }
    return [refused.get((one.id, one.return_id), outcome) for one, outcome in zip(receipts, outcomes, strict=True)]


async def receive_blind(
    db: Connection, *, receipts: Sequence[BlindReceipt], now: datetime
) -> list[Return | BatutaError]:
    """Receive goods that nobody announced, against an order, a customer or nothing; never refused (RET-06)."""
    orders = await sold_orders(db, {one.order_id for one in receipts if one.order_id})
    lines = [line for order in orders.values() for line in order.lines.values()]
    dock = await _dock(db, receipts, known={part.sku_id for line in lines for part in line.components})
    tasks = [Task(one.id, partial(_receive_blind, one, dock, now), one.order_id) for one in receipts]
    return await carry(db, tasks=tasks, now=now)


async def grade(db: Connection, *, gradings: Sequence[GradeUnits], now: datetime) -> list[Return | BatutaError]:
    """Say in what state units came back; they go where that state lies (RET-05)."""
    tasks = [Task(one.return_id, partial(_grade, one, now)) for one in gradings]
    return await carry(db, tasks=tasks, now=now)


async def _dock(
    db: Connection, receipts: Sequence[Receipt] | Sequence[BlindReceipt], *, known: Collection[UUID] = ()
) -> Dock:
    named = {line.sku_id for one in receipts for line in one.lines if line.sku_id}
    skus = await skus_by_id(db, named.union(known))
    places = await rows_with(db, location.c.id, {one.location_id for one in receipts})
    before = await rows_with(db, receipt.c.id, {one.id for one in receipts})
    return Dock(
        skus.values(),
        {row["id"] for row in places},
        {row["id"] for row in before},
    )


def _receive(one: Receipt, dock: Dock, now: datetime, present: Return | None, order: SoldOrder | None) -> Step | Return:
    before = known(present, one.return_id)
    dock.check(one.location_id, one.lines)
    arrival = decide_receipt(before, one, order, dock.tracked)
    pieces = pieces_that_came(one, before, arrival.after, dock.with_serials)
    step = _arrive(one, arrival, now, lots_that_came(one, arrival.after), is_blind=False)
    return msgspec.structs.replace(step, comebacks=tuple(pieces))


def _received_before(one: Receipt, present: Return | None, _: SoldOrder | None) -> Step | Return:
    return known(present, one.return_id)


def _receive_blind(
    one: BlindReceipt, dock: Dock, now: datetime, present: Return | None, order: SoldOrder | None
) -> Step | Return:
    if present:
        return present
    dock.check(one.location_id, one.lines)
    arrival = decide_blind(one, order, dock.tracked)
    step = _arrive(one, arrival, now, lots_unannounced(one), is_blind=True)
    pieces = pieces_unannounced(one, arrival.after, dock.with_serials)
    return msgspec.structs.replace(step, comebacks=tuple(pieces))


def _arrive(one: Receipt | BlindReceipt, arrival: Arrival, now: datetime, lots: Lots, *, is_blind: bool) -> Step:
    after = arrival.after
    arrived = [(line, arrival.arrived[line.id]) for line in after.lines if line.id in arrival.arrived]
    told = Received(
        **about(after, one.actor, now),
        location_id=one.location_id,
        lines=tuple(UnitsOfLine(line.id, line.order_line_id, line.sku_id, units) for line, units in arrived),
        is_blind=is_blind,
    )
    return Step(
        after=after,
        actor=one.actor,
        movements=tuple(
            move
            for line, units in arrived
            for lot, part in _joined(lots.get(line.id, [("", units)]))
            for move in _into_quarantine(one, after, line, (lot, part), now)
        ),
        counts=_counts(one, arrival),
        receipt=_receipt_row(one, arrival, now),
        events=(told,),
    )


def _counts(one: Receipt | BlindReceipt, arrival: Arrival) -> tuple[UnitReturn, ...]:
    order_id = arrival.after.order_id
    return tuple(
        UnitReturn(
            order_id=order_id,
            line_id=line.order_line_id,
            quantity=arrival.counted[line.id],
            cause_id=child_id(one.id, line.id),
        )
        for line in arrival.after.lines
        if order_id and line.order_line_id and line.id in arrival.counted
    )


def _receipt_row(one: Receipt | BlindReceipt, arrival: Arrival, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "return_id": arrival.after.id,
        "location_id": one.location_id,
        "lines": [{"line_id": line_id, "quantity": units} for line_id, units in arrival.arrived.items()],
        "actor": one.actor,
        "received_at": now,
    }


def _joined(lots: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Units by lot, each lot once."""
    joined: Counter[str] = Counter()
    for lot, units in lots:
        joined[lot] += units
    return list(joined.items())


def _into_quarantine(
    one: Receipt | BlindReceipt, after: Return, line: ReturnLine, of_lot: tuple[str, int], now: datetime
) -> list[Movement]:
    lot, units = of_lot
    return [
        Movement(
            key=f"return:{one.id}:{line.id}:{part.sku_id}" + (f":{lot}" if lot else ""),
            sku_id=part.sku_id,
            quantity=units * part.quantity,
            source=Account.customer(),
            target=Account.location(one.location_id, Condition.QUARANTINE),
            lot=lot,
            reason=MovementReason.RETURN_RECEIVE,
            document_id=after.id,
            actor=one.actor,
            effective_at=now,
        )
        for part in line.components
        if line.is_tracked
    ]


def _grade(one: GradeUnits, now: datetime, present: Return | None, _: SoldOrder | None) -> Step | Return:
    before = known(present, one.return_id)
    after = decide_grade(before, one)
    if after == before:
        return before
    (line,) = (line for line in after.lines if line.id == one.line_id)
    told: list[Event] = [
        GradedUnits(
            **about(after, one.actor, now),
            line_id=one.line_id,
            grade=one.grade,
            quantity=one.quantity,
            is_whole=after.status in {ReturnStatus.GRADED, ReturnStatus.RESOLVED},
        )
    ]
    if after.status is ReturnStatus.RESOLVED:
        told.append(Resolved(**about(after, one.actor, now)))
    return Step(
        after=after,
        actor=one.actor,
        movements=tuple(_out_of_quarantine(one, after, line, now)),
        grading=line.gradings[-1],
        events=tuple(told),
    )


def _out_of_quarantine(one: GradeUnits, after: Return, line: ReturnLine, now: datetime) -> list[Movement]:
    """To where the grade's units lie; none for those that stay in quarantine."""
    lies = GRADED_TO[one.grade]
    at = one.location_id or after.location_id
    assert at is not None, "what was received was received somewhere"
    if lies is Whereabouts.QUARANTINE or not line.is_tracked:
        return []
    is_scrap = lies is Whereabouts.SCRAPPED
    return [
        Movement(
            key=f"grade:{one.id}:{part.sku_id}",
            sku_id=part.sku_id,
            quantity=one.quantity * part.quantity,
            source=Account.location(at, Condition.QUARANTINE),
            target=Account.loss() if is_scrap else Account.location(at, Condition(lies)),
            lot=one.lot,
            reason=MovementReason.SCRAP if is_scrap else MovementReason.QUARANTINE_OUT,
            document_id=after.id,
            actor=one.actor,
            effective_at=now,
        )
        for part in line.components
    ]
