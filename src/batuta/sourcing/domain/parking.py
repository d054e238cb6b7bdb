"""Orders that nobody can serve now: in which queue they wait, when they are tried again, and until when (SRC-11)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound
from batuta.kernel.quantities import Code

UNFILLABLE: Code = "unfillable"
EXCEPTIONS: Code = "exceptions"
"""The queues that batuta fills: for want of a location, and of orders that locations gave back too often."""

WAIT_MAX = timedelta(days=1)

RetryMinutes = Annotated[int, msgspec.Meta(ge=1, le=1_440)]


class UnknownParking(NotFound):
    """The order is not parked."""


class PromiseEffect(StrEnum):
    """What waiting does to what was promised.

    none: nothing was. kept: a plan at the next try would still keep it. at_risk: it would come too late. broken: the
    promised time is past.
    """

    NONE = "none"
    KEPT = "kept"
    AT_RISK = "at_risk"
    BROKEN = "broken"


class Park(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order that nobody can serve now.

    hold_id: of the order, and as long as it stands nobody looks again. promised_at: what was promised at the latest;
    plan_by_at: until when a plan would keep it. retry_minutes: None waits for a person.
    """

    order_id: UUID
    channel_id: UUID
    queue: Code
    reason: str
    hold_id: UUID
    line_ids: tuple[UUID, ...]
    rules: tuple[str, ...] = ()
    retry_minutes: RetryMinutes | None = None
    cancel_after: timedelta | None = None
    promised_at: datetime | None = None
    plan_by_at: datetime | None = None
    actor: str = "system:sourcing"


class Parking(msgspec.Struct, frozen=True, kw_only=True):
    """How an order is parked, or was the last time. rules: what shut locations out. tries: this one included."""

    order_id: UUID
    channel_id: UUID
    queue: Code
    reason: str
    rules: tuple[str, ...]
    line_ids: tuple[UUID, ...]
    tries: int
    hold_id: UUID
    parked_at: datetime
    tried_at: datetime
    next_try_at: datetime | None = None
    cancel_at: datetime | None = None
    promised_at: datetime | None = None
    plan_by_at: datetime | None = None
    forgiven_at: datetime | None = None
    actor: str
    ended_at: datetime | None = None
    ended_because: str | None = None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    def effect(self, now: datetime) -> PromiseEffect:
        """What waiting does to the promise."""
        if self.promised_at is None:
            return PromiseEffect.NONE
        if (self.ended_at or now) >= self.promised_at:
            return PromiseEffect.BROKEN
        if self.plan_by_at is None or self.next_try_at is None or self.next_try_at > self.plan_by_at:
            return PromiseEffect.AT_RISK
        return PromiseEffect.KEPT


def parked(park: Park, before: Parking | None, *, now: datetime) -> Parking:
    """Park an order, or park it again: it waits twice as long each time, but not past what its promise allows.

    Only one that never left keeps the day of its end; rejections before it is an exception are forgiven with it.
    """
    last = before if before is not None and not before.is_over else None
    tries = last.tries + 1 if last else 1
    cancel_at = now + park.cancel_after if park.cancel_after is not None else None
    forgiven_at = before.forgiven_at if before else None
    return Parking(
        order_id=park.order_id,
        channel_id=park.channel_id,
        queue=park.queue,
        reason=park.reason,
        rules=park.rules,
        line_ids=park.line_ids,
        tries=tries,
        hold_id=park.hold_id,
        parked_at=last.parked_at if last else now,
        tried_at=now,
        next_try_at=_next_try(park, tries, now),
        cancel_at=last.cancel_at if last else cancel_at,
        promised_at=park.promised_at,
        plan_by_at=park.plan_by_at,
        forgiven_at=now if park.queue == EXCEPTIONS else forgiven_at,
        actor=park.actor,
    )


def _next_try(park: Park, tries: int, now: datetime) -> datetime | None:
    if park.retry_minutes is None:
        return None
    doubled: int = 2 ** min(tries - 1, 20)
    wait = min(timedelta(minutes=park.retry_minutes) * doubled, WAIT_MAX)
    if park.plan_by_at is not None and now < park.plan_by_at < now + wait:
        return park.plan_by_at
    return now + wait
