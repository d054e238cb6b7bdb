"""When to try again: a delivery by itself, and an endpoint that does not answer at all."""

from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

BACK_OFF = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 39_600)
)
"""How long after its first, second … failure a delivery waits; together more than 24 hours (PLT-04)."""

SPREAD = 0.1
"""By how much a wait is lengthened at most, so that what failed together does not come back together."""

RETRY_AFTER_MAX = timedelta(hours=1)
FAILURES_TO_OPEN = 5
COOL_DOWN_MIN = timedelta(seconds=15)
COOL_DOWN_MAX = timedelta(minutes=10)
OPENINGS_COUNTED = 10
UNREACHABLE_AFTER = timedelta(days=5)


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint fares. failures: on end, of the endpoint as a whole. openings: since it last answered.

    open_until_at: until then nothing is sent; then one delivery tries whether it answers again.
    """

    failures: int = 0
    openings: int = 0
    open_until_at: datetime | None = None
    failing_since_at: datetime | None = None
    answered_at: datetime | None = None

    def is_shut_at(self, now: datetime) -> bool:
        """Whether nothing may be sent now."""
        return self.open_until_at is not None and self.open_until_at > now

    def is_out(self, now: datetime) -> bool:
        """Whether it has failed for so long that somebody must look."""
        return self.failing_since_at is not None and now - self.failing_since_at >= UNREACHABLE_AFTER


def after_tries(breaker: Breaker, *, taken: int, refused: int, ailing: int, now: datetime) -> Breaker:
    """The breaker after some tries: taken, answered with no, or failed as if nobody were there (`ailing`)."""
    if taken:
        return Breaker(answered_at=now)
    if not refused + ailing:
        return breaker
    since = breaker.failing_since_at or now
    if refused:
        # Even a no means that somebody is there.
        return msgspec.structs.replace(breaker, failures=0, openings=0, open_until_at=None, failing_since_at=since)
    failures = breaker.failures + ailing
    if failures < FAILURES_TO_OPEN:
        return msgspec.structs.replace(breaker, failures=failures, failing_since_at=since)
    return msgspec.structs.replace(
        breaker,
        failures=failures,
        openings=min(breaker.openings + 1, OPENINGS_COUNTED),
        open_until_at=now + min(COOL_DOWN_MIN * 2**breaker.openings, COOL_DOWN_MAX),
        failing_since_at=since,
    )


def next_try_at(delivery_id: UUID, tries: int, *, now: datetime, asked: timedelta | None = None) -> datetime | None:
    """When a delivery that has failed `tries` times is tried again; None when it is given up.

    asked: how long the endpoint asked us to wait, which is heeded up to an hour.
    """
    if tries > len(BACK_OFF):
        return None
    wait = BACK_OFF[tries - 1]
    if asked:
        wait = max(wait, min(asked, RETRY_AFTER_MAX))
    return now + wait * (1 + SPREAD * _chance(delivery_id, tries))


def _chance(delivery_id: UUID, tries: int) -> float:
    """A number from 0 to 1 that is always the same for this try."""
    return blake2b(delivery_id.bytes + bytes([tries]), digest_size=1).digest()[0] / 255
