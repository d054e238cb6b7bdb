"""What was set of prices, taxes and charges, by whom. Rows are told as they are, and as they were."""

from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.events import Event, Saved


class PriceListSaved(Saved, frozen=True, kw_only=True):
    """A price list is there, or is otherwise; its id is the stream."""


class PriceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A dated price. was_*: as it was. Without an amount it is, or was, not there."""

    sku_id: UUID
    from_at: datetime
    until_at: datetime | None = None
    amount_minor: int | None = None
    was_until_at: datetime | None = None
    was_amount_minor: int | None = None


class PricesSet(Event, frozen=True, kw_only=True):
    """Prices of a list are otherwise; its id is the stream. Many come as several facts."""

    code: str
    prices: list[PriceChange]


class RateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A dated tax rate. was_*: as it was; without a rate it was not there."""

    region: str
    tax_category: str
    from_at: datetime
    until_at: datetime | None
    rate_bp: int
    was_until_at: datetime | None = None
    was_rate_bp: int | None = None


class TaxRatesSet(Event, frozen=True, kw_only=True):
    """Tax rates of a country are otherwise; the stream is the country's."""

    country: str
    rates: list[RateChange]


class ChargeTier(msgspec.Struct, frozen=True, kw_only=True):
    """What shipping costs of goods up to an amount; no amount means any."""

    charge_minor: int
    up_to_amount_minor: int | None
    tax_category: str | None


class ShippingChargesSet(Event, frozen=True, kw_only=True):
    """What a channel asks for a service is otherwise; the channel is the stream. No tiers: it has none."""

    service_kind: str
    currency: str
    before: list[ChargeTier]
    after: list[ChargeTier]


class UnitCostsSaved(Saved, frozen=True, kw_only=True):
    """What units of a SKU cost us is otherwise, at a location (`locations.<id>`) or anywhere (`anywhere.EUR`)."""
