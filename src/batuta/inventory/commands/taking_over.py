"""From a reservation made by the API to the order that names it."""

from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import LockedRows, places_of, write_rows
from batuta.inventory.domain import TakeOver, lessen
from batuta.inventory.queries import all_claims_of
from batuta.plumbing.database import Connection


async def take_over(db: Connection, *, takeovers: Sequence[TakeOver], now: datetime) -> None:
    """Make what reservations hold orders' for good, as far as their lines want it; the rest goes back (RES-05).

    The units stay reserved throughout. What a line then lacks, because there was less or it has ended, `reserve` takes
    (RES-06). Of two who name one reservation the first has it.
    """
    named = {one.holder_id for one in takeovers}
    held = [claim for claim in await all_claims_of(db, named) if claim.held]
    if not held:
        return
    rows = await lock_rows_now(db, places_of(claim.row for claim in held), now=now)
    claims = await lock_claims(db, named | {one.new_holder_id for one in takeovers}, now=now)
    for one in takeovers:
        _take_over(one, claims, rows, now)
    await write_rows(db, rows)
    await write_claims(db, claims)


def _take_over(one: TakeOver, claims: LockedClaims, rows: LockedRows, now: datetime) -> None:
    wanted = {line: line.quantity for line in one.lines}
    for claim in claims.of(one.holder_id):
        if not claim.is_live(now) or claim.row not in rows:
            continue
        left = claim.held
        claims.change(lessen(claim, released=left))
        if one.location_ids is None or claim.location_id in one.location_ids:
            for line, missing in wanted.items():
                units = min(left, missing) if line.sku_id == claim.sku_id else 0
                if units:
                    claims.make(one.new_holder_id, line.line_id, claim.row, units, until_at=None, pool_id=claim.pool_id)
                    wanted[line] -= units
                    left -= units
        rows.change(claim.row, claimed=-left)
