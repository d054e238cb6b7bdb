"""The facts that ordering tells; the stream is the order."""

from datetime import datetime
from uuid import UUID

from batuta.company.domain import RerouteKind
from batuta.kernel.events import Event
from batuta.ordering.domain import CancelLine, HoldKind


class OrderPlaced(Event, frozen=True):
    number: str
    channel_id: UUID
    currency: str
    gross_minor: int
    on_behalf_of: str | None = None


class OrderImported(Event, frozen=True):
    """An order that was closed before batuta knew of it: nothing is left to do."""

    number: str
    channel_id: UUID
    currency: str
    gross_minor: int


class OrderAccepted(Event, frozen=True):
    """Paid for or covered, and nothing holds it: its goods may be looked for."""


class HoldPlaced(Event, frozen=True):
    hold_id: UUID
    kind: HoldKind
    reason: str
    due_at: datetime | None = None


class HoldEnded(Event, frozen=True):
    hold_id: UUID
    kind: HoldKind
    status: str
    reason: str


class CancellationAsked(Event, frozen=True):
    """Units that a location is at work on are to be cancelled; the location answers."""

    request_id: UUID
    lines: tuple[CancelLine, ...]
    reason: str


class CancelledTooLate(Event, frozen=True):
    """Units that had left when somebody no longer wanted them: to be stopped on their way, or to come back."""

    request_id: UUID
    lines: tuple[CancelLine, ...]
    reason: str


class LineSubstituted(Event, frozen=True):
    """Another SKU is sent than was ordered. amount_minor: by which the order costs more; less when negative."""

    line_id: UUID
    instead_of_id: UUID
    sku_id: UUID
    quantity: int
    amount_minor: int


class UnitsCancelled(Event, frozen=True):
    """Units that will never be handed over, and what they were worth."""

    cause_id: UUID
    lines: tuple[CancelLine, ...]
    amount_minor: int
    currency: str
    reason: str


class OrderCancelled(Event, frozen=True):
    """No unit of the order is left."""

    reason: str


class OrderCompleted(Event, frozen=True):
    """Every unit that was not cancelled is with the customer."""


class OrderExpired(Event, frozen=True):
    """Nobody paid in time; the claims on stock are released, the record stays (ORD-06)."""


class WaitAsked(Event, frozen=True):
    """Units that were promised long ago are still not there; the customer is asked whether to wait on (INV-25).

    name: of the line. promised_at: as promised last; None when nobody knows.
    """

    line_id: UUID
    units: int
    name: str
    promised_at: datetime | None


class RerouteAsked(Event, frozen=True):
    """The store cannot have units ready; the customer is asked for another way (SRC-16)."""

    reroute_id: UUID
    location_id: UUID
    line_ids: tuple[UUID, ...]
    expires_at: datetime


class LinesRerouted(Event, frozen=True):
    """The customer chose how they have what their store could not serve.

    kind: store, delivery, split, wait or cancel. amount_minor: by which the order costs more; less when negative.
    """

    reroute_id: UUID
    kind: RerouteKind
    choice: str
    line_ids: tuple[UUID, ...]
    amount_minor: int


class OrderAdjusted(Event, frozen=True):
    """A named amount on top of the order, or of a line of it, or off it. cause_id: the adjustment."""

    name: str
    amount_minor: int
    cause_id: UUID | None = None
    line_id: UUID | None = None
