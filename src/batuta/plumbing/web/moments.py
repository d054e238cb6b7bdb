"""The edge's own clock and chance: rooms are given both."""

import random
from datetime import UTC, datetime
from uuid import UUID

from batuta.kernel.ids import new_id

_chance = random.SystemRandom()


def moment() -> datetime:
    """Now, for what a request asks to be done or read."""
    return datetime.now(UTC)


def fresh_id() -> UUID:
    """An id for what a request makes."""
    return new_id(datetime.now(UTC), _chance)


def fresh_secret() -> str:
    """Text that nobody guesses: 256 bits of chance."""
    return f"{_chance.getrandbits(256):064x}"
