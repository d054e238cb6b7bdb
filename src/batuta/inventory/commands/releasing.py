"""Giving units back that were held."""

from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import LockedRows, places_of, write_rows
from batuta.inventory.domain import Release, lessen
from batuta.inventory.queries import all_claims_of
from batuta.plumbing.database import Connection


async def release(db: Connection, *, releases: Sequence[Release], now: datetime) -> list[int]:
    """Give units back to whoever comes next; return how many each release freed.

    What is no longer held is not freed again, so a release of everything may be repeated; one with a quantity
    is as often carried out as it is asked for, and its caller keeps count.
    """
    holders = {one.holder_id for one in releases}
    held = [claim for claim in await all_claims_of(db, holders) if claim.held]
    rows = await lock_rows_now(db, places_of(claim.row for claim in held), now=now)
    claims = await lock_claims(db, holders, now=now)
    freed = [_release(one, claims, rows) for one in releases]
    await write_rows(db, rows)
    await write_claims(db, claims)
    return freed


def _release(one: Release, claims: LockedClaims, rows: LockedRows) -> int:
    freed = 0
    for claim in reversed(claims.of(one.holder_id, one.line_id)):
        if one.speaks_of(claim) and claim.row in rows:
            units = claim.held if one.quantity is None else min(claim.held, one.quantity - freed)
            if units:
                rows.change(claim.row, claimed=-units)
                claims.change(lessen(claim, released=units))
                freed += units
    return freed
