"""Until when lots must be good that go to whoever asks for it (INV-14)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from batuta.locations.queries import all_locations
from batuta.ordering.domain.drafts import Draft
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import PromiseTerms
from batuta.sourcing.queries import LaneRequest, days_at_most

DAY = timedelta(days=1)


async def good_until(
    db: Connection, drafts: Mapping[int, Draft], told: Mapping[int, PromiseTerms], *, now: datetime
) -> dict[int, datetime]:
    """Until when the goods of each order must be good: so many days after the delivery as it asks for.

    It is delivered when it was promised, nine times of ten; else, at the latest, as slowly as carriers go there. Where
    no order asks for it, nothing is read.
    """
    asking = {i: one for i, one in drafts.items() if one.ship_terms.min_remaining_days is not None}
    shipped = [_lane(one) for i, one in asking.items() if one.pickup_location_id is None and i not in told]
    days = await days_at_most(db, shipped, await all_locations(db)) if shipped else {}
    return {
        i: (told[i].promised.p90_at if i in told else now + days.get(one.asked.id, 0) * DAY)
        + (one.ship_terms.min_remaining_days or 0) * DAY
        for i, one in asking.items()
    }


def _lane(one: Draft) -> LaneRequest:
    return LaneRequest(
        order_id=one.asked.id,
        destination=one.ship_to,
        service_kind=one.asked.service_kind,
        currency=one.channel.currency,
    )
