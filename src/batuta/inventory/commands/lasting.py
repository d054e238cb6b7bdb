"""Lots that must still be good when they are delivered (INV-14)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.commands.claiming import lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.rows import places_of, write_rows
from batuta.inventory.domain import lessen
from batuta.inventory.queries import all_claims_of
from batuta.plumbing.database import Connection


async def demand_good_until(db: Connection, *, demands: Mapping[UUID, datetime], now: datetime) -> None:
    """Say until when lots of holders must be good: those that end before go back, wherever the others go later.

    What a holder then lacks, `reserve` takes.
    """
    held = [claim for claim in await all_claims_of(db, demands) if claim.held]
    rows = await lock_rows_now(db, places_of(claim.row for claim in held), now=now)
    claims = await lock_claims(db, demands.keys(), now=now)
    for holder_id, until_at in demands.items():
        for claim in claims.of(holder_id):
            if claim.held and claim.row in rows:
                lasting = msgspec.structs.replace(claim, good_until_at=until_at)
                if not rows.is_good(claim.row, until_at):
                    rows.change(claim.row, claimed=-claim.held)
                    lasting = lessen(lasting, released=claim.held)
                claims.change(lasting)
    await write_rows(db, rows)
    await write_claims(db, claims)
