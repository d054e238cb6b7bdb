"""Making that with which promises are signed."""

from datetime import datetime

from batuta.plumbing.database import Connection, insert_new
from batuta.sourcing.tables import promise_key


async def make_promise_secret(db: Connection, *, secret: bytes, now: datetime) -> None:
    """Take a secret, unless there is one."""
    await insert_new(db, promise_key, [{"id": 1, "secret": secret, "made_at": now}], returning=["id"])
