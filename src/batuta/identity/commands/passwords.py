"""Setting passwords. Hashing takes its time: in a thread, before the transaction."""

import asyncio
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import bindparam, text

from batuta.identity.commands.allowing import give_back, take
from batuta.identity.domain import NoSuchStaff, Staff, TooManySignIns, WrongCredentials
from batuta.identity.domain.allowances import of_attempts
from batuta.identity.domain.passwords import check_password, hash_password, is_password, made_up
from batuta.identity.events import PasswordChanged
from batuta.identity.queries import credentials_of, staff_by_id
from batuta.identity.tables import password as password_table
from batuta.plumbing.database import Connection, Engine, Instant, insert_rows, upsert_rows
from batuta.plumbing.events import publish

_hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="hasher")
"""Each hash takes 19 MiB and a core: more at once would only take them from everybody else."""

_end_sessions = text("""
    UPDATE identity.session SET ended_at = :now
    WHERE staff_id = :staff_id AND ended_at IS NULL AND token_hash <> :but
""").bindparams(bindparam("now", type_=Instant))
NO_SESSION = b""


async def set_password(
    engine: Engine,
    *,
    staff_id: UUID,
    password: str,
    actor: str,
    but: bytes = NO_SESSION,
    chance: random.Random,
    now: datetime,
) -> Staff:
    """Give somebody a password; whoever is signed in with the old one is signed out.

    but: the hash of the token of a session that stays, as the one in which they change it themselves.

    Raises:
        NoSuchStaff: nobody has this id.
        WeakPassword: it would be guessed.
    """
    async with engine.connect() as db:
        found = (await staff_by_id(db, [staff_id])).get(staff_id)
    if found is None:
        raise NoSuchStaff("no member of staff has this id", id=staff_id)
    hashed = await hashed_of(check_password(password, email=found.email), chance=chance)
    async with engine.begin() as db:
        await keep_password(db, staff_id=staff_id, hashed=hashed, now=now)
        await end_sessions(db, staff_id=staff_id, but=but, now=now)
        await publish(db, [PasswordChanged(stream=staff_id, happened_at=now, actor=actor)])
    return found


async def change_password(
    engine: Engine,
    *,
    staff_id: UUID,
    old: str,
    new: str,
    address: str,
    but: bytes,
    chance: random.Random,
    now: datetime,
) -> Staff:
    """Let somebody change their own password, who knows the old one; tries are counted as at sign-in.

    Raises:
        TooManySignIns: with the seconds to wait.
        WrongCredentials: the old one is another.
        WeakPassword: the new one would be guessed.
    """
    async with engine.connect() as db:
        staff = (await staff_by_id(db, [staff_id])).get(staff_id)
        known = await credentials_of(db, staff.email) if staff else None
    if known is None:
        raise NoSuchStaff("no member of staff has this id", id=staff_id)
    allowed = of_attempts(known.staff.email, address)
    async with engine.begin() as db:
        for one in allowed:
            await take(db, one, refusal=TooManySignIns, now=now)
    if not await holds(old, known.hashed):
        raise WrongCredentials("this is not the present password")
    async with engine.begin() as db:
        await give_back(db, allowed)
    return await set_password(
        engine, staff_id=staff_id, password=new, actor=known.staff.actor, but=but, chance=chance, now=now
    )


async def make_up_passwords(db: Connection, *, staff: Sequence[Staff], chance: random.Random, now: datetime) -> None:
    """Give people of a demo company made-up passwords that are kept to be shown until they change them."""
    shown = [made_up(chance) for _ in staff]
    hashes = await asyncio.gather(*(hashed_of(one, chance=chance) for one in shown))
    await insert_rows(
        db,
        password_table,
        [
            {"staff_id": one.id, "hashed": hashed, "shown": made, "changed_at": now}
            for one, made, hashed in zip(staff, shown, hashes, strict=True)
        ],
    )


async def keep_password(db: Connection, *, staff_id: UUID, hashed: str, now: datetime) -> None:
    """Keep the hash of a password, and no made-up one any more."""
    row = {"staff_id": staff_id, "hashed": hashed, "shown": None, "changed_at": now}
    await upsert_rows(db, password_table, [row], key=("staff_id",))


async def end_sessions(db: Connection, *, staff_id: UUID, but: bytes = NO_SESSION, now: datetime) -> None:
    """Sign somebody out everywhere, but for the session of one token."""
    await db.execute(_end_sessions, {"staff_id": staff_id, "but": but, "now": now})


async def hashed_of(password: str, *, chance: random.Random) -> str:
    """Hash a password in a thread."""
    work = partial(hash_password, password, chance=chance)
    return await asyncio.get_running_loop().run_in_executor(_hashers, work)


async def holds(password: str, hashed: str | None) -> bool:
    """Whether the password is the hashed one, found out in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_hashers, is_password, password, hashed)
