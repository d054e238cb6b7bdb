"""Reads of strategies; those that were published are kept in memory until one of them changes."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from batuta.catalog.domain import Sku
from batuta.catalog.queries import products_by_id
from batuta.locations.domain import Location
from batuta.locations.queries import all_locations
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import KnownWhole
from batuta.sourcing.domain.strategies import (
    Place,
    Strategies,
    StrategyVersion,
    Version,
    VersionStatus,
    read_strategy,
)
from batuta.sourcing.tables import strategy_version

STRATEGIES = "sourcing.strategies"
"""Whoever publishes or withdraws a strategy marks this subject."""

_columns = [column for column in strategy_version.c if column.name != "digest"]
_PUBLISHED = select(*_columns).where(strategy_version.c.status != VersionStatus.DRAFT.value)
_ALL = select(*_columns).order_by(strategy_version.c.code, strategy_version.c.number)


async def strategies(db: Connection) -> Strategies:
    """The strategies that were published, from memory."""
    return await _known.of(db)


async def _published(db: Connection) -> Strategies:
    return Strategies([tried(one) for one in await _versions(db, _PUBLISHED)])


_known = KnownWhole(STRATEGIES, _published)


def tried(one: StrategyVersion) -> Version:
    """A stored version as one that decides. What was published passed the check, so it reads."""
    found = read_strategy(one.document)
    assert not isinstance(found, list), found
    return Version(number=one.number, strategy=found, status=one.status)


async def strategy_versions(db: Connection) -> list[StrategyVersion]:
    """Every version of every strategy, by code and number."""
    return await _versions(db, _ALL)


async def versions_of(db: Connection, codes: Collection[str]) -> dict[str, list[StrategyVersion]]:
    """Every version of these strategies, by number; none of a strategy that does not exist."""
    found: dict[str, list[StrategyVersion]] = {code: [] for code in codes}
    rows = [_version(row) for row in await rows_with(db, strategy_version.c.code, codes)]
    for one in sorted(rows, key=lambda one: one.number):
        found[one.code].append(one)
    return found


async def places_of_work(db: Connection) -> list[Place]:
    """Every location that works, as conditions know it before there is an order."""
    every = await all_locations(db)
    return [_place(one) for one in every.by_id.values() if one.is_active]


async def categories_of(db: Connection, live: Strategies, skus: Mapping[UUID, Sku]) -> dict[UUID, str]:
    """The categories of the SKUs' products, if any strategy wants to know them."""
    if not live.needs_categories:
        return {}
    products = await products_by_id(db, {one.product_id for one in skus.values()})
    return {id_: one.category for id_, one in products.items()}


async def _versions(db: Connection, statement: Any) -> list[StrategyVersion]:
    return [_version(dict(row)) for row in await db.execute(statement)]


def _version(row: Mapping[str, Any]) -> StrategyVersion:
    return msgspec.convert({name: row[name] for name in StrategyVersion.__struct_fields__}, StrategyVersion)


def _place(one: Location) -> Place:
    return Place(
        code=one.code,
        facts={
            "location.code": one.code,
            "location.kind": str(one.kind),
            "location.abilities": frozenset(map(str, one.abilities)),
            "location.country": one.address.country or None,
            "location.region": one.address.region or None,
            "location.postal_code": one.address.postal_code or None,
        },
    )


STRATEGY_LAWS = (
    Law(
        "a published strategy says what it said when it was published",
        """
        SELECT id, code, number FROM sourcing.strategy_version
        WHERE published_at IS NOT NULL AND digest IS DISTINCT FROM md5(document::text)
        """,
    ),
)
