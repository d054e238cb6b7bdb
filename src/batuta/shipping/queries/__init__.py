"""What may be known of carriers, rates and parcels."""

from batuta.shipping.queries.audit import AUDIT
from batuta.shipping.queries.labels import label_facts, label_pdfs, zpl_labels
from batuta.shipping.queries.parcels import (
    parcel_by_tracking,
    parcels_by_id,
    parcels_of_owner,
    scans_of,
    unmatched_scans,
)
from batuta.shipping.queries.pickups import (
    calendar_with_version,
    calendars_of,
    pickups_of,
    pickups_with_versions,
    timetables,
)
from batuta.shipping.queries.rates import (
    carrier_with_version,
    carriers,
    carriers_by_code,
    carriers_by_id,
    rate_cards_of,
    rates,
    service_with_version,
    services,
    services_by_code,
    services_by_id,
    stored_services_by_id,
    tariffs,
)
from batuta.shipping.queries.transit import learned_of, preparing_of, transit_of

__all__ = [
    "AUDIT",
    "calendar_with_version",
    "calendars_of",
    "carrier_with_version",
    "carriers",
    "carriers_by_code",
    "carriers_by_id",
    "label_facts",
    "label_pdfs",
    "learned_of",
    "parcel_by_tracking",
    "parcels_by_id",
    "parcels_of_owner",
    "pickups_of",
    "pickups_with_versions",
    "preparing_of",
    "rate_cards_of",
    "rates",
    "scans_of",
    "service_with_version",
    "services",
    "services_by_code",
    "services_by_id",
    "stored_services_by_id",
    "tariffs",
    "timetables",
    "transit_of",
    "unmatched_scans",
    "zpl_labels",
]
