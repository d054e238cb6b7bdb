"""What fulfillment tells; the stream is the order, and units are units of its lines."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import LineUnits, Method
from batuta.kernel.events import Event
from batuta.kernel.rejections import RejectionReason


class FulfillmentEvent(Event, frozen=True):
    fulfillment_order_id: UUID
    location_id: UUID
    method: Method


class Offered(FulfillmentEvent, frozen=True):
    lines: tuple[LineUnits, ...]
    expires_at: datetime | None = None


class Accepted(FulfillmentEvent, frozen=True):
    lines: tuple[LineUnits, ...]


class Rejected(FulfillmentEvent, frozen=True):
    """The location said no, and the units wait to be sourced elsewhere.

    is_over: whether nothing is left of the fulfillment order. shared_sku_ids: SKUs that other offers at the location
    cannot get either.
    """

    lines: tuple[LineUnits, ...]
    reason: RejectionReason
    is_over: bool
    shared_sku_ids: tuple[UUID, ...] = ()


class OfferExpired(FulfillmentEvent, frozen=True):
    """Nobody answered; the units wait to be sourced elsewhere."""

    lines: tuple[LineUnits, ...]


class OfferEscalated(FulfillmentEvent, frozen=True):
    """Nobody has answered for so long that what was promised is at risk."""

    lines: tuple[LineUnits, ...]
    expires_at: datetime | None = None


class PickingStarted(FulfillmentEvent, frozen=True):
    pass


class Picked(FulfillmentEvent, frozen=True):
    """lines: what this count added. is_whole: whether nothing is left to pick."""

    lines: tuple[LineUnits, ...]
    is_whole: bool


class Short(FulfillmentEvent, frozen=True):
    """Units were not there, and wait to be sourced elsewhere. is_over: whether nothing is left."""

    lines: tuple[LineUnits, ...]
    reason: RejectionReason
    is_over: bool


class Packed(FulfillmentEvent, frozen=True):
    lines: tuple[LineUnits, ...]
    parcel_ids: tuple[UUID, ...]


class WeighedUnits(msgspec.Struct, frozen=True):
    """Units of a SKU in a parcel, and what they weigh together."""

    parcel_id: UUID
    line_id: UUID
    sku_id: UUID
    quantity: int
    weight_g: int


class Weighed(FulfillmentEvent, frozen=True):
    """Units were weighed as they were packed. is_undone: their parcel was unpacked again, or came home undelivered."""

    units: tuple[WeighedUnits, ...]
    is_undone: bool = False


class HandedOver(FulfillmentEvent, frozen=True):
    """The carrier has the parcels. is_whole: whether nothing of the fulfillment order is left here.

    despite_hold: why they left though the order was held.
    """

    lines: tuple[LineUnits, ...]
    parcel_ids: tuple[UUID, ...]
    is_whole: bool
    despite_hold: str = ""


class ReadyForPickup(FulfillmentEvent, frozen=True):
    """The goods wait at the counter for whoever has the code."""

    lines: tuple[LineUnits, ...]
    code: str
    until_at: datetime


class PickupExtended(FulfillmentEvent, frozen=True):
    until_at: datetime


class Collected(FulfillmentEvent, frozen=True):
    """The customer has the goods. despite_hold: why they were given though the order was held."""

    lines: tuple[LineUnits, ...]
    collected_by: str
    despite_hold: str = ""


class PickupExpired(FulfillmentEvent, frozen=True):
    """Nobody came; the goods are on the shelf again and the units are cancelled."""

    lines: tuple[LineUnits, ...]


class Delivered(FulfillmentEvent, frozen=True):
    """The carrier delivered a parcel. is_whole: whether it was the last one under way."""

    lines: tuple[LineUnits, ...]
    parcel_id: UUID
    delivered_at: datetime
    is_whole: bool


class TakenBack(FulfillmentEvent, frozen=True):
    """A parcel came home undelivered; its units are cancelled."""

    lines: tuple[LineUnits, ...]
    parcel_id: UUID
    reason: str


class WrittenOff(FulfillmentEvent, frozen=True):
    """A parcel is lost for good; its units are cancelled."""

    lines: tuple[LineUnits, ...]
    parcel_id: UUID
    reason: str


class CancellationRequested(FulfillmentEvent, frozen=True):
    """The location has begun, and is asked to stop."""

    cancellation_id: UUID
    lines: tuple[LineUnits, ...]
    reason: str


class Cancelled(FulfillmentEvent, frozen=True):
    """Units will not be served, because nobody wants them."""

    cancellation_id: UUID
    lines: tuple[LineUnits, ...]
    reason: str


class CancelRefused(FulfillmentEvent, frozen=True):
    """The location goes on with its work."""

    cancellation_id: UUID
    lines: tuple[LineUnits, ...]
    reason: str


class CancelTooLate(Event, frozen=True):
    """Units that left, or are packed together with wanted ones: they may be intercepted, or come back as a return."""

    cancellation_id: UUID
    lines: tuple[LineUnits, ...]


class WorkOrderEvent(FulfillmentEvent, frozen=True):
    work_order_id: UUID
    sku_id: UUID
    lines: tuple[LineUnits, ...]


class WorkOpened(WorkOrderEvent, frozen=True):
    """What is made to order is to be made. needs_proof: whether its buyer is shown a proof first."""

    needs_proof: bool


class ProofSent(WorkOrderEvent, frozen=True):
    """The buyer is shown what it will look like."""

    link: str
    note: str = ""


class ProofApproved(WorkOrderEvent, frozen=True):
    note: str = ""


class ProofChangesAsked(WorkOrderEvent, frozen=True):
    note: str = ""


class WorkStarted(WorkOrderEvent, frozen=True):
    pass


class WorkDone(WorkOrderEvent, frozen=True):
    pass


class WorkFailed(WorkOrderEvent, frozen=True):
    """It was not good enough, and is made again. reason: in people's words."""

    reason: str


class WorkCancelled(WorkOrderEvent, frozen=True):
    """Nobody wants it from here any more."""
