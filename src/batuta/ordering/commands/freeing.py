"""Which claims on stock are freed when units are cancelled: never those that a location at work still needs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.commands import Forgo, forgo, release
from batuta.inventory.domain import Release
from batuta.ordering.domain import Bucket, Component, Line
from batuta.ordering.queries.claims import Spot, spare_claims
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import withdraw
from batuta.sourcing.domain import Withdrawal


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line in a bucket that will never be handed over; cause_id: what gave them up.

    location_id: whose work they were; None for units that no location was asked for.
    """

    order_id: UUID
    line_id: UUID
    source: Bucket
    quantity: int
    cause_id: UUID
    reason: str
    actor: str
    location_id: UUID | None = None


_AHEAD = {Bucket.BACKORDERED, Bucket.PREORDERED}


async def free_claims(db: Connection, *, units: Sequence[GivenUp], lines: Mapping[UUID, Line], now: datetime) -> None:
    """Release the claims of units given up, and take them off the plans; packed and shipped ones have none any more.

    Units that are still to come wait no more.

    lines: as they were before. Units that wait while others of their line are in work are freed where nobody works.
    """
    claimed = [one for one in units if one.source not in {*_AHEAD, Bucket.PACKED, Bucket.SHIPPED}]
    torn = {one.order_id for one in claimed if one.location_id is None and lines[one.line_id].buckets.in_work}
    spare = await spare_claims(db, torn) if torn else Counter[Spot]()
    releases: list[Release] = []
    planned: list[Withdrawal] = []
    for one in claimed:
        for part in lines[one.line_id].components:
            wanted = Release(
                holder_id=one.order_id,
                line_id=one.line_id,
                sku_id=part.sku_id,
                quantity=part.quantity * one.quantity,
                location_id=one.location_id,
            )
            releases += _apart(wanted, spare) if one.order_id in torn and one.location_id is None else [wanted]
            if one.location_id is not None:
                planned.append(_withdrawal(one, part))
    await release(db, releases=releases, now=now)
    await forgo(
        db,
        units=[_forgone(one, part) for one in units if one.source in _AHEAD for part in lines[one.line_id].components],
        now=now,
    )
    await withdraw(db, withdrawals=planned)


def _forgone(one: GivenUp, part: Component) -> Forgo:
    return Forgo(line_id=one.line_id, sku_id=part.sku_id, units=part.quantity * one.quantity)


def _withdrawal(one: GivenUp, part: Component) -> Withdrawal:
    assert one.location_id is not None
    return Withdrawal(
        order_id=one.order_id,
        line_id=one.line_id,
        sku_id=part.sku_id,
        location_id=one.location_id,
        quantity=part.quantity * one.quantity,
    )


def _apart(wanted: Release, spare: Counter[Spot]) -> list[Release]:
    """Cut a release over the places that have spare claims of its line."""
    left = wanted.quantity or 0
    apart: list[Release] = []
    for spot in sorted(spare):
        if (spot.line_id, spot.sku_id) != (wanted.line_id, wanted.sku_id) or spare[spot] <= 0 or not left:
            continue
        quantity = min(left, spare[spot])
        spare[spot] -= quantity
        left -= quantity
        apart.append(msgspec.structs.replace(wanted, quantity=quantity, location_id=spot.location_id))
    return [*apart, msgspec.structs.replace(wanted, quantity=left)] if left else apart
