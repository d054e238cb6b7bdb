"""Staff by id and by e-mail."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.identity.domain import Staff
from batuta.identity.tables import staff
from batuta.plumbing.database import Connection, rows_with


async def staff_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Staff]:
    found = msgspec.convert(await rows_with(db, staff.c.id, ids), list[Staff])
    return {one.id: one for one in found}


async def staff_by_email(db: Connection, emails: Collection[str]) -> dict[str, Staff]:
    """Staff by e-mail, asked in any case and answered in small letters."""
    found = msgspec.convert(await rows_with(db, staff.c.email, {email.lower() for email in emails}), list[Staff])
    return {one.email: one for one in found}


async def active_staff(db: Connection) -> list[Staff]:
    """Everybody who works here now, by name."""
    rows = await db.execute(select(staff).where(staff.c.is_active).order_by(staff.c.name, staff.c.id))
    return msgspec.convert([dict(row) for row in rows.mappings()], list[Staff])
