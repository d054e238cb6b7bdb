"""What can be done with returns."""

from batuta.returns.commands.announcing import (
    approve,
    approve_kept,
    cancel,
    expire_returns,
    mark_sent,
    request,
    send_labels,
)
from batuta.returns.commands.receiving import UnknownLocation, UnknownSku, grade, receive, receive_blind
from batuta.returns.commands.refunding import RefundIdUsed, resolve

__all__ = [
    "RefundIdUsed",
    "UnknownLocation",
    "UnknownSku",
    "approve",
    "approve_kept",
    "cancel",
    "expire_returns",
    "grade",
    "mark_sent",
    "receive",
    "receive_blind",
    "request",
    "resolve",
    "send_labels",
]
