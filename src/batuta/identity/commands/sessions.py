"""Signing in and out."""

import random
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, bindparam, text

from batuta.identity.commands.allowing import give_back, take
from batuta.identity.commands.passwords import hashed_of, holds, keep_password
from batuta.identity.domain import Allowance, SignedIn, SignIn, Staff, TooManySignIns, Visitor, WrongCredentials
from batuta.identity.domain.allowances import home_of, of_attempts, of_strangers
from batuta.identity.domain.passwords import is_outdated
from batuta.identity.domain.sessions import IDLE_MAX, LASTS_MAX, hash_of, new_token
from batuta.identity.events import SessionBegun
from batuta.identity.queries import credentials_of, has_signed_in_from
from batuta.identity.tables import session as session_table
from batuta.plumbing.database import Connection, Engine, Instant, insert_rows
from batuta.plumbing.events import publish

ADDRESS_KNOWN = timedelta(days=30)

_end = text("""
    UPDATE identity.session SET ended_at = :now WHERE token_hash = :token_hash AND ended_at IS NULL
""").bindparams(bindparam("now", type_=Instant), bindparam("token_hash", type_=LargeBinary()))
_touch = text("""
    UPDATE identity.session SET seen_at = :now WHERE token_hash = :token_hash AND seen_at < :now
""").bindparams(bindparam("now", type_=Instant), bindparam("token_hash", type_=LargeBinary()))
_forget = text("""
    DELETE FROM identity.session WHERE token_hash IN (
        SELECT token_hash FROM identity.session WHERE created_at < :before
        ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING token_hash
""").bindparams(bindparam("before", type_=Instant))


async def sign_in(engine: Engine, *, given: SignIn, visitor: Visitor, chance: random.Random, now: datetime) -> SignedIn:
    """Begin a session for who knows the password; the visitor's old session ends.

    Wrong passwords are counted per person and address, per address, and, from addresses where the person has
    not been of late, per person: who guesses does not shut the right person out. Right ones are not counted.

    Raises:
        TooManySignIns: with the seconds to wait; the password was not looked at.
        WrongCredentials: whatever of it is wrong.
    """
    email = given.email.strip().lower()
    async with engine.connect() as db:
        known = await credentials_of(db, email)
        at_home = known is not None and await has_signed_in_from(db, known.staff.id, home_of(visitor.address))
    allowed = of_attempts(email, visitor.address) + ([] if at_home else [of_strangers(email)])
    async with engine.begin() as db:
        for one in allowed:
            await take(db, one, refusal=TooManySignIns, now=now)
    hashed = known.hashed if known else None
    is_right = await holds(given.password, hashed)
    if not is_right or known is None or hashed is None or not known.staff.is_active:
        raise WrongCredentials("no one has this e-mail and this password")
    renewed = await hashed_of(given.password, chance=chance) if is_outdated(hashed) else None
    async with engine.begin() as db:
        if renewed:
            await keep_password(db, staff_id=known.staff.id, hashed=renewed, now=now)
        return await begin_session(
            db, staff=known.staff, visitor=visitor, way="password", allowed=allowed, chance=chance, now=now
        )


async def begin_session(
    db: Connection,
    *,
    staff: Staff,
    visitor: Visitor,
    way: str,
    chance: random.Random,
    now: datetime,
    allowed: list[Allowance] | None = None,
) -> SignedIn:
    """Begin a session for somebody who has proved who they are, and give back what they took to prove it."""
    token = new_token(chance)
    await give_back(db, allowed or [])
    if visitor.token:
        await end_session(db, token=visitor.token, now=now)
    row = {
        "token_hash": hash_of(token),
        "staff_id": staff.id,
        "browser_hash": hash_of(visitor.browser),
        "address": home_of(visitor.address),
        "created_at": now,
        "seen_at": now,
        "ended_at": None,
    }
    await insert_rows(db, session_table, [row])
    fact = SessionBegun(stream=staff.id, happened_at=now, actor=staff.actor, address=visitor.address, way=way)
    await publish(db, [fact])
    return SignedIn(token=token, staff=staff)


async def touch_session(db: Connection, *, token_hash: bytes, now: datetime) -> None:
    """Note that a session is in use."""
    await db.execute(_touch, {"token_hash": token_hash, "now": now})


async def end_session(db: Connection, *, token: str, now: datetime) -> None:
    """Sign a browser out."""
    await db.execute(_end, {"token_hash": hash_of(token), "now": now})


async def forget_sessions(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete sessions that ended long ago; until then they tell from which addresses a person signs in."""
    assert ADDRESS_KNOWN > LASTS_MAX > IDLE_MAX
    return len((await db.execute(_forget, {"before": now - ADDRESS_KNOWN, "limit": limit})).all())
