"""Making, using and revoking API keys."""

import random
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text

from batuta.identity.domain import ApiKey, KeyNameTaken, MadeApiKey, NewApiKey, NoSuchKey
from batuta.identity.domain.keys import check_key, secret_of
from batuta.identity.domain.sessions import hash_of
from batuta.identity.events import KeyMade, KeyRevoked
from batuta.identity.queries import key_by_id
from batuta.identity.tables import api_key as api_key_table
from batuta.kernel.ids import new_id
from batuta.plumbing.database import Connection, Instant, insert_new
from batuta.plumbing.events import publish

_revoke = text("""
    UPDATE identity.api_key SET revoked_at = :now, shown = NULL WHERE id = :key_id AND revoked_at IS NULL RETURNING name
""").bindparams(bindparam("now", type_=Instant))
_note_use = text("UPDATE identity.api_key SET last_used_at = :now WHERE id = :key_id").bindparams(
    bindparam("now", type_=Instant)
)


async def make_key(db: Connection, *, new: NewApiKey, actor: str, chance: random.Random, now: datetime) -> MadeApiKey:
    """Make a key; its secret is in the answer and nowhere else.

    Raises:
        KeyNameTaken: a key in force has the name.
        UnknownPermission, BadLimit, BadKey: it cannot be so.
    """
    return await _make(db, new=new, actor=actor, is_shown=False, chance=chance, now=now)


async def make_up_key(
    db: Connection, *, new: NewApiKey, actor: str, chance: random.Random, now: datetime
) -> MadeApiKey:
    """Make a key of a demo company, whose secret is kept to be shown until it is revoked."""
    return await _make(db, new=new, actor=actor, is_shown=True, chance=chance, now=now)


async def revoke_keys(db: Connection, *, ids: Collection[UUID], actor: str, now: datetime) -> list[ApiKey | NoSuchKey]:
    """Revoke keys; each answer is the key, or that there is none. Every process hears of it within 5 s."""
    answers: list[ApiKey | NoSuchKey] = []
    for key_id in sorted(ids):
        name = await db.scalar(_revoke, {"key_id": key_id, "now": now})
        if name is not None:
            await publish(db, [KeyRevoked(stream=key_id, happened_at=now, actor=actor, name=name)])
        kept = await key_by_id(db, key_id)
        answers.append(kept.key if kept else NoSuchKey("no key has this id", id=key_id))
    return answers


async def note_use(db: Connection, *, key_id: UUID, now: datetime) -> None:
    """Note that a key was used."""
    await db.execute(_note_use, {"key_id": key_id, "now": now})


async def _make(
    db: Connection, *, new: NewApiKey, actor: str, is_shown: bool, chance: random.Random, now: datetime
) -> MadeApiKey:
    checked = check_key(new, now=now)
    key_id = new_id(now, chance)
    key = ApiKey(id=key_id, created_at=now, created_by=actor, **msgspec.structs.asdict(checked))
    secret = secret_of(key_id, chance)
    row = msgspec.structs.asdict(key) | {
        "permissions": sorted(key.permissions),
        "channel_ids": sorted(key.channel_ids),
        "location_ids": sorted(key.location_ids),
        "secret_hash": hash_of(secret),
        "shown": secret if is_shown else None,
    }
    if not await insert_new(db, api_key_table, [row], returning=("id",)):
        raise KeyNameTaken("a key in force has this name", name=key.name)
    made = KeyMade(stream=key_id, happened_at=now, actor=actor, name=key.name, permissions=sorted(key.permissions))
    await publish(db, [made])
    return MadeApiKey(key=key, secret=secret)
