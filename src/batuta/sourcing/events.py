"""What sourcing tells; the stream is the order."""

from uuid import UUID

from batuta.kernel.events import Event
from batuta.sourcing.domain import Assignment


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
