"""What a channel promises and allows: the type, bounds, default and meaning of every policy."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from batuta.kernel.quantities import Code

WebAddress = Annotated[str, Meta(max_length=250, pattern="^(https?://[!-~]+)?$")]
RoundingCode = Annotated[
    str, Meta(pattern="^(unit|line|tax_group|document)_(half_up|half_even)(_cash_[1-9][0-9]{0,4})?$")
]

DECADE_MINUTES = 5_256_000
MONTH_MINUTES = 43_200
DAY_MINUTES = 1_440


class RerouteKind(StrEnum):
    """What a customer may choose whose store cannot serve them."""

    STORE = "store"
    DELIVERY = "delivery"
    SPLIT = "split"
    WAIT = "wait"
    CANCEL = "cancel"


class ShipMode(StrEnum):
    """What becomes of an order of which some is there and some is not (ORD-08, ORD-09).

    as_available: what is there is sent, the rest follows. together: what is there waits for what is sold ahead of
    stock. complete: together, and from one location.
    """

    AS_AVAILABLE = "as_available"
    TOGETHER = "together"
    COMPLETE = "complete"


Splits = Annotated[int, Meta(ge=0, le=63)]
BanDays = Annotated[int, Meta(ge=0, le=365)]
WaitDays = Annotated[int, Meta(ge=0, le=365)]
RemainingDays = Annotated[int, Meta(ge=0, le=3_650)]


class ShipTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an order may be split, how long it may wait, and how good its goods must be (ORD-09, INV-14).

    What is None is as the customer, or else the channel, has it. max_splits: how many locations more than one may share
    it. max_wait_days: so many days after it was placed nobody waits any longer for what cannot be sent.
    min_remaining_days: what bears a date is delivered so many days, and those that its SKU asks for, before it.
    """

    mode: ShipMode | None = None
    max_splits: Splits | None = None
    max_wait_days: WaitDays | None = None
    min_remaining_days: RemainingDays | None = None

    @property
    def contradicts_itself(self) -> bool:
        return self.mode is ShipMode.COMPLETE and bool(self.max_splits)

    def or_else(self, usual: "ShipTerms") -> "ShipTerms":
        """These terms, and what they do not say as it is usual."""
        mode = self.mode or usual.mode
        max_splits = usual.max_splits if self.max_splits is None else self.max_splits
        return ShipTerms(
            mode=mode,
            max_splits=0 if mode is ShipMode.COMPLETE else max_splits,
            max_wait_days=usual.max_wait_days if self.max_wait_days is None else self.max_wait_days,
            min_remaining_days=usual.min_remaining_days if self.min_remaining_days is None else self.min_remaining_days,
        )


