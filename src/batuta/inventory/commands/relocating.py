"""Letting claimed units come from another location."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
from batuta.inventory.domain import (
    Claim,
    Fence,
    NotClaimed,
    OutOfStock,
    Relocate,
    Relocated,
    Short,
    grant_of,
    lessen,
    out_of_stock,
)
from batuta.inventory.queries import fence_of, withheld
from batuta.plumbing.database import Connection


async def relocate(
    db: Connection, *, moves: Sequence[Relocate], now: datetime
) -> list[Relocated | OutOfStock | NotClaimed]:
    """Move claims between locations; each is moved whole, or refused and left where it is (RES-07).

    A unit is never claimed at a location that lacks it. Moves are made in order; what one leaves, the next may take.
    """
    places = {sellable(one.sku_id, at) for one in moves for at in (one.source_location_id, one.target_location_id)}
    rows = await lock_rows_now(db, places, now=now)
    claims = await lock_claims(db, {one.holder_id for one in moves}, now=now)
    known = await withheld(db)
    fence = None
    if not known.is_empty():
        sku_ids = {one.sku_id for one in moves}
        fence = await fence_of(db, known, sku_ids=sku_ids, on_hand=rows.sellable_on_hand(), now=now)
    outcomes = [_relocate(one, claims, rows, fence, now) for one in moves]
    await write_rows(db, rows)
    await write_claims(db, claims)
    return outcomes


def _relocate(
    one: Relocate, claims: LockedClaims, rows: LockedRows, fence: Fence | None, now: datetime
) -> Relocated | OutOfStock | NotClaimed:
    source = _held_at(one, one.source_location_id, claims, now)
    held = sum(claim.held for claim in source)
    if held < one.quantity:
        return _not_there(one, held, _held_at(one, one.target_location_id, claims, now))
    target = sellable(one.sku_id, one.target_location_id)
    place = (one.sku_id, one.target_location_id)
    good_until_at = max((claim.good_until_at for claim in source if claim.good_until_at), default=None)
    free = rows.free_at(target, good_until_at=good_until_at)
    if fence is not None:
        free = fence.usable(one.asker, place, free)
    if free < one.quantity:
        where = [(one.target_location_id, free)] if free else []
        short = Short(line_id=one.line_id, sku_id=one.sku_id, asked=one.quantity, granted=0, left=free, where=where)
        return out_of_stock(one.holder_id, [short])

    grants = []
    missing = one.quantity
    for claim in source:
        units = min(claim.held, missing)
        if not units:
            break
        missing -= units
        rows.change(claim.row, claimed=-units)
        claims.change(lessen(claim, released=units))
        for pool_id, pooled in fence.take(one.asker, place, units) if fence is not None else [(None, units)]:
            for row, part in rows.claim(target, pooled, until_at=claim.expires_at, good_until_at=good_until_at):
                made = claims.make(
                    one.holder_id,
                    one.line_id,
                    row,
                    part,
                    until_at=claim.expires_at,
                    pool_id=pool_id,
                    good_until_at=good_until_at,
                )
                grants.append(grant_of(made))
    return Relocated(holder_id=one.holder_id, line_id=one.line_id, grants=grants)


def _held_at(one: Relocate, location_id: UUID, claims: LockedClaims, now: datetime) -> list[Claim]:
    return [
        claim
        for claim in claims.of(one.holder_id, one.line_id)
        if claim.sku_id == one.sku_id and claim.location_id == location_id and claim.is_live(now)
    ]


def _not_there(one: Relocate, held: int, at_target: Sequence[Claim]) -> Relocated | NotClaimed:
    """Nothing at the source and enough at the target is a move that was already made."""
    if not held and sum(claim.held for claim in at_target) >= one.quantity:
        return Relocated(holder_id=one.holder_id, line_id=one.line_id, grants=[grant_of(claim) for claim in at_target])
    return NotClaimed(
        "the line holds fewer units there than should be relocated",
        holder_id=str(one.holder_id),
        line_id=str(one.line_id),
        sku_id=str(one.sku_id),
        location_id=str(one.source_location_id),
        asked=one.quantity,
        held=held,
    )
