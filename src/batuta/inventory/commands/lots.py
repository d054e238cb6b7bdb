"""Lots: registering them, calling them back, and taking off sale those whose time is over (INV-14)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select, text, update

from batuta.catalog.domain import Sku
from batuta.catalog.queries import skus_by_code
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import open_rows
from batuta.inventory.commands.rows import Place, lock_rows
from batuta.inventory.domain import Account, Condition, Movement, MovementReason, Recorded, StockKey, UnknownStock
from batuta.inventory.domain.lots import (
    CALLED_BACK,
    Lifted,
    Lot,
    LotAt,
    LotDiffers,
    NewLot,
    Recall,
    Recalled,
    UnknownLot,
    lot_of,
)
from batuta.inventory.events import LotRecalled
from batuta.inventory.queries.lots import lot_facts, lots_by_id, stock_of_lots
from batuta.inventory.tables.lots import lot
from batuta.inventory.tables.stock import movement
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, Instant, Integer, Text, insert_new, upsert_rows
from batuta.plumbing.events import publish

SYSTEM = "system:inventory"

_LOCK = (
    select(lot.c.id)
    .where(lot.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(lot.c.id)
    .with_for_update()
)
_MARK = (
    update(lot)
    .where(lot.c.id == bindparam("id_", type_=Uuid()))
    .values(
        recalled_at=bindparam("recalled_at", type_=Instant),
        recall_reason=bindparam("reason", type_=Text()),
        updated_at=bindparam("updated_at", type_=Instant),
    )
)
# From when a lot can no longer be sold at a place; a lot that is called back, from then on.
_SET_ENDS = text("""
    UPDATE inventory.stock s SET expires_at = told.expires_at
    FROM (
        SELECT s.sku_id, s.location_id, s.condition, s.lot,
               least((l.expires_on + 1 - l.min_remaining_days)::timestamp AT TIME ZONE p.time_zone, l.recalled_at)
                   AS expires_at
        FROM inventory.lot l
        JOIN inventory.stock s ON s.sku_id = l.sku_id AND s.lot = l.code
        JOIN locations.location p ON p.id = s.location_id
        WHERE l.id = ANY(:ids)
    ) AS told
    WHERE (s.sku_id, s.location_id, s.condition, s.lot) = (told.sku_id, told.location_id, told.condition, told.lot)
      AND s.expires_at IS DISTINCT FROM told.expires_at
