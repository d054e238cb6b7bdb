"""Orders that were closed elsewhere: taken over as they were, with the amounts they had."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku
from batuta.company.domain import Channel
from batuta.kernel.addresses import Address
from batuta.kernel.quantities import AmountMinor, Code, Quantity, Text
from batuta.ordering.domain.placing import BadOrder, UnknownChannel, UnknownCustomer, UnknownLocation, UnknownSku


class ClosedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was bought; its amounts are stored, never computed again (TAX-01). name: as it was called then."""

    sku_code: Code
    quantity: Quantity
    unit_price_minor: AmountMinor
    net_minor: AmountMinor
    tax_minor: AmountMinor = 0
    tax_rate_bp: int = 0
    discount_minor: AmountMinor = 0
    name: str = ""

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


class ClosedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order whose every unit has long been with the customer, and which is paid.

    id: the caller's; the same id, or the same `external_id` of the channel, is the same order (ORD-07).
    location_code: whence its goods left, which moves stock; None leaves the stock alone.
    """

    id: UUID
    channel_code: Code
    external_id: Code
    lines: Annotated[Sequence[ClosedLine], msgspec.Meta(min_length=1, max_length=2_000)]
    ship_to: Address
    placed_at: datetime
    shipped_at: datetime
    actor: Text
    location_code: Code | None = None
    customer_id: UUID | None = None
    shipping_minor: AmountMinor = 0
    shipping_tax_minor: AmountMinor = 0

    @property
    def net_minor(self) -> int:
        return sum(line.net_minor for line in self.lines) + self.shipping_minor - self.shipping_tax_minor

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines) + self.shipping_tax_minor


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What batuta knows of what imported orders speak of."""

    channels: Mapping[str, Channel]
    skus: Mapping[str, Sku]
    location_ids: Mapping[str, UUID]
    customer_ids: frozenset[UUID]


def check_closed(one: ClosedOrder, known: Known) -> ClosedOrder:
    """Return the order if all that it names is there.

    Raises:
        UnknownChannel, UnknownSku, UnknownCustomer, UnknownLocation: what it names is not there.
        BadOrder: it was sent before it was placed, or has no lines.
    """
    if one.channel_code not in known.channels:
        raise UnknownChannel("no channel has this code", channel_code=one.channel_code)
    unknown = sorted({line.sku_code for line in one.lines if line.sku_code not in known.skus})
    if unknown:
        raise UnknownSku("no SKU has these codes", sku_codes=unknown)
    if one.customer_id is not None and one.customer_id not in known.customer_ids:
        raise UnknownCustomer("no customer has this id", customer_id=str(one.customer_id))
    if one.location_code is not None and one.location_code not in known.location_ids:
        raise UnknownLocation("no location has this code", location_code=one.location_code)
    if not one.lines:
        raise BadOrder("an order has lines", field="lines")
    if one.shipped_at < one.placed_at:
        raise BadOrder("an order is sent after it was placed", field="shipped_at")
    return one
