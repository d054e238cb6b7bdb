"""Time and chance, as the edge takes them: rooms are given both."""

import random
from datetime import UTC, datetime
from uuid import UUID

from batuta.kernel.ids import new_id

_chance = random.SystemRandom()


def present() -> datetime:
    """The moment at which a request is answered."""
    return datetime.now(UTC)


def fresh_id(now: datetime) -> UUID:
    """An id for what a request makes."""
    return new_id(now, _chance)
