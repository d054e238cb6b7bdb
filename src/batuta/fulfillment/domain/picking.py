"""Picking, and finding too little."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.changes import Change, gained, nothing, stage_moves
from batuta.fulfillment.domain.orders import FulfillmentOrder, LineUnits, SkuUnits, counted
from batuta.fulfillment.domain.requests import Pick, ReportShort, StartPicking
from batuta.fulfillment.domain.statuses import FULFILLMENT_MOVES, FulfillmentStatus, Stage
from batuta.fulfillment.domain.withdrawing import stands_at, withdraw
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.states import move


class CancellationOpen(Refused):
    """The location has been asked to cancel, and answers that before it goes on."""


class UnknownLine(NotFound):
    """The fulfillment order does not serve this line."""


class MoreThanOpen(Refused):
    """More units were counted than are still to be picked from here."""


_STARTED = {
    FulfillmentStatus.PICKING,
    FulfillmentStatus.PICKED,
    FulfillmentStatus.PACKED,
    FulfillmentStatus.READY,
    FulfillmentStatus.HANDED_OVER,
    FulfillmentStatus.CLOSED,
    FulfillmentStatus.SHORT,
    FulfillmentStatus.CANCEL_REFUSED,
}


def decide_start(fulfillment: FulfillmentOrder, request: StartPicking) -> Change:
    """Somebody walks to the shelf; from here on a cancellation must be asked for."""
    if fulfillment.status in _STARTED:
        return nothing(fulfillment, request.actor)
    refuse_while_cancelling(fulfillment)
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.PICKING)
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(fulfillment, status=status),
        actor=request.actor,
        units=fulfillment.live_units(),
    )


def decide_pick(fulfillment: FulfillmentOrder, request: Pick) -> Change:
    """Count what has been picked by now; a count that comes late and is lower than one before says nothing.

    Raises:
        MoreThanOpen: more than is live. UnknownLine. CancellationOpen. IllegalMove: not accepted, or over.
    """
    live, picked = fulfillment.units("live"), fulfillment.units("picked")
    told = live if request.lines is None else _known({one.line_id: one.quantity for one in request.lines}, live)
    totals = {line_id: total for line_id, total in told.items() if total > picked[line_id]}
    if not totals and (any(picked.values()) or fulfillment.status in _STARTED):
        return nothing(fulfillment, request.actor)
    refuse_while_cancelling(fulfillment)
    if any(total > live[line_id] for line_id, total in totals.items()):
        raise MoreThanOpen(
            "more was picked than is wanted", live={str(one.line_id): one.quantity for one in fulfillment.live_units()}
        )
    counts = msgspec.structs.replace(fulfillment, lines=counted(fulfillment.lines, "picked", totals))
    after = msgspec.structs.replace(counts, status=move(FULFILLMENT_MOVES, fulfillment.status, stands_at(counts)))
    units = gained(fulfillment, after, "picked")
    return Change(
        before=fulfillment,
        after=after,
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.RELEASED, Stage.PICKED),
    )


def decide_short(fulfillment: FulfillmentOrder, request: ReportShort) -> Change:
    """Give units back that were looked for and are not there (FUL-03); the rest goes on.

    Raises:
        MoreThanOpen: more than is still to be picked. UnknownLine. CancellationOpen. IllegalMove.
    """
    live, picked, short = (fulfillment.units(count) for count in ("live", "picked", "short"))
    totals = _known({one.line_id: one.quantity for one in request.lines}, live)
    units = {line_id: total - short[line_id] for line_id, total in totals.items() if total > short[line_id]}
    if not units:
        return nothing(fulfillment, request.actor)
    refuse_while_cancelling(fulfillment)
    if any(quantity > live[line_id] - picked[line_id] for line_id, quantity in units.items()):
        raise MoreThanOpen(
            "more is reported short than is still to be picked",
            open={str(line_id): live[line_id] - picked[line_id] for line_id in units},
        )
    missing = units
    if request.takes_all:
        units = {line_id: live[line_id] - picked[line_id] for line_id in live if live[line_id] > picked[line_id]}
    withdrawal = withdraw(fulfillment, units, count="short")
    counts = msgspec.structs.replace(fulfillment, lines=withdrawal.lines)
    status = stands_at(counts) if counts.live_units() else FulfillmentStatus.SHORT
    lost, along = _told_apart(withdrawal.goods, units, missing, {one.line_id: one.sku_id for one in request.lines})
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(counts, status=move(FULFILLMENT_MOVES, fulfillment.status, status)),
        actor=request.actor,
        moves=withdrawal.moves,
        units=tuple(LineUnits(line_id, quantity) for line_id, quantity in units.items()),
        lost=lost,
        along=along,
        reason=request.reason,
    )


def _told_apart(
    goods: Sequence[SkuUnits], taken: Mapping[UUID, int], missing: Mapping[UUID, int], named: Mapping[UUID, UUID | None]
) -> tuple[tuple[SkuUnits, ...], tuple[SkuUnits, ...]]:
    """Of what was taken out, what is missing and what goes along with it: of a bundle, its other components too."""
    lost, along = [], []
    for one in goods:
        is_named = named.get(one.line_id) in {None, one.sku_id}
        gone = one.quantity // taken[one.line_id] * missing.get(one.line_id, 0) if is_named else 0
        if gone:
            lost.append(SkuUnits(one.line_id, one.sku_id, gone))
        if one.quantity > gone:
            along.append(SkuUnits(one.line_id, one.sku_id, one.quantity - gone))
    return tuple(lost), tuple(along)


def refuse_while_cancelling(fulfillment: FulfillmentOrder) -> None:
    if fulfillment.status is FulfillmentStatus.CANCEL_REQUESTED:
        raise CancellationOpen("the location answers the cancellation first", fulfillment_order_id=str(fulfillment.id))


def _known(totals: Mapping[UUID, int], live: Mapping[UUID, int]) -> dict[UUID, int]:
    for line_id in totals:
        if line_id not in live:
            raise UnknownLine("the fulfillment order does not serve this line", line_id=str(line_id))
    return dict(totals)
