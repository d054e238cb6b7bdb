"""Saving the company: by code, many at once; saving the same again changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Table

from batuta.company.domain import BadBrand, Brand, Channel, LegalEntity, UnknownOwner, check_channel, check_legal_entity
from batuta.company.queries import (
    brands_by_code,
    brands_by_id,
    channels_by_code,
    channels_by_id,
    legal_entities_by_code,
    legal_entities_by_id,
)
from batuta.company.tables import brand, channel, legal_entity
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import fitting
from batuta.plumbing.database import Connection, upsert_rows

Thing = TypeVar("Thing", LegalEntity, Brand, Channel)


async def save_legal_entities(
    db: Connection, *, legal_entities: Sequence[LegalEntity], now: datetime
) -> list[LegalEntity | BatutaError]:
    """Save legal entities by code; each answer is the one stored (an old code keeps its id) or why not."""
    names = Codes(await legal_entities_by_id(db, {one.id for one in legal_entities}))
    checked = each(legal_entities, lambda one: _named(check_legal_entity(one), names))
    codes = await _save(db, legal_entity, good(checked), now)
    stored = await legal_entities_by_code(db, codes)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def save_brands(db: Connection, *, brands: Sequence[Brand], now: datetime) -> list[Brand | BatutaError]:
    """Save brands by code; each answer is the one stored (an old code keeps its id) or why not."""
    owners = await legal_entities_by_id(db, {one.legal_entity_id for one in brands})
    names = Codes(await brands_by_id(db, {one.id for one in brands}))
    checked = each(brands, lambda one: _named(_owned(fitting(one, BadBrand), one.legal_entity_id, owners), names))
    codes = await _save(db, brand, good(checked), now)
    stored = await brands_by_code(db, codes)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


async def save_channels(db: Connection, *, channels: Sequence[Channel], now: datetime) -> list[Channel | BatutaError]:
    """Save channels by code; each answer is the one stored (an old code keeps its id) or why not."""
    owners = await brands_by_id(db, {one.brand_id for one in channels})
    names = Codes(await channels_by_id(db, {one.id for one in channels}))
    checked = each(channels, lambda one: _named(_owned(check_channel(one), one.brand_id, owners), names))
    codes = await _save(db, channel, good(checked), now)
    stored = await channels_by_code(db, codes)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]


def _owned(thing: Thing, owner_id: UUID, owners: Mapping[UUID, object]) -> Thing:
    if owner_id not in owners:
        raise UnknownOwner("it belongs to something that is not there", code=thing.code, owner_id=str(owner_id))
    return thing


def _named(thing: Thing, names: Codes) -> Thing:
    names.check(thing)
    return thing


async def _save(db: Connection, table: Table, things: Sequence[Thing], now: datetime) -> Collection[str]:
    """Write the things, of a code given twice the last, and return their codes."""
    rows = {one.code: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in things}
    await upsert_rows(db, table, rows.values(), key=("code",))
    return rows.keys()
