"""What the inventory tells."""

from datetime import datetime
from uuid import UUID

from batuta.kernel.events import Event


class FellShort(Event, frozen=True, kw_only=True):
    """A count, damage or recall left fewer sellable units than are reserved; `missing` units. The stream is the SKU."""

    sku_id: UUID
    location_id: UUID
    lot: str
    missing: int


class FeedFellSilent(Event, frozen=True, kw_only=True):
    """Nothing was heard of a feed, the stream, for so long that its locations keep back a share of their units.

    share_bp: in hundredths of a percent; all of them is out of sourcing.
    """

    code: str
    location_ids: list[UUID]
    share_bp: int
    last_heard_at: datetime | None


class FeedHeard(Event, frozen=True, kw_only=True):
    """A feed, the stream, that was silent was heard again: its locations keep nothing back for it any more."""

    code: str
    location_ids: list[UUID]


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


class SupplyMoved(Event, frozen=True, kw_only=True):
    """An expected receipt comes at another date, in another quantity, or no more. The stream is the receipt."""

    sku_id: UUID
    location_id: UUID
    due_at: datetime
    open_units: int


class PromiseMoved(Event, frozen=True, kw_only=True):
    """Units that wait for supply are promised for another day than was told. The stream is the order.

    promised_at: None when nobody knows when they come.
    """

    line_id: UUID
    sku_id: UUID
    units: int
    before_at: datetime | None
    promised_at: datetime | None


class SupplyServed(Event, frozen=True, kw_only=True):
    """Units that lines of an order waited for are there, and claimed for them. The stream is the order.

    run_id: the document that says so.
    """

    run_id: UUID
    line_ids: tuple[UUID, ...]


class LotRecalled(Event, frozen=True, kw_only=True):
    """A lot is called back, and `units` of it went into quarantine. The stream is the SKU."""

    lot_id: UUID
    lot: str
    reason: str
    units: int


class TransferMoved(Event, frozen=True, kw_only=True):
    """A transfer, the stream, has come to another status. missing: units that should have arrived and did not."""

    status: str
    source_location_id: UUID
    target_location_id: UUID
    missing: int


class TransferFellShort(Event, frozen=True, kw_only=True):
    """Units that were to come to the store of an order, the stream, will not: they are claimed for it at the source.

    has_left: they went missing or broke on the way; else the source did not send them. run_id: of what says so.
    """

    transfer_id: UUID
    source_location_id: UUID
    run_id: UUID
    line_ids: tuple[UUID, ...]
    units: int
    has_left: bool
