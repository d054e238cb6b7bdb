"""Staff by id and by e-mail; sessions, keys, and what is shown of the demo company."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text

from batuta.identity.domain import ApiKey, Session, Staff
from batuta.identity.tables import api_key, password, session, staff
from batuta.plumbing.database import Connection, Row, rows_with

_key_by_id = select(api_key).where(api_key.c.id == bindparam("key_id"))
_session_by_hash = (
    select(
        session.c.browser_hash,
        session.c.created_at.label("begun_at"),
        session.c.seen_at,
        *staff.c,
    )
    .join_from(session, staff)
    .where(session.c.token_hash == bindparam("token_hash"), session.c.ended_at.is_(None))
)
_credentials = (
    select(password.c.hashed, *staff.c)
    .select_from(staff.outerjoin(password))
    .where(staff.c.email == bindparam("email"))
)
_has_signed_in_from = text(
    "SELECT EXISTS (SELECT FROM identity.session WHERE staff_id = :staff_id AND address = :address)"
)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff with the hash of their password, None as long as they have none."""

    staff: Staff
    hashed: str | None


class KeptKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with the hash of its secret."""

    key: ApiKey
    secret_hash: bytes


class ShownSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A made-up sign-in of the demo company that nobody has changed."""

    role: str
    email: str
    password: str


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A made-up key of the demo company that is in force."""

    name: str
    secret: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What `batuta up` prints. can_anybody: whether any active member of staff has a password."""

    sign_ins: list[ShownSignIn]
    keys: list[ShownKey]
    can_anybody: bool


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
    return msgspec.convert([dict(row) for row in rows], list[Staff])


async def staff_after(db: Connection, email: str, *, limit: int) -> list[Staff]:
    """Everybody who works or worked here, by e-mail, behind the given one."""
    rows = await db.execute(select(staff).where(staff.c.email > email).order_by(staff.c.email).limit(limit))
    return msgspec.convert([dict(row) for row in rows], list[Staff])


async def staff_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each was saved; locks them until the end of the transaction."""
    rows = await db.execute(
        select(staff.c.id, staff.c.version).where(staff.c.id.in_(ids)).order_by(staff.c.id).with_for_update()
    )
    return {row.id: row.version for row in rows}


async def credentials_of(db: Connection, email: str) -> Credentials | None:
    """The member of staff of an e-mail, in any case, with the hash of their password."""
    row = (await db.execute(_credentials, {"email": email.lower()})).one_or_none()
    return Credentials(staff=_staff(row), hashed=row["hashed"]) if row else None


async def has_signed_in_from(db: Connection, staff_id: UUID, address: str) -> bool:
    """Whether the person has had a session from this address of late."""
    return bool(await db.scalar(_has_signed_in_from, {"staff_id": staff_id, "address": address}))


async def session_by_hash(db: Connection, token_hash: bytes) -> Session | None:
    """The session of a token that nobody has ended; whether it still holds is for the caller to see."""
    row = (await db.execute(_session_by_hash, {"token_hash": token_hash})).one_or_none()
    if row is None:
        return None
    return Session(
        staff=_staff(row), browser_hash=row["browser_hash"], created_at=row["begun_at"], seen_at=row["seen_at"]
    )


async def key_by_id(db: Connection, key_id: UUID) -> KeptKey | None:
    """A key in force or not, with the hash of its secret."""
    row = (await db.execute(_key_by_id, {"key_id": key_id})).one_or_none()
    return KeptKey(key=_key(row), secret_hash=row["secret_hash"]) if row else None


async def keys_after(db: Connection, key_id: UUID, *, limit: int) -> list[ApiKey]:
    """Keys, oldest first, behind the given one; revoked ones too."""
    rows = await db.execute(select(api_key).where(api_key.c.id > key_id).order_by(api_key.c.id).limit(limit))
    return [_key(row) for row in rows]


async def shown_of_demo(db: Connection) -> Shown:
    """The demo company's sign-ins and keys that still hold."""
    can_anybody = await db.scalar(
        text("SELECT EXISTS (SELECT FROM identity.password JOIN identity.staff ON id = staff_id WHERE is_active)")
    )
    return Shown(sign_ins=await _shown_sign_ins(db), keys=await _shown_keys(db), can_anybody=bool(can_anybody))


async def _shown_sign_ins(db: Connection) -> list[ShownSignIn]:
    rows = await db.execute(
        select(staff.c.role, staff.c.email, password.c.shown.label("password"))
        .join_from(password, staff)
        .where(password.c.shown.is_not(None), staff.c.is_active)
        .order_by(staff.c.email)
    )
    return msgspec.convert([dict(row) for row in rows], list[ShownSignIn])


async def _shown_keys(db: Connection) -> list[ShownKey]:
    rows = await db.execute(
        select(api_key.c.name, api_key.c.shown.label("secret"))
        .where(api_key.c.shown.is_not(None), api_key.c.revoked_at.is_(None))
        .order_by(api_key.c.name)
    )
    return msgspec.convert([dict(row) for row in rows], list[ShownKey])


def _staff(row: Row) -> Staff:
    return msgspec.convert(dict(row), Staff)


def _key(row: Row) -> ApiKey:
    return msgspec.convert(dict(row), ApiKey)
