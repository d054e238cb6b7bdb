"""Selling ahead: lines that wait for supply, which receipt each is pegged to, and who is served first (INV-23, INV-24).

Pure. Pegs go first come, first served within a class of priority; whoever is served comes by priority, then by the
promised date, then by the time of the order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain.pools import Fence
from batuta.inventory.domain.withholding import Asker
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Quantity, QuantityOrNone

NEVER = datetime(9000, 1, 1, tzinfo=UTC)

Priority = Annotated[int, msgspec.Meta(ge=0, le=9)]
"""A class of customers: 0 is served first."""


class AheadKind(StrEnum):
    """Backordered: sold out for now. Preordered: sold before its launch."""

    BACKORDER = "backorder"
    PREORDER = "preorder"


class BackorderLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How many units of a SKU a channel may sell ahead of its stock, and until when (INV-12).

    launch_at: before it, what is sold is a pre-order, and nothing of it is sent (ORD-08).
    """

    sku_id: UUID
    channel_id: UUID
    units: QuantityOrNone
    until_at: datetime | None = None
    launch_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.units > 0 and (self.until_at is None or now < self.until_at)

    def kind(self, now: datetime) -> AheadKind:
        return AheadKind.PREORDER if self.launch_at and now < self.launch_at else AheadKind.BACKORDER


class LimitUse(BackorderLimit, frozen=True, kw_only=True):
    """A limit with the units of it that wait for supply now."""

    used: int


class UnknownLimitOwner(NotFound):
    """There is no such SKU or channel."""


class AheadLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a line wants of one SKU ahead of its stock; `units` in all, `per_unit` for one unit of the line.

    serves_whole: it is served when all of it is there, and no sooner.
    """

    line_id: UUID
    sku_id: UUID
    units: Quantity
    per_unit: Quantity = 1
    serves_whole: bool = False


class AheadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that an order wants ahead of stock; it gets all of it or nothing.

    region, customer_group: besides its channel, for whom it is, where units are kept back (INV-05).
    location_ids: where alone it may come to; None is anywhere. patience_days: after so many days past the promise the
    customer is asked, or the line cancelled; None is never. waits_until_at: what comes later is not promised, and they
    are asked no later than then.
    """

    order_id: UUID
    channel_id: UUID
    lines: tuple[AheadLine, ...]
    ordered_at: datetime
    region: str = ""
    customer_group: str = ""
    location_ids: tuple[UUID, ...] | None = None
    priority: Priority = 5
    patience_days: int | None = None
    waits_until_at: datetime | None = None


