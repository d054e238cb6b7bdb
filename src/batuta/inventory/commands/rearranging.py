"""Letting claimed units of many orders change places with each other."""

from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
from batuta.inventory.domain import Claim, Relocate, lessen
from batuta.plumbing.database import Connection

Lifted = list[tuple[Relocate, Claim, int]]
"""Units that are held nowhere at the moment, and the claims that held them."""


class _NotThere(Exception):
    pass


async def rearrange(db: Connection, *, moves: Sequence[Relocate], now: datetime) -> bool:
    """Move claims between locations all at once, so that two that are full can swap; all of them, or none.

    First every unit is taken up, then each is laid down where it shall be: no unit is claimed at a location that
    lacks it. Where stock is kept back from some, `relocate` is asked instead. Locks stock, then claims.
    """
    if not moves:
        return True
    places = {sellable(one.sku_id, at) for one in moves for at in (one.source_location_id, one.target_location_id)}
    try:
        async with db.savepoint():
            rows = await lock_rows_now(db, places, now=now)
            claims = await lock_claims(db, {one.holder_id for one in moves}, now=now)
            _lay_down(_lift(moves, rows, claims, now), rows, claims)
            await write_rows(db, rows)
            await write_claims(db, claims)
    except _NotThere:
        return False
    return True


def _lift(moves: Sequence[Relocate], rows: LockedRows, claims: LockedClaims, now: datetime) -> Lifted:
    lifted: Lifted = []
    for one in moves:
        missing = one.quantity
        for claim in claims.of(one.holder_id, one.line_id):
            is_there = (claim.sku_id, claim.location_id) == (one.sku_id, one.source_location_id) and claim.is_live(now)
            units = min(claim.held, missing) if is_there and claim.pool_id is None else 0
            if units:
                missing -= units
                rows.change(claim.row, claimed=-units)
                claims.change(lessen(claim, released=units))
                lifted.append((one, claim, units))
        if missing:
            raise _NotThere
    return lifted


def _lay_down(lifted: Lifted, rows: LockedRows, claims: LockedClaims) -> None:
    for one, claim, units in lifted:
        target = sellable(one.sku_id, one.target_location_id)
        until_at, good_until_at = claim.expires_at, claim.good_until_at
        if rows.free_at(target, good_until_at=good_until_at) < units:
            raise _NotThere
        for row, part in rows.claim(target, units, until_at=until_at, good_until_at=good_until_at):
            claims.make(one.holder_id, one.line_id, row, part, until_at=until_at, good_until_at=good_until_at)
