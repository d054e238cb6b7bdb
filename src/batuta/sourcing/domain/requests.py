"""What is asked of sourcing, and what it answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.inventory.domain import NOBODY, Asker
from batuta.kernel.addresses import Address
from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.quantities import QUANTITY_MAX, AmountMinor, Quantity, Text
from batuta.sourcing.domain.search.candidates import SPLITS_MAX, Costs

SPLIT_PENALTY_MINOR = 300
MAX_SPLITS = 4
SYSTEM = "system:sourcing"
ANSWER_MINUTES = 240


class Method(StrEnum):
    SHIP = "ship"
    PICKUP = "pickup"


class SourcingLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order line to be planned. components: SKU and units of it in one unit of the line.

    unit_value_minor: what a unit is sold for; unit_net_minor: without its tax, rounded down.
    abilities: what a location must be able to do to make it; making_minutes: how long it makes a unit.
    """

    line_id: UUID
    components: tuple[tuple[UUID, int], ...]
    quantity: Quantity
    unit_value_minor: AmountMinor = 0
    unit_net_minor: AmountMinor = 0
    abilities: frozenset[str] = frozenset()
    making_minutes: int = 0


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What strategies may want to know of an order besides; empty is not known. value_minor: of the whole order."""

    channel_code: str = ""
    customer_group: str = ""
    customer_kind: str = ""
    value_minor: int | None = None
    placed_at: datetime | None = None


NOTHING_MORE = About()


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person says where it ships from, whatever the rules prefer; stock and ability still count (SRC-15)."""

    location_id: UUID
    reason: Text
    actor: Text


class SourcingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The units of one order that need a location: all of them, or those a location gave back.

    service_kind: of `shipping`, what the buyer chose. max_splits: how many locations more than one may share it;
    buyer_max_splits: what the buyer allows, which no strategy exceeds.
    banned: SKUs at locations that the caller knows to be out of question. asker: for whom, where units are kept back.
    promised_at: until when it was promised first; late_day_bp: how much of the value of what is late each day costs.
    override: the one location that a person wants, its bans, hours and capacity notwithstanding. ships_to_store: what a
    pickup's store lacks may come from locations that have a transfer lane there.
    answer_minutes: of its opening hours, how long a location may think about it.
    """

    order_id: UUID
    lines: tuple[SourcingLine, ...]
    destination: Address
    currency: str
    method: Method = Method.SHIP
    pickup_location_id: UUID | None = None
    service_kind: str = "standard"
    split_penalty_minor: AmountMinor = SPLIT_PENALTY_MINOR
    max_splits: Annotated[int, msgspec.Meta(ge=0, le=SPLITS_MAX)] = MAX_SPLITS
    buyer_max_splits: Annotated[int, msgspec.Meta(ge=0, le=SPLITS_MAX)] | None = None
    banned: frozenset[tuple[UUID, UUID]] = frozenset()
    asker: Asker = NOBODY
    about: About = NOTHING_MORE
    promised_at: datetime | None = None
    late_day_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    override: Override | None = None
    ships_to_store: bool = False
    answer_minutes: int = ANSWER_MINUTES
    actor: Text = SYSTEM

    def __post_init__(self) -> None:
        if len({line.line_id for line in self.lines}) < len(self.lines):
            raise Invalid("a line comes once", order_id=str(self.order_id))
        counts = [count for line in self.lines for count in (line.quantity, *(units for _, units in line.components))]
        if not all(0 < count <= QUANTITY_MAX for count in counts):
            raise Invalid("a line asks for at least one unit", order_id=str(self.order_id))
        if (self.method is Method.PICKUP) != (self.pickup_location_id is not None):
            raise Invalid("a pickup, and nothing else, names its location", order_id=str(self.order_id))
        if not (0 <= self.max_splits <= SPLITS_MAX and self.split_penalty_minor >= 0):
            raise Invalid(f"an order is split up to {SPLITS_MAX} times, at no gain", order_id=str(self.order_id))


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU of a line, and where they ship from. price_minor: their share of the shipment's freight."""

    line_id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: int
    service_id: UUID | None
    price_minor: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where every unit asked for ships from. attempt: how many times the order has been planned, this time included."""

    order_id: UUID
    attempt: int
    assignments: tuple[Assignment, ...]
    costs: Costs
    currency: str
    is_greedy: bool

    @property
    def cost_minor(self) -> int:
        return self.costs.total_minor


class Unfillable(Refused):
    """No locations together can serve what is asked; each line's decision says why not.

    Facts: `order_id`, and `line_ids` of the lines that cannot be served at all; none when each could be by itself.
    """


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody wants these units any more of a location that was to send them; it stays as good as it was."""

    order_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: Quantity


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """Units that a location would not serve: which, why, who said so and when (SRC-08).

    until_at: until when this order does not ask it for the SKU again; None is ever.
    """

    line_id: UUID
    sku_id: UUID
    location_id: UUID
    quantity: int
    reason: str
    actor: str
    created_at: datetime
    until_at: datetime | None


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A location gives a SKU of a line back; this order does not ask it again before `until_at` (None: ever).

    quantity: None is all that is planned there. cause_id: what makes the rejection one, mostly the fulfillment
    order; sent again it changes nothing. is_for_all: the location is not asked for the SKU by other orders either.
    """

    order_id: UUID
    line_id: UUID
    sku_id: UUID
    location_id: UUID
    reason: Text
    until_at: datetime | None
    actor: Text
    quantity: Quantity | None = None
    cause_id: UUID | None = None
    is_for_all: bool = False