class AheadPromise(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that will come: from when on they are promised to be there."""

    line_id: UUID
    sku_id: UUID
    units: int
    kind: AheadKind
    promised_at: datetime


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the order asked for is promised."""

    order_id: UUID
    promises: tuple[AheadPromise, ...]


class NotSoldAhead(Refused):
    """The limit of the channel, or what is still to come, does not allow it; nothing was promised."""


class Coming(msgspec.Struct, frozen=True):
    """Units of an expected receipt that are still to come, and when they are counted on."""

    expected_id: UUID
    location_id: UUID
    at: datetime
    units: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A line's units of one SKU that wait for supply, as they stand."""

    line_id: UUID
    sku_id: UUID
    order_id: UUID
    channel_id: UUID
    location_id: UUID
    kind: AheadKind
    asked: int
    units: int
    per_unit: int
    serves_whole: bool
    only_there: bool
    priority: int
    ordered_at: datetime
    launch_at: datetime | None
    promised_at: datetime | None
    first_promised_at: datetime | None
    patience_days: int | None
    patience_until_at: datetime | None
    looked_at: datetime
    region: str = ""
    customer_group: str = ""

    @property
    def asker(self) -> Asker:
        return Asker(channel_id=self.channel_id, region=self.region, customer_group=self.customer_group)

    @property
    def turn(self) -> tuple[int, datetime, UUID, UUID]:
        """Who is pegged first: by class, then by the time of the order."""
        return self.priority, self.ordered_at, self.order_id, self.line_id

    @property
    def service_turn(self) -> tuple[int, datetime, datetime, UUID, UUID]:
        """Who is served first: by class, then by the promised date, then by the time of the order."""
        return self.priority, self.promised_at or NEVER, self.ordered_at, self.order_id, self.line_id

    def may_come_to(self, location_id: UUID) -> bool:
        return not self.only_there or self.location_id == location_id


class Peg(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of a waiting line are to come from this receipt."""

    line_id: UUID
    sku_id: UUID
    expected_id: UUID
    units: int


class Pegged(msgspec.Struct, frozen=True):
    """What a waiting line gets of what is to come, and when the last of it is there; None when some of it never is."""

    pegs: tuple[Peg, ...]
    location_id: UUID
    ready_at: datetime | None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """Units that a waiting line is given. pools: of which ring-fenced pools they are, None of what is common."""

    line_id: UUID
    order_id: UUID
    units: int
    priority: int
    promised_at: datetime | None
    ordered_at: datetime
    pools: tuple[tuple[UUID | None, int], ...] = ()


def peg_out(coming: Iterable[Coming], waiting: Iterable[Waiting]) -> dict[UUID, Pegged]:
    """Share what is to come of one SKU among the lines that wait for it, by their turn, the earliest receipt first.

    A line takes from the receipts of one location if any has enough for it, else from as many as it needs. By line.
    """
    left = {one.expected_id: one for one in sorted(coming, key=lambda one: (one.at, one.expected_id))}
    pegged: dict[UUID, Pegged] = {}
    for line in sorted(waiting, key=lambda one: one.turn):
        usable = [one for one in left.values() if one.units and line.may_come_to(one.location_id)]
        taken, missing = _take(usable, line.units)
        for one, units in taken:
            left[one.expected_id] = msgspec.structs.replace(left[one.expected_id], units=one.units - units)
        pegs = tuple(
            Peg(line_id=line.line_id, sku_id=line.sku_id, expected_id=one.expected_id, units=units)
            for one, units in taken
        )
        ready_at = None if missing else max((one.at for one, _ in taken), default=None)
        place = taken[0][0].location_id if taken and not line.only_there else line.location_id
        pegged[line.line_id] = Pegged(pegs, place, ready_at)
    return pegged


def after_deficits(coming: Iterable[Coming], lacking: Mapping[UUID, int]) -> list[Coming]:
    """What is to come without the units that make good what locations lack already, the earliest first.

    lacking: by location, units that are reserved or kept back there and not on hand.
    """
    owed = dict(lacking)
    left = []
    for one in sorted(coming, key=lambda one: (one.at, one.expected_id)):
        units = min(one.units, owed.get(one.location_id, 0))
        if units:
            owed[one.location_id] -= units
        left.append(msgspec.structs.replace(one, units=one.units - units))
    return left


def serve_out(free: int, location_id: UUID, waiting: Iterable[Waiting], fence: Fence | None = None) -> list[Served]:
    """Give free units of one SKU at one location to the lines that wait for it, by their turn.

    A line that is served whole, or takes several units for one of its own, is passed over while there is too little.
    fence: what is kept back there from whom; what lines take of pools is counted in it.
    """
    served = []
    for line in sorted(waiting, key=lambda one: one.service_turn):
        if not line.units or not line.may_come_to(location_id):
            continue
        place = (line.sku_id, location_id)
        units = min(fence.usable(line.asker, place, free) if fence else free, line.units)
        units = units - units % line.per_unit if not line.serves_whole else units * (units == line.units)
        if units:
            free -= units
            served.append(
                Served(
                    line_id=line.line_id,
                    order_id=line.order_id,
                    units=units,
                    priority=line.priority,
                    promised_at=line.promised_at,
                    ordered_at=line.ordered_at,
                    pools=tuple(fence.take(line.asker, place, units)) if fence else ((None, units),),
                )
            )
    return served


def _take(usable: Sequence[Coming], wanted: int) -> tuple[list[tuple[Coming, int]], int]:
    """The units a line gets, and how many it does not.

    Of the receipts that it must wait for anyway, the latest give first: the earlier ones stay for others, so that what
    may still be promised is no less than ATP says.
    """
    best = _one_place(usable, wanted)
    waited_for: list[Coming] = []
    missing = wanted
    for one in usable:
        if best in {None, one.location_id} and (missing > 0 or one.at == waited_for[-1].at):
            waited_for.append(one)
            missing -= one.units
    taken, left = [], wanted
    for one in reversed(waited_for):
        units = min(one.units, left)
        if units:
            taken.append((one, units))
            left -= units
    return taken[::-1], left


def _one_place(usable: Sequence[Coming], wanted: int) -> UUID | None:
    """The location whose receipts have all that is wanted first."""
    sums: dict[UUID, int] = defaultdict(int)
    for one in usable:
        sums[one.location_id] += one.units
        if sums[one.location_id] >= wanted:
            return one.location_id
    return None


def same_day(one: datetime | None, other: datetime | None) -> bool:
    """Whether two promises name one day; a customer is not told of minutes."""
    if one is None or other is None:
        return one is other
    return one.date() == other.date()
