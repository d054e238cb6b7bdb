"""Sign-ins on their way to a provider and back: each comes back once, in time, in the same browser."""

from datetime import datetime
from hmac import compare_digest

from sqlalchemy import LargeBinary, bindparam, text

from batuta.identity.domain import Begun, OpenIdRefused
from batuta.identity.domain.openid import BEGUN_LASTS
from batuta.identity.domain.sessions import hash_of
from batuta.identity.tables import openid_begun
from batuta.plumbing.database import Connection, Instant, insert_rows

_take = text("""
    DELETE FROM identity.openid_begun WHERE state_hash = :state_hash
    RETURNING nonce, verifier, return_to, browser_hash, created_at
""").bindparams(bindparam("state_hash", type_=LargeBinary()))
_forget = text("""
    DELETE FROM identity.openid_begun WHERE state_hash IN (
        SELECT state_hash FROM identity.openid_begun WHERE created_at < :before LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING state_hash
""").bindparams(bindparam("before", type_=Instant))


async def keep_begun(db: Connection, *, begun: Begun, browser: str, now: datetime) -> None:
    """Keep what the answer of the provider is compared with."""
    row = {
        "state_hash": hash_of(begun.state),
        "nonce": begun.nonce,
        "verifier": begun.verifier,
        "return_to": begun.return_to,
        "browser_hash": hash_of(browser),
        "created_at": now,
    }
    await insert_rows(db, openid_begun, [row])


async def take_begun(db: Connection, *, state: str, browser: str, now: datetime) -> Begun:
    """Take back what was kept of a sign-in; it is there once.

    Raises:
        OpenIdRefused: nobody began it, or in another browser, or too long ago.
    """
    row = (await db.execute(_take, {"state_hash": hash_of(state)})).one_or_none()
    if row is None or now >= row.created_at + BEGUN_LASTS:
        raise OpenIdRefused("this sign-in was not begun, or too long ago: begin it again", why="state")
    if not compare_digest(row.browser_hash, hash_of(browser)):
        raise OpenIdRefused("this sign-in was begun in another browser", why="browser")
    return Begun(state=state, nonce=row.nonce, verifier=row.verifier, return_to=row.return_to)


async def forget_begun(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete sign-ins that never came back."""
    return len((await db.execute(_forget, {"before": now - BEGUN_LASTS, "limit": limit})).all())
