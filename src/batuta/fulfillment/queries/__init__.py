"""Reads of fulfillment: the work of locations, and where the units of a lot went."""

from batuta.fulfillment.queries.lots import LotOrder, LotReach, orders_of_lot, reach_of_lot
from batuta.fulfillment.queries.work import (
    AUDIT,
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

__all__ = [
    "AUDIT",
    "LotOrder",
    "LotReach",
    "WorkWanted",
    "cancellations_by_id",
    "cancellations_of",
    "fulfillment_orders_by_id",
    "fulfillment_orders_by_parcel",
    "fulfillment_orders_of",
    "offered_at",
    "open_parts",
    "order_scopes",
    "orders_of_lot",
    "parcel_scopes",
    "picked_at",
    "reach_of_lot",
    "work_at",
    "work_page",
    "work_scopes",
]
