"""A location's no, and the lack of any answer."""

from datetime import datetime

import msgspec

from batuta.fulfillment.domain.changes import Change, nothing
from batuta.fulfillment.domain.orders import FulfillmentOrder, LineUnits
from batuta.fulfillment.domain.rejections import REJECTION_EFFECTS
from batuta.fulfillment.domain.requests import Reject
from batuta.fulfillment.domain.statuses import FULFILLMENT_MOVES, FulfillmentStatus
from batuta.fulfillment.domain.withdrawing import unpacked, withdraw
from batuta.kernel.rejections import RejectionReason
from batuta.kernel.states import move

SYSTEM = "system:sweep"


def decide_reject(fulfillment: FulfillmentOrder, request: Reject) -> Change:
    """Give units back to be sourced elsewhere; the reason says what else follows (SRC-08).

    A line goes whole when any of its SKUs cannot be served; the others stay, unless the request takes them all. The
    fulfillment order is rejected once nothing is left.

    Raises:
        IllegalMove: the goods are packed or gone, or the location has been asked to cancel and answers that.
    """
    effect = REJECTION_EFFECTS[request.reason]
    sku_ids = None if effect.is_whole or request.sku_ids is None else set(request.sku_ids)
    named = {line.line_id for line in fulfillment.lines if sku_ids is None or line.sku_id in sku_ids}
    live = {one.line_id: one.quantity for one in fulfillment.live_units()}
    units = {line_id: quantity for line_id, quantity in live.items() if line_id in named}
    if request.takes_all and units:
        units = live
    if not units or fulfillment.status is FulfillmentStatus.REJECTED:
        return nothing(fulfillment, request.actor)
    rejected = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.REJECTED)
    withdrawal = withdraw(fulfillment, units, count="short")
    is_over = not any(line.live for line in withdrawal.lines)
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(
            fulfillment,
            lines=withdrawal.lines,
            status=rejected if is_over else fulfillment.status,
            reason=request.reason if is_over else fulfillment.reason,
        ),
        actor=request.actor,
        moves=withdrawal.moves,
        units=tuple(LineUnits(line_id, quantity) for line_id, quantity in units.items()),
        lost=tuple(one for one in withdrawal.goods if sku_ids is None or one.sku_id in sku_ids),
        along=tuple(one for one in withdrawal.goods if sku_ids is not None and one.sku_id not in sku_ids),
        reason=request.reason,
    )


def decide_escalation(fulfillment: FulfillmentOrder, *, now: datetime) -> Change:
    """Say once that an offer waits for an answer for so long that the order's promise is at risk (SRC-09)."""
    is_due = fulfillment.escalate_at is not None and fulfillment.escalate_at <= now
    if fulfillment.status is not FulfillmentStatus.OFFERED or fulfillment.escalated_at is not None or not is_due:
        return nothing(fulfillment, SYSTEM)
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(fulfillment, escalated_at=now),
        actor=SYSTEM,
        units=fulfillment.live_units(),
    )


def decide_expiry(fulfillment: FulfillmentOrder, *, now: datetime) -> Change:
    """End what nobody answered or nobody collected in time; leaves all else alone.

    An offer goes back to be sourced elsewhere (SRC-09). A pickup's goods go back to the shelf, and its units are
    cancelled (FUL-11).
    """
    is_due = {
        FulfillmentStatus.OFFERED: fulfillment.expires_at,
        FulfillmentStatus.READY: fulfillment.collect_until_at,
    }.get(fulfillment.status)
    if is_due is None or is_due > now:
        return nothing(fulfillment, SYSTEM)
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.EXPIRED)
    is_offer = fulfillment.status is FulfillmentStatus.OFFERED
    units = fulfillment.live_units()
    withdrawal = withdraw(
        fulfillment,
        {one.line_id: one.quantity for one in units},
        count="short" if is_offer else "cancelled",
    )
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(
            fulfillment, lines=withdrawal.lines, status=status, packages=unpacked(fulfillment, now=now)
        ),
        actor=SYSTEM,
        moves=withdrawal.moves,
        units=units,
        lost=withdrawal.goods if is_offer else (),
        unpacked=tuple(package for package in fulfillment.packages if package.is_here),
        reason=RejectionReason.NO_ANSWER if is_offer else None,
        because="nobody answered in time" if is_offer else "nobody collected in time",
    )
