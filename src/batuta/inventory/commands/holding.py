"""Reservations that others than carts and orders ask for, by codes (RES-01, RES-03)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku
from batuta.catalog.queries import composed_of, skus_by_code
from batuta.company.domain import Channel
from batuta.company.queries import channels_by_code
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.reserving import reserve
from batuta.inventory.domain import (
    BadHold,
    Grant,
    OutOfStock,
    Release,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.holding import (
    Asked,
    HeldLine,
    NoSuchChannel,
    NoSuchPlace,
    RefusalReason,
    Reservation,
    TwoOfOneName,
    WishLine,
    hold_until,
    whole_units,
    wholes_left,
)
from batuta.inventory.queries import free_places
from batuta.inventory.tables import holder
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each, good
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, insert_rows

Outcome = Reserved | OutOfStock | BadHold
Parts = Mapping[UUID, int]
"""SKU to units, of what goes into one unit of a line."""


class _Draft(msgspec.Struct, frozen=True):
    asked: Asked
    channel: Channel
    lines: list[tuple[UUID, WishLine]]
    until_at: datetime
    location_ids: tuple[UUID, ...] | None


class _World(msgspec.Struct, frozen=True):
    channels: Mapping[str, Channel]
    skus: Mapping[str, Sku]
    parts: Mapping[UUID, Parts]
    location_ids: Mapping[str, UUID]


async def hold(db: Connection, *, wishes: Sequence[Asked], now: datetime) -> list[Reservation | BatutaError]:
    """Hold units for whoever asks by the API; each wish gets all of it, or why not, what is left and where.

    One that allows it gets a part; then what is held of a bundle that is not whole stays held with it. The channel's
    caps on time, lines and units hold.
    """
    world = await _read(db, wishes)
    drafts = each(wishes, lambda one: _draft(one, world, now=now))
    requests = [_request(one, world) for one in good(drafts)]
    reserved = dict(
        zip((one.holder_id for one in requests), await reserve(db, requests=requests, now=now), strict=True)
    )
    short = _short_skus(requests, reserved)
    left = await free_places(db, short, now=now) if short else {}
    answers = [
        one if isinstance(one, BatutaError) else _answer(one, reserved[one.asked.id], world, left) for one in drafts
    ]
    held = [one for one, answer in zip(wishes, answers, strict=True) if isinstance(answer, Reservation)]
    useless = [id_ for id_ in reserved.keys() - {one.id for one in held} if _grants(reserved[id_])]
    if useless:
        await release(db, releases=[Release(holder_id=id_) for id_ in sorted(useless)], now=now)
    rows = [
        {
            "id": one.id,
            "channel_id": world.channels[one.wish.channel_code].id,
            "actor": one.actor,
            "created_at": now,
        }
        for one in held
    ]
    await insert_rows(db, holder, rows)
    return answers


async def _read(db: Connection, wishes: Sequence[Asked]) -> _World:
    skus = await skus_by_code(db, {line.sku_code for one in wishes for line in one.wish.lines})
    made_of = await composed_of(db, skus.values())
    parts: dict[UUID, Parts] = {one.id: {one.id: 1} for one in skus.values() if one.is_tracked}
    parts |= {id_: {part.sku_id: part.quantity for part in found} for id_, found in made_of.items()}
    return _World(
        channels=await channels_by_code(db, {one.wish.channel_code for one in wishes}),
        skus=skus,
        parts=parts,
        location_ids=await location_ids_by_code(db, {code for one in wishes for code in one.wish.location_codes or ()}),
    )


def _draft(asked: Asked, world: _World, *, now: datetime) -> _Draft:
    """Check a wish.

    Raises:
        NoSuchChannel, NoSuchPlace: it speaks of what is not there, or what the asker may not see.
        TwoOfOneName: two lines have one id. HoldTooLong, TooManyLines, TooManyUnits: the channel's caps.
    """
    wish = asked.wish
    channel = world.channels.get(wish.channel_code)
    if channel is None or (asked.channel_ids is not None and channel.id not in asked.channel_ids):
        raise NoSuchChannel("there is no such channel", channel_code=wish.channel_code)
    location_ids = None
    if wish.location_codes is not None:
        location_ids = tuple(dict.fromkeys(_place(code, asked, world) for code in wish.location_codes))
    elif asked.location_ids is not None:
        location_ids = tuple(sorted(asked.location_ids))
    lines = [(line.line_id or child_id(asked.id, "line", position), line) for position, line in enumerate(wish.lines)]
    if len({line_id for line_id, _ in lines}) < len(lines):
        raise TwoOfOneName("two lines have the same line_id")
    return _Draft(asked, channel, lines, hold_until(wish, channel.policies, now=now), location_ids)


def _place(code: str, asked: Asked, world: _World) -> UUID:
    location_id = world.location_ids.get(code)
    if location_id is None or (asked.location_ids is not None and location_id not in asked.location_ids):
        raise NoSuchPlace("there is no such location", location_code=code)
    return location_id


def _request(draft: _Draft, world: _World) -> ReserveRequest:
    """What to reserve: the components of bundles; nothing of a wish whose other lines cannot be had."""
    lines = [
        ReserveLine(line_id=line_id, sku_id=sku_id, quantity=line.quantity * units)
        for line_id, line in draft.lines
        for sku_id, units in _parts(line, world).items()
    ]
    is_hopeless = not draft.asked.wish.allow_partial and any(_reason(line, world) for _, line in draft.lines)
    return ReserveRequest(
        holder_id=draft.asked.id,
        lines=[] if is_hopeless else lines,
        channel_id=draft.channel.id,
        location_ids=draft.location_ids,
        until_at=draft.until_at,
        allow_partial=draft.asked.wish.allow_partial,
        actor=draft.asked.actor,
    )


def _parts(line: WishLine, world: _World) -> Parts:
    sku = world.skus.get(line.sku_code)
    return world.parts.get(sku.id, {}) if sku and sku.is_active else {}


def _reason(line: WishLine, world: _World) -> RefusalReason | None:
    """Why nothing at all of a line can be held."""
    if _parts(line, world):
        return None
    sku = world.skus.get(line.sku_code)
    return RefusalReason.NOT_STOCKED if sku and sku.is_active else RefusalReason.UNKNOWN_SKU


def _grants(outcome: Outcome) -> list[Grant]:
    return outcome.grants if isinstance(outcome, Reserved) else []


def _short_skus(requests: Sequence[ReserveRequest], reserved: Mapping[UUID, Outcome]) -> set[UUID]:
    """The SKUs of which somebody got fewer than asked for, or nothing."""
    short = [one for one in requests if not isinstance(outcome := reserved[one.holder_id], Reserved) or outcome.short]
    return {line.sku_id for one in short for line in one.lines}


def _answer(
    draft: _Draft, outcome: Outcome, world: _World, left: Mapping[UUID, Mapping[UUID, int]]
) -> Reservation | BatutaError:
    if isinstance(outcome, BadHold):
        return outcome
    held: dict[UUID, list[Grant]] = defaultdict(list)
    for grant in _grants(outcome):
        held[grant.line_id].append(grant)
    elsewhere = {sku_id: _seen(places, draft.asked.location_ids) for sku_id, places in left.items()}
    lines = [_line(line_id, line, held[line_id], world, elsewhere) for line_id, line in draft.lines]
    refused = sum(line.refused for line in lines)
    if refused and not (draft.asked.wish.allow_partial and any(line.granted for line in lines)):
        told = msgspec.to_builtins(_nothing_held(lines, _lacking(outcome)))
        return OutOfStock("fewer units are available than were asked for", lines=told)
    return Reservation(id=draft.asked.id, until_at=draft.until_at, lines=lines)


def _nothing_held(lines: Sequence[HeldLine], lacking: frozenset[str]) -> list[HeldLine]:
    """The lines of a wish that is refused whole. lacking: those of which there are too few."""
    return [
        msgspec.structs.replace(
            line,
            grants=[],
            reason=RefusalReason.ALL_OR_NOTHING
            if line.reason is RefusalReason.OUT_OF_STOCK and str(line.line_id) not in lacking
            else line.reason,
        )
        for line in lines
    ]


def _lacking(outcome: Reserved | OutOfStock) -> frozenset[str]:
    if isinstance(outcome, Reserved):
        return frozenset(str(short.line_id) for short in outcome.short)
    told: Any = outcome.facts["lines"]
    return frozenset(one["line_id"] for one in told)


def _seen(places: Mapping[UUID, int], location_ids: frozenset[UUID] | None) -> Mapping[UUID, int]:
    return {at: units for at, units in places.items() if location_ids is None or at in location_ids}


def _line(
    line_id: UUID, line: WishLine, held: list[Grant], world: _World, left: Mapping[UUID, Mapping[UUID, int]]
) -> HeldLine:
    parts = _parts(line, world)
    granted = whole_units(parts, held)
    is_short = granted < line.quantity
    return HeldLine(
        line_id=line_id,
        sku_code=line.sku_code,
        asked=line.quantity,
        granted=granted,
        refused=line.quantity - granted,
        reason=(_reason(line, world) or RefusalReason.OUT_OF_STOCK) if is_short else None,
        grants=held,
        alternatives=wholes_left(parts, left) if is_short else [],
    )
