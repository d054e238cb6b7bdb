"""Holds: why an order may not go on yet, who said so, and what would set it free."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class HoldKind(StrEnum):
    FRAUD = "fraud"
    PAYMENT = "payment"
    ADDRESS = "address"
    CREDIT = "credit"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    REMORSE = "remorse"
    MANUAL = "manual"
    COMPLIANCE = "compliance"
    CAPACITY = "capacity"
    DUPLICATE = "duplicate"


class HoldStatus(StrEnum):
    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    REJECTED = "rejected"


HOLD_MOVES: Mapping[HoldStatus, frozenset[HoldStatus]] = {
    HoldStatus.ACTIVE: frozenset({HoldStatus.RELEASED, HoldStatus.EXPIRED, HoldStatus.REJECTED}),
    HoldStatus.RELEASED: frozenset(),
    HoldStatus.EXPIRED: frozenset(),
    HoldStatus.REJECTED: frozenset(),
}


class Stage(StrEnum):
    """What a hold keeps from happening."""

    SOURCE = "source"
    RELEASE = "release"
    SHIP = "ship"
    CAPTURE = "capture"


OF_SUPPLY = frozenset({HoldKind.BACKORDER, HoldKind.PREORDER, HoldKind.CAPACITY})
"""They keep the units that wait for goods; what a location has in hand already goes on."""


class NewHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold to place. due_at: when it releases itself; None waits for a person."""

    id: UUID
    order_id: UUID
    kind: HoldKind
    reason: str
    actor: str
    blocks: Stage = Stage.SOURCE
    due_at: datetime | None = None


class Hold(NewHold, frozen=True, kw_only=True):
    """A hold as it stands."""

    status: HoldStatus
    placed_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    ended_because: str | None = None

    def keeps(self, stage: Stage) -> bool:
        """Whether it keeps this stage from happening; but for want of goods, it keeps those behind its own too."""
        if self.status is not HoldStatus.ACTIVE:
            return False
        if self.kind in OF_SUPPLY:
            return self.blocks is stage
        return list(Stage).index(self.blocks) <= list(Stage).index(stage)
