"""Buckets: what has become of each unit of a line (ORD-01)."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Quantity


class Bucket(StrEnum):
    """Mutually exclusive; over a line they sum to what was ordered.

    open: no claim on stock (services, goods without a ledger). reserved: claimed, not yet given to a location.
    backordered, preordered: promised from supply that is still to come, or on the way to the store where the order is
    picked up. allocated: offered to a location.
    released: the location has taken it on.
    """

    OPEN = "open"
    RESERVED = "reserved"
    BACKORDERED = "backordered"
    PREORDERED = "preordered"
    ALLOCATED = "allocated"
    RELEASED = "released"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


_WAITING = {Bucket.OPEN, Bucket.RESERVED, Bucket.BACKORDERED, Bucket.PREORDERED}

# Goods go to the right; a location that gives work back sends them to the left again, until they are handed over.
BUCKET_MOVES: Mapping[Bucket, frozenset[Bucket]] = {
    Bucket.OPEN: frozenset({Bucket.ALLOCATED, Bucket.DELIVERED, Bucket.CANCELLED, Bucket.RESERVED}),
    Bucket.RESERVED: frozenset({Bucket.ALLOCATED, Bucket.BACKORDERED, Bucket.CANCELLED}),
    Bucket.BACKORDERED: frozenset({Bucket.RESERVED, Bucket.CANCELLED}),
    Bucket.PREORDERED: frozenset({Bucket.RESERVED, Bucket.CANCELLED}),
    Bucket.ALLOCATED: frozenset({Bucket.RELEASED, Bucket.OPEN, Bucket.RESERVED, Bucket.BACKORDERED, Bucket.CANCELLED}),
    Bucket.RELEASED: frozenset({Bucket.PICKED, Bucket.OPEN, Bucket.RESERVED, Bucket.BACKORDERED, Bucket.CANCELLED}),
    Bucket.PICKED: frozenset({Bucket.PACKED, Bucket.OPEN, Bucket.RESERVED, Bucket.CANCELLED}),
    Bucket.PACKED: frozenset({Bucket.SHIPPED, Bucket.DELIVERED, Bucket.OPEN, Bucket.RESERVED, Bucket.CANCELLED}),
    # A parcel that comes back or is lost before the door was never delivered; its units count as cancelled.
    Bucket.SHIPPED: frozenset({Bucket.DELIVERED, Bucket.CANCELLED}),
    Bucket.DELIVERED: frozenset(),
    Bucket.CANCELLED: frozenset(),
}


class IllegalUnitMove(Refused):
    """Units do not go from this bucket to that one; `allowed` says where they may go (ORD-03)."""


class NotEnoughUnits(Refused):
    """The line has fewer units in that bucket than were to be moved."""


class UnitMove(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of a line, from one bucket to another.

    cause_id: the thing that moved them (a fulfillment order, a parcel, a cancellation); a cause moves units of a line
    between the same two buckets once, and asking again changes nothing.
    """

    order_id: UUID
    line_id: UUID
    source: Bucket
    target: Bucket
    quantity: Quantity
    cause_id: UUID
    actor: str


class UnitsMoved(msgspec.Struct, frozen=True):
    """The move is on record; is_repeat: it was before."""

    move: UnitMove
    is_repeat: bool = False


class Buckets(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line by what has become of them, and of those delivered, how many came back."""

    open: int = 0
    reserved: int = 0
    backordered: int = 0
    preordered: int = 0
    allocated: int = 0
    released: int = 0
    picked: int = 0
    packed: int = 0
    shipped: int = 0
    delivered: int = 0
    cancelled: int = 0
    returned: int = 0

    @property
    def ordered(self) -> int:
        return sum(self.of(bucket) for bucket in Bucket)

    @property
    def waiting(self) -> int:
        """Units that no location has been asked for."""
        return sum(self.of(bucket) for bucket in _WAITING)

    @property
    def in_work(self) -> int:
        """Units that a location has been asked for and has not handed over."""
        return self.allocated + self.released + self.picked + self.packed

    @property
    def live(self) -> int:
        """Units that are not cancelled."""
        return self.ordered - self.cancelled

    def of(self, bucket: Bucket) -> int:
        return int(getattr(self, bucket))

    def moved(self, move: UnitMove) -> "Buckets":
        """The buckets after a move.

        Raises:
            IllegalUnitMove: the two buckets are not joined. NotEnoughUnits: fewer units are there.
        """
        if move.target not in BUCKET_MOVES[move.source]:
            raise IllegalUnitMove(
                f"{move.source} units cannot become {move.target}",
                line_id=str(move.line_id),
                source=move.source,
                target=move.target,
                allowed=sorted(BUCKET_MOVES[move.source]),
            )
        if self.of(move.source) < move.quantity:
            raise NotEnoughUnits(
                f"only {self.of(move.source)} units are {move.source}",
                line_id=str(move.line_id),
                bucket=move.source,
                asked=move.quantity,
                left=self.of(move.source),
            )
        changed = {
            move.source: self.of(move.source) - move.quantity,
            move.target: self.of(move.target) + move.quantity,
        }
        return msgspec.structs.replace(self, **{str(bucket): units for bucket, units in changed.items()})


class Share(msgspec.Struct, frozen=True):
    """Units `[first, past)` of a line, counted from its first unit."""

    first: int
    past: int


def value_of(amount_minor: int, quantity: int, share: Share) -> int:
    """What the units of a share are worth, of a line worth `amount_minor` in all; shares side by side lose nothing.

    Each unit is worth the difference of two rounded running totals, so that any way to cut a line sums to the line
    (woocommerce/woocommerce #64668: ten refunds of one never make a cent more than one refund of ten).
    """
    return _running(amount_minor, quantity, share.past) - _running(amount_minor, quantity, share.first)


def _running(amount_minor: int, quantity: int, units: int) -> int:
    return (2 * amount_minor * units + quantity) // (2 * quantity)
