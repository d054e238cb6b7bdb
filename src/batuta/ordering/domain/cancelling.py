"""Cancelling: what can be taken back at once, what the location must be asked for, and what is too late (ORD-04)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Quantity
from batuta.ordering.domain.buckets import Bucket, Share
from batuta.ordering.domain.orders import Line, Order


class NothingToCancel(Refused):
    """No such unit is left that could be cancelled; `lines` says what has become of them."""


class CancelLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a line."""

    line_id: UUID
    quantity: Quantity


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to cancel. id: the same id is the same wish. lines: None means all that is left."""

    id: UUID
    order_id: UUID
    reason: str
    actor: str
    lines: Sequence[CancelLine] | None = None


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one line's units: taken back from a bucket now, asked of the location, or too late."""

    line_id: UUID
    taken: tuple[tuple[Bucket, int], ...] = ()
    asked: int = 0
    late: int = 0

    @property
    def units(self) -> int:
        return sum(units for _, units in self.taken)


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a wish: line by line."""

    request_id: UUID
    order_id: UUID
    lines: tuple[Cancellation, ...]


# Least work first: what no location has touched goes before what one has.
_AT_ONCE = (Bucket.PREORDERED, Bucket.BACKORDERED, Bucket.OPEN, Bucket.RESERVED)


def decide(line: Line, wanted: int) -> Cancellation:
    """Share a wish over the line's buckets: untouched units first, then the locations', and the rest is too late."""
    left, taken = wanted, []
    for bucket in _AT_ONCE:
        units = min(left, line.buckets.of(bucket))
        if units:
            taken.append((bucket, units))
            left -= units
    asked = min(left, line.buckets.in_work)
    late = min(left - asked, line.buckets.shipped + line.buckets.delivered)
    return Cancellation(line_id=line.id, taken=tuple(taken), asked=asked, late=late)


def worth_of(order: Order, decided: Sequence[Cancellation]) -> int:
    """What the units cancelled at once are worth: the last of their lines, and with the last of all, the shipping."""
    taken = {one.line_id: one.units for one in decided}
    worth = 0
    for line in order.lines:
        past = line.quantity - line.buckets.of(Bucket.CANCELLED)
        worth += line.worth_minor(Share(past - taken.get(line.id, 0), past))
    left = sum(line.buckets.live - taken.get(line.id, 0) for line in order.lines)
    return worth + (0 if left else order.shipping_minor)
