"""What returns tells; the stream is the order, or the return itself where no order is known."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.events import Event
from batuta.returns.domain import Grade, RefundedLine


class UnitsOfLine(msgspec.Struct, frozen=True):
    """Units of a return line, of an order line where one is known, and of what SKU."""

    return_line_id: UUID
    order_line_id: UUID | None
    sku_id: UUID | None
    quantity: int


class ReturnEvent(Event, frozen=True):
    return_id: UUID


class Requested(ReturnEvent, frozen=True):
    lines: tuple[UnitsOfLine, ...]
    expires_at: datetime | None = None


class Approved(ReturnEvent, frozen=True):
    """is_kept: the customer keeps the goods, so nothing is waited for."""

    is_kept: bool


class LabelSent(ReturnEvent, frozen=True):
    tracking_number: str


class Sent(ReturnEvent, frozen=True):
    """A carrier has the goods."""


class ReturnCancelled(ReturnEvent, frozen=True):
    pass


class ReturnExpired(ReturnEvent, frozen=True):
    """The goods were not sent in time."""


class Received(ReturnEvent, frozen=True):
    """Goods arrived. is_blind: nobody had announced them."""

    location_id: UUID
    lines: tuple[UnitsOfLine, ...]
    is_blind: bool = False


class GradedUnits(ReturnEvent, frozen=True):
    """Units were looked at. is_whole: nothing of the return is left to look at."""

    line_id: UUID
    grade: Grade
    quantity: int
    is_whole: bool


class RefundDue(ReturnEvent, frozen=True):
    """Money is to be given back, for whatever reason and in whatever state the goods are (RET-10).

    cause_id: the refund. amount_minor: units plus shipping minus fee, with tax.
    """

    cause_id: UUID
    order_id: UUID | None
    customer_id: UUID | None
    amount_minor: int
    currency: str
    lines: tuple[RefundedLine, ...]
    shipping_minor: int = 0
    fee_minor: int = 0
    reason: str = ""


class Resolved(ReturnEvent, frozen=True):
    """The goods are where they belong, and the money was decided on."""
