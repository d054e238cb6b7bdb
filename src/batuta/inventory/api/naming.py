"""Codes into ids, for routes that change what holds for all."""

from collections.abc import Collection
from uuid import UUID

from batuta.catalog.queries import skus_by_code
from batuta.company.queries import channels_by_code
from batuta.inventory.domain.holding import NoSuchChannel, NoSuchPlace
from batuta.kernel.errors import NotFound
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection


class NoSuchSku(NotFound):
    """There is no SKU of that code."""


async def channel_id(db: Connection, code: str | None) -> UUID | None:
    """The channel of a code.

    Raises:
        NoSuchChannel: there is none.
    """
    if code is None:
        return None
    channel = (await channels_by_code(db, [code])).get(code)
    if channel is None:
        raise NoSuchChannel("there is no such channel", channel_code=code)
    return channel.id


async def sku_ids(db: Connection, codes: Collection[str]) -> dict[str, UUID]:
    """The SKUs of codes.

    Raises:
        NoSuchSku: of one there is none.
    """
    found = await skus_by_code(db, set(codes))
    for code in codes:
        if code not in found:
            raise NoSuchSku("there is no such SKU", sku_code=code)
    return {code: one.id for code, one in found.items()}


async def location_ids(db: Connection, codes: Collection[str]) -> dict[str, UUID]:
    """The locations of codes.

    Raises:
        NoSuchPlace: of one there is none.
    """
    found = await location_ids_by_code(db, codes)
    for code in codes:
        if code not in found:
            raise NoSuchPlace("there is no such location", location_code=code)
    return dict(found)
