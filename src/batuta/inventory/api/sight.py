"""Which locations callers see, and which moments and SKUs they can mean."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from batuta.catalog.queries import skus_by_code
from batuta.inventory.domain import UnknownStock
from batuta.inventory.domain.holding import NoSuchPlace
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection
from batuta.plumbing.web import Caller

PLACES_MAX = 200
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Few = Annotated[list[UUID] | None, QueryParameter(max_items=PLACES_MAX)]


def instant(at: datetime | None) -> datetime | None:
    """A moment that PostgreSQL can compare with."""
    return None if at is None else min(LATEST, max(EARLIEST, at))


def seen_by(caller: Caller, location_ids: list[UUID] | None) -> list[UUID] | None:
    """Of the locations asked for, those that the caller may see."""
    if caller.location_ids is None:
        return location_ids
    return sorted(caller.location_ids.intersection(caller.location_ids if location_ids is None else location_ids))


async def places_of(db: Connection, codes: Iterable[str]) -> dict[str, UUID]:
    """The locations of codes.

    Raises:
        NoSuchPlace: a code is of none.
    """
    wanted = set(codes)
    found = await location_ids_by_code(db, wanted)
    for code in sorted(wanted):
        if code not in found:
            raise NoSuchPlace("there is no such location", location_code=code)
    return found


def check_seen(caller: Caller, location_code: str, location_id: UUID) -> None:
    """Raises:
    NoSuchPlace: where the caller does not work.
    """
    if not caller.sees_location(location_id):
        raise NoSuchPlace("there is no such location", location_code=location_code)


async def stocked_skus(db: Connection, codes: Iterable[str]) -> dict[str, UUID]:
    """The SKUs of codes.

    Raises:
        UnknownStock: a code is of none.
    """
    wanted = set(codes)
    skus = await skus_by_code(db, wanted)
    for code in sorted(wanted):
        if code not in skus:
            raise UnknownStock("there is no such SKU", sku_code=code)
    return {code: one.id for code, one in skus.items()}
