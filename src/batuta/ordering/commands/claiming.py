"""Claiming what orders need: from stock, and ahead of it where their channel allows (RES-05, INV-12, INV-23)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.commands import demand_good_until, harden, promise_ahead, release, reserve, take_over
from batuta.inventory.domain import (
    BadHold,
    Harden,
    OutOfStock,
    Release,
    Reserved,
    ReserveLine,
    ReserveRequest,
    TakeOver,
    out_of_stock,
)
from batuta.inventory.domain.waiting import Ahead, AheadKind, AheadLine, AheadRequest
from batuta.inventory.queries import limits
from batuta.inventory.queries.limits import Limits
from batuta.locations.queries import all_locations
from batuta.ordering.commands.lasting import good_until
from batuta.ordering.domain import Bucket
from batuta.ordering.domain.drafts import Draft, DraftLine
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import PromiseTerms

Refusal = OutOfStock | BadHold
Shelves = tuple[UUID, ...] | None
"""Locations from which an order's goods may come, the preferred first; None is any."""

_BUCKETS = {AheadKind.BACKORDER: Bucket.BACKORDERED, AheadKind.PREORDER: Bucket.PREORDERED}


class AheadUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order's line that are still to come: how many, in which bucket, and when they are promised."""

    units: int
    bucket: Bucket
    promised_at: datetime


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What an order holds of stock is in the inventory; this is, line by line, what it waits for."""

    ahead: Mapping[UUID, AheadUnits] = {}


async def claim(
    db: Connection, drafts: Mapping[int, Draft], told: Mapping[int, PromiseTerms], *, now: datetime
) -> tuple[dict[int, Claims], dict[int, Refusal]]:
    """Claim all that each order needs, its cart's or reservation's claims first, or say what it lacks.

    What is short is sold ahead if the channel's limits and what is to come allow it; else the order gets nothing. Where
    no channel sells ahead, this asks the database nothing more than stock. told: what was promised for the orders.
    Locks stock, then supply.
    """
    known = await limits(db)
    shelves = await _shelves(db, drafts)
    lasting = await good_until(db, drafts, told, now=now)
    await _take_over_what_was_held(db, drafts, shelves, lasting, now=now)
    left = {
        i: request
        for i, one in drafts.items()
        if (
            request := _reserve_request(one, shelves[i], lasting.get(i), is_partial=_sells_ahead(one, known, now))
        ).lines
    }
    ahead, lost = await _claim_in_rounds(db, drafts, left, now=now)
    held = [drafts[i].asked.id for i in lost if _had_claims(drafts[i])]
    if held:
        await release(db, releases=[Release(holder_id=id_) for id_ in held], now=now)
    return {i: Claims(ahead=ahead.get(i, {})) for i in drafts if i not in lost}, lost


async def _claim_in_rounds(
    db: Connection, drafts: Mapping[int, Draft], left: dict[int, ReserveRequest], *, now: datetime
) -> tuple[dict[int, Mapping[UUID, AheadUnits]], dict[int, Refusal]]:
    """Claim for all of `left` at once, and again without those that get too little; return what is ahead, and who lost.

    What one had of stock whose wait was refused was missing to those behind.
    """
    lost: dict[int, Refusal] = {}
    ahead: dict[int, Mapping[UUID, AheadUnits]] = {}
    while left:
        savepoint = db.savepoint() if any(one.allow_partial for one in left.values()) else None
        if savepoint:
            await savepoint.start()
        answers = await _reserve(db, left, now=now)
        short = {i: answer for i, answer in answers.items() if isinstance(answer, Reserved) and answer.short}
        ahead = await _ahead(db, drafts, short, now=now) if short else {}
        missed = short.keys() - ahead.keys()
        if savepoint:
            await (savepoint.rollback() if missed else savepoint.commit())
        if not missed:
            lost |= {i: answer for i, answer in answers.items() if not isinstance(answer, Reserved)}
            break
        for i in sorted(missed):
            lost[i] = out_of_stock(drafts[i].asked.id, short[i].short)
            del left[i]
            if short[i].grants:
                break
    return ahead, lost


async def _take_over_what_was_held(
    db: Connection,
    drafts: Mapping[int, Draft],
    shelves: Mapping[int, Shelves],
    lasting: Mapping[int, datetime],
    *,
    now: datetime,
) -> None:
    """Make the claims of carts and reservations the orders', but for lots that do not last."""
    carts = [_harden(one) for one in drafts.values() if one.asked.cart_id]
    if carts:
        await harden(db, holders=carts, now=now)
    reserved = [_take_over(one, shelves[i]) for i, one in drafts.items() if one.asked.reservation_id]
    if reserved:
        await take_over(db, takeovers=reserved, now=now)
    demands = {drafts[i].asked.id: at for i, at in lasting.items() if _had_claims(drafts[i])}
    if demands:
        await demand_good_until(db, demands=demands, now=now)


def _had_claims(one: Draft) -> bool:
    return one.asked.cart_id is not None or one.asked.reservation_id is not None


async def _reserve(
    db: Connection, requests: Mapping[int, ReserveRequest], *, now: datetime
) -> dict[int, Reserved | Refusal]:
    return dict(zip(requests, await reserve(db, requests=list(requests.values()), now=now), strict=True))


def _sells_ahead(one: Draft, known: Limits, now: datetime) -> bool:
    return bool(known) and any(
        (limit := known.get((part.sku_id, one.channel.id))) and limit.is_open(now)
        for entry in one.lines
        for part in entry.components
    )


