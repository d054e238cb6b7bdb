"""Deliveries: one fact for one endpoint, its tries, and what became of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from batuta.connectors.webhooks.domain.breaker import Breaker
from batuta.connectors.webhooks.domain.endpoints import Content, Format
from batuta.kernel.errors import NotFound, Refused

ANSWER_KEPT = 1_000
REPLAYED_AT_ONCE_MAX = 10_000

_GONE = 410
_AILING = frozenset({408, 425, 429})


class UnknownDelivery(NotFound):
    """No delivery of that id, or none that the asker may see."""


class TooMuchToReplay(Refused):
    """The time holds more facts than are sent anew at once; ask for less of it."""


class NothingListens(Refused):
    """The endpoint is not enabled; enable it first."""


class DeliveryStatus(StrEnum):
    """failed: given up after a day of tries; a replay makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Result(StrEnum):
    """What a try says of its endpoint. ailing: as if nobody were there."""

    TAKEN = "taken"
    REFUSED = "refused"
    AILING = "ailing"
    GONE = "gone"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as it is told to the outside. id: the same in every delivery of it, however often."""

    id: UUID
    type: str
    stream: UUID
    happened_at: datetime
    data: dict[str, Any]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process sends now, and until when it is left to it."""

    id: UUID
    endpoint_id: UUID
    url: str
    format: Format
    content: Content
    secrets: tuple[str, ...]
    told: Told
    tries: int
    attempts: int
    taken_until_at: datetime
    breaker: Breaker


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request to make."""

    url: str
    headers: dict[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request. status: of HTTP, None when there was no answer, and `problem` says why."""

    status: int | None = None
    problem: str = ""
    excerpt: str = ""
    duration_ms: int = 0
    retry_after: timedelta | None = None

    @property
    def result(self) -> Result:
        if self.status is None:
            return Result.AILING
        if self.status in range(200, 300):
            return Result.TAKEN
        if self.status == _GONE:
            return Result.GONE
        return Result.AILING if self.status in _AILING or self.status not in range(300, 500) else Result.REFUSED


class Post(Protocol):
    """Make a request. It answers for every failure of the other side and raises none."""

    async def __call__(self, posting: Posting) -> Answer: ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. event_id: what the receiver knows as `webhook-id`. tries: since it was last asked for."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    stream: UUID
    status: DeliveryStatus
    tries: int
    created_at: datetime
    ended_at: datetime | None
    next_try_at: datetime | None
    last_status: int | None
    last_problem: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try. status: what HTTP answered; without it `problem` says what went wrong. excerpt: how the answer began."""

    number: int
    tried_at: datetime
    duration_ms: int
    status: int | None
    problem: str
    excerpt: str
