"""What may be asked of promises before anybody orders, and what is answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Recipe, Sku
from batuta.company.domain import Channel, ShipTerms
from batuta.customers.domain import Customer
from batuta.kernel.addresses import Address, BadAddress, bare_postal_code, check_address, is_nowhere
from batuta.kernel.errors import Refused
from batuta.kernel.ids import child_id
from batuta.locations.domain import Ability, Location
from batuta.pricing.domain import Quote
from batuta.sourcing.domain.promises.dates import Door
from batuta.sourcing.domain.promises.promising import Promised
from batuta.sourcing.domain.requests import About, Method, SourcingLine, SourcingRequest

STORES_USUAL = 5
AHEAD = timedelta(days=90)
SLACK = timedelta(minutes=5)
"""How far a caller's clock may be behind ours."""


class UnknownChannel(Refused):
    """No channel has this code."""


class UnknownSku(Refused):
    """No SKU that is sold has one of these codes."""


class UnknownStore(Refused):
    """No location where orders can be picked up has this code."""


class UnknownPostalCode(Refused):
    """There is no such postal code in this country."""


class NoTimeToOrder(Refused):
    """Nobody orders in the past, nor is anything promised for an order in a far future."""


class AskedLine(msgspec.Struct, frozen=True, kw_only=True):
    sku_code: str
    quantity: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What an order that is placed brings along when it is asked how else its lines could be had.

    held: units that it holds, by the position of the line, SKU and location. banned: SKUs at locations that gave them
    back. is_free: its buyer pays nothing for shipping, whatever the price list says.
    """

    held: Mapping[tuple[int, UUID, UUID], int]
    banned: frozenset[tuple[UUID, UUID]]
    is_free: bool


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question: how, when and for how much these goods could be had.

    id: names the order that nobody has placed. destination: None asks for stores alone. store_code: that store alone.
    at: when it would be ordered. customer_id: whose group's stock counts too. stores_max: of the stores nearest by, how
    many. channel_ids: where the asker may buy. standing: of an order that is placed; nothing is sold to it ahead.
    ship_terms: as the order would say them.
    """

    id: UUID
    channel_code: str
    lines: Sequence[AskedLine]
    destination: Address | None
    at: datetime
    store_code: str | None = None
    stores_max: int = STORES_USUAL
    customer_id: UUID | None = None
    channel_ids: frozenset[UUID] | None = None
    standing: Standing | None = None
    ship_terms: ShipTerms = ShipTerms()


