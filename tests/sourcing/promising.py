"""A shop that ships to one postal code of Finland that no other test has, by several kinds of service."""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.locations.commands import save_locations
from batuta.locations.domain import Location
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_shipping_charges
from batuta.pricing.domain import ShippingCharge
from batuta.shipping.commands import save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import Carrier, Rate, RateCard, Service, ServiceKind, Transit, ZoneRule
from batuta.sourcing.domain.promises.asking import Ask, AskedLine, Offers
from batuta.sourcing.domain.promises.promising import Promised
from batuta.sourcing.queries import offers
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop, sound

Kinds = Mapping[str, tuple[int, int]]
"""Days at least and at most, by kind of service."""

STANDARD: Kinds = {"standard": (1, 3)}
_chance = random.Random()


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """The shop, and where it ships to."""

    shop: Shop
    there: Address
    services: dict[str, Service]
    carrier: Carrier

    def ask(self, **changes: Any) -> Ask:
        """One chair, now, to that place."""
        given: dict[str, Any] = {
            "id": fresh_id(),
            "channel_code": self.shop.channel.code,
            "lines": self.lines(chair=1),
            "destination": self.there,
            "at": NOW,
            "stores_max": 0,
        }
        return Ask(**given | changes)

    def lines(self, **units: int) -> list[AskedLine]:
        return [AskedLine(sku_code=self.shop.skus[name].code, quantity=count) for name, count in units.items()]

    async def offered(self, db: Connection, *, now: datetime = NOW, **changes: Any) -> Offers | BatutaError:
        """What is answered."""
        (found,) = await offers(db, asks=[self.ask(at=now, **changes)], now=now)
        return found

    async def promised(self, db: Connection, **changes: Any) -> dict[str, Promised]:
        """The options by kind."""
        found = await self.offered(db, **changes)
        assert isinstance(found, Offers), found
        return {one.service_kind: one for one in found.options}

    async def reasons(self, db: Connection, **changes: Any) -> dict[str, str]:
        """Why kinds are not offered."""
        found = await self.offered(db, **changes)
        assert isinstance(found, Offers), found
        return {one.service_kind: one.reason for one in found.not_offered}


async def given_market(
    db: Connection,
    stock: Mapping[str, Mapping[str, int]],
    *,
    kinds: Kinds = STANDARD,
    prices: Mapping[str, int] | None = None,
    **changes: Mapping[str, object],
) -> Market:
    """A shop with services. prices: freight by location; changes: fields of locations, by name."""
    shop = await build_shop(db, stock=stock)
    places: dict[str, Location] = {}
    for i, (name, one) in enumerate(shop.locations.items()):
        address = msgspec.structs.replace(one.address, postal_code=f"280{i:02}")
        places[name] = msgspec.structs.replace(one, address=address, **changes.get(name, {}))
    sound(await save_locations(db, locations=list(places.values()), now=NOW))
    shop = msgspec.structs.replace(shop, locations=places)
    there = Address(
        street=["Katu 1"],
        city="Helsinki",
        country="FI",
        postal_code=f"{_chance.randrange(100_000):05}",
        latitude=60.2,
        longitude=24.9,
    )
    carrier = Carrier(id=fresh_id(), code=fresh_code("carrier"), name="Pohja", gs1_prefix="8412345")
    await save_carriers(db, carriers=[carrier], now=NOW)
    services = {kind: _service(carrier, kind) for kind in kinds}
    await save_services(db, services=list(services.values()), now=NOW)
    cards = [_card(services[kind], shop, there, days, prices or {}) for kind, days in kinds.items()]
    sound(await set_rate_cards(db, cards=cards, now=NOW))
    charges = [
        ShippingCharge(channel_id=shop.channel.id, service_kind=kind, currency="EUR", charge_minor=490)
        for kind in kinds
    ]
    sound(await save_shipping_charges(db, shipping_charges=charges, now=NOW))
    return Market(shop=shop, there=there, services=services, carrier=carrier)


def _service(carrier: Carrier, kind: str) -> Service:
    return Service(
        id=fresh_id(),
        carrier_id=carrier.id,
        code=fresh_code(kind),
        name={"es": kind},
        kind=ServiceKind(kind),
        weight_max_g=30_000,
        length_max_mm=2_000,
        currency="EUR",
    )


def _card(service: Service, shop: Shop, there: Address, days: tuple[int, int], prices: Mapping[str, int]) -> RateCard:
    names = list(shop.locations)
    return RateCard(
        service_id=service.id,
        zones=[
            ZoneRule(
                origin_country="ES",
                origin_prefix=shop.locations[name].address.postal_code,
                destination_country=there.country,
                destination_prefix=there.postal_code,
                zone=name,
            )
            for name in names
        ],
        rates=[Rate(zone=name, weight_up_to_g=30_000, price_minor=prices.get(name, 500)) for name in names],
        transits=[Transit(zone=name, days_min=days[0], days_max=days[1]) for name in names],
    )
