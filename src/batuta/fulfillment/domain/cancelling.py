"""Cancelling what locations are working on (ORD-04): at once before they start, and by their answer afterwards."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.changes import Change, nothing
from batuta.fulfillment.domain.leaving import closed_when_settled
from batuta.fulfillment.domain.orders import FulfillmentOrder, LineUnits
from batuta.fulfillment.domain.requests import AnswerCancellation, RequestCancellation
from batuta.fulfillment.domain.statuses import (
    CANCELLATION_MOVES,
    FULFILLMENT_MOVES,
    CancellationStatus,
    FulfillmentStatus,
)
from batuta.fulfillment.domain.withdrawing import stands_at, unpacked, withdraw
from batuta.kernel.errors import NotFound
from batuta.kernel.states import move


class UnknownCancellation(NotFound):
    """No such cancellation was asked of this location."""


class CancellationPart(msgspec.Struct, frozen=True, kw_only=True):
    """What of a cancellation concerns one fulfillment order. reason: of the location's refusal."""

    cancellation_id: UUID
    fulfillment_order_id: UUID
    units: tuple[LineUnits, ...]
    status: CancellationStatus
    reason: str = ""


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """Units nobody wants any more: cancelled, asked of their locations, or too late.

    late: handed over, packed together with what is still wanted, or in no location's work.
    """

    id: UUID
    order_id: UUID
    parts: tuple[CancellationPart, ...]
    late: tuple[LineUnits, ...] = ()
    reason: str = ""


class CancellationDecision(msgspec.Struct, frozen=True, kw_only=True):
    cancellation: Cancellation
    changes: tuple[Change, ...]


class AnswerDecision(msgspec.Struct, frozen=True, kw_only=True):
    part: CancellationPart
    change: Change


_NOT_STARTED = {FulfillmentStatus.OFFERED, FulfillmentStatus.ACCEPTED}
_BY_PROGRESS = {status: rank for rank, status in enumerate(FulfillmentStatus)}


def decide_cancellation(
    fulfillments: Sequence[FulfillmentOrder],
    asked: Mapping[UUID, Sequence[CancellationPart]],
    request: RequestCancellation,
) -> CancellationDecision:
    """Share a wish over the order's fulfillment orders, the least advanced first.

    asked: the parts of other cancellations that their locations have not answered yet.
    What is packed is cancelled package by package whole, or not at all.
    """
    shares, late = _share_out(fulfillments, asked, request)
    parts: list[CancellationPart] = []
    changes: list[Change] = []
    for fulfillment in fulfillments:
        units = shares.get(fulfillment.id)
        if not units:
            continue
        is_untouched = fulfillment.status in _NOT_STARTED
        changes.append(
            _cancel(fulfillment, units, actor=request.actor, reason=request.reason)
            if is_untouched
            else _ask(fulfillment, request)
        )
        parts.append(
            CancellationPart(
                cancellation_id=request.id,
                fulfillment_order_id=fulfillment.id,
                units=tuple(LineUnits(line_id, quantity) for line_id, quantity in units.items()),
                status=CancellationStatus.CANCELLED if is_untouched else CancellationStatus.REQUESTED,
            )
        )
    cancellation = Cancellation(
        id=request.id,
        order_id=request.order_id,
        parts=tuple(parts),
        late=tuple(LineUnits(line_id, quantity) for line_id, quantity in late.items() if quantity),
        reason=request.reason,
    )
    return CancellationDecision(cancellation=cancellation, changes=tuple(changes))


def decide_agreement(
    fulfillment: FulfillmentOrder,
    part: CancellationPart,
    request: AnswerCancellation,
    *,
    has_others: bool,
    now: datetime,
) -> AnswerDecision:
    """The location agrees: what is still here of the units is cancelled.

    has_others: whether other cancellations of the fulfillment order still wait for an answer.

    Raises:
        IllegalMove: it has refused before, or handed the goods over.
    """
    if part.status is CancellationStatus.CANCELLED:
        return AnswerDecision(part=part, change=nothing(fulfillment, request.actor))
    status = move(CANCELLATION_MOVES, part.status, CancellationStatus.CANCELLED)
    free = _free(fulfillment)
    units = {one.line_id: min(one.quantity, free[one.line_id]) for one in part.units}
    units = {line_id: some for line_id, some in units.items() if some}
    change = _cancel(fulfillment, units, actor=request.actor, reason=request.reason, now=now)
    after = change.after
    is_waiting = has_others and bool(after.live_units())
    stands = FulfillmentStatus.CANCEL_REQUESTED if is_waiting else stands_at(after)
    after = msgspec.structs.replace(after, status=move(FULFILLMENT_MOVES, fulfillment.status, stands))
    if stands is FulfillmentStatus.HANDED_OVER:
        after = closed_when_settled(after)
    return AnswerDecision(
        part=msgspec.structs.replace(part, status=status, reason=request.reason, units=change.units),
        change=msgspec.structs.replace(change, after=after),
    )


