"""Reads of fulfillment: the work of locations, and where the units of a lot went."""

from batuta.fulfillment.queries.lots import LotOrder, LotReach, orders_of_lot, reach_of_lot
from batuta.fulfillment.queries.slips import packing_slips
from batuta.fulfillment.queries.work import (
    FULFILLMENT_LAWS,
    WorkWanted,
    cancellations_by_id,
    cancellations_of,
    fulfillment_orders_by_id,
    fulfillment_orders_by_parcel,
    fulfillment_orders_of,
    offered_at,
    open_parts,
    order_scopes,
    parcel_scopes,
    picked_at,
    work_at,
    work_page,
    work_scopes,
)
from batuta.fulfillment.queries.work_orders import (
    WORK_ORDER_LAWS,
    WorkOrdersWanted,
    lines_made,
    list_work_orders,
    work_order_scopes,
    work_orders_by_id,
)

AUDIT = (*FULFILLMENT_LAWS, *WORK_ORDER_LAWS)

__all__ = [
    "AUDIT",
    "LotOrder",
    "LotReach",
    "WorkOrdersWanted",
    "WorkWanted",
    "cancellations_by_id",
    "cancellations_of",
    "fulfillment_orders_by_id",
    "fulfillment_orders_by_parcel",
    "fulfillment_orders_of",
    "lines_made",
    "list_work_orders",
    "offered_at",
    "open_parts",
    "order_scopes",
    "orders_of_lot",
    "packing_slips",
    "parcel_scopes",
    "picked_at",
    "reach_of_lot",
    "work_at",
    "work_order_scopes",
    "work_orders_by_id",
    "work_page",
    "work_scopes",
]
