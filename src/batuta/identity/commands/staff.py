"""Saving staff by id, many at once; the same again changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from batuta.identity.commands.passwords import end_sessions
from batuta.identity.domain import EmailTaken, LastAdmin, Rights, Role, Staff, check_staff
from batuta.identity.domain.permissions import check_given
from batuta.identity.events import StaffSaved
from batuta.identity.queries import staff_by_email, staff_by_id
from batuta.identity.tables import staff as staff_table
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, upsert_rows
from batuta.plumbing.events import publish

_lock_admins = (
    select(staff_table.c.id)
    .where(staff_table.c.role == Role.ADMIN, staff_table.c.is_active)
    .order_by(staff_table.c.id)
    .with_for_update()
)
_admins_left = text("SELECT count(*) FROM identity.staff WHERE role = 'admin' AND is_active")


async def save_staff(db: Connection, *, staff: Sequence[Staff], now: datetime) -> list[Staff | BatutaError]:
    """Save staff by id; each answer is the one stored or why not."""
    owners = {email: one.id for email, one in (await staff_by_email(db, {one.email.strip() for one in staff})).items()}
    checked = each(staff, lambda one: _reached_alone(check_staff(one), owners))
    rows = {
        one.id: msgspec.structs.asdict(one)
        | {
            "location_ids": sorted(one.location_ids),
            "channel_ids": sorted(one.channel_ids),
            "created_at": now,
            "updated_at": now,
        }
        for one in good(checked)
    }
    await upsert_rows(db, staff_table, rows.values(), key=("id",))
    stored = await staff_by_id(db, rows)
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in checked]


async def admit(db: Connection, *, staff: Staff, by: Rights, actor: str, now: datetime) -> Staff:
    """Save one member of staff for somebody who has at least the rights that they give and that they take.

    Raises:
        MoreThanOwn: they have not.
        LastAdmin: nobody would be left who can let others in.
        BadStaff, BadLimit, EmailTaken: it cannot be so.
    """
    admins = set(await db.scalars(_lock_admins))
    present = (await staff_by_id(db, [staff.id])).get(staff.id)
    check_given(by, check_staff(staff).rights)
    if present:
        check_given(by, present.rights)
    [saved] = await save_staff(db, staff=[staff], now=now)
    if isinstance(saved, BatutaError):
        raise saved
    if admins and not await db.scalar(_admins_left):
        raise LastAdmin("somebody must be left who can let others in", email=saved.email)
    if not saved.is_active:
        await end_sessions(db, staff_id=saved.id, now=now)
    if saved != present:
        told = StaffSaved(
            stream=saved.id,
            happened_at=now,
            actor=actor,
            email=saved.email,
            role=saved.role,
            is_active=saved.is_active,
        )
        await publish(db, [told])
    return saved


def _reached_alone(one: Staff, owners: dict[str, UUID]) -> Staff:
    if owners.setdefault(one.email, one.id) != one.id:
        raise EmailTaken("another member of staff has this e-mail", email=one.email, staff_id=str(owners[one.email]))
    return one
