"""Legal entities, brands and channels by id and by code."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.company.domain import Brand, Channel, LegalEntity
from batuta.company.tables import brand, channel, legal_entity
from batuta.plumbing.database import Connection, rows_with


async def channels_by_code(db: Connection, codes: Collection[str]) -> dict[str, Channel]:
    found = msgspec.convert(await rows_with(db, channel.c.code, codes), list[Channel])
    return {one.code: one for one in found}


async def channels_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Channel]:
    found = msgspec.convert(await rows_with(db, channel.c.id, ids), list[Channel])
    return {one.id: one for one in found}


async def brands_by_code(db: Connection, codes: Collection[str]) -> dict[str, Brand]:
    found = msgspec.convert(await rows_with(db, brand.c.code, codes), list[Brand])
    return {one.code: one for one in found}


async def brands_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Brand]:
    found = msgspec.convert(await rows_with(db, brand.c.id, ids), list[Brand])
    return {one.id: one for one in found}


async def legal_entities_by_code(db: Connection, codes: Collection[str]) -> dict[str, LegalEntity]:
    found = msgspec.convert(await rows_with(db, legal_entity.c.code, codes), list[LegalEntity])
    return {one.code: one for one in found}


async def legal_entities_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, LegalEntity]:
    found = msgspec.convert(await rows_with(db, legal_entity.c.id, ids), list[LegalEntity])
    return {one.id: one for one in found}
