"""The JSON routes of fulfillment: what a location has to do, and the verbs with which it does it."""

from batuta.fulfillment.api import lots, making, proofs, slips
from batuta.fulfillment.api.leaving import (
    collect_goods,
    extend_time,
    give_to_carrier,
    make_ready,
    take_parcel_back,
    write_parcel_off,
)
from batuta.fulfillment.api.reading import fulfillments_of_order, one_fulfillment, open_work
from batuta.fulfillment.api.working import (
    accept_work,
    agree_to_stop,
    dispatch_work,
    pack_goods,
    pick_goods,
    refuse_to_stop,
    reject_work,
    report_missing,
    start_work,
)

ROUTES = [
    open_work,
    one_fulfillment,
    fulfillments_of_order,
    accept_work,
    reject_work,
    start_work,
    pick_goods,
    report_missing,
    pack_goods,
    dispatch_work,
    give_to_carrier,
    make_ready,
    extend_time,
    collect_goods,
    agree_to_stop,
    refuse_to_stop,
    take_parcel_back,
    write_parcel_off,
    *making.ROUTES,
    *proofs.ROUTES,
    *lots.ROUTES,
    *slips.ROUTES,
]

__all__ = ["ROUTES"]
