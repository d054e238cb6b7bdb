"""Returns that are announced, on their way here, and those that never come."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.plumbing.database import Connection
from batuta.returns.commands.carrying import Step, Task, carry, known
from batuta.returns.domain import (
    Approve,
    ApproveKept,
    CancelReturn,
    MarkSent,
    RequestReturn,
    Return,
    ReturnStatus,
    SendLabel,
    SoldOrder,
    UnknownOrder,
    decide_expiry,
    decide_request,
    decide_status,
)
from batuta.returns.events import (
    Approved,
    LabelSent,
    Requested,
    ReturnCancelled,
    ReturnExpired,
    Sent,
    UnitsOfLine,
)
from batuta.returns.tables import return_

SYSTEM = "system:time"

Tell = Callable[[Return, dict[str, Any]], Event]


async def request(db: Connection, *, requests: Sequence[RequestReturn], now: datetime) -> list[Return | BatutaError]:
    """Announce that delivered units come back; the same id is answered as it stands."""
    tasks = [Task(one.id, partial(_request, one, now), one.order_id) for one in requests]
    return await carry(db, tasks=tasks, now=now)


def _request(one: RequestReturn, now: datetime, present: Return | None, order: SoldOrder | None) -> Step | Return:
    if present:
        return present
    if order is None:
        raise UnknownOrder("there is no such order", order_id=str(one.order_id))
    made = decide_request(one, order)
    lines = tuple(UnitsOfLine(line.id, line.order_line_id, line.sku_id, line.quantity) for line in made.lines)
    told = Requested(**about(made, one.actor, now), lines=lines, expires_at=made.expires_at)
    return Step(after=made, actor=one.actor, events=(told,))


async def approve(db: Connection, *, approvals: Sequence[Approve], now: datetime) -> list[Return | BatutaError]:
    """Agree that the goods may be sent back."""
    tasks = [
        _task(
            one.return_id, ReturnStatus.APPROVED, one.actor, now, tell=lambda _, about: Approved(**about, is_kept=False)
        )
        for one in approvals
    ]
    return await carry(db, tasks=tasks, now=now)


async def approve_kept(
    db: Connection, *, approvals: Sequence[ApproveKept], now: datetime
) -> list[Return | BatutaError]:
    """Agree to give money back and leave the goods with the customer (RET-02)."""

    def keep(after: Return) -> Return:
        return msgspec.structs.replace(after, is_kept=True)

    tasks = [
        _task(
            one.return_id,
            ReturnStatus.APPROVED,
            one.actor,
            now,
            tell=lambda _, about: Approved(**about, is_kept=True),
            change=keep,
        )
        for one in approvals
    ]
    return await carry(db, tasks=tasks, now=now)


async def send_labels(db: Connection, *, labels: Sequence[SendLabel], now: datetime) -> list[Return | BatutaError]:
    """The customers have what they need to send the goods."""
    tasks = [
        _task(
            one.return_id,
            ReturnStatus.LABEL_SENT,
            one.actor,
            now,
            tell=lambda after, about: LabelSent(**about, tracking_number=after.tracking_number or ""),
            change=partial(_with_number, one.tracking_number),
        )
        for one in labels
    ]
    return await carry(db, tasks=tasks, now=now)


def _with_number(tracking_number: str, after: Return) -> Return:
    return msgspec.structs.replace(after, tracking_number=tracking_number)


async def mark_sent(db: Connection, *, sendings: Sequence[MarkSent], now: datetime) -> list[Return | BatutaError]:
    """Carriers have the goods."""
    tasks = [
        _task(one.return_id, ReturnStatus.IN_TRANSIT, one.actor, now, tell=lambda _, about: Sent(**about))
        for one in sendings
    ]
    return await carry(db, tasks=tasks, now=now)


async def cancel(db: Connection, *, cancellations: Sequence[CancelReturn], now: datetime) -> list[Return | BatutaError]:
    """The goods stay where they are; should they arrive nevertheless, they are received."""
    tasks = [
        _task(one.return_id, ReturnStatus.CANCELLED, one.actor, now, tell=lambda _, about: ReturnCancelled(**about))
        for one in cancellations
    ]
    return await carry(db, tasks=tasks, now=now)


async def expire_returns(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: stop waiting for goods that were not sent in time."""
    waiting = [str(one) for one in (ReturnStatus.REQUESTED, ReturnStatus.APPROVED, ReturnStatus.LABEL_SENT)]
    due = await db.scalars(
        select(return_.c.id)
        .where(return_.c.status.in_(waiting), return_.c.expires_at <= now)
        .order_by(return_.c.expires_at, return_.c.id)
        .limit(limit)
    )
    tasks = [Task(id_, partial(_expire, id_, now)) for id_ in due]
    await carry(db, tasks=tasks, now=now)
    return len(tasks)


def _expire(return_id: UUID, now: datetime, present: Return | None, _: SoldOrder | None) -> Step | Return:
    before = known(present, return_id)
    after = decide_expiry(before, now=now)
    if after == before:
        return before
    return Step(after=after, actor=SYSTEM, events=(ReturnExpired(**about(after, SYSTEM, now)),))


def _task(
    return_id: UUID,
    wanted: ReturnStatus,
    actor: str,
    now: datetime,
    *,
    tell: Tell,
    change: Callable[[Return], Return] = lambda after: after,
) -> Task:
    def decide(present: Return | None, _: SoldOrder | None) -> Step | Return:
        before = known(present, return_id)
        moved = decide_status(before, wanted)
        if moved.status == before.status:
            return before
        after = change(moved)
        return Step(after=after, actor=actor, events=(tell(after, about(after, actor, now)),))

    return Task(return_id, decide)


def about(one: Return, actor: str, now: datetime) -> dict[str, Any]:
    """What every fact about a return says."""
    return {"stream": one.stream, "happened_at": now, "actor": actor, "return_id": one.id}
