"""A fulfillment order, its lines and its packages."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.statuses import FulfillmentStatus, Method
from batuta.kernel.addresses import Address
from batuta.kernel.errors import NotFound
from batuta.kernel.quantities import Code, Quantity


class UnknownFulfillmentOrder(NotFound):
    """No fulfillment order has this id."""


class LineUnits(msgspec.Struct, frozen=True):
    """Units of an order line; of a bundle's line, whole bundles."""

    line_id: UUID
    quantity: int


class FulfillmentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of one order line; a bundle's line has a row for each of its components.

    per_unit: how many of the SKU make one unit of the order line. is_tracked: whether stock is kept of it.
    makes: the SKU that is made of this and the line's other SKUs, whose place it takes when it is packed.
    taken_back: what came home undelivered, or was written off on its way.
    Every count is in units of the SKU and holds what has come so far, not what is there now: a unit handed over stays
    counted as picked and packed.
    """

    line_id: UUID
    sku_id: UUID
    quantity: int
    per_unit: int = 1
    is_tracked: bool = True
    picked: int = 0
    packed: int = 0
    handed_over: int = 0
    delivered: int = 0
    taken_back: int = 0
    short: int = 0
    cancelled: int = 0
    makes: UUID | None = None

    @property
    def live(self) -> int:
        """What is still to be served from here, or has been."""
        return self.quantity - self.short - self.cancelled

    @property
    def is_made(self) -> bool:
        """Whether it is what was made, and no part of it any more."""
        return self.makes == self.sku_id


class LotUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many units of a lot."""

    lot: Code
    quantity: Quantity


class SkuUnits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Units of a SKU that serve an order line.

    lots: of which they are, where they have lots. serials: the numbers on the pieces. weight_g: what they weigh
    together, where they are charged by weight.
    """

    line_id: UUID
    sku_id: UUID
    quantity: int
    lots: tuple[LotUnits, ...] = ()
    serials: tuple[str, ...] = ()
    weight_g: int | None = None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of shipping, or a bag behind the counter, and what was packed into it."""

    parcel_id: UUID
    contents: tuple[SkuUnits, ...]
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    taken_back_at: datetime | None = None
    written_off_at: datetime | None = None
    unpacked_at: datetime | None = None

    @property
    def is_here(self) -> bool:
        """Packed, and not yet gone nor unpacked again."""
        return self.handed_over_at is None and self.unpacked_at is None

    @property
    def is_under_way(self) -> bool:
        ends = (self.delivered_at, self.taken_back_at, self.written_off_at)
        return self.handed_over_at is not None and not any(ends)


class FulfillmentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Work to serve lines of one order from one location by one method.

    order_number, ship_to, locale: of the order, as they were offered.
    expires_at: until when the location may accept. escalate_at: when its silence puts the promise at risk;
    escalated_at: when that was told. collect_until_at: until when the customer may collect.
    """

    id: UUID
    order_id: UUID
    order_number: str
    location_id: UUID
    method: Method
    status: FulfillmentStatus
    lines: tuple[FulfillmentLine, ...]
    service_id: UUID | None = None
    ship_to: Address | None = None
    locale: str = ""
    expires_at: datetime | None = None
    escalate_at: datetime | None = None
    escalated_at: datetime | None = None
    pickup_code: str | None = None
    collect_until_at: datetime | None = None
    collected_by: str | None = None
    reason: str | None = None
    packages: tuple[Package, ...] = ()
    version: int = 0

    def units(self, count: str) -> dict[UUID, int]:
        """How many whole units of each order line a count of its rows makes."""
        units: dict[UUID, int] = {}
        for line in self.lines:
            whole = getattr(line, count) // line.per_unit
            units[line.line_id] = min(units.get(line.line_id, whole), whole)
        return units

    def live_units(self) -> tuple[LineUnits, ...]:
        return tuple(LineUnits(line_id, units) for line_id, units in self.units("live").items() if units)

    def is_whole(self, count: str) -> bool:
        """Whether a count has reached every live unit, of which there is at least one."""
        return any(line.live for line in self.lines) and all(getattr(line, count) >= line.live for line in self.lines)


def counted(lines: Iterable[FulfillmentLine], count: str, totals: Mapping[UUID, int]) -> tuple[FulfillmentLine, ...]:
    """The lines with `count` set to that many units of their order lines; lines not named stay."""
    return tuple(
        msgspec.structs.replace(line, **{count: totals[line.line_id] * line.per_unit})
        if line.line_id in totals
        else line
        for line in lines
    )
