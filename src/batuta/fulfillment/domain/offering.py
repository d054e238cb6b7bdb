"""Offering work to a location, and its yes."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.changes import Change, StageMove, nothing, stage_moves, waiting_stage
from batuta.fulfillment.domain.orders import FulfillmentLine, FulfillmentOrder
from batuta.fulfillment.domain.requests import Accept, Offer
from batuta.fulfillment.domain.statuses import FULFILLMENT_MOVES, FulfillmentStatus, Method, Stage
from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.states import move


class BadOffer(Invalid):
    """The lines of an offer do not fit together."""


class OfferLapsed(Refused):
    """The location answered after the offer's time."""


_NOT_ACCEPTED = {
    FulfillmentStatus.PLANNED,
    FulfillmentStatus.OFFERED,
    FulfillmentStatus.REJECTED,
    FulfillmentStatus.CANCELLED,
    FulfillmentStatus.EXPIRED,
}


def planned(offer: Offer) -> FulfillmentOrder:
    """The fulfillment order of an offer, before anybody has been asked."""
    return FulfillmentOrder(
        id=offer.id,
        order_id=offer.order_id,
        order_number=offer.order_number,
        location_id=offer.location_id,
        method=offer.method,
        status=FulfillmentStatus.PLANNED,
        lines=tuple(
            FulfillmentLine(
                line_id=line.line_id,
                sku_id=line.sku_id,
                quantity=line.quantity,
                per_unit=line.per_unit,
                is_tracked=line.is_tracked,
                makes=line.makes,
            )
            for line in offer.lines
        ),
        service_id=offer.service_id,
        ship_to=offer.ship_to,
        locale=offer.locale,
        expires_at=offer.expires_at,
        escalate_at=offer.escalate_at,
    )


def decide_offer(fulfillment: FulfillmentOrder, offer: Offer) -> Change:
    """Ask the location; an id that was offered before stays as it is.

    Raises:
        BadOffer: a SKU of a line comes twice, a bundle's components make different numbers of it, or no address.
    """
    if fulfillment.status is not FulfillmentStatus.PLANNED:
        return nothing(fulfillment, offer.actor)
    _check_lines(offer)
    if offer.method is Method.SHIP and offer.ship_to is None:
        raise BadOffer("a shipment goes to an address", fulfillment_order_id=str(offer.id))
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.OFFERED)
    offered = msgspec.structs.replace(fulfillment, status=status)
    units = offered.live_units()
    return Change(
        before=fulfillment,
        after=offered,
        actor=offer.actor,
        units=units,
        moves=tuple(
            StageMove(
                line_id=one.line_id,
                source=waiting_stage(offered, one.line_id),
                target=Stage.ALLOCATED,
                quantity=one.quantity,
            )
            for one in units
        ),
    )


def _check_lines(offer: Offer) -> None:
    units: dict[UUID, set[int]] = defaultdict(set)
    seen: set[tuple[UUID, UUID]] = set()
    for line in offer.lines:
        if (line.line_id, line.sku_id) in seen:
            raise BadOffer("a SKU serves a line once", line_id=str(line.line_id), sku_id=str(line.sku_id))
        seen.add((line.line_id, line.sku_id))
        if line.quantity % line.per_unit:
            raise BadOffer(
                "a line is served in whole units",
                line_id=str(line.line_id),
                quantity=line.quantity,
                per_unit=line.per_unit,
            )
        units[line.line_id].add(line.quantity // line.per_unit)
    for line_id, numbers in units.items():
        if len(numbers) > 1:
            raise BadOffer("a bundle's components make as many bundles each", line_id=str(line_id))


def is_acceptance(change: Change) -> bool:
    """Whether the location said yes by it."""
    return change.before.status in _NOT_ACCEPTED and change.after.status is FulfillmentStatus.ACCEPTED


def decide_accept(fulfillment: FulfillmentOrder, request: Accept, *, now: datetime) -> Change:
    """Take the work on; from here on it is released to the location.

    Raises:
        OfferLapsed: the offer's time is over, whether or not a sweep has seen it.
        IllegalMove: it was rejected, cancelled or has expired.
    """
    if fulfillment.status not in _NOT_ACCEPTED:
        return nothing(fulfillment, request.actor)
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.ACCEPTED)
    if fulfillment.expires_at is not None and fulfillment.expires_at <= now:
        raise OfferLapsed("the offer has lapsed", expired_at=fulfillment.expires_at.isoformat())
    units = fulfillment.live_units()
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(fulfillment, status=status),
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.ALLOCATED, Stage.RELEASED),
    )
