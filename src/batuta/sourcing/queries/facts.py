"""What a plan and a promise are both decided on: goods, locations as sourcing sees them, and what is barred to all."""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import ARRAY, CompoundSelect, Uuid, any_, bindparam, literal_column, null, or_, select, union_all

from batuta.catalog.domain import Sku, SkuKind
from batuta.inventory.domain.worth import StockWorth, StockWorths
from batuta.inventory.queries.worth import WORTHS_OF, stock_worths_of
from batuta.locations.domain import Location, local_day, next_open, open_periods
from batuta.locations.queries import AllLocations
from batuta.plumbing.database import BigInteger, Connection, Instant, Integer, Text
from batuta.pricing.domain.costs import UnitCost, UnitCosts
from batuta.pricing.queries import COSTS_OF
from batuta.sourcing.domain import Good, Site
from batuta.sourcing.tables import rejection

_Openings = dict[UUID, tuple[datetime, datetime | None, datetime]]
"""By location: asked at an instant, it opens next at one, and is open until another."""

_openings: WeakKeyDictionary[AllLocations, _Openings] = WeakKeyDictionary()

_of_skus = any_(bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1)))
_DAYS = ("horizon_days", "target_days", "markdown_day_bp", "expiry_days")
_nothing = [null().cast(Integer()).label(name) for name in _DAYS]
_costs, _worths = COSTS_OF.subquery(), WORTHS_OF.subquery()
_SAID: CompoundSelect[Any] = union_all(
    select(
        literal_column("'barred'").label("kind"),
        rejection.c.sku_id,
        rejection.c.location_id,
        null().cast(Text()).label("currency"),
        null().cast(BigInteger()).label("cost_minor"),
        *_nothing,
    ).where(
        rejection.c.is_for_all,
        rejection.c.sku_id == _of_skus,
        or_(rejection.c.until_at.is_(None), rejection.c.until_at > bindparam("now", type_=Instant)),
    ),
    select(
        literal_column("'cost'"),
        _costs.c.sku_id,
        _costs.c.location_id,
        _costs.c.currency,
        _costs.c.cost_minor,
        *_nothing,
    ),
    select(
        literal_column("'worth'"),
        _worths.c.sku_id,
        _worths.c.location_id,
        null(),
        null(),
        *(_worths.c[name] for name in _DAYS),
    ),
)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of some SKUs. barred: at locations that no order is to ask for them (SRC-08)."""

    barred: AbstractSet[tuple[UUID, UUID]]
    costs: UnitCosts
    worths: StockWorths


def goods_of(
    asked: Iterable[UUID], skus: Mapping[UUID, Sku], categories: Mapping[UUID, str] | None = None
) -> dict[UUID, Good]:
    """The goods among the SKUs asked for: services are none, and a SKU nobody knows is a good without stock.

    categories: by product, where anybody asks for them.
    """
    named = categories or {}
    goods = {}
    for sku_id in sorted(set(asked)):
        sku = skus.get(sku_id)
        if sku is None:
            goods[sku_id] = Good()
        elif sku.kind is not SkuKind.SERVICE:
            goods[sku_id] = Good(
                weight_g=sku.weight_g,
                length_mm=sku.length_mm,
                is_tracked=sku.is_tracked,
                code=sku.code,
                category=named.get(sku.product_id, ""),
            )
    return goods


def sites_of(known: AllLocations, ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Site]:
    """The locations as sourcing sees them now."""
    openings = _openings.setdefault(known, {})
    sites = {}
    for location_id in ids:
        one = known.by_id[location_id]
        sites[location_id] = Site(
            location_id=one.id,
            code=one.code,
            name=one.name,
            currency=one.currency,
            abilities=one.abilities,
            opens_at=_opens_at(one, openings, now),
            is_active=one.is_active,
            handling_order_minor=one.handling_order_minor,
            handling_unit_minor=one.handling_unit_minor,
            packaging_parcel_minor=one.packaging_parcel_minor,
            packaging_unit_minor=one.packaging_unit_minor,
            latitude=one.latitude,
            longitude=one.longitude,
            kind=str(one.kind),
            country=one.address.country,
            region=one.address.region,
            postal_code=one.address.postal_code,
        )
    return sites


async def said_of(db: Connection, sku_ids: Collection[UUID], *, now: datetime) -> Said:
    """Where SKUs are barred to all, what units of them cost us, and what they are worth to locations; in one look."""
    barred: set[tuple[UUID, UUID]] = set()
    costs: list[UnitCost] = []
    worths: list[StockWorth] = []
    for row in await db.execute(_SAID, {"sku_ids": list(sku_ids), "now": now}) if sku_ids else ():
        known = dict(row)
        if row.kind == "barred":
            barred.add((row.sku_id, row.location_id))
        elif row.kind == "cost":
            costs.append(UnitCost(**{name: known[name] for name in UnitCost.__struct_fields__}))
        else:
            worths.append(StockWorth(**{name: known[name] for name in StockWorth.__struct_fields__}))
    return Said(barred=barred, costs=UnitCosts(costs), worths=await stock_worths_of(db, worths, sku_ids, now=now))


def _opens_at(one: Location, openings: _Openings, now: datetime) -> datetime | None:
    """When it next works. What was found once holds until it closes, for a calendar is dear to read."""
    found = openings.get(one.id)
    if found and found[0] <= now and (found[1] is None or now < found[2]):
        return found[1] and max(found[1], now)
    opens_at = next_open(one, now)
    until_at = now
    if opens_at is not None:
        periods = open_periods(one, local_day(one, opens_at))
        until_at = next(each.until_at for each in periods if each.until_at and each.covers(opens_at))
        openings[one.id] = now, opens_at, until_at
    return opens_at