""")


async def save_lots(db: Connection, *, lots: Sequence[NewLot], now: datetime) -> list[Lot | BatutaError]:
    """Register lots, or say better what is known of them; each answer is the lot as it stands, or why not.

    A lot that is called back stays so. What is on hand of it can be sold as long as its date now says.
    """
    skus = await skus_by_code(db, {one.sku_code for one in lots})
    told = each(lots, lambda one: lot_of(one, _sku(one.sku_code, skus)))
    last = {one.id: one for one in good(told)}
    await _lock(db, last.values())
    keep = ("id", "created_at", "recalled_at", "recall_reason")
    await upsert_rows(db, lot, [_row(one, now) for one in last.values()], key=("sku_id", "code"), keep=keep)
    await db.execute(_SET_ENDS, {"ids": list(last)})
    stored = await lots_by_id(db, last)
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in told]


async def open_lots(db: Connection, *, lots: Sequence[NewLot], now: datetime) -> list[Lot | BatutaError]:
    """Register lots that come in and are not known yet; one that is known with another date is refused."""
    skus = await skus_by_code(db, {one.sku_code for one in lots})
    told = each(lots, lambda one: lot_of(one, _sku(one.sku_code, skus)))
    first = {one.id: one for one in reversed(good(told))}
    rows = [_row(one, now) for one in sorted(first.values(), key=lambda one: (one.sku_id, one.code))]
    await insert_new(db, lot, rows, returning=["id"])
    stored = await lots_by_id(db, first)

    def agreed(new: NewLot, one: Lot) -> Lot:
        known = stored[one.id]
        is_told = new.expires_on is not None or new.made_on is not None
        if is_told and one.expires_on != known.expires_on:
            raise LotDiffers(
                "the lot is known with another date",
                lot=known.code,
                expires_on=str(known.expires_on),
                told=str(one.expires_on),
            )
        return known

    pairs = list(zip(lots, told, strict=True))
    return each(pairs, lambda pair: agreed(pair[0], _good(pair[1])))


def _good(one: Lot | BatutaError) -> Lot:
    if isinstance(one, BatutaError):
        raise one
    return one


def _sku(code: str, skus: dict[str, Sku]) -> Sku:
    if code not in skus:
        raise UnknownStock("there is no such SKU", sku_code=code)
    return skus[code]


def _row(one: Lot, now: datetime) -> dict[str, object]:
    return {**msgspec.structs.asdict(one), "created_at": now, "updated_at": now}


async def recall(db: Connection, *, recalls: Sequence[Recall], now: datetime) -> list[Recalled | BatutaError]:
    """Call lots back: their units go into quarantine wherever they are, promised or not, and none is sold any more.

    The same again answers with the lot as it is, and what was found of it since.
    """
    known = await lots_by_id(db, {one.lot_id for one in recalls})
    wanted = {one.lot_id: one for one in reversed(recalls) if one.lot_id in known}
    await _lock(db, known.values(), kinds=[Condition.QUARANTINE])
    fresh = [one for lot_id, one in wanted.items() if known[lot_id].recalled_at is None]
    for one in fresh:
        await db.execute(_MARK, {"id_": one.lot_id, "recalled_at": now, "reason": one.reason, "updated_at": now})
    await db.execute(_SET_ENDS, {"ids": [one.lot_id for one in fresh]})
    found = await lots_by_id(db, known)
    moved = await _quarantine(db, [(found[lot_id], one.actor) for lot_id, one in wanted.items()], now=now)
    await publish(
        db,
        [
            LotRecalled(
                stream=found[one.lot_id].sku_id,
                happened_at=now,
                actor=one.actor,
                lot_id=one.lot_id,
                lot=found[one.lot_id].code,
                reason=one.reason,
                units=moved[one.lot_id][0],
            )
            for one in fresh
        ],
    )

    def answer(one: Recall) -> Recalled:
        if one.lot_id not in found:
            raise unknown(one.lot_id)
        units, missing = moved[one.lot_id]
        return Recalled(lot=found[one.lot_id], quarantined=units, missing=missing)

    return each(recalls, answer)


async def lift_recalls(db: Connection, *, recalls: Sequence[Recall], now: datetime) -> list[Lifted | BatutaError]:
    """Say that lots need not be called back; their units stay in quarantine until somebody moves them."""
    known = await lots_by_id(db, {one.lot_id for one in recalls})
    await _lock(db, known.values())
    for lot_id, one in known.items():
        if one.recalled_at is not None:
            await db.execute(_MARK, {"id_": lot_id, "recalled_at": None, "reason": "", "updated_at": now})
    await db.execute(_SET_ENDS, {"ids": list(known)})
    found = await lots_by_id(db, known)

    def answer(one: Recall) -> Lifted:
        if one.lot_id not in found:
            raise unknown(one.lot_id)
        return Lifted(lot=found[one.lot_id])

    return each(recalls, answer)


def unknown(lot_id: UUID) -> UnknownLot:
    return UnknownLot("there is no such lot", lot_id=str(lot_id))


async def retire_lots(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: take off sale what is past its date, as expired, and what is called back, into quarantine.

    Nothing depends on when it runs: what is past its date or called back is granted to nobody.
    """
    due = await db.scalars(_DUE, {"now": now, "limit": limit})
    lots = await lots_by_id(db, due)
    await _lock(db, lots.values(), kinds=[Condition.QUARANTINE, Condition.EXPIRED])
    lots = await lots_by_id(db, lots)
    await db.execute(_SET_ENDS, {"ids": list(lots)})
    moved = await _quarantine(db, [(one, SYSTEM) for one in lots.values() if one.recalled_at], now=now)
    expired = await _expire(db, [one for one in lots.values() if not one.recalled_at], now=now)
    return sum(1 for units, _ in moved.values() if units) + expired


LOTS_DUE = """
    SELECT l.id FROM inventory.lot l JOIN inventory.stock s ON s.sku_id = l.sku_id AND s.lot = l.code
    WHERE l.recalled_at IS NOT NULL AND s.condition = 'sellable' AND s.on_hand > 0
    UNION ALL
    SELECT l.id FROM inventory.stock s
    JOIN inventory.lot l ON l.sku_id = s.sku_id AND l.code = s.lot
    JOIN locations.location p ON p.id = s.location_id
    WHERE s.expires_at <= :now AND s.condition = 'sellable' AND s.on_hand > 0
      AND (l.expires_on + 1)::timestamp AT TIME ZONE p.time_zone <= :now
"""
_DUE = text(f"{LOTS_DUE} LIMIT :limit").bindparams(bindparam("now", type_=Instant), bindparam("limit", type_=Integer()))


