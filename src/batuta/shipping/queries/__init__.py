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
from batuta.shipping.queries.rates import (
    carriers,
    carriers_by_code,
    carriers_by_id,
    rate_cards_of,
    rates,
    services,
    services_by_code,
    services_by_id,
    tariffs,
)
from batuta.shipping.queries.transit import transit_of

__all__ = [
    "AUDIT",
    "carriers",
    "carriers_by_code",
    "carriers_by_id",
    "label_facts",
    "label_pdfs",
    "parcel_by_tracking",
    "parcels_by_id",
    "parcels_of_owner",
    "rate_cards_of",
    "rates",
    "scans_of",
    "services",
    "services_by_code",
    "services_by_id",
    "tariffs",
    "transit_of",
    "unmatched_scans",
    "zpl_labels",
]
