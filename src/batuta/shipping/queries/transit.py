"""How long lanes take."""

from collections.abc import Iterable
from datetime import datetime

from batuta.plumbing.database import Connection
from batuta.shipping.domain import Lane, TransitDays, days_of_table


async def transit_of(
    db: Connection,  # noqa: ARG001, read from as soon as something is learned
    *,
    lanes: Iterable[Lane],
    now: datetime,  # noqa: ARG001, likewise
) -> dict[Lane, TransitDays]:
    """How long each lane takes by what is known at `now`, P10, P50 and P90; the table's days without deliveries."""
    return {lane: days_of_table(lane) for lane in lanes}
