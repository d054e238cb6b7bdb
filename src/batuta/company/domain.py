"""Legal entities, brands, channels and their policies."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.core import get_global
from babel.numbers import is_currency
from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from batuta.kernel.errors import Invalid, NotFound
from batuta.kernel.quantities import Code, Prose, Text, fitting

GS1_PREFIX_DIGITS = range(4, 13)

WebAddress = Annotated[str, msgspec.Meta(max_length=250, pattern="^(https?://[!-~]+)?$")]


class BadLegalEntity(Invalid):
    """The legal entity cannot be so; `field` says where."""


class BadBrand(Invalid):
    """The brand cannot be so."""


class BadChannel(Invalid):
    """The channel cannot be so; `field` says where."""


class UnknownOwner(NotFound):
    """The brand or legal entity it is said to belong to is not there."""


class ChannelKind(StrEnum):
    WEB = "web"
    APP = "app"
    PHONE = "phone"
    STORE = "store"
    MARKETPLACE = "marketplace"
    RESTAURANT = "restaurant"


class RerouteKind(StrEnum):
    """What a customer may choose whose store cannot serve them."""

    STORE = "store"
    DELIVERY = "delivery"
    SPLIT = "split"
    WAIT = "wait"
    CANCEL = "cancel"


class TaxMode(StrEnum):
    """Whether a listed price has the tax in it."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


class ShipMode(StrEnum):
    """What becomes of an order of which some is there and some is not (ORD-08, ORD-09).

    as_available: what is there is sent, the rest follows. together: what is there waits for what is sold ahead of
    stock. complete: together, and from one location.
    """

    AS_AVAILABLE = "as_available"
    TOGETHER = "together"
    COMPLETE = "complete"


Splits = Annotated[int, msgspec.Meta(ge=0, le=63)]
BanDays = Annotated[int, msgspec.Meta(ge=0, le=365)]
WaitDays = Annotated[int, msgspec.Meta(ge=0, le=365)]


class ShipTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an order may be split, and how long it may wait (ORD-09).

    What is None is as the customer, or else the channel, has it. max_splits: how many locations more than one may share
    it. max_wait_days: so many days after it was placed nobody waits any longer for what cannot be sent.
    """

    mode: ShipMode | None = None
    max_splits: Splits | None = None
    max_wait_days: WaitDays | None = None

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
        )


class LegalEntity(msgspec.Struct, frozen=True, kw_only=True):
    """Who owes the tax and owns the stock.

    tax_number: as its country writes it, checked; empty when it has none.
    gs1_prefix: the GS1 company prefix from which SSCCs and GTINs are made; empty when it has none.
    """

    id: UUID
    code: Code
    name: Text
    country: str
    currency: str
    time_zone: str
    tax_number: Prose = ""
    gs1_prefix: Prose = ""


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    code: Code
    name: Text
    legal_entity_id: UUID


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel promises and allows; each has a default, so a new policy needs no migration.

    rejections_max: so many locations may give an order back, then a person looks at it. ban_days: by the reason of a
    location's no, so many days it is not asked again, else as is usual. park_retry_minutes: when an order that
    nobody can serve is tried again first; park_days: after so many it is cancelled, None waits for ever.
    backorder_priority: who waits for supply is served by it, 0 first. patience_days: after so many past the promise
    the customer is asked, or the line cancelled (`out_of_patience`); None waits for ever. pool_minutes: so long
    accepted orders wait for others to be planned together with them; 0 plans each at once. replan_minutes: so often
    what nobody accepted yet is planned again with others, and offered elsewhere where that gains more than
    `replan_gain_minor` an order; 0 leaves it where it is. reroute_url: where customers
    whose store cannot serve them choose another way, up to the link's token; empty asks nobody. reroute_choices: the
    ways they are given, for so many reroute_days. is_reroute_free: whether the shop pays for a delivery that they
    choose; else it is offered only where the price list asks no more of them than they have been asked already.
    weight_margin_bp: of goods that are charged by weight, so much more than their usual price may be held. ship_mode,
    max_splits, max_wait_days: of orders that say nothing else; see `ShipTerms`. lateness_bp: how much of its
    value each day costs that something comes after its promise, when plans are compared.
    ships_to_store: what a store lacks of an order that is picked up there may come from other locations.
    """

    cart_hold_minutes: Annotated[int, msgspec.Meta(ge=1, le=1_440)] = 10
    hold_minutes_max: Annotated[int, msgspec.Meta(ge=1, le=1_440)] = 60
    units_per_line_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 10_000
    lines_max: Annotated[int, msgspec.Meta(ge=1, le=2_000)] = 2_000
    units_shown_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    availability_kept_s: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 15
    unpaid_minutes: Annotated[int, msgspec.Meta(ge=1)] = 4_320
    remorse_minutes: Annotated[int, msgspec.Meta(ge=0)] = 0
    clearance_minutes: Annotated[int, msgspec.Meta(ge=0, le=43_200)] = 0
    duplicate_minutes: Annotated[int, msgspec.Meta(ge=0)] = 10
    offer_minutes: Annotated[int, msgspec.Meta(ge=1)] = 240
    pickup_days: Annotated[int, msgspec.Meta(ge=1)] = 7
    return_days: Annotated[int, msgspec.Meta(ge=0)] = 30
    rounding_rule: Code = "line_half_up"
    are_messages_muted: bool = False
    split_penalty_minor: Annotated[int, msgspec.Meta(ge=0)] = 300
    weight_margin_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    ship_mode: ShipMode = ShipMode.AS_AVAILABLE
    max_splits: Annotated[int, msgspec.Meta(ge=1)] = 4
    lateness_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    max_wait_days: WaitDays | None = None
    pool_minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)] = 0
    replan_minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)] = 0
    replan_gain_minor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 100
    ships_to_store: bool = True
    rejections_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    ban_days: Annotated[dict[Code, BanDays], msgspec.Meta(max_length=50)] = {}
    park_retry_minutes: Annotated[int, msgspec.Meta(ge=1, le=1_440)] = 60
    park_days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None
    label_format: Literal["pdf", "zpl"] = "pdf"
    default_payment_provider: Code = "test"
    backorder_priority: Annotated[int, msgspec.Meta(ge=0, le=9)] = 5
    serves_backorders_partly: bool = True
    patience_days: Annotated[int, msgspec.Meta(ge=0, le=365)] | None = None
    out_of_patience: Literal["ask", "cancel"] = "ask"
    reroute_url: WebAddress = ""
    reroute_choices: Annotated[tuple[RerouteKind, ...], msgspec.Meta(max_length=10)] = tuple(RerouteKind)
    reroute_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 3
    is_reroute_free: bool = True

    @property
    def ship_terms(self) -> ShipTerms:
        """What holds for orders that say nothing else; how often one is split, the strategy says first."""
        return ShipTerms(mode=self.ship_mode, max_wait_days=self.max_wait_days)


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to buy. locale: the language of its messages, as `es` or `en`."""

    id: UUID
    code: Code
    name: Text
    brand_id: UUID
    kind: ChannelKind
    currency: str
    country: str
    locale: Code
    tax_mode: TaxMode
    policies: Policies = Policies()


def check_legal_entity(entity: LegalEntity) -> LegalEntity:
    """Return the legal entity with its tax number as its country writes it.

    Raises:
        BadLegalEntity: unknown country, currency or time zone, a tax number that fails its check, a prefix
            that is not 4 to 12 digits.
    """
    _check_place(fitting(entity, BadLegalEntity), BadLegalEntity)
    try:
        ZoneInfo(entity.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadLegalEntity("no such IANA time zone", field="time_zone", got=entity.time_zone) from None
    prefix = entity.gs1_prefix
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) in GS1_PREFIX_DIGITS):
        raise BadLegalEntity("a GS1 company prefix has 4 to 12 digits", field="gs1_prefix", got=prefix)
    return msgspec.structs.replace(entity, tax_number=_checked_tax_number(entity))


def check_channel(channel: Channel) -> Channel:
    """Return the channel, whose policies agree with each other.

    Raises:
        BadChannel: unknown country or currency, or a policy out of its bounds.
    """
    _check_place(fitting(channel, BadChannel), BadChannel)
    policies = fitting(channel.policies, BadChannel)
    if policies.cart_hold_minutes > policies.hold_minutes_max:
        raise BadChannel(
            "a cart cannot be held longer than the longest hold",
            field="policies.cart_hold_minutes",
            cart_hold_minutes=policies.cart_hold_minutes,
            hold_minutes_max=policies.hold_minutes_max,
        )
    return channel


def _check_place(thing: LegalEntity | Channel, wrong: type[Invalid]) -> None:
    if thing.country not in get_global("territory_currencies"):
        raise wrong("no such country (ISO 3166-1 alpha-2)", field="country", got=thing.country)
    if not is_currency(thing.currency):
        raise wrong("no such currency (ISO 4217)", field="currency", got=thing.currency)


def _checked_tax_number(entity: LegalEntity) -> str:
    rules = get_cc_module(entity.country, "vat")
    if not entity.tax_number or rules is None:
        return entity.tax_number.strip()
    try:
        return str(rules.validate(entity.tax_number))
    except ValidationError as problem:
        raise BadLegalEntity(
            "the tax number fails its country's check",
            field="tax_number",
            got=entity.tax_number,
            country=entity.country,
            why=str(problem),
        ) from problem
