"""Work orders: the proof that the buyer sees, the work itself, and doing it again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Integer, Text, Uuid, bindparam, update

from batuta.fulfillment.commands.following import about
from batuta.fulfillment.domain import (
    AnswerProof,
    FailWork,
    FinishWork,
    FulfillmentOrder,
    MarkKind,
    SendProof,
    SignStep,
    StartWork,
    UnknownWorkOrder,
    WorkOrder,
    decide_answer,
    decide_failure,
    decide_finish,
    decide_proof,
    decide_sign,
    decide_start_work,
)
from batuta.fulfillment.domain.work_orders import Mark
from batuta.fulfillment.events import ProofApproved, ProofChangesAsked, ProofSent, WorkDone, WorkFailed, WorkStarted
from batuta.fulfillment.queries import fulfillment_orders_by_id, work_orders_by_id
from batuta.fulfillment.tables import work_mark, work_order
from batuta.inventory.commands import scrap
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.ordering.commands.moving import lock_orders
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params, rows_with
from batuta.plumbing.events import publish

Decide = Callable[[WorkOrder, FulfillmentOrder], WorkOrder]
Wish = TypeVar("Wish", SendProof, AnswerProof, SignStep, FinishWork)

_given = arrays("given", id=Uuid(), status=Text(), version=Integer())
_update = (
    update(work_order)
    .where(work_order.c.id == _given.c.id)
    .values(status=_given.c.status, version=_given.c.version, updated_at=bindparam("now", type_=Instant))
)


async def send_proofs(db: Connection, *, proofs: Sequence[SendProof], now: datetime) -> list[WorkOrder | BatutaError]:
    """Show buyers what it will look like; the work waits for their yes."""
    return await _carry(db, [(one.work_order_id, _without(decide_proof, one, now)) for one in proofs], now=now)


async def answer_proofs(
    db: Connection, *, answers: Sequence[AnswerProof], now: datetime
) -> list[WorkOrder | BatutaError]:
    """Buyers say yes to what they were shown, or what shall be otherwise."""
    return await _carry(db, [(one.work_order_id, _without(decide_answer, one, now)) for one in answers], now=now)


async def start_work(db: Connection, *, starts: Sequence[StartWork], now: datetime) -> list[WorkOrder | BatutaError]:
    """Begin to make it of the parts that were picked."""
    tasks = [(one.work_order_id, partial(decide_start_work, wish=one, now=now)) for one in starts]
    return await _carry(db, tasks, now=now)


async def sign_steps(db: Connection, *, signs: Sequence[SignStep], now: datetime) -> list[WorkOrder | BatutaError]:
    """Keep who did which step of the work; a step is signed once."""
    return await _carry(db, [(one.work_order_id, _without(decide_sign, one, now)) for one in signs], now=now)


async def finish_work(
    db: Connection, *, finishes: Sequence[FinishWork], now: datetime
) -> list[WorkOrder | BatutaError]:
    """It is made, and may be packed."""
    return await _carry(db, [(one.work_order_id, _without(decide_finish, one, now)) for one in finishes], now=now)


async def fail_work(db: Connection, *, failures: Sequence[FailWork], now: datetime) -> list[WorkOrder | BatutaError]:
    """It is not good enough: it is made again, and parts that are spoilt are written off and taken anew."""
    works, fulfillments = await lock_work_orders(db, [one.work_order_id for one in failures])
    outcomes: list[WorkOrder | BatutaError] = []
    for one in failures:
        try:
            before = _known(works, one.work_order_id)
            after = decide_failure(before, fulfillments[before.fulfillment_order_id], one, now)
            if after is not before:
                async with db.savepoint():
                    await _write_off(db, one, after, now=now)
                    await _write(db, [(before, after)], fulfillments, now=now)
                works[after.id] = after
            outcomes.append(after)
        except BatutaError as refusal:
            outcomes.append(refusal)
    return outcomes


async def _write_off(db: Connection, wish: FailWork, work: WorkOrder, *, now: datetime) -> None:
    """Raises:
    NotEnoughToReplace: then the parts are reported short instead, and the line is looked for elsewhere.
    """
    lost = [
        Movement(
            key=f"scrap:{wish.id}:{position}",
            sku_id=one.sku_id,
            quantity=one.quantity,
            source=Account.location(work.location_id),
            target=Account.loss(),
            reason=MovementReason.SCRAP,
            document_id=work.id,
            actor=wish.actor,
            effective_at=now,
        )
        for position, one in enumerate(wish.scrapped)
    ]
    for outcome in await scrap(db, scraps=lost, now=now) if lost else ():
        if isinstance(outcome, BatutaError):
            raise outcome


def _without(decide: Callable[[WorkOrder, Wish, datetime], WorkOrder], wish: Wish, now: datetime) -> Decide:
    """A decision that the fulfillment order does not matter to."""
    return lambda work, _: decide(work, wish, now)


async def _carry(
    db: Connection, tasks: Sequence[tuple[UUID, Decide]], *, now: datetime
) -> list[WorkOrder | BatutaError]:
    """Decide each task on what those before it left, and write what was decided."""
    works, fulfillments = await lock_work_orders(db, [id_ for id_, _ in tasks])
    outcomes: list[WorkOrder | BatutaError] = []
    changes = []
    for id_, decide in tasks:
        try:
            before = _known(works, id_)
            after = decide(before, fulfillments[before.fulfillment_order_id])
        except BatutaError as refusal:
            outcomes.append(refusal)
            continue
        if after is not before:
            changes.append((before, after))
            works[id_] = after
        outcomes.append(after)
    await _write(db, changes, fulfillments, now=now)
    return outcomes


async def lock_work_orders(
    db: Connection, ids: Sequence[UUID]
) -> tuple[dict[UUID, WorkOrder], dict[UUID, FulfillmentOrder]]:
    """Lock the orders of work orders, and read these and their fulfillment orders as they are then."""
    headers = await rows_with(db, work_order.c.id, set(ids))
    await lock_orders(db, (header["order_id"] for header in headers))
    works = await work_orders_by_id(db, set(ids))
    return works, await fulfillment_orders_by_id(db, {one.fulfillment_order_id for one in works.values()})


def _known(works: Mapping[UUID, WorkOrder], id_: UUID) -> WorkOrder:
    if id_ not in works:
        raise UnknownWorkOrder("there is no such work order", work_order_id=str(id_))
    return works[id_]


async def _write(
    db: Connection,
    changes: Sequence[tuple[WorkOrder, WorkOrder]],
    fulfillments: Mapping[UUID, FulfillmentOrder],
    *,
    now: datetime,
) -> None:
    if not changes:
        return
    last = {after.id: after for _, after in changes}
    columns = {
        name: [str(getattr(last[id_], name)) if name == "status" else getattr(last[id_], name) for id_ in sorted(last)]
        for name in ("id", "status", "version")
    }
    await db.execute(_update, {"now": now} | params("given", **columns))
    marks = [(after, number) for before, after in changes for number in range(len(before.marks), len(after.marks))]
    await insert_rows(db, work_mark, [_mark_row(work, number) for work, number in marks])
    await publish(
        db,
        [
            _told(work, work.marks[number], fulfillments[work.fulfillment_order_id], now)
            for work, number in marks
            if work.marks[number].kind is not MarkKind.SIGNED
        ],
    )


def _mark_row(work: WorkOrder, number: int) -> dict[str, Any]:
    mark = work.marks[number]
    return {"work_order_id": work.id, "number": number, **msgspec.structs.asdict(mark), "kind": str(mark.kind)}


def _told(work: WorkOrder, mark: Mark, fulfillment: FulfillmentOrder, now: datetime) -> Event:
    said = about(work, fulfillment, mark.actor, now)
    if mark.kind is MarkKind.PROOF_SENT:
        return ProofSent(**said, link=mark.link or "", note=mark.note)
    if mark.kind is MarkKind.FAILED:
        return WorkFailed(**said, reason=mark.note)
    if mark.kind in {MarkKind.STARTED, MarkKind.DONE}:
        return (WorkStarted if mark.kind is MarkKind.STARTED else WorkDone)(**said)
    return (ProofApproved if mark.kind is MarkKind.PROOF_APPROVED else ProofChangesAsked)(**said, note=mark.note)
