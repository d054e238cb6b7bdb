"""What shoppers are told of stock (INV-10). What was told last is kept, so that the next word does not flap."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, bindparam, select

from batuta.catalog.domain import Sku
from batuta.catalog.queries import composed_of, skus_by_code
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_code
from batuta.inventory.domain import Asker, Label, Thresholds, label_of
from batuta.inventory.domain.atp import AtpStep
from batuta.inventory.domain.holding import NoSuchChannel
from batuta.inventory.domain.labels import BadThresholds, SkuThresholds
from batuta.inventory.queries import Available, availability, supply_of
from batuta.inventory.tables import shown_label, threshold
from batuta.kernel.errors import NotFound
from batuta.kernel.ids import child_id
from batuta.locations.domain import Ability, Location
from batuta.locations.queries import all_locations
from batuta.plumbing.database import Connection, rows_with, upsert_rows

STORES_MAX = 500

Where = UUID | None
"""A location, or all of them."""


class StoreLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has, in a word."""

    location_code: str
    name: str
    label: Label


class ShopAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """What shoppers are told of a SKU. units: only where the channel tells them, and only when they are few.

    next_at: when there will be more, if it is out and more is expected. stores: those where it can be picked up.
    """

    sku_code: str
    channel_code: str
    label: Label
    units: int | None
    next_at: datetime | None
    stores: list[StoreLabel]
    as_of: datetime
    max_age_s: int


class UnknownGoods(NotFound):
    """There is no such SKU, or it is not sold, or has no stock of its own."""


async def show_to_shoppers(
    db: Connection, *, channel_code: str, sku_code: str, now: datetime
) -> ShopAvailability | NoSuchChannel | UnknownGoods:
    """Say what a channel's shoppers are told of a SKU, and remember it where it is another word than before."""
    channel = (await channels_by_code(db, [channel_code])).get(channel_code)
    if channel is None:
        return NoSuchChannel("there is no such channel", channel_code=channel_code)
    sku = (await skus_by_code(db, [sku_code])).get(sku_code)
    parts = await _parts(db, sku) if sku and sku.is_active else {}
    if sku is None or not parts:
        return UnknownGoods("there is no such SKU with a stock", sku_code=sku_code)

    asker = Asker(channel_id=channel.id)
    places = {one.id: one for one in (await all_locations(db)).by_id.values() if one.is_active}
    units = wholes(await availability(db, sku_ids=parts, location_ids=places, asker=asker, now=now), parts)
    labels = await _label(db, sku, channel, _wanted(units, places), now=now)
    total = sum(units.values())
    policies = channel.policies
    return ShopAvailability(
        sku_code=sku_code,
        channel_code=channel_code,
        label=labels[None],
        units=total if total <= policies.units_shown_max else None,
        next_at=await _next_at(db, parts, now=now) if not total else None,
        stores=[StoreLabel(location_code=one.code, name=one.name, label=labels[one.id]) for one in _stores(places)],
        as_of=now,
        max_age_s=policies.availability_kept_s,
    )


async def save_thresholds(
    db: Connection, *, thresholds: Sequence[SkuThresholds]
) -> list[SkuThresholds | BadThresholds]:
    """Say when SKUs are low; what was said before of the same SKU and place is forgotten."""
    outcomes: list[SkuThresholds | BadThresholds] = [
        one
        if one.low_units <= one.ample_units
        else BadThresholds(
            "in stock again from no fewer units than low", low_units=one.low_units, ample_units=one.ample_units
        )
        for one in thresholds
    ]
    rows = {
        child_id(one.sku_id, "threshold", one.location_id): msgspec.structs.asdict(one)
        for one in outcomes
        if isinstance(one, SkuThresholds)
    }
    await upsert_rows(db, threshold, [{"id": id_, **row} for id_, row in rows.items()], key=("id",), keep=())
    return outcomes


def wholes(found: Sequence[Available], parts: Mapping[UUID, int]) -> dict[UUID, int]:
    """How many whole units each location can send. parts: SKUs and how many of each go into one unit."""
    by_place: dict[UUID, dict[UUID, int]] = {}
    for one in found:
        by_place.setdefault(one.location_id, {})[one.sku_id] = one.available
    return {
        at: min(there.get(sku_id, 0) // per_unit for sku_id, per_unit in parts.items())
        for at, there in by_place.items()
    }


async def _parts(db: Connection, sku: Sku) -> dict[UUID, int]:
    if sku.is_composed:
        return {part.sku_id: part.quantity for part in (await composed_of(db, [sku])).get(sku.id, ())}
    return {sku.id: 1} if sku.is_tracked else {}


def _stores(places: Mapping[UUID, Location]) -> list[Location]:
    stores = [one for one in places.values() if Ability.PICKUP in one.abilities]
    return sorted(stores, key=lambda one: one.code)[:STORES_MAX]


def _wanted(units: Mapping[UUID, int], places: Mapping[UUID, Location]) -> dict[Where, int]:
    return {None: sum(units.values()), **{one.id: units.get(one.id, 0) for one in _stores(places)}}


async def _label(
    db: Connection, sku: Sku, channel: Channel, units: Mapping[Where, int], *, now: datetime
) -> dict[Where, Label]:
    given = {row["location_id"]: row for row in await rows_with(db, threshold.c.sku_id, [sku.id])}
    before = {
        row.location_id: Label(row.label)
        for row in await db.execute(_BEFORE, {"sku_id": sku.id, "channel_id": channel.id})
    }
    labels = {}
    for where, count in units.items():
        row = given.get(where)
        terms = Thresholds(low_units=row["low_units"], ample_units=row["ample_units"]) if row else Thresholds()
        labels[where] = label_of(count, terms, before.get(where))
    news = [
        {
            "id": child_id(sku.id, "label", channel.id, where),
            "sku_id": sku.id,
            "location_id": where,
            "channel_id": channel.id,
            "label": label.value,
            "since_at": now,
        }
        for where, label in labels.items()
        if before.get(where) is not label
    ]
    await upsert_rows(db, shown_label, news, key=("id",), keep=())
    return labels


async def _next_at(db: Connection, parts: Mapping[UUID, int], *, now: datetime) -> datetime | None:
    """The first moment from which some location will have a whole unit."""
    steps = await supply_of(db, sku_ids=parts, now=now)
    by_place: dict[UUID, list[datetime | None]] = {}
    for sku_id, per_unit in parts.items():
        for (of, at), ahead in steps.items():
            if of == sku_id:
                by_place.setdefault(at, []).append(_first_with(ahead, per_unit))
    moments = [
        max(one for one in firsts if one is not None)
        for firsts in by_place.values()
        if len(firsts) == len(parts) and None not in firsts
    ]
    return min((one for one in moments if one > now), default=None)


def _first_with(steps: Sequence[AtpStep], units: int) -> datetime | None:
    return next((step.at for step in steps if step.units >= units), None)


_BEFORE = select(shown_label.c.location_id, shown_label.c.label).where(
    shown_label.c.sku_id == bindparam("sku_id", type_=Uuid()),
    shown_label.c.channel_id == bindparam("channel_id", type_=Uuid()),
)
