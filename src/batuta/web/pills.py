"""Statuses as a word and a colour."""

import msgspec

from batuta.ordering.domain import ORDER_MOVES, HoldStatus, Order
from batuta.ordering.queries import paid
from batuta.payments.domain import Balance
from batuta.web.catalogue import Speech

GOOD, BUSY, CALM, WAITING, BAD, OVER = "good", "busy", "calm", "waiting", "bad", "over"
"""Colours of a status. Busy and calm both go on by themselves; calm is so common that it stays in the background."""

_TONES = {
    "status": {
        "placed": WAITING,
        "accepted": BUSY,
        "in_progress": BUSY,
        "completed": GOOD,
        "cancelled": OVER,
        "rejected": BAD,
        "expired": OVER,
        "held": WAITING,
    },
    "goods": {
        "in_work": CALM,
        "partly_shipped": BUSY,
        "shipped": BUSY,
        "partly_delivered": BUSY,
        "delivered": GOOD,
        "partly_returned": WAITING,
        "returned": OVER,
    },
    "money": {
        "unpaid": WAITING,
        "partly_authorised": WAITING,
        "authorised": CALM,
        "partly_captured": BUSY,
        "captured": GOOD,
        "partly_refunded": OVER,
        "refund_owed": BAD,
    },
    "payment": {
        "pending": WAITING,
        "declined": BAD,
        "authorised": CALM,
        "partially_captured": BUSY,
        "captured": GOOD,
        "expired": BAD,
        "refunding": BUSY,
        "refund_failed": BAD,
    },
    "parcel": {
        "manifested": BUSY,
        "in_transit": BUSY,
        "out_for_delivery": BUSY,
        "available_for_pickup": WAITING,
        "delivered": GOOD,
        "exception": BAD,
        "returning": WAITING,
        "lost": BAD,
    },
    "work": {
        "offered": WAITING,
        "accepted": BUSY,
        "picking": BUSY,
        "picked": BUSY,
        "packed": BUSY,
        "ready": WAITING,
        "handed_over": GOOD,
        "closed": GOOD,
        "rejected": BAD,
        "short": BAD,
        "cancel_requested": WAITING,
        "cancel_refused": BUSY,
    },
    "making": {
        "awaiting_proof": WAITING,
        "proof_sent": WAITING,
        "open": CALM,
        "started": BUSY,
        "done": GOOD,
    },
    "transfer": {
        "requested": WAITING,
        "approved": CALM,
        "picked": BUSY,
        "shipped": BUSY,
        "in_transit": BUSY,
        "received": WAITING,
        "closed": GOOD,
    },
    "return": {
        "requested": WAITING,
        "approved": CALM,
        "label_sent": CALM,
        "in_transit": BUSY,
        "received": WAITING,
        "graded": WAITING,
        "resolved": GOOD,
    },
    "message": {"queued": WAITING, "sent": GOOD, "failed": BAD},
}


class Pill(msgspec.Struct, frozen=True):
    """A status as people read it."""

    word: str
    tone: str


def pill(speech: Speech, group: str, name: str) -> Pill:
    """The pill of a status; one that nothing follows from, or that is newer than this page, is grey."""
    return Pill(speech.of(group, name), _TONES[group].get(name, OVER))


def status_pill(speech: Speech, order: Order) -> Pill:
    """The order's own status, or that it is held, which matters more."""
    return pill(speech, "status", "held" if is_held(order) else order.status)


def is_held(order: Order) -> bool:
    """Whether anything keeps the order; one that is over is kept by nothing, whatever was left on it."""
    return bool(ORDER_MOVES[order.status]) and any(one.status is HoldStatus.ACTIVE for one in order.holds)


def money_pill(speech: Speech, balance: Balance | None) -> Pill:
    """How far the money of an order is."""
    return pill(speech, "money", paid(balance))
