"""Saving the company: by code, many at once; saving the same again changes nothing, and what changes is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from batuta.company.domain import (
    BadBrand,
    Brand,
    Channel,
    LegalEntity,
    UnknownOwner,
    check_channel,
    check_legal_entity,
    check_same_money,
)
from batuta.company.events import BrandSaved, ChannelSaved, LegalEntitySaved
from batuta.company.queries import COMPANY, brands_by_id, legal_entities_by_id, stored_channels_by_id
from batuta.company.tables import brand, channel, legal_entity
from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP
from batuta.kernel.outcomes import each
from batuta.kernel.quantities import fitting
from batuta.plumbing.database import Connection
from batuta.plumbing.saving import Saving

Thing = TypeVar("Thing", LegalEntity, Brand, Channel)

_LEGAL_ENTITIES = Saving(LegalEntity, legal_entity, told=LegalEntitySaved)
_BRANDS = Saving(Brand, brand, told=BrandSaved)
_CHANNELS = Saving(Channel, channel, told=ChannelSaved, subject=COMPANY)


async def save_legal_entities(
    db: Connection, *, legal_entities: Sequence[LegalEntity], now: datetime, actor: str = SETUP
) -> list[LegalEntity | BatutaError]:
    """Save legal entities by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _LEGAL_ENTITIES.locked(db, legal_entities)
    names = Codes(await legal_entities_by_id(db, {one.id for one in legal_entities}))
    checked = each(legal_entities, lambda one: _named(check_legal_entity(one), names))
    return await _LEGAL_ENTITIES.save(db, checked, present, now=now, actor=actor)


async def save_brands(
    db: Connection, *, brands: Sequence[Brand], now: datetime, actor: str = SETUP
) -> list[Brand | BatutaError]:
    """Save brands by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _BRANDS.locked(db, brands)
    owners = await legal_entities_by_id(db, {one.legal_entity_id for one in brands})
    names = Codes(await brands_by_id(db, {one.id for one in brands}))
    checked = each(brands, lambda one: _named(_owned(fitting(one, BadBrand), one.legal_entity_id, owners), names))
    return await _BRANDS.save(db, checked, present, now=now, actor=actor)


async def save_channels(
    db: Connection, *, channels: Sequence[Channel], now: datetime, actor: str = SETUP
) -> list[Channel | BatutaError]:
    """Save channels by code; each answer is the one stored (an old code keeps its id) or why not.

    Policies hold from the commit on, in every process: who keeps them in memory is told.
    """
    present = await _CHANNELS.locked(db, channels)
    owners = await brands_by_id(db, {one.brand_id for one in channels})
    names = Codes(await stored_channels_by_id(db, {one.id for one in channels}))

    def decide(one: Channel) -> Channel:
        owned = _owned(check_channel(one), one.brand_id, owners)
        return _named(check_same_money(owned, present.get(one.code)), names)

    return await _CHANNELS.save(db, each(channels, decide), present, now=now, actor=actor)


async def lock_legal_entity(db: Connection, *, code: str) -> int:
    """Lock a legal entity that is going to be saved and return its version; 0 when there is none yet."""
    return await _LEGAL_ENTITIES.lock(db, code=code)


async def lock_brand(db: Connection, *, code: str) -> int:
    """Lock a brand that is going to be saved and return its version; 0 when there is none yet."""
    return await _BRANDS.lock(db, code=code)


async def lock_channel(db: Connection, *, code: str) -> int:
    """Lock a channel that is going to be saved and return its version; 0 when there is none yet."""
    return await _CHANNELS.lock(db, code=code)


def _owned(thing: Thing, owner_id: UUID, owners: Mapping[UUID, object]) -> Thing:
    if owner_id not in owners:
        raise UnknownOwner("it belongs to something that is not there", code=thing.code, owner_id=str(owner_id))
    return thing


def _named(thing: Thing, names: Codes) -> Thing:
    names.check(thing)
    return thing
