"""Legal entities, brands and channels by id and by code; channels are kept in memory until the company changes."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from batuta.company.domain import Brand, Channel, LegalEntity
from batuta.company.tables import brand, channel, legal_entity
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.knowledge import Known
from batuta.plumbing.listing import Listing
from batuta.plumbing.saving import with_version

_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_CHANNELS = Listing(select(channel), order=(channel.c.code,), filters={"ids": channel.c.id == any_(_ids)})
_BRANDS = Listing(select(brand), order=(brand.c.code,), filters={})
_LEGAL_ENTITIES = Listing(select(legal_entity), order=(legal_entity.c.code,), filters={})

_minutes = channel.c.policies["replan_minutes"].as_integer()
_REPLANNING = select(channel.c.id, _minutes.label("minutes")).where(_minutes > 0)


async def list_channels(
    db: Connection, *, ids: Collection[UUID] | None = None, behind: str | None = None, limit: int
) -> list[Channel]:
    """A page of channels, or of those of the ids, in the order of their codes."""
    given = {"ids": None if ids is None else list(ids)}
    rows = await _CHANNELS.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Channel])


async def list_brands(db: Connection, *, behind: str | None = None, limit: int) -> list[Brand]:
    rows = await _BRANDS.read(db, {}, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Brand])


async def list_legal_entities(db: Connection, *, behind: str | None = None, limit: int) -> list[LegalEntity]:
    rows = await _LEGAL_ENTITIES.read(db, {}, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[LegalEntity])


async def channels_by_code(db: Connection, codes: Collection[str]) -> dict[str, Channel]:
    return await _BY_CODE.of(db, codes)


async def channels_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Channel]:
    return await _BY_ID.of(db, ids)


async def _stored_channels_by_code(db: Connection, codes: Collection[str]) -> dict[str, Channel]:
    found = msgspec.convert(await rows_with(db, channel.c.code, codes), list[Channel])
    return {one.code: one for one in found}


async def stored_channels_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Channel]:
    """The channels as they are stored at this moment, for who is going to change them."""
    found = msgspec.convert(await rows_with(db, channel.c.id, ids), list[Channel])
    return {one.id: one for one in found}


COMPANY = "company"
"""The subject under which channels are kept in memory."""

_BY_CODE = Known(COMPANY, _stored_channels_by_code)
_BY_ID = Known(COMPANY, stored_channels_by_id)


async def replan_minutes(db: Connection) -> dict[UUID, int]:
    """How often channels want what was offered to be planned again; those that do not are left out."""
    return (await _REPLAN_MINUTES.of(db, [COMPANY]))[COMPANY]


async def _stored_replan_minutes(db: Connection, _: object) -> dict[str, dict[UUID, int]]:
    return {COMPANY: {row.id: row.minutes for row in await db.execute(_REPLANNING)}}


_REPLAN_MINUTES = Known(COMPANY, _stored_replan_minutes)


async def brands_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Brand]:
    found = msgspec.convert(await rows_with(db, brand.c.id, ids), list[Brand])
    return {one.id: one for one in found}


async def legal_entities_by_code(db: Connection, codes: Collection[str]) -> dict[str, LegalEntity]:
    found = msgspec.convert(await rows_with(db, legal_entity.c.code, codes), list[LegalEntity])
    return {one.code: one for one in found}


async def legal_entities_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, LegalEntity]:
    found = msgspec.convert(await rows_with(db, legal_entity.c.id, ids), list[LegalEntity])
    return {one.id: one for one in found}


async def channel_with_version(db: Connection, id_: UUID) -> tuple[Channel, int] | None:
    return await with_version(db, channel.c.id, Channel, id_)


async def brand_with_version(db: Connection, id_: UUID) -> tuple[Brand, int] | None:
    return await with_version(db, brand.c.id, Brand, id_)


async def legal_entity_with_version(db: Connection, id_: UUID) -> tuple[LegalEntity, int] | None:
    return await with_version(db, legal_entity.c.id, LegalEntity, id_)
