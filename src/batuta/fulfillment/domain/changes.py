"""What a decision changes: the fulfillment order itself, and what rooms below must do in the same transaction."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.orders import FulfillmentOrder, LineUnits, Package, SkuUnits
from batuta.fulfillment.domain.requests import PackedParcel
from batuta.fulfillment.domain.statuses import Stage
from batuta.kernel.rejections import RejectionReason


class StageMove(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order line that go from one bucket to another."""

    line_id: UUID
    source: Stage
    target: Stage
    quantity: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One verb's outcome on one fulfillment order.

    moves: of the order's buckets. units: what the fact about it tells, in units of the order line.
    packed, unpacked, handed_over, delivered, taken_back, written_off: the packages this happened to.
    lost: what the location said it lacks, because of `reason`; along: what it could have served, and is planned anew
    with that. because: why units are cancelled, or leave despite a hold, in people's words.
    """

    before: FulfillmentOrder
    after: FulfillmentOrder
    actor: str
    moves: tuple[StageMove, ...] = ()
    units: tuple[LineUnits, ...] = ()
    packed: tuple[PackedParcel, ...] = ()
    label_format: str = ""
    unpacked: tuple[Package, ...] = ()
    handed_over: tuple[Package, ...] = ()
    delivered: tuple[Package, ...] = ()
    taken_back: tuple[Package, ...] = ()
    taken_to: UUID | None = None
    written_off: tuple[Package, ...] = ()
    lost: tuple[SkuUnits, ...] = ()
    along: tuple[SkuUnits, ...] = ()
    reason: RejectionReason | None = None
    because: str = ""

    @property
    def is_nothing(self) -> bool:
        """Said before: nothing is written and nothing is told."""
        return self.after == self.before


Changes = Sequence[tuple[int, Change]]
"""Changes with the position of the item of a command that they belong to."""


def nothing(fulfillment: FulfillmentOrder, actor: str) -> Change:
    return Change(before=fulfillment, after=fulfillment, actor=actor)


def waiting_stage(fulfillment: FulfillmentOrder, line_id: UUID) -> Stage:
    """Where units of a line wait that no location works on: what has no stock to claim is open."""
    is_tracked = any(line.is_tracked for line in fulfillment.lines if line.line_id == line_id)
    return Stage.RESERVED if is_tracked else Stage.OPEN


def stage_moves(units: tuple[LineUnits, ...], source: Stage, target: Stage) -> tuple[StageMove, ...]:
    return tuple(StageMove(line_id=one.line_id, source=source, target=target, quantity=one.quantity) for one in units)


def gained(before: FulfillmentOrder, after: FulfillmentOrder, count: str) -> tuple[LineUnits, ...]:
    """By how many whole units of each order line a count grew."""
    earlier, later = before.units(count), after.units(count)
    return tuple(
        LineUnits(line_id, later[line_id] - earlier[line_id]) for line_id in later if later[line_id] > earlier[line_id]
    )
