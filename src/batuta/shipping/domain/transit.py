"""How long a lane takes: what the service's table says, and what its own deliveries have taught."""

from typing import Annotated
from uuid import UUID

import msgspec

from batuta.shipping.domain.services import Country


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """From a postal code to another by a service; zone and days are those of its rate card, as `Rated` tells them.

    distance_m: as the crow flies, where both ends are known.
    """

    service_id: UUID
    zone: str
    days_min: int
    days_max: int
    origin_country: Country
    origin_postal_code: str
    destination_country: Country
    destination_postal_code: str
    distance_m: Annotated[int, msgspec.Meta(ge=0)] | None = None


class TransitDays(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many working days of the carrier lie between hand-over and door, with these chances.

    Of ten parcels, one is there within p10, five within p50, nine within p90. Fractions are parts of a day.
    lessons: the deliveries of the service that were heard of; 0 means that these are the table's days.
    """

    p10_days: float
    p50_days: float
    p90_days: float
    lessons: int = 0


def days_of_table(lane: Lane) -> TransitDays:
    """What the rate card says: nobody before its least days, nine of ten by its most, half by the middle."""
    return TransitDays(
        p10_days=float(lane.days_min),
        p50_days=(lane.days_min + lane.days_max) / 2,
        p90_days=float(lane.days_max),
    )
