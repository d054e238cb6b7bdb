"""Claims: units of a stock row that are reserved for a line of a cart or an order (INV-04, RES-01 to RES-07)."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Account, AccountKind, MovementReason, StockKey, StockRefusal
from batuta.inventory.domain.withholding import NOBODY, Asker
from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import QUANTITY_MAX, Quantity, Text
from batuta.kernel.states import move

SOFT_CLAIM_MAX = timedelta(days=7)
HOLD_MINUTES_MAX = int(SOFT_CLAIM_MAX.total_seconds()) // 60


class ClaimKind(StrEnum):
    """Soft: of a cart or quote, and it ends. Hard: of a placed order."""

    SOFT = "soft"
    HARD = "hard"


class ClaimStatus(StrEnum):
    HELD = "held"
    CONSUMED = "consumed"
    RELEASED = "released"


CLAIM_MOVES = {
    ClaimStatus.HELD: {ClaimStatus.CONSUMED, ClaimStatus.RELEASED},
    ClaimStatus.CONSUMED: set[ClaimStatus](),
    ClaimStatus.RELEASED: set[ClaimStatus](),
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as it stands now.

    quantity: as granted. held: still reserved. consumed: handed out. The rest was released.
    expires_at: only a held soft claim has one. pool_id: the ring-fenced pool that the units are of. good_until_at: how
    long at least a lot must be good that the holder is given.
    """

    id: UUID
    holder_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    condition: str
    lot: str
    quantity: int
    held: int
    consumed: int
    kind: ClaimKind
    status: ClaimStatus
    expires_at: datetime | None
    created_at: datetime
    pool_id: UUID | None = None
    good_until_at: datetime | None = None

    @property
    def row(self) -> StockKey:
        return StockKey(self.sku_id, self.location_id, self.condition, self.lot)

    def is_live(self, now: datetime) -> bool:
        """Whether it still counts: held, and not past its end (RES-04)."""
        return self.held > 0 and (self.expires_at is None or self.expires_at > now)


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one stock row, given to a line."""

    id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    condition: str
    lot: str
    quantity: int


class ReserveLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a line wants of one SKU; a kit's line comes once for each component."""

    line_id: UUID
    sku_id: UUID
    quantity: Quantity


class ReserveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a holder wants.

    location_ids: from where alone, the preferred first; None is from anywhere.
    until_at: the end of a soft claim; None asks for hard ones. channel_id, region, customer_group: for whom (INV-05).
    allow_partial: take what there is of what is short. good_until_at: lots that cannot be sold then are not taken.
    """

    holder_id: UUID
    lines: list[ReserveLine]
    channel_id: UUID | None = None
    region: str = ""
    customer_group: str = ""
    location_ids: tuple[UUID, ...] | None = None
    until_at: datetime | None = None
    good_until_at: datetime | None = None
    allow_partial: bool = False
    actor: Text = "system:inventory"

    def __post_init__(self) -> None:
        for line in self.lines:
            if not 0 < line.quantity <= QUANTITY_MAX:
                raise Invalid("a line wants at least one unit", line_id=str(line.line_id), quantity=line.quantity)

    @property
    def asker(self) -> Asker:
        return Asker(channel_id=self.channel_id, region=self.region, customer_group=self.customer_group)


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """A line that gets fewer units than it asks for, how many are left to it, and where."""

    line_id: UUID
    sku_id: UUID
    asked: int
    granted: int
    left: int
    where: list[tuple[UUID, int]]


class Reserved(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder holds of the lines it asked for, and what is short (only where partial grants are allowed)."""

    holder_id: UUID
    grants: list[Grant]
    short: list[Short]


class OutOfStock(Refused):
    """Fewer units are available than were asked for; nothing was taken."""


class BadHold(Invalid):
    """A soft claim ends later than now and not in years (RES-03)."""


class NotClaimed(StockRefusal):
    """The holder's line holds fewer units there than it speaks of."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who reserved by the API, for a channel: neither a cart nor an order."""

    id: UUID
    channel_id: UUID
    actor: Text
    created_at: datetime


class Harden(msgspec.Struct, frozen=True, kw_only=True):
    """Turn a cart's claims into an order's. line_ids: the cart's line to the order's line."""

    holder_id: UUID
    new_holder_id: UUID
    line_ids: dict[UUID, UUID]


class Hardened(msgspec.Struct, frozen=True, kw_only=True):
    """What the order now holds for good, and which of the cart's lines had ended or were never reserved (RES-06)."""

    holder_id: UUID
    grants: list[Grant]
    missing: list[UUID]


