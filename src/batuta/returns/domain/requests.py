"""What may be asked about returns. Quantities are units of the order line, or of the SKU where no order is known."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Lot
from batuta.inventory.domain.serials import Serial
from batuta.kernel.quantities import AmountMinor, Quantity, Text
from batuta.returns.domain.returns import Grade

LINES_MAX = 2_000


class ReturnedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units that shall come back. reason: in the customer's words or a code."""

    order_line_id: UUID
    quantity: Quantity
    reason: str = ""


class RequestReturn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants to send units back. expires_at: until when they are waited for.

    is_faulty: something is wrong with them, so that the law gives a right to it whatever was agreed.
    """

    id: UUID
    order_id: UUID
    lines: Annotated[tuple[ReturnedUnits, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    actor: Text
    expires_at: datetime | None = None
    is_faulty: bool = False


class Approve(msgspec.Struct, frozen=True, kw_only=True):
    return_id: UUID
    actor: Text


class ApproveKept(msgspec.Struct, frozen=True, kw_only=True):
    """The customer keeps the goods: money is given back, and nothing is waited for (RET-02)."""

    return_id: UUID
    actor: Text


class SendLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The customer has the label or the code to send it with."""

    return_id: UUID
    tracking_number: Text
    actor: Text


class MarkSent(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier has the goods."""

    return_id: UUID
    actor: Text


class CancelReturn(msgspec.Struct, frozen=True, kw_only=True):
    return_id: UUID
    actor: Text


class ReceivedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Goods as they were counted. line_id: the return line they belong to; None is a thing nobody announced.

    sku_id: what it is, for things not announced; None where nobody can say, and `note` describes it. lot: of which the
    units are. serials: the numbers on the pieces, which announced ones that have any cannot do without.
    """

    quantity: Quantity
    line_id: UUID | None = None
    sku_id: UUID | None = None
    note: str = ""
    lot: Lot = ""
    serials: tuple[Serial, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Goods of a known return that arrived. id: of this arrival; the same id again changes nothing."""

    id: UUID
    return_id: UUID
    location_id: UUID
    lines: Annotated[tuple[ReceivedUnits, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    actor: Text


class BlindUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that nobody announced. worth_minor: what all of them are worth, where no order line says so.

    lot: of which the units are. serials: the numbers on the pieces, as far as they were read.
    """

    quantity: Quantity
    sku_id: UUID | None = None
    order_line_id: UUID | None = None
    worth_minor: AmountMinor = 0
    reason: str = ""
    note: str = ""
    lot: Lot = ""
    serials: tuple[Serial, ...] = ()


class BlindReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that arrived without a return (RET-06). id: of the return that this makes.

    What is said of order and customer is a search's best guess: what turns out to be unknown is left out.
    """

    id: UUID
    location_id: UUID
    lines: Annotated[tuple[BlindUnits, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    actor: Text
    currency: str = ""
    order_id: UUID | None = None
    customer_id: UUID | None = None


class GradeUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that were looked at. id: of this look; location_id: where, if not where they arrived first.

    lot: of which they are, as they were received.
    """

    id: UUID
    return_id: UUID
    line_id: UUID
    grade: Grade
    quantity: Quantity
    actor: Text
    note: str = ""
    location_id: UUID | None = None
    lot: Lot = ""


class RefundUnits(msgspec.Struct, frozen=True, kw_only=True):
    line_id: UUID
    quantity: Quantity


class Resolve(msgspec.Struct, frozen=True, kw_only=True):
    """Give money back. id: of the refund. lines: None is every unit not refunded before.

    shipping_minor: of what the order paid for shipping. fee_minor: what is kept for restocking or the way back.
    """

    id: UUID
    return_id: UUID
    actor: Text
    lines: tuple[RefundUnits, ...] | None = None
    shipping_minor: AmountMinor = 0
    fee_minor: AmountMinor = 0
    reason: str = ""
