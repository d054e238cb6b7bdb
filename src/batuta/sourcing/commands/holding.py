"""What orders hold of the units that are to be planned; a plan and its claims are one thing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.inventory.commands import reserve
from batuta.inventory.domain import Claim, Reserved, ReserveLine, ReserveRequest
from batuta.inventory.queries import all_claims_of
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Good, SourcingRequest, parts_of
from batuta.sourcing.queries import History

Held = dict[tuple[UUID, UUID, UUID], int]
"""Units by line, SKU and location."""


async def hold(
    db: Connection,
    requests: Sequence[SourcingRequest],
    goods: Mapping[UUID, Good],
    history: History,
    *,
    now: datetime,
) -> tuple[dict[UUID, Held], frozenset[UUID]]:
    """What the orders hold for units not planned yet, and the orders that could not be given all they lack.

    Units that an order does not hold (a location gave them back with their claim) are reserved here.
    """
    order_ids = [request.order_id for request in requests]
    every = await all_claims_of(db, order_ids)
    free = _free(every, history, now=now)
    wanting = [
        want
        for request in requests
        if (want := _want(request, goods, free.get(request.order_id, {}), every, now=now)) is not None
    ]
    if not wanting:
        return free, frozenset()
    answers = await reserve(db, requests=wanting, now=now)
    unheld = {one.holder_id for one, answer in zip(wanting, answers, strict=True) if not isinstance(answer, Reserved)}
    return _free(await all_claims_of(db, order_ids), history, now=now), frozenset(unheld)


def _free(claims: Sequence[Claim], history: History, *, now: datetime) -> dict[UUID, Held]:
    """Units held beyond those that earlier plans stand on; what was packed of these is no longer held."""
    held: dict[UUID, Held] = defaultdict(lambda: defaultdict(int))
    beyond: dict[UUID, Held] = defaultdict(lambda: defaultdict(int))
    for claim in claims:
        key = (claim.line_id, claim.sku_id, claim.location_id)
        live = claim.held if claim.is_live(now) else 0
        held[claim.holder_id][key] += live
        beyond[claim.holder_id][key] += live + claim.consumed
    for order_id, standing in history.standing.items():
        for one in standing:
            beyond[order_id][one.line_id, one.sku_id, one.location_id] -= one.quantity
    return {
        order_id: {key: min(units, beyond[order_id][key]) for key, units in by_key.items() if beyond[order_id][key] > 0}
        for order_id, by_key in held.items()
    }


def _want(
    request: SourcingRequest, goods: Mapping[UUID, Good], free: Held, every: Sequence[Claim], *, now: datetime
) -> ReserveRequest | None:
    """What to reserve so that the order holds all units asked for; a reservation states what a line holds in all."""
    lines = []
    for line in request.lines:
        for sku_id, per_unit in parts_of(line, goods):
            units = per_unit * line.quantity
            has = sum(free[key] for key in free if key[:2] == (line.line_id, sku_id))
            if goods[sku_id].is_tracked and has < units:
                counting = sum(
                    claim.consumed + (claim.held if claim.is_live(now) else 0)
                    for claim in every
                    if (claim.holder_id, claim.line_id, claim.sku_id) == (request.order_id, line.line_id, sku_id)
                )
                missing = units - has
                lines.append(ReserveLine(line_id=line.line_id, sku_id=sku_id, quantity=counting + missing))
    if not lines:
        return None
    asker = request.asker
    return ReserveRequest(
        holder_id=request.order_id,
        lines=lines,
        channel_id=asker.channel_id,
        region=asker.region,
        customer_group=asker.customer_group,
        actor=request.actor,
    )