async def _ahead(
    db: Connection, drafts: Mapping[int, Draft], short: Mapping[int, Reserved], *, now: datetime
) -> dict[int, Mapping[UUID, AheadUnits]]:
    """Promise what is short from what is to come; return the orders that get all of it.

    A bundle is claimed in whole bundles: what is there of its other parts goes back.
    """
    wanted: dict[int, AheadRequest] = {}
    units: dict[UUID, int] = {}
    spare: list[Release] = []
    for i, answer in short.items():
        lines: list[AheadLine] = []
        for entry in drafts[i].lines:
            granted = Counter[UUID]()
            for grant in answer.grants:
                granted[grant.sku_id] += grant.quantity if grant.line_id == entry.id else 0
            missing = entry.asked.quantity - _whole(entry, granted)
            if missing:
                units[entry.id] = missing
                lines += _ahead_lines(drafts[i], entry, missing)
                spare += _spare(drafts[i], entry, granted, entry.asked.quantity - missing)
        wanted[i] = _ahead_request(drafts[i], lines)
    await release(db, releases=spare, now=now)
    answers = await promise_ahead(db, requests=list(wanted.values()), now=now)
    return {i: _by_line(answer, units) for i, answer in zip(wanted, answers, strict=True) if isinstance(answer, Ahead)}


def _whole(entry: DraftLine, granted: Mapping[UUID, int]) -> int:
    """How many whole units of a line can be made of what was granted."""
    per_unit = _per_unit(entry)
    return min((granted[sku_id] // units for sku_id, units in per_unit.items()), default=entry.asked.quantity)


def _per_unit(entry: DraftLine) -> Counter[UUID]:
    per_unit = Counter[UUID]()
    for part in entry.components:
        per_unit[part.sku_id] += part.quantity
    return per_unit


def _ahead_lines(one: Draft, entry: DraftLine, missing: int) -> list[AheadLine]:
    per_unit = _per_unit(entry)
    serves_whole = len(per_unit) > 1 or not one.channel.policies.serves_backorders_partly
    return [
        AheadLine(line_id=entry.id, sku_id=sku_id, units=missing * units, per_unit=units, serves_whole=serves_whole)
        for sku_id, units in per_unit.items()
    ]


def _spare(one: Draft, entry: DraftLine, granted: Mapping[UUID, int], whole: int) -> list[Release]:
    return [
        Release(holder_id=one.asked.id, line_id=entry.id, sku_id=sku_id, quantity=granted[sku_id] - whole * units)
        for sku_id, units in _per_unit(entry).items()
        if granted[sku_id] > whole * units
    ]


def _ahead_request(one: Draft, lines: Sequence[AheadLine]) -> AheadRequest:
    policies = one.channel.policies
    return AheadRequest(
        order_id=one.asked.id,
        channel_id=one.channel.id,
        lines=tuple(lines),
        ordered_at=one.asked.placed_at,
        region=one.ship_to.region,
        customer_group=one.customer_group,
        location_ids=(one.pickup_location_id,) if one.pickup_location_id else None,
        priority=policies.backorder_priority,
        patience_days=policies.patience_days,
        waits_until_at=one.waits_until_at,
    )


def _by_line(answer: Ahead, units: Mapping[UUID, int]) -> dict[UUID, AheadUnits]:
    """A line of several SKUs is promised when the last of them is; one pre-ordered part makes it a pre-order."""
    found: dict[UUID, AheadUnits] = {}
    for one in answer.promises:
        before = found.get(one.line_id)
        bucket = _BUCKETS[one.kind]
        found[one.line_id] = AheadUnits(
            units=units[one.line_id],
            bucket=Bucket.PREORDERED if before and before.bucket is Bucket.PREORDERED else bucket,
            promised_at=max(before.promised_at, one.promised_at) if before else one.promised_at,
        )
    return found


def _harden(one: Draft) -> Harden:
    assert one.asked.cart_id
    lines = {entry.asked.cart_line_id: entry.id for entry in one.lines if entry.asked.cart_line_id}
    return Harden(holder_id=one.asked.cart_id, new_holder_id=one.asked.id, line_ids=lines)


def _take_over(one: Draft, shelves: Shelves) -> TakeOver:
    assert one.asked.reservation_id
    return TakeOver(
        holder_id=one.asked.reservation_id,
        new_holder_id=one.asked.id,
        lines=_reserve_lines(one),
        location_ids=shelves,
    )


async def _shelves(db: Connection, drafts: Mapping[int, Draft]) -> dict[int, Shelves]:
    """From where alone each order may have its goods: of a pickup, from its store or what sends goods there."""
    stores = {one.pickup_location_id for one in drafts.values()} - {None}
    every = await all_locations(db) if stores else None
    return {
        i: every.shelves_for(one.pickup_location_id, ships_to_store=one.channel.policies.ships_to_store)
        if every and one.pickup_location_id
        else tuple(one.asked.preferred_location_ids) or None
        for i, one in drafts.items()
    }


def _reserve_request(
    one: Draft, shelves: Shelves, good_until_at: datetime | None, *, is_partial: bool
) -> ReserveRequest:
    return ReserveRequest(
        holder_id=one.asked.id,
        channel_id=one.channel.id,
        region=one.ship_to.region,
        customer_group=one.customer_group,
        location_ids=shelves,
        allow_partial=is_partial,
        good_until_at=good_until_at,
        actor=one.asked.actor,
        lines=_reserve_lines(one),
    )


def _reserve_lines(one: Draft) -> list[ReserveLine]:
    return [
        ReserveLine(line_id=entry.id, sku_id=part.sku_id, quantity=part.quantity * entry.asked.quantity)
        for entry in one.lines
        for part in entry.components
    ]
