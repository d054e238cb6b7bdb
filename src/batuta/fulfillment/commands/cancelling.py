"""Cancellations asked of locations, and their answers (ORD-04)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, update

from batuta.fulfillment.commands.carrying import Refusals, carry_out, lock_fulfillments, next_version, silent
from batuta.fulfillment.domain import (
    AnswerCancellation,
    AnswerDecision,
    Cancellation,
    CancellationDecision,
    CancellationPart,
    CancellationStatus,
    FulfillmentOrder,
    FulfillmentStatus,
    RequestCancellation,
    UnknownCancellation,
    decide_agreement,
    decide_cancellation,
    decide_refusal,
)
from batuta.fulfillment.events import CancellationRequested, Cancelled, CancelRefused, CancelTooLate
from batuta.fulfillment.queries import cancellations_by_id, fulfillment_orders_of, open_parts
from batuta.fulfillment.tables import cancellation, cancellation_part
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.ordering.commands import UnknownOrder
from batuta.ordering.commands.moving import lock_orders
from batuta.plumbing.database import Connection, arrays, insert_rows, params
from batuta.plumbing.events import publish

HANDED_OVER = "the goods were handed over"


async def request_cancellations(
    db: Connection, *, requests: Sequence[RequestCancellation], now: datetime
) -> list[Cancellation | BatutaError]:
    """Cancel what locations have not begun, ask those that have, and say what is too late.

    The same id is answered as it stands now.
    """
    statuses = await lock_orders(db, (one.order_id for one in requests))
    known = await cancellations_by_id(db, [one.id for one in requests])
    found = await fulfillment_orders_of(db, {one.order_id for one in requests})
    asked = await open_parts(db, [one.id for those in found.values() for one in those])
    refused: Refusals = {
        i: UnknownOrder("there is no such order", order_id=str(one.order_id))
        for i, one in enumerate(requests)
        if one.order_id not in statuses
    }
    while True:
        decided = _decide(requests, known, found, asked, refused)
        new = [(i, requests[i], one) for i, one in decided.items() if isinstance(one, CancellationDecision)]
        changes = [(i, change) for i, _, one in new for change in one.changes]
        blocked = await carry_out(db, changes, tells=[silent] * len(changes), now=now)
        if not blocked:
            break
        refused |= blocked
    await _store(db, [(request, one.cancellation) for _, request, one in new], now=now)
    events = [event for _, request, one in new for event in _tell(request, one, found, now)]
    await publish(db, events)
    outcomes = [decided[i] for i in range(len(requests))]
    return [one.cancellation if isinstance(one, CancellationDecision) else one for one in outcomes]


def _decide(
    requests: Sequence[RequestCancellation],
    known: dict[UUID, Cancellation],
    found: dict[UUID, list[FulfillmentOrder]],
    asked: dict[UUID, list[CancellationPart]],
    refused: Refusals,
) -> dict[int, CancellationDecision | Cancellation | BatutaError]:
    """Decide in order, each on what those before it left."""
    present = {order_id: {one.id: one for one in those} for order_id, those in found.items()}
    waiting = {id_: list(parts) for id_, parts in asked.items()}
    done = dict(known)
    decided: dict[int, CancellationDecision | Cancellation | BatutaError] = {}
    for i, request in enumerate(requests):
        if i in refused:
            decided[i] = refused[i]
            continue
        if request.id in done:
            decided[i] = done[request.id]
            continue
        here = present[request.order_id]
        decision = decide_cancellation(list(here.values()), waiting, request)
        changes = tuple(next_version(change) for change in decision.changes if not change.is_nothing)
        for change in changes:
            here[change.after.id] = change.after
        for part in decision.cancellation.parts:
            if part.status is CancellationStatus.REQUESTED:
                waiting.setdefault(part.fulfillment_order_id, []).append(part)
        done[request.id] = decision.cancellation
        decided[i] = msgspec.structs.replace(decision, changes=changes)
    return decided


async def agree_to_cancel(
    db: Connection, *, answers: Sequence[AnswerCancellation], now: datetime
) -> list[CancellationPart | BatutaError]:
    """The locations stop: what is still here of the units is cancelled, and what was packed is unpacked."""

    def decide(
        fulfillment: FulfillmentOrder, part: CancellationPart, answer: AnswerCancellation, *, has_others: bool
    ) -> AnswerDecision:
        return decide_agreement(fulfillment, part, answer, has_others=has_others, now=now)

    return await _answer(db, answers, decide, now=now)


async def refuse_to_cancel(
    db: Connection, *, answers: Sequence[AnswerCancellation], now: datetime
) -> list[CancellationPart | BatutaError]:
    """The locations go on with their work."""
    return await _answer(db, answers, decide_refusal, now=now)


async def refuse_open(db: Connection, fulfillments: Sequence[FulfillmentOrder], *, now: datetime) -> None:
    """What was handed over is not cancelled any more: answer the open cancellations so."""
    gone = {one.id: one for one in fulfillments if one.status is FulfillmentStatus.HANDED_OVER}
    if not gone:
        return
    parts = [part for those in (await open_parts(db, list(gone))).values() for part in those]
    refused = [msgspec.structs.replace(part, status=CancellationStatus.REFUSED, reason=HANDED_OVER) for part in parts]
    await _write_answers(db, [(part, "system:fulfillment") for part in refused], now=now)
    await publish(db, [_answered(part, gone[part.fulfillment_order_id], "system:fulfillment", now) for part in refused])


async def _answer(
    db: Connection,
    answers: Sequence[AnswerCancellation],
    decide: Callable[..., AnswerDecision],
    *,
    now: datetime,
) -> list[CancellationPart | BatutaError]:
    found = await lock_fulfillments(db, (one.fulfillment_order_id for one in answers))
    whole = await cancellations_by_id(db, [one.cancellation_id for one in answers])
    parts = {(part.cancellation_id, part.fulfillment_order_id): part for one in whole.values() for part in one.parts}
    open_ = {
        id_: {part.cancellation_id for part in those} for id_, those in (await open_parts(db, list(found))).items()
    }
    refused: Refusals = {}
    while True:
        outcomes, decisions = _decide_answers(answers, decide, dict(found), dict(parts), open_=open_, refused=refused)
        changes = [(i, one.change) for i, one in decisions.items() if not one.change.is_nothing]
        blocked = await carry_out(db, changes, tells=[silent] * len(changes), now=now)
        if not blocked:
            break
        refused |= blocked
    await _write_answers(db, [(one.part, answers[i].actor) for i, one in decisions.items()], now=now)
    await publish(db, [_answered(one.part, one.change.after, answers[i].actor, now) for i, one in decisions.items()])
    return outcomes


def _decide_answers(
    answers: Sequence[AnswerCancellation],
    decide: Callable[..., AnswerDecision],
    present: dict[UUID, FulfillmentOrder],
    parts: dict[tuple[UUID, UUID], CancellationPart],
    *,
    open_: dict[UUID, set[UUID]],
    refused: Refusals,
) -> tuple[list[CancellationPart | BatutaError], dict[int, AnswerDecision]]:
    waiting = {id_: set(those) for id_, those in open_.items()}
    outcomes: list[CancellationPart | BatutaError] = []
    decisions: dict[int, AnswerDecision] = {}
    for i, answer in enumerate(answers):
        key = (answer.cancellation_id, answer.fulfillment_order_id)
        part = parts.get(key)
        if i in refused or part is None:
            outcomes.append(refused.get(i) or _unknown(answer))
            continue
        others = waiting.get(part.fulfillment_order_id, set()) - {part.cancellation_id}
        try:
            decision = decide(present[part.fulfillment_order_id], part, answer, has_others=bool(others))
        except BatutaError as refusal:
            outcomes.append(refusal)
            continue
        if decision.part != part:
            if not decision.change.is_nothing:
                decision = msgspec.structs.replace(decision, change=next_version(decision.change))
            decisions[i] = decision
            present[part.fulfillment_order_id] = decision.change.after
            parts[key] = decision.part
            waiting[part.fulfillment_order_id] = others
        outcomes.append(decision.part)
    return outcomes, decisions


def _unknown(answer: AnswerCancellation) -> UnknownCancellation:
    return UnknownCancellation(
        "no such cancellation was asked of this location",
        cancellation_id=str(answer.cancellation_id),
        fulfillment_order_id=str(answer.fulfillment_order_id),
    )


async def _store(db: Connection, made: Sequence[tuple[RequestCancellation, Cancellation]], *, now: datetime) -> None:
    rows = sorted(made, key=lambda pair: pair[1].id)
    await insert_rows(
        db,
        cancellation,
        (
            {
                "id": one.id,
                "order_id": one.order_id,
                "late": list(one.late),
                "reason": one.reason,
                "actor": request.actor,
                "requested_at": now,
            }
            for request, one in rows
        ),
    )
    await insert_rows(
        db, cancellation_part, (_part_row(part, request.actor, now) for request, one in rows for part in one.parts)
    )


def _part_row(part: CancellationPart, actor: str, now: datetime) -> dict[str, Any]:
    is_answered = part.status is not CancellationStatus.REQUESTED
    return {
        "cancellation_id": part.cancellation_id,
        "fulfillment_order_id": part.fulfillment_order_id,
        "units": list(part.units),
        "status": str(part.status),
        "reason": part.reason,
        "answered_at": now if is_answered else None,
        "answered_by": actor if is_answered else None,
    }


_given = arrays(
    "given",
    cancellation_id=Uuid(),
    fulfillment_order_id=Uuid(),
    units=cancellation_part.c.units.type,
    status=Text(),
    reason=Text(),
    answered_by=Text(),
)
_update_parts = (
    update(cancellation_part)
    .values({cancellation_part.c[name]: _given.c[name] for name in ("units", "status", "reason", "answered_by")})
    .where(
        cancellation_part.c.cancellation_id == _given.c.cancellation_id,
        cancellation_part.c.fulfillment_order_id == _given.c.fulfillment_order_id,
    )
)


async def _write_answers(db: Connection, answered: Sequence[tuple[CancellationPart, str]], *, now: datetime) -> None:
    if answered:
        await db.execute(
            _update_parts.values(answered_at=now),
            params(
                "given",
                cancellation_id=[part.cancellation_id for part, _ in answered],
                fulfillment_order_id=[part.fulfillment_order_id for part, _ in answered],
                units=[list(part.units) for part, _ in answered],
                status=[str(part.status) for part, _ in answered],
                reason=[part.reason for part, _ in answered],
                answered_by=[actor for _, actor in answered],
            ),
        )


def _tell(
    request: RequestCancellation,
    decision: CancellationDecision,
    found: dict[UUID, list[FulfillmentOrder]],
    now: datetime,
) -> list[Event]:
    by_id = {one.id: one for one in found[request.order_id]}
    told: list[Event] = []
    for part in decision.cancellation.parts:
        is_done = part.status is CancellationStatus.CANCELLED
        kind = Cancelled if is_done else CancellationRequested
        told.append(kind(**_about(part, by_id[part.fulfillment_order_id], request.actor, request.reason, now)))
    if decision.cancellation.late:
        told.append(
            CancelTooLate(
                stream=request.order_id,
                happened_at=now,
                actor=request.actor,
                cancellation_id=request.id,
                lines=decision.cancellation.late,
            )
        )
    return told


def _answered(part: CancellationPart, fulfillment: FulfillmentOrder, actor: str, now: datetime) -> Event:
    kind = Cancelled if part.status is CancellationStatus.CANCELLED else CancelRefused
    return kind(**_about(part, fulfillment, actor, part.reason, now))


def _about(
    part: CancellationPart, fulfillment: FulfillmentOrder, actor: str, reason: str, now: datetime
) -> dict[str, Any]:
    return {
        "stream": fulfillment.order_id,
        "happened_at": now,
        "actor": actor,
        "fulfillment_order_id": fulfillment.id,
        "location_id": fulfillment.location_id,
        "method": fulfillment.method,
        "cancellation_id": part.cancellation_id,
        "lines": part.units,
        "reason": reason,
    }
