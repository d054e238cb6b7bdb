"""The JSON routes of shipping: parcels and their labels, what carriers report, what they sell."""

from batuta.shipping.api import offering, pickups
from batuta.shipping.api.parcels import one_parcel, parcel_label, parcel_scans, parcels_found
from batuta.shipping.api.rating import rated_services, sold_services
from batuta.shipping.api.tracking import record_scans

ROUTES = [
    parcels_found,
    one_parcel,
    parcel_scans,
    parcel_label,
    record_scans,
    sold_services,
    rated_services,
    *offering.ROUTES,
    *pickups.ROUTES,
]

__all__ = ["ROUTES"]
