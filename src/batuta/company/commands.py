"""Saving the company: by code, many at once; saving the same again changes nothing, and what changes is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Table

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
from batuta.kernel.events import SETUP, Saved, differences
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import fitting
from batuta.plumbing.database import Connection, locked_rows, rows_with, upsert_rows
from batuta.plumbing.events import publish
from batuta.plumbing.knowledge import mark_changed

Thing = TypeVar("Thing", LegalEntity, Brand, Channel)

_TABLES: Mapping[type[msgspec.Struct], Table] = {LegalEntity: legal_entity, Brand: brand, Channel: channel}
_FACTS: Mapping[type[msgspec.Struct], type[Saved]] = {
    LegalEntity: LegalEntitySaved,
    Brand: BrandSaved,
    Channel: ChannelSaved,
}


async def save_legal_entities(
    db: Connection, *, legal_entities: Sequence[LegalEntity], now: datetime, actor: str = SETUP
) -> list[LegalEntity | BatutaError]:
    """Save legal entities by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _locked(db, LegalEntity, legal_entities)
    names = Codes(await legal_entities_by_id(db, {one.id for one in legal_entities}))
    checked = each(legal_entities, lambda one: _named(check_legal_entity(one), names))
    return await _save(db, LegalEntity, checked, present, now=now, actor=actor)


async def save_brands(
    db: Connection, *, brands: Sequence[Brand], now: datetime, actor: str = SETUP
) -> list[Brand | BatutaError]:
    """Save brands by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _locked(db, Brand, brands)
    owners = await legal_entities_by_id(db, {one.legal_entity_id for one in brands})
    names = Codes(await brands_by_id(db, {one.id for one in brands}))
    checked = each(brands, lambda one: _named(_owned(fitting(one, BadBrand), one.legal_entity_id, owners), names))
    return await _save(db, Brand, checked, present, now=now, actor=actor)


async def save_channels(
    db: Connection, *, channels: Sequence[Channel], now: datetime, actor: str = SETUP
) -> list[Channel | BatutaError]:
    """Save channels by code; each answer is the one stored (an old code keeps its id) or why not.

    Policies hold from the commit on, in every process: who keeps them in memory is told.
    """
    present = await _locked(db, Channel, channels)
    owners = await brands_by_id(db, {one.brand_id for one in channels})
    names = Codes(await stored_channels_by_id(db, {one.id for one in channels}))

    def decide(one: Channel) -> Channel:
        owned = _owned(check_channel(one), one.brand_id, owners)
        return _named(check_same_money(owned, present.get(one.code)), names)

    saved = await _save(db, Channel, each(channels, decide), present, now=now, actor=actor)
    await mark_changed(db, COMPANY)
    return saved


async def lock_legal_entity(db: Connection, *, code: str) -> int:
    """Lock a legal entity that is going to be saved and return its version; 0 when there is none yet."""
    return await _lock(db, legal_entity, code)


async def lock_brand(db: Connection, *, code: str) -> int:
    """Lock a brand that is going to be saved and return its version; 0 when there is none yet."""
    return await _lock(db, brand, code)


async def lock_channel(db: Connection, *, code: str) -> int:
    """Lock a channel that is going to be saved and return its version; 0 when there is none yet."""
    return await _lock(db, channel, code)


async def _lock(db: Connection, table: Table, code: str) -> int:
    rows = await locked_rows(db, table.c.code, [code])
    return int(rows[0]["version"]) if rows else 0


def _owned(thing: Thing, owner_id: UUID, owners: Mapping[UUID, object]) -> Thing:
    if owner_id not in owners:
        raise UnknownOwner("it belongs to something that is not there", code=thing.code, owner_id=str(owner_id))
    return thing


def _named(thing: Thing, names: Codes) -> Thing:
    names.check(thing)
    return thing


async def _locked(db: Connection, kind: type[Thing], things: Sequence[Thing]) -> dict[str, Thing]:
    rows = await locked_rows(db, _TABLES[kind].c.code, sorted({one.code for one in things}))
    return {row["code"]: msgspec.convert(row, kind) for row in rows}


async def _save(
    db: Connection,
    kind: type[Thing],
    checked: Sequence[Thing | BatutaError],
    present: Mapping[str, Thing],
    *,
    now: datetime,
    actor: str,
) -> list[Thing | BatutaError]:
    """Write the things, of a code given twice the last; answer with what is stored, and tell what is otherwise."""
    rows = {one.code: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in good(checked)}
    await upsert_rows(db, _TABLES[kind], rows.values(), key=("code",))
    found = await rows_with(db, _TABLES[kind].c.code, rows.keys())
    stored = {row["code"]: msgspec.convert(row, kind) for row in found}
    news = {code: differences(present.get(code), one) for code, one in sorted(stored.items())}
    facts = [
        _FACTS[kind](stream=stored[code].id, happened_at=now, actor=actor, code=code, changes=changes)
        for code, changes in news.items()
        if changes
    ]
    await publish(db, facts)
    return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]
