"""The goods themselves: out of the shelf, into parcels, to customers, and back."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component
from batuta.company.queries import channels_by_id
from batuta.fulfillment.commands.pieces import by_lot, move_pieces, note_lots, pack_key
from batuta.fulfillment.domain import (
    ALONG,
    REJECTION_EFFECTS,
    Change,
    Changes,
    Package,
    SkuUnits,
    StockEffect,
    is_acceptance,
)
from batuta.fulfillment.queries import picked_at
from batuta.inventory.commands import issue, make_to_order, record_movements
from batuta.inventory.domain import Account, Condition, Issue, Issued, Movement, MovementReason, Recorded
from batuta.inventory.domain.kits import Making
from batuta.inventory.queries import availability
from batuta.inventory.queries.lots import lots_on_shelves
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.queries import contacts_of
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import TakenOn, confirm_capacity, record_rejection
from batuta.sourcing.domain import Rejection

_KEPT_AS = {
    StockEffect.DAMAGED_QUANTITY: (Condition.DAMAGED, MovementReason.DAMAGE),
    StockEffect.QUARANTINED_QUANTITY: (Condition.QUARANTINE, MovementReason.ADJUST),
}
"""What cannot be sold and is there all the same; anything else that a location does not find is a loss."""


async def move_goods(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Issue what was packed out of its claims, and record where parcels' goods went."""
    refusals: dict[int, BatutaError] = {}
    issues = [(i, one) for i, change in changes for one in _issues(change, now)]
    if issues:
        issued = await issue(db, issues=[one for _, one in issues], now=now)
        refusals |= {i: answer for (i, _), answer in zip(issues, issued, strict=True) if not isinstance(answer, Issued)}
        if not refusals:
            await note_lots(db, changes, [one for one in issued if isinstance(one, Issued) and one.lots])
    if not refusals:
        refusals |= await move_pieces(db, changes, now=now)
    if not refusals:
        refusals |= await _make(db, changes, now=now)
    moves = [(i, one) for i, change in changes for one in _movements(change, now)]
    if moves and not refusals:
        recorded = await record_movements(db, movements=[one for _, one in moves], now=now)
        refusals |= {
            i: answer for (i, _), answer in zip(moves, recorded, strict=True) if not isinstance(answer, Recorded)
        }
    return refusals


def _issues(change: Change, now: datetime) -> Iterator[Issue]:
    tracked, made = _tracked(change), _made(change)
    for parcel in change.packed:
        for one in parcel.contents:
            if (one.line_id, one.sku_id) in tracked and (one.line_id, one.sku_id) not in made:
                for key, lot, units in by_lot(pack_key(parcel.id, one.line_id, one.sku_id), one.lots, one.quantity):
                    yield Issue(
                        key=key,
                        holder_id=change.after.order_id,
                        line_id=one.line_id,
                        sku_id=one.sku_id,
                        location_id=change.after.location_id,
                        quantity=units,
                        target=Account.parcel(parcel.id),
                        document_id=change.after.id,
                        actor=change.actor,
                        effective_at=now,
                        lot=lot,
                    )


