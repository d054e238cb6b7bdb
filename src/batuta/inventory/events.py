"""What the inventory tells."""

from uuid import UUID

from batuta.kernel.events import Event


class FellShort(Event, frozen=True, kw_only=True):
    """A count, damage or recall left fewer sellable units than are reserved; `missing` units. The stream is the SKU."""

    sku_id: UUID
    location_id: UUID
    lot: str
    missing: int


class ReservationExpired(Event, frozen=True, kw_only=True):
    """Soft claims of a holder, the stream, ended and gave their units back."""

    units: int


class CountPosted(Event, frozen=True, kw_only=True):
    """The ledger says what was counted. found, missing: units more and fewer than the books said."""

    location_id: UUID
    lines: int
    found: int
    missing: int


class CountCancelled(Event, frozen=True, kw_only=True):
    """A count, the stream, ended without a word to the ledger."""

    location_id: UUID
