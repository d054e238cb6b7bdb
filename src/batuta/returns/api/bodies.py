"""What requests about returns say; who asks, and about what, is known from elsewhere."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Lot
from batuta.inventory.domain.serials import SERIALS_MAX, Serial
from batuta.kernel.quantities import AmountMinor, Text
from batuta.returns.domain import Grade

LINES_MAX = 200

Units = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Words = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
TrackingNumber = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class UnitsBody(Body, frozen=True):
    """reason: in the customer's words or a code."""

    order_line_id: UUID
    quantity: Units
    reason: Words = ""


class RequestBody(Body, frozen=True):
    """expires_at: until when the goods are waited for; without it, always.

    is_faulty: something is wrong with them, so that they are taken back even if they were made for their buyer.
    """

    order_id: UUID
    lines: Annotated[tuple[UnitsBody, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    is_faulty: bool = False


class LabelBody(Body, frozen=True):
    tracking_number: TrackingNumber


class ReceivedBody(Body, frozen=True):
    """line_id: the return's line; without it a thing that nobody announced, named by its SKU or described.

    lot, serials: read off the goods; announced pieces that have serial numbers are received by them.
    """

    quantity: Units
    line_id: UUID | None = None
    sku_id: UUID | None = None
    note: Words = ""
    lot: Lot = ""
    serials: Annotated[tuple[Serial, ...], msgspec.Meta(max_length=SERIALS_MAX)] = ()


class ReceiptBody(Body, frozen=True):
    location_id: UUID
    lines: Annotated[tuple[ReceivedBody, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]


class BlindUnitsBody(Body, frozen=True):
    """worth_minor: what all of these units are worth, where no order line says so.

    lot, serials: read off the goods, as far as anybody can.
    """

    quantity: Units
    sku_id: UUID | None = None
    order_line_id: UUID | None = None
    worth_minor: AmountMinor = 0
    reason: Words = ""
    note: Words = ""
    lot: Lot = ""
    serials: Annotated[tuple[Serial, ...], msgspec.Meta(max_length=SERIALS_MAX)] = ()


class BlindBody(Body, frozen=True):
    """order_id, customer_id: as a search found them; what is not known is left out, and nothing is refused."""

    location_id: UUID
    lines: Annotated[tuple[BlindUnitsBody, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{3})?$")] = ""
    order_id: UUID | None = None
    customer_id: UUID | None = None


class GradeBody(Body, frozen=True):
    """grade: A resell, B outlet, C repair, D scrap, V to the vendor, Q quarantine.

    location_id: where the units are, if not where they arrived first. lot: of which they are, as they were received.
    """

    line_id: UUID
    grade: Grade
    quantity: Units
    note: Words = ""
    location_id: UUID | None = None
    lot: Lot = ""


class RefundUnitsBody(Body, frozen=True):
    line_id: UUID
    quantity: Units


class RefundBody(Body, frozen=True):
    """lines: without them, every unit that was not refunded before.

    shipping_minor: of what the order paid for shipping. fee_minor: what is kept.
    """

    lines: Annotated[tuple[RefundUnitsBody, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)] | None = None
    shipping_minor: AmountMinor = 0
    fee_minor: AmountMinor = 0
    reason: Annotated[Text, msgspec.Meta(description="why, in words")] = "return"
