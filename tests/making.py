"""What tests make things of: one moment, fresh ids and fresh codes, so that a shared database does not matter."""

import random
from datetime import UTC, datetime
from uuid import UUID

from batuta.kernel.ids import new_id

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

_chance = random.SystemRandom()


def fresh_id() -> UUID:
    return new_id(NOW, _chance)


def fresh_code(prefix: str) -> str:
    return f"{prefix}-{_chance.getrandbits(48):012x}"