async def _lock(db: Connection, lots: Iterable[Lot], *, kinds: Collection[Condition] = ()) -> None:
    """Lock lots, then all their stock rows, those of `kinds` opened first, each in ascending order."""
    those = list(lots)
    await db.execute(_LOCK, {"ids": sorted(one.id for one in those)})
    stock = await stock_of_lots(db, those)
    at = {(one, place.location_id) for one in those for place in stock[one.id]}
    await open_rows(db, [StockKey(one.sku_id, where, str(kind), one.code) for one, where in at for kind in kinds])
    known = {Place(one.sku_id, place.location_id, str(place.condition)) for one in those for place in stock[one.id]}
    await lock_rows(db, known | {Place(one.sku_id, where, str(kind)) for one, where in at for kind in kinds})


async def _quarantine(db: Connection, lots: Sequence[tuple[Lot, str]], *, now: datetime) -> dict[UUID, tuple[int, int]]:
    """Move what lies of lots into quarantine; say how many units went, and by how many reserved ones that is short."""
    stock = await stock_of_lots(db, [one for one, _ in lots])
    news = [
        (one, actor, place)
        for one, actor in lots
        for place in stock[one.id]
        if place.condition in CALLED_BACK and place.on_hand
    ]
    keys = await _keys(db, [one for one, _, _ in news])
    movements = [
        _movement(one, place, Condition.QUARANTINE, key=key, actor=actor, now=now)
        for (one, actor, place), key in zip(news, keys, strict=True)
    ]
    recorded = await _record(db, movements, now=now)
    moved = [(one.document_id, one.quantity) for one in movements if one.key in recorded]
    return {
        one.id: (
            sum(units for lot_id, units in moved if lot_id == one.id),
            sum(place.reserved for place in stock[one.id]),
        )
        for one, _ in lots
    }


async def _expire(db: Connection, lots: Sequence[Lot], *, now: datetime) -> int:
    stock = await stock_of_lots(db, lots)
    facts = await lot_facts(db, {(one.sku_id, place.location_id, one.code) for one in lots for place in stock[one.id]})
    news = []
    for one in lots:
        for place in stock[one.id]:
            known = facts.get((one.sku_id, place.location_id, one.code))
            is_past = known and known.ends_at and known.ends_at <= now
            if is_past and place.condition is Condition.SELLABLE and place.on_hand:
                news.append((one, place))
    keys = await _keys(db, [one for one, _ in news])
    movements = [
        _movement(one, place, Condition.EXPIRED, key=key, actor=SYSTEM, now=now)
        for (one, place), key in zip(news, keys, strict=True)
    ]
    return len(await _record(db, movements, now=now))


_MOVED = select(movement.c.document_id, func.count()).group_by(movement.c.document_id)
_MOVED = _MOVED.where(movement.c.document_id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))


async def _keys(db: Connection, lots: Sequence[Lot]) -> list[str]:
    """A key in the ledger for a next movement of each lot, which is locked: its number among those of the lot."""
    so_far = {row[0]: row[1] for row in await db.execute(_MOVED, {"ids": sorted({one.id for one in lots})})}
    keys = []
    for one in lots:
        so_far[one.id] = so_far.get(one.id, 0) + 1
        keys.append(f"lot:{one.id}:{so_far[one.id]}")
    return keys


def _movement(one: Lot, place: LotAt, target: Condition, *, key: str, actor: str, now: datetime) -> Movement:
    is_recall = target is Condition.QUARANTINE
    return Movement(
        key=key,
        sku_id=one.sku_id,
        quantity=place.on_hand,
        source=Account.location(place.location_id, place.condition),
        target=Account.location(place.location_id, target),
        lot=one.code,
        reason=MovementReason.QUARANTINE_IN if is_recall else MovementReason.ADJUST,
        document_id=one.id,
        actor=actor,
        effective_at=now,
    )


async def _record(db: Connection, movements: Sequence[Movement], *, now: datetime) -> set[str]:
    """Record what the ledger takes, and return the keys; what it does not take now is due again."""
    outcomes = await record_movements(db, movements=movements, now=now) if movements else []
    return {one.key for one in outcomes if isinstance(one, Recorded)}
