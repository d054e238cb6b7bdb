"""The JSON routes of returns: announced, received, looked at, and paid back."""

from batuta.returns.api.announcing import (
    approve_kept_goods,
    approve_return,
    cancel_return,
    mark_as_sent,
    request_return,
    send_label,
)
from batuta.returns.api.reading import one_return, returns_found, returns_of_order
from batuta.returns.api.receiving import grade_goods, receive_goods, receive_unannounced
from batuta.returns.api.refunding import give_back

ROUTES = [
    returns_found,
    one_return,
    returns_of_order,
    request_return,
    approve_return,
    approve_kept_goods,
    send_label,
    mark_as_sent,
    cancel_return,
    receive_goods,
    receive_unannounced,
    grade_goods,
    give_back,
]

__all__ = ["ROUTES"]
