"""Saving staff by id, many at once; the same again changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.identity.domain import EmailTaken, Staff, check_staff
from batuta.identity.queries import staff_by_email, staff_by_id
from batuta.identity.tables import staff as staff_table
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, upsert_rows


async def save_staff(db: Connection, *, staff: Sequence[Staff], now: datetime) -> list[Staff | BatutaError]:
    """Save staff by id; each answer is the one stored or why not."""
    owners = {email: one.id for email, one in (await staff_by_email(db, {one.email.strip() for one in staff})).items()}
    checked = each(staff, lambda one: _reached_alone(check_staff(one), owners))
    rows = {
        one.id: msgspec.structs.asdict(one)
        | {"location_ids": sorted(one.location_ids), "created_at": now, "updated_at": now}
        for one in good(checked)
    }
    await upsert_rows(db, staff_table, rows.values(), key=("id",))
    stored = await staff_by_id(db, rows)
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in checked]


def _reached_alone(one: Staff, owners: dict[str, UUID]) -> Staff:
    if owners.setdefault(one.email, one.id) != one.id:
        raise EmailTaken("another member of staff has this e-mail", email=one.email, staff_id=str(owners[one.email]))
    return one
