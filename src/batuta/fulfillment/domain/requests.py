"""What may be asked of fulfillment orders; quantities are units of the order line, in total and never in addition."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.orders import LotUnits
from batuta.fulfillment.domain.statuses import Method
from batuta.inventory.domain.serials import Serial
from batuta.kernel.addresses import Address
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone, Text
from batuta.kernel.rejections import RejectionReason

LINES_MAX = 2_000
PARCELS_MAX = 200
LOTS_MAX = 200

TrackingNumber = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z ._/-]{0,39}$")]
"""The number under which a carrier knows a parcel that it gave elsewhere."""

WeightG = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class OfferedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU to serve. quantity: units of the SKU, a multiple of `per_unit`, its units in one unit of the line.

    is_tracked: as the order's line says; what is not tracked has no stock that could be claimed or missing.
    makes: the SKU that is made of it and the line's other SKUs before they are packed.
    """

    line_id: UUID
    sku_id: UUID
    quantity: Quantity
    per_unit: Quantity = 1
    is_tracked: bool = True
    makes: UUID | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Work for a location, out of an order's reserved units, or open ones where no stock is kept.

    order_number, ship_to, locale: of the order, so that nobody has to look them up again.
    expires_at: when the offer lapses unanswered; None waits for ever. escalate_at: when somebody has to be told that
    nobody has answered.
    """

    id: UUID
    order_id: UUID
    order_number: Text
    location_id: UUID
    method: Method
    lines: Annotated[tuple[OfferedLine, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    actor: str
    service_id: UUID | None = None
    ship_to: Address | None = None
    locale: str = ""
    expires_at: datetime | None = None
    escalate_at: datetime | None = None


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    fulfillment_order_id: UUID
    actor: str


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """The location's no. sku_ids: what it cannot serve; None is everything, which some reasons mean in any case.

    takes_all: the other lines go elsewhere too, so that the order may come in one parcel; it says nothing about them.
    """

    fulfillment_order_id: UUID
    reason: RejectionReason
    actor: str
    sku_ids: tuple[UUID, ...] | None = None
    takes_all: bool = False


class StartPicking(msgspec.Struct, frozen=True, kw_only=True):
    fulfillment_order_id: UUID
    actor: str


class CountedUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of the line by now, in total."""

    line_id: UUID
    quantity: QuantityOrNone


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """What has been picked by now; None is all that is live."""

    fulfillment_order_id: UUID
    actor: str
    lines: tuple[CountedUnits, ...] | None = None


class ShortUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of the line cannot be served, in total. sku_id: the component a bundle lacks; None is all."""

    line_id: UUID
    quantity: QuantityOrNone
    sku_id: UUID | None = None


class ReportShort(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for and not found by now (FUL-03). takes_all: what is not picked yet goes elsewhere too."""

    fulfillment_order_id: UUID
    lines: Annotated[tuple[ShortUnits, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    actor: str
    reason: RejectionReason = RejectionReason.NOT_FOUND
    takes_all: bool = False


class PackedContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a SKU in a parcel.

    lots: of which they are, if others than were reserved. serials: the number on each piece, for SKUs that are tracked
    so. weight_g: what they weigh together, for SKUs that are charged by weight.
    """

    line_id: UUID
    sku_id: UUID
    quantity: Quantity
    lots: Annotated[tuple[LotUnits, ...], msgspec.Meta(max_length=LOTS_MAX)] = ()
    serials: Annotated[tuple[Serial, ...], msgspec.Meta(max_length=LINES_MAX)] = ()
    weight_g: WeightG | None = None


class PackedParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A box and what is in it. A weight or a side that is not given comes from the goods.

    tracking_number: of a label that somebody else printed; without it, we print one.
    """

    id: UUID
    contents: Annotated[tuple[PackedContent, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    weight_g: Quantity | None = None
    length_mm: Quantity | None = None
    width_mm: Quantity | None = None
    height_mm: Quantity | None = None
    tracking_number: TrackingNumber | None = None


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Everything picked goes into these parcels, or bags of a pickup; None is one of it all.

    tracking_number: all of it lies in one parcel under a label that somebody else printed.
    """

    fulfillment_order_id: UUID
    actor: str
    parcels: Annotated[tuple[PackedParcel, ...], msgspec.Meta(min_length=1, max_length=PARCELS_MAX)] | None = None
    label_format: Literal["zpl", "pdf"] = "pdf"
    tracking_number: TrackingNumber | None = None


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier took these parcels; None is all that are here.

    despite_hold: why they leave though the order is held; the actor answers for it (PAY-04).
    """

    fulfillment_order_id: UUID
    actor: str
    parcel_ids: tuple[UUID, ...] | None = None
    despite_hold: Text | None = None


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """Accept, pick and pack all of it, and hand that over, in one go.

    tracking_number: as of `Pack`.
    """

    fulfillment_order_id: UUID
    actor: str
    label_format: Literal["zpl", "pdf"] = "pdf"
    tracking_number: TrackingNumber | None = None


class MakeReady(msgspec.Struct, frozen=True, kw_only=True):
    """The goods wait at the counter. code: known to the customer alone; see `pickup_code`."""

    fulfillment_order_id: UUID
    code: Code
    until_at: datetime
    actor: str


class ExtendPickup(msgspec.Struct, frozen=True, kw_only=True):
    fulfillment_order_id: UUID
    until_at: datetime
    actor: str


class Collect(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stands at the counter with the code. collected_by: the name to keep as proof of the hand-over.

    despite_hold: why the goods are given though the order is held; the actor answers for it (PAY-04).
    """

    fulfillment_order_id: UUID
    code: str
    actor: str
    collected_by: str = ""
    despite_hold: Text | None = None


class RequestCancellation(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order that nobody wants any more, wherever they are being worked on. lines: None is all of it."""

    id: UUID
    order_id: UUID
    actor: str
    lines: tuple[CountedUnits, ...] | None = None
    reason: str = ""


class AnswerCancellation(msgspec.Struct, frozen=True, kw_only=True):
    """The location's answer to a cancellation that was asked of it."""

    cancellation_id: UUID
    fulfillment_order_id: UUID
    actor: str
    reason: str = ""


class ConfirmDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier delivered the parcel. delivered_at: by the carrier's clock (SHP-05)."""

    parcel_id: UUID
    delivered_at: datetime
    actor: str


class TakeBack(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel came home undelivered: intercepted, refused at the door, or not found its address.

    location_id: where it is now; None is where it left from.
    """

    parcel_id: UUID
    actor: str
    location_id: UUID | None = None
    reason: str = ""


class WriteOff(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel will never arrive nor come home: its carrier lost it, or its goods are destroyed."""

    parcel_id: UUID
    actor: str
    reason: str