async def _make(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """What was made of parts goes into its parcel as it is packed; its parts are on no shelf then."""
    makings = [(i, one) for i, change in changes for one in _makings(change)]
    if not makings:
        return {}
    made = await make_to_order(db, makings=[one for _, one in makings], now=now)
    return {i: answer for (i, _), answer in zip(makings, made, strict=True) if not isinstance(answer, Recorded)}


def _makings(change: Change) -> Iterator[Making]:
    made = _made(change)
    for parcel in change.packed:
        for one in parcel.contents:
            if (one.line_id, one.sku_id) in made:
                yield Making(
                    id=child_id(parcel.id, "made", one.line_id),
                    kit_id=one.sku_id,
                    location_id=change.after.location_id,
                    quantity=one.quantity,
                    parts=made[one.line_id, one.sku_id],
                    holder_id=change.after.order_id,
                    line_id=one.line_id,
                    target=Account.parcel(parcel.id),
                    actor=change.actor,
                )


def _made(change: Change) -> dict[tuple[UUID, UUID], tuple[Component, ...]]:
    """Of what one unit was made of each line that was made, by line and SKU."""
    parts: dict[tuple[UUID, UUID], tuple[Component, ...]] = {}
    for line in change.before.lines:
        if line.makes and not line.is_made:
            key = (line.line_id, line.makes)
            parts[key] = (*parts.get(key, ()), Component(sku_id=line.sku_id, quantity=line.per_unit))
    return parts


def _movements(change: Change, now: datetime) -> Iterator[Movement]:
    """What leaves parcels: to the customer, back on the shelf, into quarantine where it came home to, or for good.

    What was made for one buyer is put aside until somebody has looked whether another wants it.
    """
    here = Account.location(change.after.location_id)
    home = Account.location(change.taken_to or change.after.location_id, Condition.QUARANTINE)
    made = {line.sku_id for line in change.after.lines if line.is_made}
    aside = Account.location(change.after.location_id, Condition.QUARANTINE)
    for package in change.unpacked:
        for one in _emptied(change, "unpack", package, target=here, reason=MovementReason.PUTAWAY, at=now):
            yield msgspec.structs.replace(one, target=aside) if one.sku_id in made else one
    for package in change.delivered:
        at, to = package.delivered_at or now, Account.customer()
        yield from _emptied(change, "deliver", package, target=to, reason=MovementReason.DELIVER, at=at)
    for package in change.taken_back:
        yield from _emptied(change, "take_back", package, target=home, reason=MovementReason.RETURN_RECEIVE, at=now)
    for package in change.written_off:
        yield from _emptied(change, "write_off", package, target=Account.loss(), reason=MovementReason.ADJUST, at=now)


def _emptied(
    change: Change, verb: str, package: Package, *, target: Account, reason: MovementReason, at: datetime
) -> Iterator[Movement]:
    tracked = _tracked(change)
    for one in package.contents:
        if (one.line_id, one.sku_id) in tracked:
            for key, lot, units in by_lot(
                f"{verb}:{package.parcel_id}:{one.line_id}:{one.sku_id}", one.lots, one.quantity
            ):
                yield Movement(
                    key=key,
                    sku_id=one.sku_id,
                    quantity=units,
                    source=Account.parcel(package.parcel_id),
                    target=target,
                    lot=lot or "",
                    reason=reason,
                    document_id=change.after.id,
                    actor=change.actor,
                    effective_at=at,
                )


def _tracked(change: Change) -> set[tuple[UUID, UUID]]:
    return {(line.line_id, line.sku_id) for line in change.after.lines if line.is_tracked}


async def reject_goods(db: Connection, changes: Sequence[Change], *, now: datetime) -> None:
    """What a location's no says about its stock, and for how long it is not asked for the SKU again (SRC-08)."""
    rejected = [change for change in changes if change.reason is not None]
    if not rejected:
        return
    movements = await _corrections(db, rejected, now=now)
    if movements:
        await record_movements(db, movements=movements, now=now)
    bans = await _bans_of(db, rejected)
    rejections = [one for change in rejected for one in _rejections(change, bans.get(change.after.order_id, {}), now)]
    await record_rejection(db, rejections=rejections, now=now)


async def confirm_hands(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """What a location takes on is its own work from then on, and no more a thing that is held for it (SRC-10)."""
    accepted = [(i, change) for i, change in changes if is_acceptance(change)]
    taken_on = [
        TakenOn(
            order_id=change.after.order_id,
            location_id=change.after.location_id,
            line_ids=frozenset(one.line_id for one in change.units),
        )
        for _, change in accepted
    ]
    answers = await confirm_capacity(db, taken_on=taken_on, now=now) if taken_on else []
    return {i: answer for (i, _), answer in zip(accepted, answers, strict=True) if answer is not None}


async def _bans_of(db: Connection, changes: Sequence[Change]) -> dict[UUID, Mapping[str, int]]:
    """For how many days each order's channel bans a location for which reason, where it says so."""
    orders = await contacts_of(db, {change.after.order_id for change in changes})
    channels = await channels_by_id(db, {one.channel_id for one in orders.values()})
    return {id_: channels[one.channel_id].policies.ban_days for id_, one in orders.items()}


def _rejections(change: Change, bans: Mapping[str, int], now: datetime) -> Iterator[Rejection]:
    assert change.reason is not None
    effect = REJECTION_EFFECTS[change.reason]
    days = bans.get(change.reason)
    until_at = now + (effect.banned_for if days is None else timedelta(days=days))
    for one in change.lost:
        yield Rejection(
            order_id=change.after.order_id,
            line_id=one.line_id,
            sku_id=one.sku_id,
            location_id=change.after.location_id,
            reason=str(change.reason),
            until_at=until_at,
            actor=change.actor,
            quantity=one.quantity,
            cause_id=child_id(change.after.id, "version", change.after.version),
            is_for_all=effect.is_for_all,
        )
    for one in change.along:
        yield Rejection(
            order_id=change.after.order_id,
            line_id=one.line_id,
            sku_id=one.sku_id,
            location_id=change.after.location_id,
            reason=ALONG,
            until_at=until_at,
            actor=change.actor,
            quantity=one.quantity,
            cause_id=child_id(change.after.id, "version", change.after.version, ALONG),
        )


async def _corrections(db: Connection, changes: Sequence[Change], *, now: datetime) -> list[Movement]:
    """Movements that make the ledger say what the location saw; never more than is on its shelves.

    What stands picked for other orders has been found, so an empty shelf does not deny it.
    """
    lost = [(change, one) for change in changes for one in _corrected(change)]
    if not lost:
        return []
    places = sorted({(one.sku_id, change.after.location_id) for change, one in lost})
    picked = await picked_at(db, places)
    levels = await availability(
        db, sku_ids={sku_id for sku_id, _ in places}, location_ids={at for _, at in places}, now=now
    )
    shelf = {
        (level.sku_id, level.location_id): level.on_hand - picked.get((level.sku_id, level.location_id), 0)
        for level in levels
    }
    lots = await lots_on_shelves(db, sku_ids={sku_id for sku_id, _ in places}, location_ids={at for _, at in places})
    movements = []
    for change, one in lost:
        assert change.reason is not None
        place, effect = (one.sku_id, change.after.location_id), REJECTION_EFFECTS[change.reason].stock
        there = max(0, shelf.get(place, 0))
        units = there if effect is StockEffect.TO_ZERO else min(one.quantity, there)
        if units:
            shelf[place] -= units
            for lot, part in _from_lots(lots.get(place, []), units):
                movements.append(_correction(change, one, (lot, part), effect, now))
    return movements


def _from_lots(lots: list[tuple[str, int]], units: int) -> list[tuple[str, int]]:
    """Of which lots units are written off that nobody finds: the first to end, as they would have been sold."""
    taken = []
    for i, (lot, there) in enumerate(lots):
        part = min(units, there)
        if part:
            taken.append((lot, part))
            lots[i] = (lot, there - part)
            units -= part
    return taken


def _corrected(change: Change) -> list[SkuUnits]:
    assert change.reason is not None
    if REJECTION_EFFECTS[change.reason].stock is StockEffect.NOTHING:
        return []
    tracked = _tracked(change)
    return [one for one in change.lost if (one.line_id, one.sku_id) in tracked]


def _correction(change: Change, one: SkuUnits, part: tuple[str, int], effect: StockEffect, now: datetime) -> Movement:
    lot, units = part
    at = change.after.location_id
    kept = _KEPT_AS.get(effect)
    return Movement(
        key=f"reject:{change.after.id}:{change.after.version}:{one.line_id}:{one.sku_id}" + (f":{lot}" if lot else ""),
        sku_id=one.sku_id,
        quantity=units,
        source=Account.location(at),
        target=Account.location(at, kept[0]) if kept else Account.loss(),
        lot=lot,
        reason=kept[1] if kept else MovementReason.ADJUST,
        document_id=change.after.id,
        actor=change.actor,
        effective_at=now,
    )
