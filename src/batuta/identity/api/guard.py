"""The guard: who asks, by their session or their key."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest

from batuta.identity.commands import note_use, take, touch_session
from batuta.identity.domain import ApiKey, TooManyRequests
from batuta.identity.domain.allowances import of_key
from batuta.identity.domain.keys import id_in
from batuta.identity.domain.sessions import SEEN_EVERY, Session, check_csrf, hash_of
from batuta.identity.queries import key_by_id, session_by_hash
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import AnyRequest, Caller, Guard, NotSignedIn
from batuta.plumbing.web.bodies import header_of
from batuta.plumbing.web.browsers import browser_of, changes_nothing, csrf_given, session_token
from batuta.plumbing.web.moments import moment

KEY_KNOWN = timedelta(seconds=5)
"""How long a key is taken for what it was; so soon is its revocation heard of in every process."""
KEYS_KNOWN_MAX = 1_000
USE_NOTED_EVERY = timedelta(minutes=1)
SCHEME = "bearer"

Clock = Callable[[], datetime]


def guard_of(engine: Engine, *, clock: Clock = moment) -> Guard:
    """Make the guard of an application."""
    keys = KnownKeys(engine)

    async def guard(request: AnyRequest) -> Caller:
        if given := header_of(request, b"authorization"):
            scheme, _, shown = given.partition(" ")
            if scheme.lower() != SCHEME:
                raise NotSignedIn("send an API key as: Authorization: Bearer bat_…")
            return await keys.caller_of(shown.strip(), now=clock())
        if token := session_token(request):
            return await _caller_of_session(engine, request, token, now=clock())
        raise NotSignedIn("sign in, or send an API key as: Authorization: Bearer bat_…")

    return guard


async def _caller_of_session(engine: Engine, request: AnyRequest, token: str, *, now: datetime) -> Caller:
    token_hash = hash_of(token)
    async with engine.connect() as db:
        session = await session_by_hash(db, token_hash)
        if session is None or not session.holds(browser=browser_of(request), now=now):
            raise NotSignedIn("this session is over: sign in again")
        if now - session.seen_at >= SEEN_EVERY:
            await touch_session(db, token_hash=token_hash, now=now)
    if not changes_nothing(request):
        check_csrf(token, await csrf_given(request))
    return _as_caller(session)


def _as_caller(session: Session) -> Caller:
    staff, rights = session.staff, session.staff.rights
    return Caller(
        id=staff.id,
        actor=staff.actor,
        permissions=rights.permissions,
        channel_ids=rights.channel_ids,
        location_ids=rights.location_ids,
        limits=rights.limits,
        locale=staff.locale,
    )


class KnownKeys:
    """Keys as they were when last looked at, so that a request costs a hash and no statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[bytes, _Known] = {}

    async def caller_of(self, shown: str, *, now: datetime) -> Caller:
        """Who sends this key, and one request less for them.

        Raises:
            NotSignedIn: no key of ours, or one that is revoked or over.
            TooManyRequests: more than it may ask.
        """
        secret_hash = hash_of(shown)
        known = self._known.get(secret_hash)
        if known is None:
            known = await self._learn(shown, secret_hash, now)
        elif now - known.looked_at >= KEY_KNOWN:
            async with known.lock:
                if now - known.looked_at >= KEY_KNOWN:
                    await self._look_again(known, now)
        if not known.key.holds(now=now):
            raise NotSignedIn("this API key is revoked or over")
        if known.requests_left <= 0:
            async with known.lock:
                if known.requests_left <= 0:
                    await self._draw(known, now)
        known.requests_left -= 1
        return known.caller

    async def _learn(self, shown: str, secret_hash: bytes, now: datetime) -> "_Known":
        key_id = id_in(shown)
        if key_id is not None:
            async with self._engine.connect() as db:
                kept = await key_by_id(db, key_id)
                if kept and compare_digest(kept.secret_hash, secret_hash):
                    await _note_use(db, kept.key, now)
                    if len(self._known) >= KEYS_KNOWN_MAX:
                        del self._known[next(iter(self._known))]
                    return self._known.setdefault(secret_hash, _Known(kept.key, now))
        raise NotSignedIn("there is no such API key")

    async def _look_again(self, known: "_Known", now: datetime) -> None:
        async with self._engine.connect() as db:
            kept = await key_by_id(db, known.key.id)
            assert kept, "keys are revoked, never deleted"
            known.see(kept.key, now)
            await _note_use(db, kept.key, now)

    async def _draw(self, known: "_Known", now: datetime) -> None:
        """Draw a second's requests at once from what all processes share."""
        units = max(1, known.key.requests_per_minute // 60)
        allowance = of_key(known.key.id, known.key.requests_per_minute)
        async with self._engine.connect() as db:
            await take(db, allowance, refusal=TooManyRequests, now=now, units=units)
        known.requests_left += units


class _Known:
    __slots__ = ("caller", "key", "lock", "looked_at", "requests_left")

    def __init__(self, key: ApiKey, now: datetime) -> None:
        self.lock = asyncio.Lock()
        self.requests_left = 0
        self.see(key, now)

    def see(self, key: ApiKey, now: datetime) -> None:
        self.key, self.looked_at = key, now
        self.caller = Caller(
            id=key.id,
            actor=key.actor,
            permissions=key.permissions,
            channel_ids=key.channel_ids or None,
            location_ids=key.location_ids or None,
            limits=key.limits,
        )


async def _note_use(db: Connection, key: ApiKey, now: datetime) -> None:
    if key.holds(now=now) and (key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY):
        await note_use(db, key_id=key.id, now=now)
