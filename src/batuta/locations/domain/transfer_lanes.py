"""Transfer lanes: which locations send goods to another one, how long that takes and what it costs (FUL-12)."""

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import AmountMinor
from batuta.locations.domain.locations import UnknownLocation

TransitDays = Annotated[int, msgspec.Meta(ge=0, le=60)]


class LeadsNowhere(Refused):
    """A transfer lane leads from one location to another."""


class TransferLane(msgspec.Struct, frozen=True, kw_only=True):
    """The source sends goods to the target, where orders are picked up that lack them there.

    transit_days: from the source's cut-off to the target's door. cost_minor: of one transfer, in the source's currency.
    """

    source_location_id: UUID
    target_location_id: UUID
    transit_days: TransitDays
    cost_minor: AmountMinor = 0


def check_lane(lane: TransferLane, known: Collection[UUID]) -> TransferLane:
    """Return the lane, which leads from one location that is there to another.

    Raises:
        UnknownLocation, LeadsNowhere.
    """
    for location_id in (lane.source_location_id, lane.target_location_id):
        if location_id not in known:
            raise UnknownLocation("there is no such location", location_id=str(location_id))
    if lane.source_location_id == lane.target_location_id:
        raise LeadsNowhere("a transfer lane leads to another location", location_id=str(lane.source_location_id))
    return lane
