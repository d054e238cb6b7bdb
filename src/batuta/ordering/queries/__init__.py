"""Reads of orders, carts, and what is sent instead of what orders say."""

from batuta.ordering.queries.adjustments import adjusted_minor, weighed_lines
from batuta.ordering.queries.making import made_lines, made_lines_of
from batuta.ordering.queries.orders import (
    ORDER_LAWS,
    carts_by_id,
    contacts_of,
    holds_on,
    is_order_of,
    lines_by_id,
    list_orders,
    orders_by_external_id,
    orders_by_id,
    orders_by_number,
    paid,
    promises_of,
    read_cart,
    read_hold,
    read_line,
)
from batuta.ordering.queries.rerouting import REROUTE_LAWS, reroutes_by_id, reroutes_of
from batuta.ordering.queries.selling import SELLING_LAWS
from batuta.ordering.queries.substitutions import SUBSTITUTION_LAWS, substitutions_by_id, substitutions_of

AUDIT = (*ORDER_LAWS, *SELLING_LAWS, *SUBSTITUTION_LAWS, *REROUTE_LAWS)

__all__ = [
    "AUDIT",
    "adjusted_minor",
    "carts_by_id",
    "contacts_of",
    "holds_on",
    "is_order_of",
    "lines_by_id",
    "list_orders",
    "made_lines",
    "made_lines_of",
    "orders_by_external_id",
    "orders_by_id",
    "orders_by_number",
    "paid",
    "promises_of",
    "read_cart",
    "read_hold",
    "read_line",
    "reroutes_by_id",
    "reroutes_of",
    "substitutions_by_id",
    "substitutions_of",
    "weighed_lines",
]
