"""Places that stand still while they are counted: no sellable unit comes or goes but what the count finds (INV-16).

Units that only change their condition there do not wait (a recall), nor do those that come to lie apart (a return):
nobody can refuse them, and the count reckons with what moved anyway.
"""

from collections.abc import Sequence

from batuta.inventory.domain import Condition, Issue, Movement
from batuta.inventory.domain.counts import Frozen
from batuta.inventory.queries.counts import Place, frozen_places
from batuta.plumbing.database import Connection


async def frozen(db: Connection, moves: Sequence[Movement | Issue]) -> dict[str, Frozen]:
    """Say by key which moves wait for a count to end. The rows are locked, so that no count begins meanwhile."""
    places = {place for one in moves for place in _places(one)}
    still = await frozen_places(db, places)
    if not still:
        return {}
    return {
        one.key: Frozen(
            "the place is being counted, and nothing moves there until the count ends",
            key=one.key,
            sku_id=str(sku_id),
            location_id=str(location_id),
            count_id=str(still[sku_id, location_id]),
        )
        for one in moves
        for sku_id, location_id in _places(one)
        if still.get((sku_id, location_id), one.document_id) != one.document_id
    }


def _places(one: Movement | Issue) -> list[Place]:
    if isinstance(one, Issue):
        return [(one.sku_id, one.location_id)]
    if one.source.location_id == one.target.location_id:
        return []
    return [
        (one.sku_id, side.location_id)
        for side in (one.source, one.target)
        if side.location_id and side.condition is Condition.SELLABLE
    ]
