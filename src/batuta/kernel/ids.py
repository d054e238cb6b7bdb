"""Ids: UUIDv7 made at the edges, and children derived from their parents so that a repeated step makes the same id."""

import random
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID, SafeUUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RANDOM_BITS = (1 << 74) - 1
_LOW_BITS = (1 << 62) - 1
_TIME_BITS = (1 << 48) - 1


def new_id(now: datetime, chance: random.Random) -> UUID:
    """Make a UUIDv7 (RFC 9562): the moment in milliseconds, then chance. Only edges call this."""
    return _version_7((now - _EPOCH) // _MILLISECOND, chance.getrandbits(74))


def child_id(parent: UUID, *names: object) -> UUID:
    """Derive the id of something that belongs to `parent`; the same names give the same id, always.

    The parent's time bits are kept, so children lie beside their parents in an index. A reaction that
    runs twice therefore makes the same rows, and a unique key refuses the second.
    """
    parts: list[bytes] = []
    for name in names:
        part = str(name).encode()
        parts += (len(part).to_bytes(4, "big"), part)
    whole = parent.int
    digest = blake2b(b"".join(parts), digest_size=10, key=whole.to_bytes(16, "big")).digest()
    return _version_7(whole >> 80, int.from_bytes(digest, "big") & _RANDOM_BITS)


def id_from(text: str, at: datetime) -> UUID:
    """Derive an id from an outside key and the moment it stands for; used by imports to be repeatable."""
    digest = blake2b(text.encode(), digest_size=10).digest()
    return _version_7((at - _EPOCH) // _MILLISECOND, int.from_bytes(digest, "big") & _RANDOM_BITS)


def _version_7(milliseconds: int, rest: int) -> UUID:
    high, low = rest >> 62, rest & _LOW_BITS
    return _uuid((milliseconds & _TIME_BITS) << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def _uuid(value: int) -> UUID:
    """A UUID of a number that is one: what its constructor checks takes longer than all the rest of an id."""
    made = UUID.__new__(UUID)
    _set_int(made, value)
    _set_safe(made, SafeUUID.unknown)
    return made


_set_int = vars(UUID)["int"].__set__
_set_safe = vars(UUID)["is_safe"].__set__
