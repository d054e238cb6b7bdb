"""Goods that locations send to the store where an order is picked up, as the search sees it (FUL-12)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from batuta.locations.domain import TransferLane
from batuta.sourcing.domain.search.candidates import SPLITS_MAX, Candidate, Choice, Lane, Parts, Terms, units_in

HEAVIEST_G = LONGEST_MM = 1_000_000_000


def lane_of(transfer: TransferLane) -> Lane:
    """A transfer costs the same whatever is in it; it has no service that a buyer could choose, so its source is it."""
    return Lane(
        service_id=transfer.source_location_id, length_max_mm=LONGEST_MM, steps=((HEAVIEST_G, transfer.cost_minor),)
    )


def to_send(
    candidates: Mapping[UUID, Candidate], wanted: Iterable[tuple[Parts, int]], store_id: UUID | None
) -> dict[UUID, Candidate]:
    """The candidates as far as they are needed: others send what the store lacks, and no more.

    wanted: what a unit is made of, and how many are wanted.
    """
    store = candidates.get(store_id) if store_id else None
    there = dict(store.stock) if store else {}
    lacking: dict[UUID, int] = defaultdict(int)
    for parts, units in wanted:
        found = min(units, units_in(there, parts))
        for sku_id, per_unit in parts:
            there[sku_id] = there.get(sku_id, 0) - found * per_unit
            lacking[sku_id] += (units - found) * per_unit
    return {
        id_: one
        if id_ == store_id
        else msgspec.structs.replace(
            one, stock={sku_id: min(units, lacking[sku_id]) for sku_id, units in one.stock.items()}
        )
        for id_, one in candidates.items()
    }


def collected_together(terms: Terms) -> Terms:
    """Who comes to one store gets all of it there: nothing is split, from however many places it comes."""
    return msgspec.structs.replace(terms, split_penalty_minor=0, max_splits=SPLITS_MAX, shipment_value_least_minor=0)


def without_services(choice: Choice) -> Choice:
    """The choice as its order keeps it: nothing of it is shipped to the buyer."""
    shipments = tuple(msgspec.structs.replace(one, service_id=None) for one in choice.shipments)
    return msgspec.structs.replace(choice, shipments=shipments)
