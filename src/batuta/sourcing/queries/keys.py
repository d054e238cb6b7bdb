"""With what promises and links are signed, kept in memory: it was made with the database and never changes."""

from weakref import WeakKeyDictionary

from sqlalchemy import select

from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.tables import promise_key

_kept: WeakKeyDictionary[Engine, bytes] = WeakKeyDictionary()
_SECRET = select(promise_key.c.secret)


async def promise_secret(db: Connection) -> bytes:
    """The secret of this house."""
    kept = _kept.get(db.engine)
    if kept is None:
        kept = _kept[db.engine] = bytes(await db.scalar(_SECRET))
    return kept