def decide_refusal(
    fulfillment: FulfillmentOrder, part: CancellationPart, request: AnswerCancellation, *, has_others: bool
) -> AnswerDecision:
    """The location refuses, and goes on with its work.

    Raises:
        IllegalMove: it has agreed before.
    """
    if part.status is CancellationStatus.REFUSED:
        return AnswerDecision(part=part, change=nothing(fulfillment, request.actor))
    status = move(CANCELLATION_MOVES, part.status, CancellationStatus.REFUSED)
    stands = fulfillment.status if has_others else FulfillmentStatus.CANCEL_REFUSED
    after = msgspec.structs.replace(fulfillment, status=move(FULFILLMENT_MOVES, fulfillment.status, stands))
    return AnswerDecision(
        part=msgspec.structs.replace(part, status=status, reason=request.reason),
        change=Change(before=fulfillment, after=after, actor=request.actor, units=part.units),
    )


def _share_out(
    fulfillments: Sequence[FulfillmentOrder],
    asked: Mapping[UUID, Sequence[CancellationPart]],
    request: RequestCancellation,
) -> tuple[dict[UUID, dict[UUID, int]], dict[UUID, int]]:
    """Units to give up by fulfillment order and line, where least is done first; and what of the request is left."""
    free = {one.id: _unasked(one, asked.get(one.id, ())) for one in fulfillments}
    wanted = _wanted(fulfillments, request)
    shares: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for fulfillment in sorted(fulfillments, key=lambda one: (_BY_PROGRESS[one.status], one.id)):
        for line_id, there in free[fulfillment.id].items():
            share = min(wanted.get(line_id, 0), there)
            if share > 0:
                shares[fulfillment.id][line_id] = share
                wanted[line_id] -= share
    for fulfillment in fulfillments:
        if not _can_part(fulfillment, free[fulfillment.id], shares.get(fulfillment.id)):
            for line_id, share in shares.pop(fulfillment.id).items():
                wanted[line_id] += share
    return shares, wanted


def _can_part(fulfillment: FulfillmentOrder, free: Mapping[UUID, int], share: Mapping[UUID, int] | None) -> bool:
    """Whether a share can be given up: of what is packed only all, for no package is opened."""
    is_packed = any(package.is_here for package in fulfillment.packages)
    return not (is_packed and share) or share == {line_id: there for line_id, there in free.items() if there}


def _wanted(fulfillments: Sequence[FulfillmentOrder], request: RequestCancellation) -> dict[UUID, int]:
    wanted: dict[UUID, int] = defaultdict(int)
    if request.lines is not None:
        for line in request.lines:
            wanted[line.line_id] += line.quantity
        return wanted
    for fulfillment in fulfillments:
        settled = fulfillment.units("taken_back")
        for line_id, live in fulfillment.units("live").items():
            wanted[line_id] += live - settled[line_id]
    return wanted


def _unasked(fulfillment: FulfillmentOrder, asked: Sequence[CancellationPart]) -> dict[UUID, int]:
    """Units of each line that are here and wanted, and that nobody has asked to give up yet."""
    free = _free(fulfillment)
    for part in asked:
        for units in part.units:
            free[units.line_id] -= units.quantity
    return free


def _free(fulfillment: FulfillmentOrder) -> dict[UUID, int]:
    """Units of each line that are here and wanted."""
    gone = fulfillment.units("handed_over")
    return {line_id: live - gone[line_id] for line_id, live in fulfillment.units("live").items()}


def _ask(fulfillment: FulfillmentOrder, request: RequestCancellation) -> Change:
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.CANCEL_REQUESTED)
    return Change(before=fulfillment, after=msgspec.structs.replace(fulfillment, status=status), actor=request.actor)


def _cancel(
    fulfillment: FulfillmentOrder,
    units: Mapping[UUID, int],
    *,
    actor: str,
    reason: str,
    now: datetime | None = None,
) -> Change:
    """Take units out; what of them is packed is unpacked."""
    withdrawal = withdraw(fulfillment, units, count="cancelled")
    opened = tuple(package for package in fulfillment.packages if package.is_here)
    is_over = not any(line.live for line in withdrawal.lines)
    after = msgspec.structs.replace(
        fulfillment,
        lines=withdrawal.lines,
        status=move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.CANCELLED)
        if is_over
        else fulfillment.status,
        packages=unpacked(fulfillment, now=now) if now and opened else fulfillment.packages,
    )
    return Change(
        before=fulfillment,
        after=after,
        actor=actor,
        moves=withdrawal.moves,
        units=tuple(LineUnits(line_id, quantity) for line_id, quantity in units.items()),
        unpacked=opened,
        because=reason,
    )
