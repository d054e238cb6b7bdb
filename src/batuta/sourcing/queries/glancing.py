"""Coarse promises for product pages: one answer for all SKUs that lie alike, a zone of postal codes and an hour."""

from datetime import date, datetime, timedelta
from hashlib import blake2b
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_code
from batuta.inventory.domain import Asker
from batuta.inventory.queries import availability
from batuta.kernel.addresses import Address, bare_postal_code
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, Engine
from batuta.sourcing.domain import Method
from batuta.sourcing.domain.promises.asking import Ask, AskedLine, UnknownChannel, UnknownSku, check_postal_code
from batuta.sourcing.queries.dating import door_of
from batuta.sourcing.queries.promising import offers

ZONE_CHARACTERS = 3
"""Postal codes that begin alike for so many characters are answered alike."""

WEIGHT_STEP_G = 1_000
TOLERANCE_DAYS = 1
KEPT_MAX = 20_000
HOUR = timedelta(hours=1)
LEAST_AGE_S = 60

_Key = tuple[str, str, str, bytes, datetime]


class GlancedOption(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of service and the days on which one of them would be there, give or take the tolerance."""

    service_kind: str
    p50_on: date
    p90_on: date
    price_minor: int | None
    is_estimated: bool


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What a product page says; checkout is exact.

    zone: the beginning of the postal codes that are answered alike. tolerance_days: by how much a day may be off.
    good_until_at: when it is looked at anew.
    """

    sku_code: str
    country: str
    zone: str
    currency: str
    tolerance_days: int
    good_until_at: datetime
    options: list[GlancedOption]


_kept: WeakKeyDictionary[Engine, dict[_Key, list[GlancedOption]]] = WeakKeyDictionary()


async def glance(
    db: Connection, *, sku_code: str, channel_code: str, country: str, postal_code: str, now: datetime
) -> Glance | BatutaError:
    """When one unit would be there, by each kind of service, as of the beginning of the hour (PRM-07).

    SKUs are alike that lie at the same locations and weigh about the same; such a class, a zone of postal codes and
    an hour are computed once, and kept in memory.

    Raises:
        UnknownPostalCode: there is none like it.
    """
    check_postal_code(country, postal_code)
    channel = (await channels_by_code(db, [channel_code])).get(channel_code)
    sku = (await skus_by_code(db, [sku_code])).get(sku_code)
    if channel is None:
        return UnknownChannel("no channel has this code", channel_code=channel_code)
    if sku is None or not sku.is_active:
        return UnknownSku("this SKU is not sold", sku_codes=[sku_code])
    hour = now.replace(minute=0, second=0, microsecond=0)
    zone = bare_postal_code(postal_code)[:ZONE_CHARACTERS]
    key = (channel.code, country, zone, await _class_of(db, sku, channel, now), hour)
    kept = _kept.setdefault(db.engine, {})
    options = kept.get(key)
    if options is None:
        found = await _options(
            db, sku, channel, Address(street=[], city="", country=country, postal_code=postal_code), now
        )
        if isinstance(found, BatutaError):
            return found
        if len(kept) >= KEPT_MAX:
            kept.clear()
        options = kept[key] = found
    return Glance(
        sku_code=sku.code,
        country=country,
        zone=zone,
        currency=channel.currency,
        tolerance_days=TOLERANCE_DAYS,
        good_until_at=max(hour + HOUR, now + timedelta(seconds=LEAST_AGE_S)),
        options=options,
    )


async def _class_of(db: Connection, sku: Sku, channel: Channel, now: datetime) -> bytes:
    """What makes two SKUs alike for a promise: where they lie, what they weigh and how long they are."""
    found = await availability(db, sku_ids=[sku.id], asker=Asker(channel_id=channel.id), now=now)
    places = sorted(one.location_id.bytes for one in found if one.available)
    if not sku.is_tracked or not places:
        # Bundles, and what is to come, are alike to nothing else.
        places = [sku.id.bytes, *places]
    said = (sku.weight_g // WEIGHT_STEP_G, sku.length_mm // 100, sku.tax_category)
    return blake2b(b"".join(places) + msgspec.json.encode(said), digest_size=16).digest()


async def _options(
    db: Connection, sku: Sku, channel: Channel, address: Address, now: datetime
) -> list[GlancedOption] | BatutaError:
    ask = Ask(
        id=_unplaced(sku.id, now),
        channel_code=channel.code,
        lines=[AskedLine(sku_code=sku.code, quantity=1)],
        destination=address,
        at=now,
        stores_max=0,
    )
    (found,) = await offers(db, asks=[ask], now=now)
    if isinstance(found, BatutaError):
        return found
    zone = door_of(found.destination or address).zone
    return [
        GlancedOption(
            service_kind=one.service_kind,
            p50_on=one.p50_at.astimezone(zone).date(),
            p90_on=one.p90_at.astimezone(zone).date(),
            price_minor=one.price_minor,
            is_estimated=one.is_estimated,
        )
        for one in found.options
        if one.method is Method.SHIP
    ]


def _unplaced(sku_id: UUID, now: datetime) -> UUID:
    """The order that nobody has placed."""
    return child_id(sku_id, "glance", now.isoformat())
