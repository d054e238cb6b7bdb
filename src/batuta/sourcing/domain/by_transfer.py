"""Goods that a location sends to the store where an order is picked up, as the search sees it (FUL-12)."""

import msgspec

from batuta.locations.domain import TransferLane
from batuta.sourcing.domain.candidates import Choice, Lane

HEAVIEST_G = LONGEST_MM = 1_000_000_000


def lane_of(transfer: TransferLane) -> Lane:
    """A transfer costs the same whatever is in it; it has no service that a buyer could choose, so its source is it."""
    return Lane(
        service_id=transfer.source_location_id, length_max_mm=LONGEST_MM, steps=((HEAVIEST_G, transfer.cost_minor),)
    )


def without_services(choice: Choice) -> Choice:
    """The choice as its order keeps it: nothing of it is shipped to the buyer."""
    shipments = tuple(msgspec.structs.replace(one, service_id=None) for one in choice.shipments)
    return msgspec.structs.replace(choice, shipments=shipments)