class Policies(Struct, frozen=True, kw_only=True):
    """What a channel promises and allows; each has a default, so a new policy needs no migration."""

    cart_hold_minutes: Annotated[
        int, Meta(ge=1, le=DAY_MINUTES, description="For how long a cart's goods are kept for its buyer, once asked")
    ] = 10
    hold_minutes_max: Annotated[
        int, Meta(ge=1, le=DAY_MINUTES, description="No reservation before an order lasts longer")
    ] = 60
    units_per_line_max: Annotated[
        int, Meta(ge=1, le=1_000_000_000, description="How many units of one SKU a line may ask for")
    ] = 10_000
    lines_max: Annotated[int, Meta(ge=1, le=2_000, description="How many lines an order may have")] = 2_000
    units_shown_max: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Shoppers are told how many are left up to this; 0 tells none"),
    ] = 0
    availability_kept_s: Annotated[
        int, Meta(ge=0, le=3_600, description="For how many seconds an answer on availability may be kept")
    ] = 15
    unpaid_minutes: Annotated[
        int, Meta(ge=1, le=DECADE_MINUTES, description="An order that is not paid by then expires")
    ] = 4_320
    remorse_minutes: Annotated[
        int, Meta(ge=0, le=MONTH_MINUTES, description="For how long an order waits in case its buyer cancels")
    ] = 0
    clearance_minutes: Annotated[
        int, Meta(ge=0, le=MONTH_MINUTES, description="For how long a paid order waits until the money is certain")
    ] = 0
    duplicate_minutes: Annotated[
        int,
        Meta(ge=0, le=MONTH_MINUTES, description="An order like another so shortly before is held; 0 holds none"),
    ] = 10
    offer_minutes: Annotated[
        int,
        Meta(ge=1, le=DECADE_MINUTES, description="Open time that a location has to accept before others are asked"),
    ] = 240
    pickup_days: Annotated[
        int, Meta(ge=1, le=365, description="For how many days a store keeps what is ready for its customer")
    ] = 7
    return_days: Annotated[
        int, Meta(ge=0, le=3_650, description="For how many days after its delivery something may come back")
    ] = 30
    rounding_rule: Annotated[
        RoundingCode,
        Meta(description="Where tax is rounded and which way halves go, as `line_half_up` or `line_half_up_cash_5`"),
    ] = "line_half_up"
    are_messages_muted: Annotated[bool, Meta(description="Messages to customers are written, but not sent")] = False
    split_penalty_minor: Annotated[
        int,
        Meta(ge=0, le=10**9, description="What each further shipment counts for in plans, beside its cost"),
    ] = 300
    weight_margin_bp: Annotated[
        int, Meta(ge=0, le=10_000, description="Of goods charged by weight, so much more than their price may be held")
    ] = 0
    ship_mode: Annotated[
        ShipMode, Meta(description="What becomes of an order of which some is there and some is not")
    ] = ShipMode.AS_AVAILABLE
    max_splits: Annotated[
        int, Meta(ge=1, le=63, description="How many locations more than one may share an order that says nothing else")
    ] = 4
    lateness_bp: Annotated[
        int,
        Meta(ge=0, le=10_000, description="In plans, the share of its value that each day late costs an order"),
    ] = 0
    max_wait_days: Annotated[
        WaitDays | None, Meta(description="So long an order waits for what cannot be sent; null is for ever")
    ] = None
    min_remaining_days: Annotated[
        RemainingDays | None,
        Meta(description="What bears a date is delivered so many days before it, beside its SKU's; null asks nothing"),
    ] = None
    pool_minutes: Annotated[
        int,
        Meta(ge=0, le=DAY_MINUTES, description="Accepted orders wait so long to be planned together; 0: at once"),
    ] = 0
    replan_minutes: Annotated[
        int,
        Meta(ge=0, le=DAY_MINUTES, description="How often offers that nobody accepted are planned anew; 0: never"),
    ] = 0
    replan_gain_minor: Annotated[
        int, Meta(ge=0, le=1_000_000, description="An order is offered elsewhere where that gains more than this")
    ] = 100
    ships_to_store: Annotated[
        bool, Meta(description="What a store lacks of an order picked up there may come from other locations")
    ] = True
    rejections_max: Annotated[
        int, Meta(ge=1, le=100, description="After so many locations have given an order back a person looks at it")
    ] = 5
    ban_days: Annotated[
        dict[Code, BanDays],
        Meta(max_length=50, description="By the reason of a location's no: for how many days it is not asked again"),
    ] = {}
    park_retry_minutes: Annotated[
        int, Meta(ge=1, le=DAY_MINUTES, description="When an order that nobody can serve is first tried again")
    ] = 60
    park_days: Annotated[
        Annotated[int, Meta(ge=1, le=365)] | None,
        Meta(description="An order that nobody could serve for so long is cancelled; null waits for ever"),
    ] = None
    label_format: Annotated[Literal["pdf", "zpl"], Meta(description="In which form parcels' labels are made")] = "pdf"
    default_payment_provider: Annotated[Code, Meta(description="Who takes the money of orders that name nobody")] = (
        "test"
    )
    backorder_priority: Annotated[
        int, Meta(ge=0, le=9, description="Who waits for supply is served in this order, 0 first")
    ] = 5
    serves_backorders_partly: Annotated[
        bool, Meta(description="A line that waits takes fewer units than it wants when there are not enough")
    ] = True
    patience_days: Annotated[
        Annotated[int, Meta(ge=0, le=365)] | None,
        Meta(description="So long after the promise who waits is asked or cancelled; null waits for ever"),
    ] = None
    out_of_patience: Annotated[
        Literal["ask", "cancel"], Meta(description="What then: the customer is asked, or the line cancelled")
    ] = "ask"
    reroute_url: Annotated[
        WebAddress,
        Meta(description="Where customers whose store cannot serve them choose, up to the token; empty asks nobody"),
    ] = ""
    reroute_choices: Annotated[
        tuple[RerouteKind, ...], Meta(max_length=10, description="The other ways that those customers are given")
    ] = tuple(RerouteKind)
    reroute_days: Annotated[int, Meta(ge=1, le=30, description="For how many days their link holds")] = 3
    is_reroute_free: Annotated[
        bool, Meta(description="The shop pays for the delivery they choose; else none is offered that costs them more")
    ] = True
    proof_url: Annotated[
        WebAddress,
        Meta(description="Where buyers answer proofs of what is made for them, up to the token; empty sends no link"),
    ] = ""
    proof_days: Annotated[int, Meta(ge=1, le=90, description="For how many days that link holds")] = 14

    @property
    def ship_terms(self) -> ShipTerms:
        """What holds for orders that say nothing else; how often one is split, the strategy says first."""
        return ShipTerms(
            mode=self.ship_mode, max_wait_days=self.max_wait_days, min_remaining_days=self.min_remaining_days
        )


class WrittenPolicies(Policies, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Policies as somebody writes them: what is not said has its default, and a policy that is none is refused."""