class TakeOver(msgspec.Struct, frozen=True, kw_only=True):
    """Turn what a reservation holds into an order's. location_ids: from where alone the order may have it."""

    holder_id: UUID
    new_holder_id: UUID
    lines: list[ReserveLine]
    location_ids: tuple[UUID, ...] | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """Give units back. None means any; `quantity` needs a line and a SKU, and is of what is held, the latest first."""

    holder_id: UUID
    line_id: UUID | None = None
    sku_id: UUID | None = None
    quantity: int | None = None
    location_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.quantity is not None and (self.line_id is None or self.sku_id is None or self.quantity < 1):
            raise Invalid("a quantity to release is of one SKU of one line", holder_id=str(self.holder_id))

    def speaks_of(self, claim: Claim) -> bool:
        return (
            claim.holder_id == self.holder_id
            and self.line_id in (None, claim.line_id)
            and self.sku_id in (None, claim.sku_id)
            and self.location_id in (None, claim.location_id)
        )


class Relocate(msgspec.Struct, frozen=True, kw_only=True):
    """Let a line's units come from another location (RES-07). asker: for whom they are."""

    holder_id: UUID
    line_id: UUID
    sku_id: UUID
    source_location_id: UUID
    target_location_id: UUID
    quantity: Quantity
    asker: Asker = NOBODY

    def __post_init__(self) -> None:
        if self.source_location_id == self.target_location_id or self.quantity < 1:
            raise Invalid("units are relocated from one location to another", line_id=str(self.line_id))


class Relocated(msgspec.Struct, frozen=True, kw_only=True):
    """The units are claimed at the target, and no longer at the source."""

    holder_id: UUID
    line_id: UUID
    grants: list[Grant]


class Extend(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a cart's claims until later, but no claim longer than `minutes_max` since it was granted (RES-03)."""

    holder_id: UUID
    until_at: datetime
    minutes_max: int = HOLD_MINUTES_MAX


class Extended(msgspec.Struct, frozen=True, kw_only=True):
    """What is still held, and until when; no units and no end when all had ended."""

    holder_id: UUID
    units: int
    until_at: datetime | None


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """Hand out claimed units: the claim is consumed and the units move, in one step.

    target: a parcel, or the customer for pickup and store sale. lot: of which the units are that were taken, though
    others may have been claimed; None is those that were.
    """

    key: Text
    holder_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: Quantity
    target: Account
    document_id: UUID
    actor: Text
    effective_at: datetime
    reason: MovementReason = MovementReason.PACK
    lot: str | None = None

    def __post_init__(self) -> None:
        if self.target.kind is AccountKind.LOCATION:
            raise Invalid("issued units leave the location; a transfer is a movement", key=self.key)


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """The units left the location, by this or by an earlier call.

    lots: of which, and how many; none where all are alike. An earlier call's are not told again.
    """

    key: str
    lots: tuple[tuple[str, int], ...] = ()


def claim_id(holder_id: UUID, line_id: UUID, sku_id: UUID, position: int) -> UUID:
    """The id of a line's next claim. Two who reserve for one line at once make the same id, and one of them waits."""
    return child_id(holder_id, f"claim {line_id.hex} {sku_id.hex} {position}")


def check_hold(until_at: datetime | None, *, now: datetime) -> BadHold | None:
    """Say what is wrong with the end of a soft claim."""
    if until_at is None or now < until_at <= now + SOFT_CLAIM_MAX:
        return None
    return BadHold(
        f"a soft claim ends within {SOFT_CLAIM_MAX.days} days from now",
        until_at=until_at.isoformat(),
        until_at_max=(now + SOFT_CLAIM_MAX).isoformat(),
    )


def grant_of(claim: Claim, *, quantity: int | None = None) -> Grant:
    """A claim as its holder sees it: what it holds and has already consumed."""
    return Grant(
        id=claim.id,
        line_id=claim.line_id,
        sku_id=claim.sku_id,
        location_id=claim.location_id,
        condition=claim.condition,
        lot=claim.lot,
        quantity=claim.held + claim.consumed if quantity is None else quantity,
    )


def lessen(claim: Claim, *, consumed: int = 0, released: int = 0) -> Claim:
    """The claim after some of its held units were used or given back."""
    held = claim.held - consumed - released
    assert held >= 0, "more units than the claim holds"
    used = claim.consumed + consumed
    ended = ClaimStatus.CONSUMED if used else ClaimStatus.RELEASED
    return msgspec.structs.replace(
        claim,
        held=held,
        consumed=used,
        status=move(CLAIM_MOVES, claim.status, ClaimStatus.HELD if held else ended),
        expires_at=claim.expires_at if held else None,
    )
