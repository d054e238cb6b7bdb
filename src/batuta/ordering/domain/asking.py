"""What a channel may say to place an order: an order without what the house itself knows of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Personalisation
from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.kernel.errors import Forbidden
from batuta.kernel.limits import check_limit
from batuta.kernel.quantities import AmountMinor, Code, Quantity, Text
from batuta.ordering.domain.carts import Email, Locale
from batuta.ordering.domain.orders import Method
from batuta.ordering.domain.placing import Means, NamedAmount, PlaceLine, PlaceOrder

ORDER_LINES_MAX = 1_000
MEANS_MAX = 20
ADJUSTMENTS_MAX = 50
PROMISE_MAX = 50_000


SignedPromise = Annotated[str, msgspec.Meta(min_length=1, max_length=PROMISE_MAX, pattern="^[A-Za-z0-9_-]*$")]


class NewLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line to buy. given_unit_minor: the channel's own price, where it sets prices itself (a marketplace).

    unit: in what the quantity is told, of those in which the SKU is sold, as a box of 12; without it, base units, in
    which stock is counted and to which prices refer.
    personalisation: by the codes of the fields that the recipe of what is made to order asks for.
    """

    sku_code: Code
    quantity: Quantity
    unit: Code | None = None
    given_unit_minor: AmountMinor | None = None
    discount_minor: AmountMinor = 0
    personalisation: Personalisation = {}


AllMeans = Annotated[list[Means], msgspec.Meta(max_length=MEANS_MAX)]


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to place.

    external_id: the channel's own number; the same number is the same order (ORD-07).
    currency: where given, must be the channel's. means: none pays later; more than is due is refused.
    reservation_id: of `POST /api/reservations` in the same channel: its units are the order's then, as far as the lines
    want them, and the rest goes back; what it no longer holds is taken anew (RES-05, RES-06).
    slot_hold_id: the `holder_id` under which a place in a slot is held, which is the order's then (PRM-06).
    ship_terms: whether all of it comes at once, how often it may be split, and how long it may wait (ORD-09).
    promise: of an option that `POST /api/promises` answered, by which the order is measured then (PRM-05).
    """

    channel_code: Code
    lines: Annotated[list[NewLine], msgspec.Meta(min_length=1, max_length=ORDER_LINES_MAX)]
    ship_to: Address
    external_id: Code | None = None
    customer_id: UUID | None = None
    on_behalf_of: Text | None = None
    bill_to: Address | None = None
    email: Email | None = None
    phone: Text | None = None
    locale: Locale | None = None
    method: Method = Method.SHIP
    service_kind: Code = "standard"
    pickup_location_code: Code | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")] | None = None
    given_shipping_minor: AmountMinor | None = None
    reservation_id: UUID | None = None
    slot_hold_id: UUID | None = None
    ship_terms: ShipTerms = ShipTerms()
    promise: SignedPromise | None = None
    means: AllMeans = []
    adjustments: Annotated[list[NamedAmount], msgspec.Meta(max_length=ADJUSTMENTS_MAX)] = []


class NotYourPrices(Forbidden):
    """The order brings prices of its own, which its asker may not set; without them it costs what the channel says."""


def check_prices(asked: NewOrder, *, may_discount: bool, limit_minor: int | None) -> None:
    """Refuse prices, discounts, shipping charges and adjustments by somebody who may not give them (PLT-07).

    Whoever has a limit takes off at most so much of one order, and sets no prices instead of the channel's.

    Raises:
        NotYourPrices: with the fields. BeyondLimit.
    """
    own = ["given_shipping_minor"] if asked.given_shipping_minor is not None else []
    off_minor, changes = 0, []
    for i, line in enumerate(asked.lines):
        if line.given_unit_minor is not None:
            own.append(f"lines[{i}].given_unit_minor")
        if line.discount_minor:
            changes.append(f"lines[{i}].discount_minor")
            off_minor += line.discount_minor
    for i, one in enumerate(asked.adjustments):
        if one.amount_minor:
            changes.append(f"adjustments[{i}]")
            off_minor += max(0, -one.amount_minor)
    refused = own if may_discount and limit_minor is not None else [*own, *changes]
    if refused and not (may_discount and limit_minor is None):
        raise NotYourPrices("you may not set these amounts: leave them out", fields=refused)
    check_limit(limit_minor, off_minor)


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """What the house adds to an order: its id, who places it and when, and where they may."""

    id: UUID
    actor: str
    placed_at: datetime
    customer_id: UUID | None
    channel_ids: frozenset[UUID] | None


def order_of(asked: NewOrder, placing: Placing) -> PlaceOrder:
    """The whole order. A customer orders for themselves."""
    return PlaceOrder(
        id=placing.id,
        channel_code=asked.channel_code,
        lines=[
            PlaceLine(
                sku_code=one.sku_code,
                quantity=one.quantity,
                unit=one.unit,
                given_unit_minor=one.given_unit_minor,
                discount_minor=one.discount_minor,
                personalisation=one.personalisation,
            )
            for one in asked.lines
        ],
        ship_to=asked.ship_to,
        actor=placing.actor,
        placed_at=placing.placed_at,
        external_id=asked.external_id,
        customer_id=placing.customer_id or asked.customer_id,
        on_behalf_of=asked.on_behalf_of,
        bill_to=asked.bill_to,
        email=asked.email,
        phone=asked.phone,
        locale=asked.locale,
        method=asked.method,
        service_kind=asked.service_kind,
        pickup_location_code=asked.pickup_location_code,
        currency=asked.currency,
        given_shipping_minor=asked.given_shipping_minor,
        reservation_id=asked.reservation_id,
        slot_hold_id=asked.slot_hold_id,
        ship_terms=asked.ship_terms,
        promise=asked.promise,
        means=asked.means,
        adjustments=asked.adjustments,
        channel_ids=placing.channel_ids,
    )
