"""What may be done with carriers, rate cards, parcels and scans."""

from batuta.shipping.commands.labels import give_numbers, label_parcels
from batuta.shipping.commands.learning import learn_transit, save_preparing
from batuta.shipping.commands.parcels import close_parcels, hand_over, open_parcels, void_parcels
from batuta.shipping.commands.pickups import forget_pickups, lock_calendar, lock_pickups, save_calendars, save_pickups
from batuta.shipping.commands.rate_cards import lock_carrier, lock_service, save_carriers, save_services, set_rate_cards
from batuta.shipping.commands.tracking import match_scans, record_tracking, save_tracking_codes

__all__ = [
    "close_parcels",
    "forget_pickups",
    "give_numbers",
    "hand_over",
    "label_parcels",
    "learn_transit",
    "lock_calendar",
    "lock_carrier",
    "lock_pickups",
    "lock_service",
    "match_scans",
    "open_parcels",
    "record_tracking",
    "save_calendars",
    "save_carriers",
    "save_pickups",
    "save_preparing",
    "save_services",
    "save_tracking_codes",
    "set_rate_cards",
    "void_parcels",
]
