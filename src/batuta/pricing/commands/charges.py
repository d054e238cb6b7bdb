"""Setting what channels ask for shipping."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, delete, text

from batuta.company.queries import channels_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, arrays, insert_rows, params
from batuta.plumbing.events import publish
from batuta.plumbing.knowledge import mark_changed
from batuta.pricing.commands.checking import check, known_channel
from batuta.pricing.domain import ShippingCharge, in_tiers
from batuta.pricing.events import ChargeTier, ShippingChargesSet
from batuta.pricing.queries import PRICING, shipping_charges_of
from batuta.pricing.tables import shipping_charge

Service = tuple[UUID, str, str]
"""A channel, a kind of service and a currency."""

_LOCK = text("LOCK TABLE pricing.shipping_charge IN SHARE ROW EXCLUSIVE MODE")

_told = arrays("told", channel_id=Uuid(), service_kind=Text(), currency=Text())
_FORGET = delete(shipping_charge).where(
    shipping_charge.c.channel_id == _told.c.channel_id,
    shipping_charge.c.service_kind == _told.c.service_kind,
    shipping_charge.c.currency == _told.c.currency,
)


async def lock_shipping_charges(db: Connection) -> None:
    """Let nobody else set what shipping costs until this transaction ends."""
    await db.execute(_LOCK)


async def save_shipping_charges(
    db: Connection, *, shipping_charges: Sequence[ShippingCharge], now: datetime, actor: str = SETUP
) -> list[ShippingCharge | BatutaError]:
    """Set what channels ask for shipping; the charges of one channel, service and currency come all together.

    They take the place of the former ones of that service. When one of them is wrong, all of them are answered
    with what is wrong and the former ones stay. One writer at a time.
    """
    channels = await channels_by_id(db, {one.channel_id for one in shipping_charges})
    tables: dict[Service, list[ShippingCharge]] = defaultdict(list)
    for one in shipping_charges:
        tables[one.channel_id, one.service_kind, one.currency].append(one)

    def decide(service: Service) -> list[ShippingCharge]:
        for one in tables[service]:
            known_channel(check(one).channel_id, channels)
        return in_tiers(tables[service])

    decided = dict(zip(tables, each(tables, decide), strict=True))
    await db.execute(_LOCK)
    wanted = {_service(charges[0]): charges for charges in good(decided.values())}
    await _replace(db, wanted, now=now, actor=actor)
    return [
        problem if isinstance(problem := decided[one.channel_id, one.service_kind, one.currency], BatutaError) else one
        for one in shipping_charges
    ]


async def forget_shipping_charges(
    db: Connection, *, services: Collection[Service], now: datetime, actor: str = SETUP
) -> None:
    """Let channels sell services of some kinds no longer; one that is not sold is no problem. One writer at a time."""
    await db.execute(_LOCK)
    await _replace(db, {service: [] for service in services}, now=now, actor=actor)


async def _replace(
    db: Connection, wanted: Mapping[Service, list[ShippingCharge]], *, now: datetime, actor: str
) -> None:
    present: dict[Service, list[ShippingCharge]] = defaultdict(list)
    for charges in (await shipping_charges_of(db, {channel_id for channel_id, _, _ in wanted})).values():
        for one in charges:
            present[_service(one)].append(one)
    news = {service: charges for service, charges in wanted.items() if charges != present[service]}
    if not news:
        return
    channel_ids, kinds, currencies = zip(*news, strict=True)
    await db.execute(_FORGET, params("told", channel_id=channel_ids, service_kind=kinds, currency=currencies))
    await insert_rows(
        db,
        shipping_charge,
        [
            msgspec.structs.asdict(one) | {"position": position, "created_at": now}
            for charges in news.values()
            for position, one in enumerate(charges)
        ],
    )
    facts = [
        ShippingChargesSet(
            stream=channel_id,
            happened_at=now,
            actor=actor,
            service_kind=kind,
            currency=currency,
            before=_tiers(present[channel_id, kind, currency]),
            after=_tiers(charges),
        )
        for (channel_id, kind, currency), charges in news.items()
    ]
    await mark_changed(db, PRICING)
    await publish(db, facts)


def _tiers(charges: Sequence[ShippingCharge]) -> list[ChargeTier]:
    return [msgspec.convert(one, ChargeTier, from_attributes=True) for one in charges]


def _service(charge: ShippingCharge) -> Service:
    return charge.channel_id, charge.service_kind, charge.currency
