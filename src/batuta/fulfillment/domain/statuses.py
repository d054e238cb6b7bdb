"""The statuses of a fulfillment order and of a cancellation, and where each leads."""

from enum import StrEnum


class Method(StrEnum):
    SHIP = "ship"
    PICKUP = "pickup"


class FulfillmentStatus(StrEnum):
    PLANNED = "planned"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    READY = "ready"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"
    REJECTED = "rejected"
    SHORT = "short"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    EXPIRED = "expired"


_IS = FulfillmentStatus

FULFILLMENT_MOVES: dict[FulfillmentStatus, set[FulfillmentStatus]] = {
    _IS.PLANNED: {_IS.OFFERED, _IS.CANCELLED},
    _IS.OFFERED: {_IS.ACCEPTED, _IS.REJECTED, _IS.CANCELLED, _IS.EXPIRED},
    _IS.ACCEPTED: {_IS.PICKING, _IS.PICKED, _IS.REJECTED, _IS.SHORT, _IS.CANCELLED},
    _IS.PICKING: {_IS.PICKED, _IS.REJECTED, _IS.SHORT, _IS.CANCEL_REQUESTED},
    _IS.PICKED: {_IS.PACKED, _IS.REJECTED, _IS.SHORT, _IS.CANCEL_REQUESTED},
    _IS.PACKED: {_IS.READY, _IS.HANDED_OVER, _IS.CANCEL_REQUESTED},
    _IS.READY: {_IS.HANDED_OVER, _IS.CANCEL_REQUESTED, _IS.EXPIRED},
    _IS.CANCEL_REQUESTED: {
        _IS.CANCELLED,
        _IS.CANCEL_REFUSED,
        _IS.PICKING,
        _IS.PICKED,
        _IS.PACKED,
        _IS.READY,
        _IS.HANDED_OVER,
    },
    _IS.CANCEL_REFUSED: {
        _IS.PICKING,
        _IS.PICKED,
        _IS.PACKED,
        _IS.READY,
        _IS.HANDED_OVER,
        _IS.SHORT,
        _IS.CANCEL_REQUESTED,
        _IS.EXPIRED,
    },
    _IS.HANDED_OVER: {_IS.CLOSED},
    _IS.CLOSED: set(),
    _IS.REJECTED: set(),
    _IS.SHORT: set(),
    _IS.CANCELLED: set(),
    _IS.EXPIRED: set(),
}
"""A refused cancellation is no place of its own on the way: the work goes on from wherever the units are."""

OVER = {_IS.CLOSED, _IS.REJECTED, _IS.SHORT, _IS.CANCELLED, _IS.EXPIRED}
"""Nothing more will happen."""


class CancellationStatus(StrEnum):
    REQUESTED = "requested"
    CANCELLED = "cancelled"
    REFUSED = "refused"


CANCELLATION_MOVES: dict[CancellationStatus, set[CancellationStatus]] = {
    CancellationStatus.REQUESTED: {CancellationStatus.CANCELLED, CancellationStatus.REFUSED},
    CancellationStatus.CANCELLED: set(),
    CancellationStatus.REFUSED: set(),
}


class Stage(StrEnum):
    """Where units of an order line stand, in the words of the order's buckets (ORD-01)."""

    OPEN = "open"
    RESERVED = "reserved"
    ALLOCATED = "allocated"
    RELEASED = "released"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
