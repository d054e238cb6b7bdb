"""API keys: `bat_<id>_<secret>`. The secret is shown once; the database holds only its hash."""

import random
from datetime import datetime
from hmac import compare_digest
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.identity.domain.permissions import Limits, Rights, check_limits, check_permissions
from batuta.identity.domain.sessions import hash_of, new_token
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import Code

PREFIX = "bat"
SHOWN_LENGTH_MAX = 200
REQUESTS_PER_MINUTE = 600_000
LAST_YEAR = 9_000


class BadKey(Invalid):
    """The key cannot be so; `field` says where."""


class KeyNameTaken(Refused):
    """Another key that is in force has this name, and facts would not tell them apart."""


class NoSuchKey(NotFound):
    """There is no key of this id."""


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key shall be. channel_ids, location_ids: none is everywhere; limits in minor units."""

    name: Code
    permissions: Annotated[frozenset[Code], msgspec.Meta(min_length=1, max_length=100)]
    channel_ids: Annotated[frozenset[UUID], msgspec.Meta(max_length=1_000)] = frozenset()
    location_ids: Annotated[frozenset[UUID], msgspec.Meta(max_length=1_000)] = frozenset()
    limits: Limits = {}
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    requests_per_minute: Annotated[int, msgspec.Meta(ge=1, le=6_000_000)] = REQUESTS_PER_MINUTE


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept, without its secret. last_used_at is exact to the minute."""

    id: UUID
    name: str
    permissions: frozenset[str]
    channel_ids: frozenset[UUID] = frozenset()
    location_ids: frozenset[UUID] = frozenset()
    limits: Limits = {}
    requests_per_minute: int = REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    created_at: datetime
    created_by: str

    @property
    def actor(self) -> str:
        """How facts name it."""
        return f"key:{self.name}"

    def holds(self, *, now: datetime) -> bool:
        """Whether it is in force."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class MadeApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made. secret: the whole text to send, shown this once."""

    key: ApiKey
    secret: str


def check_key(new: NewApiKey, *, now: datetime) -> NewApiKey:
    """Return the key if it can be made.

    Raises:
        UnknownPermission, BadLimit, BadKey: an expiry that is past or has no time zone.
    """
    check_permissions(new.permissions)
    check_limits(new.limits)
    if new.expires_at is not None:
        if new.expires_at.tzinfo is None:
            raise BadKey("a moment has a time zone", field="expires_at")
        if new.expires_at.year > LAST_YEAR:
            raise BadKey(f"a key ends by the year {LAST_YEAR}, or by being revoked", field="expires_at")
        if new.expires_at <= now:
            raise BadKey("the key would be over before it begins", field="expires_at", got=new.expires_at)
    return new


def secret_of(key_id: UUID, chance: random.Random) -> str:
    """Make the text that whoever uses the key sends."""
    return f"{PREFIX}_{key_id.hex}_{new_token(chance)}"


def id_in(shown: str) -> UUID | None:
    """The id of the key that a text claims to be, None if it is no key of ours."""
    prefix, _, rest = shown.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret or len(shown) > SHOWN_LENGTH_MAX or not shown.isascii():
        return None
    try:
        return UUID(hex=key_id)
    except ValueError:
        return None


def is_secret(shown: str, hashed: bytes) -> bool:
    """Whether the text is the one whose hash is kept."""
    return compare_digest(hash_of(shown), hashed)


def rights_given(new: NewApiKey) -> Rights:
    """What whoever makes the key gives away."""
    return Rights(
        permissions=new.permissions,
        channel_ids=new.channel_ids or None,
        location_ids=new.location_ids or None,
        limits=new.limits,
    )
