"""What every setting is looked at for."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

import msgspec

from batuta.pricing.domain import BadTariff, NoSuchChannel, Price, PriceList, ShippingCharge, TaxRate

Thing = TypeVar("Thing", PriceList, Price, TaxRate, ShippingCharge)


def check(thing: Thing) -> Thing:
    """Refuse what the types of the struct refuse, whoever built it."""
    try:
        return msgspec.convert(msgspec.structs.asdict(thing), type(thing))
    except msgspec.ValidationError as problem:
        raise BadTariff(str(problem)) from None


def known_channel(channel_id: UUID, channels: Mapping[UUID, object]) -> None:
    if channel_id not in channels:
        raise NoSuchChannel("no such channel", channel_id=str(channel_id))
