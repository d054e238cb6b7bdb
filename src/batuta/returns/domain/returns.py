"""A return, its lines, and where its status leads."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused


class ReturnStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    LABEL_SENT = "label_sent"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    GRADED = "graded"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_IS = ReturnStatus

# Goods may arrive whatever has been said before, so every status but the last leads to `received`.
RETURN_MOVES: dict[ReturnStatus, set[ReturnStatus]] = {
    _IS.REQUESTED: {_IS.APPROVED, _IS.RECEIVED, _IS.CANCELLED, _IS.EXPIRED},
    _IS.APPROVED: {_IS.LABEL_SENT, _IS.IN_TRANSIT, _IS.RECEIVED, _IS.RESOLVED, _IS.CANCELLED, _IS.EXPIRED},
    _IS.LABEL_SENT: {_IS.IN_TRANSIT, _IS.RECEIVED, _IS.CANCELLED, _IS.EXPIRED},
    _IS.IN_TRANSIT: {_IS.RECEIVED},
    _IS.RECEIVED: {_IS.GRADED},
    _IS.GRADED: {_IS.RESOLVED, _IS.RECEIVED},
    _IS.RESOLVED: {_IS.RECEIVED},
    _IS.CANCELLED: {_IS.RECEIVED},
    _IS.EXPIRED: {_IS.RECEIVED},
}


class Grade(StrEnum):
    """What state a unit came back in (RET-05)."""

    RESELL = "A"
    OUTLET = "B"
    REPAIR = "C"
    SCRAP = "D"
    TO_VENDOR = "V"
    QUARANTINE = "Q"


class Whereabouts(StrEnum):
    """Where a graded unit lies, in the words of stock; `scrapped` is nowhere."""

    SELLABLE = "sellable"
    DISPLAY = "display"
    QUALITY_CHECK = "quality_check"
    DAMAGED = "damaged"
    QUARANTINE = "quarantine"
    SCRAPPED = "scrapped"


GRADED_TO: dict[Grade, Whereabouts] = {
    Grade.RESELL: Whereabouts.SELLABLE,
    Grade.OUTLET: Whereabouts.DISPLAY,
    Grade.REPAIR: Whereabouts.QUALITY_CHECK,
    Grade.SCRAP: Whereabouts.SCRAPPED,
    Grade.TO_VENDOR: Whereabouts.DAMAGED,
    Grade.QUARANTINE: Whereabouts.QUARANTINE,
}
"""Only what may be sold as new goes among what is promised; the outlet sells from its display."""


class UnknownReturn(NotFound):
    """No return has this id."""


class UnknownReturnLine(NotFound):
    """The return has no such line."""


class UnknownOrder(NotFound):
    """There is no such order, or it has no such line."""


class NotReturnable(Refused):
    """Fewer units were delivered and are not already coming back; `left` says how many."""


class MoreThanReceived(Refused):
    """More units are graded than were received."""


class TooManyUnits(Refused):
    """More units than a count can hold."""


class MoreThanPaid(Refused):
    """Units or shipping are refunded already, or were never paid."""


class SerialsMissing(Refused):
    """Announced pieces with serial numbers are received by them."""


class NotApproved(Refused):
    """Nobody has approved the return, and nothing of it has arrived."""


class NothingToRefund(Refused):
    """Every unit of the return has been refunded."""


class BadRefund(Refused):
    """What is kept is more than what would be given back."""


class Component(msgspec.Struct, frozen=True):
    """So many units of a SKU in one unit of the line."""

    sku_id: UUID
    quantity: int


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that were looked at."""

    id: UUID
    line_id: UUID
    grade: Grade
    quantity: int
    note: str = ""


class ReturnLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one order line, or of one SKU that no order is known for.

    sku_id: None is a thing nobody could name; `note` describes it. components: what it is in stock.
    quantity: announced; 0 for what came unannounced. received: counted so far. counted: of those, booked as returned on
    the order's line. refunded, refund_minor: units given money for, and how much.
    worth_minor: what all its units are worth, where no order says so.
    """

    id: UUID
    sku_id: UUID | None
    quantity: int
    order_line_id: UUID | None = None
    components: tuple[Component, ...] = ()
    is_tracked: bool = True
    reason: str = ""
    note: str = ""
    worth_minor: int = 0
    received: int = 0
    counted: int = 0
    refunded: int = 0
    refund_minor: int = 0
    gradings: tuple[Graded, ...] = ()

    @property
    def graded(self) -> int:
        return sum(one.quantity for one in self.gradings)

    @property
    def expected(self) -> int:
        """Units that came, or are to come."""
        return max(self.quantity, self.received)


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that come back. order_id: None where it is blind. location_id: where they arrived first."""

    id: UUID
    status: ReturnStatus
    lines: tuple[ReturnLine, ...]
    currency: str
    order_id: UUID | None = None
    customer_id: UUID | None = None
    location_id: UUID | None = None
    tracking_number: str | None = None
    expires_at: datetime | None = None
    is_kept: bool = False

    @property
    def stream(self) -> UUID:
        """What its facts are told about: the order, or itself where no order is known."""
        return self.order_id or self.id


class RefundedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a return line that money is given back for. first: how many of its order line were refunded before."""

    return_line_id: UUID
    order_line_id: UUID | None
    quantity: int
    amount_minor: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What is given back: for units, plus shipping, minus a fee."""

    id: UUID
    return_id: UUID
    order_id: UUID | None
    currency: str
    amount_minor: int
    lines: tuple[RefundedLine, ...]
    shipping_minor: int = 0
    fee_minor: int = 0
    reason: str = ""
