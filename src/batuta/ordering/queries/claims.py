"""What orders hold of the stock."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from batuta.inventory.queries import all_claims_of
from batuta.plumbing.database import Connection
from batuta.sourcing.queries import assignments_of


class Spot(NamedTuple):
    line_id: UUID
    sku_id: UUID
    location_id: UUID


async def spare_claims(db: Connection, order_ids: Collection[UUID]) -> Counter[Spot]:
    """Units claimed at a location beyond what is planned, and not yet used up, there."""
    held: Counter[Spot] = Counter()
    for claim in await all_claims_of(db, order_ids):
        held[Spot(claim.line_id, claim.sku_id, claim.location_id)] += claim.held + claim.consumed
    for several in (await assignments_of(db, order_ids)).values():
        for one in several:
            held[Spot(one.line_id, one.sku_id, one.location_id)] -= one.quantity
    return held