class NotOffered(msgspec.Struct, frozen=True, kw_only=True):
    """A way that is not offered, and why: a rule of sourcing, `no_charge`, `too_late` or `never`."""

    service_kind: str
    location_code: str | None = None
    reason: str


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """Every way to have the goods, the earliest first. currency: of all amounts. store_codes: of those it names."""

    channel: Channel
    currency: str
    destination: Address | None
    options: tuple[Promised, ...]
    not_offered: tuple[NotOffered, ...]
    store_codes: Mapping[UUID, str] = {}


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What the asks speak of, read once. parts: taken in place of a SKU; recipes: of what is made to order."""

    channels: Mapping[str, Channel]
    skus: Mapping[str, Sku]
    parts: Mapping[UUID, Sequence[Component]]
    stores: Mapping[str, Location]
    customers: Mapping[UUID, Customer] = {}
    recipes: Mapping[UUID, Sequence[Recipe]] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An ask, checked. lines: as sourcing plans them; sku_codes: by line. max_splits: None is as the channel has it."""

    ask: Ask
    channel: Channel
    skus: tuple[Sku, ...]
    lines: tuple[SourcingLine, ...]
    sku_codes: Mapping[UUID, str]
    store: Location | None
    customer_group: str = ""
    max_splits: int | None = None
    min_remaining_days: int | None = None

    def request(self, kind: str, *, store: Location | None = None, destination: Address) -> SourcingRequest:
        """The order that nobody has placed, as sourcing would be asked to plan it."""
        policies = self.channel.policies
        return SourcingRequest(
            order_id=child_id(self.ask.id, kind, store.id if store else ""),
            lines=self.lines,
            destination=destination,
            currency=self.channel.currency,
            method=Method.PICKUP if store else Method.SHIP,
            pickup_location_id=store.id if store else None,
            service_kind=kind,
            split_penalty_minor=policies.split_penalty_minor,
            max_splits=policies.max_splits if self.max_splits is None else self.max_splits,
            buyer_max_splits=self.max_splits,
            banned=self.ask.standing.banned if self.ask.standing else frozenset(),
            ships_to_store=policies.ships_to_store,
            about=About(
                channel_code=self.channel.code,
                customer_group=self.customer_group,
                placed_at=self.ask.at,
            ),
        )

    @property
    def held(self) -> dict[tuple[UUID, UUID, UUID], int]:
        """Units that the order holds already, by line, SKU and location."""
        held = self.ask.standing.held if self.ask.standing else {}
        return {(self.lines[n].line_id, sku_id, at): units for (n, sku_id, at), units in held.items()}

    def priced(self, quoted: Quote) -> "Case":
        """The same, with what its lines are sold for."""
        amounts = {line.line_id: line for line in quoted.lines}
        lines = tuple(
            msgspec.structs.replace(
                line,
                unit_value_minor=amounts[line.line_id].gross_minor // line.quantity,
                unit_net_minor=amounts[line.line_id].net_minor // line.quantity,
            )
            for line in self.lines
        )
        return msgspec.structs.replace(self, lines=lines)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it goes: the address with its coordinates where they are known, and the door."""

    address: Address
    door: Door


def case_of(ask: Ask, trade: Trade, *, now: datetime) -> Case:
    """Check a question against what there is.

    Raises:
        UnknownChannel, UnknownSku, UnknownStore: it speaks of what is not there, or not theirs.
        UnknownPostalCode: the country writes none like it.
        NoTimeToOrder: it is to be ordered too early or too late.
    """
    channel = trade.channels.get(ask.channel_code)
    if channel is None or (ask.channel_ids is not None and channel.id not in ask.channel_ids):
        raise UnknownChannel("no channel has this code", channel_code=ask.channel_code)
    if not now - SLACK <= ask.at <= now + AHEAD:
        raise NoTimeToOrder("a promise is for an order now, or soon", at=ask.at.isoformat())
    unknown = sorted({line.sku_code for line in ask.lines if not _is_sold(trade.skus.get(line.sku_code))})
    if unknown:
        raise UnknownSku("these SKUs are not sold", sku_codes=unknown)
    store = trade.stores.get(ask.store_code) if ask.store_code else None
    if ask.store_code and (store is None or not takes_pickups(store)):
        raise UnknownStore("orders cannot be picked up there", store_code=ask.store_code)
    if ask.destination is not None:
        check_postal_code(ask.destination.country, ask.destination.postal_code)
    skus = tuple(trade.skus[line.sku_code] for line in ask.lines)
    lines = tuple(
        SourcingLine(
            line_id=child_id(ask.id, "line", i),
            components=_components(sku, trade),
            quantity=line.quantity,
            abilities=frozenset(ability for one in trade.recipes.get(sku.id, ()) for ability in one.abilities),
            making_minutes=sum(one.minutes for one in trade.recipes.get(sku.id, ())),
        )
        for i, (sku, line) in enumerate(zip(skus, ask.lines, strict=True))
    )
    customer = trade.customers.get(ask.customer_id) if ask.customer_id else None
    theirs = customer.ship_terms if customer else ShipTerms()
    terms = ask.ship_terms.or_else(theirs).or_else(channel.policies.ship_terms)
    return Case(
        ask=ask,
        channel=channel,
        skus=skus,
        lines=lines,
        sku_codes={line.line_id: asked.sku_code for line, asked in zip(lines, ask.lines, strict=True)},
        store=store,
        customer_group=customer.customer_group if customer else "",
        max_splits=terms.max_splits,
        min_remaining_days=terms.min_remaining_days,
    )


def check_postal_code(country: str, postal_code: str) -> None:
    """Refuse a postal code that is none in its country.

    Raises:
        UnknownPostalCode: with what is wrong.
    """
    if is_nowhere(country, bare_postal_code(postal_code)):
        raise UnknownPostalCode("there is no such postal code", country=country, postal_code=postal_code)
    try:
        check_address(Address(street=["-"], city="-", country=country, postal_code=postal_code))
    except BadAddress as problem:
        fields = problem.facts.get("fields", {})
        wrong = {part: fields[part] for part in ("country", "postal_code") if part in fields}  # type: ignore[index, operator]
        if wrong:
            raise UnknownPostalCode(
                "there is no such postal code", country=country, postal_code=postal_code, fields=wrong
            ) from None


def takes_pickups(store: Location) -> bool:
    """Whether buyers may come there for their orders."""
    return store.is_active and Ability.PICKUP in store.abilities


def _is_sold(sku: Sku | None) -> bool:
    return sku is not None and sku.is_active


def _components(sku: Sku, trade: Trade) -> tuple[tuple[UUID, int], ...]:
    parts = trade.parts.get(sku.id, ()) if sku.is_composed else ()
    return tuple((part.sku_id, part.quantity) for part in parts) or ((sku.id, 1),)
