"""Serial numbers: which piece went to whom (INV-14)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Lot, StockRefusal
from batuta.kernel.quantities import Code

SERIALS_MAX = 2_000

Serial = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]
"""As it is printed on the piece: no control characters, and no blanks around it."""


class SerialStatus(StrEnum):
    """in_stock: here. packed: in a parcel for an order line. sold: with the customer. returned: here again."""

    IN_STOCK = "in_stock"
    PACKED = "packed"
    SOLD = "sold"
    RETURNED = "returned"


class SerialPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a SKU. location_id: where it was seen last; None while it is away.

    order_id, line_id, parcel_id: for which order line it was packed, and into what, while it is.
    """

    sku_id: UUID
    serial: str
    status: SerialStatus
    location_id: UUID | None
    lot: str
    order_id: UUID | None = None
    line_id: UUID | None = None
    parcel_id: UUID | None = None


class NewSerial(msgspec.Struct, frozen=True, kw_only=True):
    """A piece that came in."""

    sku_id: UUID
    serial: Serial
    location_id: UUID
    lot: str = ""


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of a SKU that were packed for an order line, at a location, into a parcel."""

    sku_id: UUID
    serials: tuple[Serial, ...]
    order_id: UUID
    line_id: UUID
    parcel_id: UUID
    location_id: UUID


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces are the order line's, by this or by an earlier call."""

    parcel_id: UUID


class Comeback(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of an order line that came back to a location; status: returned, or in stock where they never left.

    line_id: None is of whichever line they were, and of none that anybody knows.
    """

    sku_id: UUID
    serials: tuple[Serial, ...]
    line_id: UUID | None
    location_id: UUID
    status: SerialStatus = SerialStatus.RETURNED


class CameBack(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces are here again, by this or by an earlier call."""

    line_id: UUID | None


class SerialUse(msgspec.Struct, frozen=True, kw_only=True):
    """That a piece was packed for an order line, and until when it was theirs."""

    sku_id: UUID
    serial: str
    order_id: UUID
    line_id: UUID
    parcel_id: UUID
    used_at: datetime
    ended_at: datetime | None


class SerialTaken(StockRefusal):
    """The piece is another order line's."""


class SerialMismatch(StockRefusal):
    """The piece is not one that went out for this order line."""


class NotBySerial(StockRefusal):
    """The SKU's pieces have no serial numbers."""


class SerialHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A piece, and for which order lines it was packed, the latest first."""

    piece: SerialPiece
    uses: list[SerialUse]


class SerialsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pieces of a SKU that came in at a location."""

    sku_code: Code
    location_code: Code
    serials: Annotated[list[Serial], msgspec.Meta(min_length=1, max_length=SERIALS_MAX)]
    lot: Lot = ""


class SerialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a piece that came in: written down, or refused with the problem's code."""

    serial: str
    is_registered: bool
    code: str | None = None
    detail: str | None = None


class SerialFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which pieces to list; None is any. location_ids: where they were seen last."""

    sku_id: UUID | None = None
    serial: str | None = None
    location_ids: list[UUID] | None = None
