"""Money for what comes back, or is left with the customer."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.events import Event
from batuta.plumbing.database import Connection, rows_with
from batuta.returns.commands.announcing import about
from batuta.returns.commands.carrying import Step, Task, carry, known, lock
from batuta.returns.domain import Refund, Resolve, Return, ReturnStatus, SoldOrder, decide_refund
from batuta.returns.events import RefundDue, Resolved
from batuta.returns.queries import refunds_by_id
from batuta.returns.tables import refund


class RefundIdUsed(Refused):
    """The id already stands for a refund of another return."""


async def resolve(db: Connection, *, resolutions: Sequence[Resolve], now: datetime) -> list[Refund | BatutaError]:
    """Decide what is given back and tell it as `RefundDue`; no stock is looked at or moved (RET-04, RET-10).

    The same id is answered with the refund it stands for.
    """
    await lock(db, (one.return_id for one in resolutions))
    before = {row["id"]: row["return_id"] for row in await rows_with(db, refund.c.id, {one.id for one in resolutions})}
    tasks = []
    for one in resolutions:
        if one.id in before:
            tasks.append(Task(one.return_id, partial(_refunded_before, one, before[one.id])))
        else:
            before[one.id] = one.return_id
            tasks.append(Task(one.return_id, partial(_resolve, one, now)))
    outcomes = await carry(db, tasks=tasks, now=now)
    refunds = await refunds_by_id(db, list(before))
    # What was refused is refused again further down the same batch, though its id was seen by then.
    refused = {
        (one.id, one.return_id): outcome
        for one, outcome in zip(reversed(resolutions), reversed(outcomes), strict=True)
        if isinstance(outcome, BatutaError)
    }
    return [refused.get((one.id, one.return_id)) or refunds[one.id] for one in resolutions]


def _refunded_before(one: Resolve, return_id: UUID, present: Return | None, _: SoldOrder | None) -> Step | Return:
    if return_id != one.return_id:
        raise RefundIdUsed("this id stands for a refund of another return", refund_id=str(one.id))
    return known(present, one.return_id)


def _resolve(one: Resolve, now: datetime, present: Return | None, order: SoldOrder | None) -> Step | Return:
    before = known(present, one.return_id)
    after, made = decide_refund(before, one, order)
    told: list[Event] = []
    if made.amount_minor:
        told.append(
            RefundDue(
                **about(after, one.actor, now),
                cause_id=made.id,
                order_id=after.order_id,
                customer_id=after.customer_id,
                amount_minor=made.amount_minor,
                currency=made.currency,
                lines=made.lines,
                shipping_minor=made.shipping_minor,
                fee_minor=made.fee_minor,
                reason=made.reason,
            )
        )
    if after.status is ReturnStatus.RESOLVED and before.status is not ReturnStatus.RESOLVED:
        told.append(Resolved(**about(after, one.actor, now)))
    return Step(after=after, actor=one.actor, refund=made, events=tuple(told))
