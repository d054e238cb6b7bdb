"""What sourcing tells; the stream is the order."""

from datetime import datetime
from uuid import UUID

from batuta.kernel.events import Event
from batuta.sourcing.domain import Assignment, PromiseEffect


class LinesPlanned(Event, frozen=True, kw_only=True):
    """Every unit asked for has a location; their claims are there already. cost_minor: of all shipments together."""

    attempt: int
    assignments: tuple[Assignment, ...]
    cost_minor: int
    currency: str
    is_greedy: bool


class LinesUnfillable(Event, frozen=True, kw_only=True):
    """No locations can serve what was asked. line_ids: those that could not be served by themselves either."""

    attempt: int
    line_ids: tuple[UUID, ...]


class OrderParked(Event, frozen=True, kw_only=True):
    """Units of the order wait in a queue, because nobody can serve them now. next_try_at: None waits for a person."""

    queue: str
    reason: str
    line_ids: tuple[UUID, ...]
    next_try_at: datetime | None
    cancel_at: datetime | None
    promise: PromiseEffect


class OrderUnparked(Event, frozen=True, kw_only=True):
    """The order left its queue: planned, or cancelled."""

    queue: str
    reason: str
