"""Transfers: units that go from one location to another, and those that do not arrive (INV-03, FUL-12)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Lot
from batuta.inventory.domain.supply import FURTHEST
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Quantity, QuantityOrNone, Text

TRANSFER_LINES_MAX = 1_000

Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class TransferStatus(StrEnum):
    """picked: claimed at the source. shipped: out of its stock. in_transit: with whoever drives. received: not all."""

    REQUESTED = "requested"
    APPROVED = "approved"
    PICKED = "picked"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


TRANSFER_MOVES = {
    TransferStatus.REQUESTED: {TransferStatus.APPROVED, TransferStatus.CANCELLED},
    TransferStatus.APPROVED: {TransferStatus.PICKED, TransferStatus.CANCELLED},
    TransferStatus.PICKED: {TransferStatus.SHIPPED, TransferStatus.CANCELLED},
    TransferStatus.SHIPPED: {TransferStatus.IN_TRANSIT, TransferStatus.RECEIVED, TransferStatus.CLOSED},
    TransferStatus.IN_TRANSIT: {TransferStatus.RECEIVED, TransferStatus.CLOSED},
    TransferStatus.RECEIVED: {TransferStatus.CLOSED},
    TransferStatus.CLOSED: set[TransferStatus](),
    TransferStatus.CANCELLED: set[TransferStatus](),
}

UNDER_WAY = frozenset({TransferStatus.SHIPPED, TransferStatus.IN_TRANSIT, TransferStatus.RECEIVED})


class TransferKind(StrEnum):
    """order: of units that orders are to be picked up with; they are earmarked for them all the way."""

    MANUAL = "manual"
    REPLENISHMENT = "replenishment"
    ORDER = "order"


class SettledAs(StrEnum):
    """What became of units that did not arrive: gone, at the target after all, or back at the source."""

    LOSS = "loss"
    FOUND = "found"
    SENT_BACK = "sent_back"


class TransferLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU. received: as sellable, found ones too. missing: shipped, and nobody knows what became of them."""

    id: UUID
    transfer_id: UUID
    position: int
    sku_id: UUID
    requested: int
    approved: int = 0
    picked: int = 0
    shipped: int = 0
    received: int = 0
    damaged: int = 0
    lost: int = 0
    sent_back: int = 0

    @property
    def missing(self) -> int:
        return self.shipped - self.received - self.damaged - self.lost - self.sent_back


class TransferStep(msgspec.Struct, frozen=True, kw_only=True):
    """Who brought a transfer to a status, and when."""

    status: TransferStatus
    actor: str
    at: datetime


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """due_at: when the units are expected at the target. tracking_number: of whoever drives."""

    id: UUID
    source_location_id: UUID
    target_location_id: UUID
    kind: TransferKind
    status: TransferStatus
    due_at: datetime | None
    carrier: str
    tracking_number: str
    note: str
    created_at: datetime
    lines: list[TransferLine] = []
    steps: list[TransferStep] = []

    @property
    def is_for_orders(self) -> bool:
        return self.kind is TransferKind.ORDER

    def to_come(self, line: TransferLine) -> int:
        """Units of a line that may still arrive."""
        if self.status in UNDER_WAY:
            return line.missing
        units = {TransferStatus.APPROVED: line.approved, TransferStatus.PICKED: line.picked}
        return units.get(self.status, 0)


class TransferUnits(msgspec.Struct, frozen=True, kw_only=True):
    sku_id: UUID
    quantity: Quantity


class RequestTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for units of another location. due_at: by when they are wanted."""

    id: UUID
    source_location_id: UUID
    target_location_id: UUID
    lines: list[TransferUnits]
    kind: TransferKind = TransferKind.MANUAL
    due_at: datetime | None = None
    note: Note = ""
    actor: Text


class ApproveTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """quantities: by line, what is approved of it; all of a line that is not named."""

    transfer_id: UUID
    actor: Text
    quantities: dict[UUID, QuantityOrNone] = {}


class PickTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Take the approved units from the shelf, as far as they are free. allow_partial: fewer, if there are fewer."""

    transfer_id: UUID
    actor: Text
    quantities: dict[UUID, QuantityOrNone] = {}
    allow_partial: bool = False


class ShipTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Let picked units leave the source's stock. due_at: when they arrive; in two days when it says nothing."""

    transfer_id: UUID
    actor: Text
    quantities: dict[UUID, QuantityOrNone] = {}
    due_at: datetime | None = None


class DepartTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever drives has the units."""

    transfer_id: UUID
    actor: Text
    carrier: Note = ""
    tracking_number: Note = ""
    due_at: datetime | None = None


class ReceiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units that arrived: sellable ones and damaged ones. lot: of which; the first of what was shipped if not said."""

    line_id: UUID
    quantity: QuantityOrNone = 0
    damaged: QuantityOrNone = 0
    lot: Lot | None = None


class ReceiveTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery at the target; the same id again is the same delivery."""

    id: UUID
    transfer_id: UUID
    lines: list[ReceiveLine]
    actor: Text


class SettleTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Say what became of units that did not arrive; the same id again says nothing new."""

    id: UUID
    transfer_id: UUID
    line_id: UUID
    quantity: Quantity
    outcome: SettledAs
    note: Note = ""
    actor: Text


class CancelTransfer(msgspec.Struct, frozen=True, kw_only=True):
    transfer_id: UUID
    actor: Text


class SamePlace(Refused):
    """A transfer leads from one location to another."""


class UnknownTransfer(NotFound):
    """There is no such transfer, or no such line in it."""


class NothingToTransfer(Refused):
    """A transfer is of some units."""


class MoreThanApproved(Refused):
    """A line is approved, picked and shipped up to what the step before said."""


class MoreThanShipped(Refused):
    """More units would arrive, or be settled, than are under way; `missing` says how many are."""


class BadArrival(Refused):
    """Units arrive between now and ten years from now."""


class NotUnderWay(Refused):
    """Only what has left the source arrives, or goes missing."""


def check_arrival(due_at: datetime | None, *, now: datetime) -> None:
    """Raises:
    BadArrival.
    """
    if due_at is not None and not now <= due_at <= now + FURTHEST:
        raise BadArrival("units arrive between now and ten years from now", due_at=due_at.isoformat())


def stepped(transfer: Transfer, quantities: Mapping[UUID, int], *, source: str, target: str) -> list[TransferLine]:
    """The lines after a step (approved, picked, shipped) of up to what the step before left.

    Raises:
        UnknownTransfer: a line is not of this transfer. MoreThanApproved. NothingToTransfer: no units at all.
    """
    known = {line.id for line in transfer.lines}
    for line_id in quantities:
        if line_id not in known:
            raise UnknownTransfer("the transfer has no such line", line_id=str(line_id))
    lines = []
    for line in transfer.lines:
        limit = getattr(line, source)
        units = quantities.get(line.id, limit)
        if units > limit:
            raise MoreThanApproved(
                f"fewer units were {source}", line_id=str(line.id), asked=units, units_max=limit, limit=source
            )
        lines.append(msgspec.structs.replace(line, **{target: units}))
    if not any(getattr(line, target) for line in lines):
        raise NothingToTransfer("a transfer is of some units", transfer_id=str(transfer.id))
    return lines


def arrived(transfer: Transfer, delivery: Sequence[ReceiveLine]) -> list[TransferLine]:
    """The lines after units have arrived.

    Raises:
        NotUnderWay, NothingToTransfer, UnknownTransfer, MoreThanShipped.
    """
    check_under_way(transfer)
    if not any(one.quantity or one.damaged for one in delivery):
        raise NothingToTransfer("a delivery is of some units", transfer_id=str(transfer.id))
    lines = {line.id: line for line in transfer.lines}
    for one in delivery:
        line = _line(lines, one.line_id, one.quantity + one.damaged)
        lines[line.id] = msgspec.structs.replace(
            line, received=line.received + one.quantity, damaged=line.damaged + one.damaged
        )
    return list(lines.values())


def settled(transfer: Transfer, one: SettleTransfer) -> list[TransferLine]:
    """The lines after it is known what became of missing units.

    Raises:
        NotUnderWay, UnknownTransfer, MoreThanShipped.
    """
    check_under_way(transfer)
    lines = {line.id: line for line in transfer.lines}
    line = _line(lines, one.line_id, one.quantity)
    column = {SettledAs.LOSS: "lost", SettledAs.FOUND: "received", SettledAs.SENT_BACK: "sent_back"}[one.outcome]
    lines[line.id] = msgspec.structs.replace(line, **{column: getattr(line, column) + one.quantity})
    return list(lines.values())


def _line(lines: Mapping[UUID, TransferLine], line_id: UUID, units: int) -> TransferLine:
    if line_id not in lines:
        raise UnknownTransfer("the transfer has no such line", line_id=str(line_id))
    line = lines[line_id]
    if units > line.missing:
        raise MoreThanShipped("fewer units are under way", line_id=str(line.id), asked=units, missing=line.missing)
    return line


def check_under_way(transfer: Transfer) -> None:
    """Raises:
    NotUnderWay.
    """
    if transfer.status not in UNDER_WAY:
        raise NotUnderWay("nothing of it is under way", transfer_id=str(transfer.id), status=transfer.status)


def status_after(lines: Iterable[TransferLine]) -> TransferStatus:
    """Closed once it is known of every unit what became of it."""
    return TransferStatus.RECEIVED if any(line.missing for line in lines) else TransferStatus.CLOSED


def take_lots(content: dict[str, int], units: int, lot: str | None) -> list[tuple[str, int]] | None:
    """Take units out of what is under way by lot, the named lot or the first ones; None if there are not so many."""
    taken = []
    for one in [lot] if lot is not None else sorted(content):
        part = min(units, content.get(one, 0))
        if part:
            taken.append((one, part))
            units -= part
    if units:
        return None
    for one, part in taken:
        content[one] -= part
    return taken
