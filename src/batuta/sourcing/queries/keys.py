"""With what promises are signed, kept in memory: it never changes."""

from weakref import WeakKeyDictionary

from sqlalchemy import select

from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.tables import promise_key

_kept: WeakKeyDictionary[Engine, bytes] = WeakKeyDictionary()
_SECRET = select(promise_key.c.secret)


async def promise_secret(db: Connection) -> bytes | None:
    """The secret; None until somebody has made one."""
    kept = _kept.get(db.engine)
    if kept is None and (found := await db.scalar(_SECRET)) is not None:
        kept = _kept[db.engine] = bytes(found)
    return kept
