"""Building kits and breaking them up: out of free units alone, and all of a document or nothing of it (INV-01)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component
from batuta.catalog.queries import kit_parts_of, skus_by_id
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import open_rows
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
from batuta.inventory.domain import Condition, StockKey, UnknownStock
from batuta.inventory.domain.kits import (
    KitTask,
    KitVerb,
    KitWork,
    NotEnoughFree,
    Taken,
    WorkReused,
    into_kits,
    is_same_work,
    made,
    needed,
    out_of_kits,
)
from batuta.inventory.queries.kits import kit_work_by_id
from batuta.inventory.queries.lots import unclaimed
from batuta.inventory.tables.lots import kit_work
from batuta.kernel.errors import BatutaError
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, insert_new

Parts = Mapping[UUID, Sequence[Component]]


async def work_on_kits(db: Connection, *, tasks: Sequence[KitTask], now: datetime) -> list[KitWork | BatutaError]:
    """Build kits of their parts, or break them up into them; each task wholly, or why not.

    Only what nobody has claimed is taken, of lots the first to end first. The same id again is answered, not repeated.
    """
    kits = await skus_by_id(db, {one.kit_id for one in tasks})
    places = await locations_by_id(db, {one.location_id for one in tasks})
    parts = await kit_parts_of(db, {one.kit_id for one in tasks})
    sound = [one for one in tasks if one.kit_id in parts and one.location_id in places]
    await _open_and_lock(db, sound, parts, now=now)
    done = await kit_work_by_id(db, {one.id for one in tasks})
    outcomes: list[KitWork | BatutaError] = []
    for task in tasks:
        try:
            if task.kit_id not in kits or task.location_id not in places:
                raise UnknownStock("there is no such SKU or location", kit_id=str(task.kit_id))
            if task.id in done:
                outcomes.append(_again(task, done[task.id]))
                continue
            done[task.id] = await _work(db, task, parts.get(task.kit_id, []), now=now)
            outcomes.append(done[task.id])
        except BatutaError as refusal:
            outcomes.append(refusal)
    return outcomes


async def _open_and_lock(db: Connection, tasks: Sequence[KitTask], parts: Parts, *, now: datetime) -> None:
    """Lock all rows of a batch at once and in order, so that two batches wait for each other and never deadlock."""
    keys = {
        StockKey(taken.sku_id, one.location_id, Condition.SELLABLE.value, taken.lot)
        for one in tasks
        for taken in made(one, parts[one.kit_id])
    }
    await open_rows(db, keys)
    shelves = {
        sellable(sku_id, one.location_id)
        for one in tasks
        for sku_id in (one.kit_id, *(part.sku_id for part in parts[one.kit_id]))
    }
    await write_rows(db, await lock_rows_now(db, shelves, now=now))


def _again(task: KitTask, done: KitWork) -> KitWork:
    if not is_same_work(task, done):
        raise WorkReused("this id already stands for other work", id=str(task.id))
    return done


async def _work(db: Connection, task: KitTask, parts: Sequence[Component], *, now: datetime) -> KitWork:
    """Raises:
    NoParts, NotEnoughFree, and what keeps units from moving; then nothing has moved.
    """
    wanted = needed(task, parts)
    rows = await lock_rows_now(db, {sellable(sku_id, task.location_id) for sku_id, _ in wanted}, now=now)
    await write_rows(db, rows)
    if task.verb is KitVerb.BREAK and task.lot:
        await _check_lot(db, task)
    taken = [part for sku_id, units in wanted for part in _take(rows, task, sku_id, units)]
    given = made(task, parts)
    async with db.savepoint():
        movements = [*into_kits(task, taken, now=now), *out_of_kits(task, given, now=now)]
        for outcome in await record_movements(db, movements=movements, now=now):
            if isinstance(outcome, BatutaError):
                raise outcome
        await insert_new(db, kit_work, [_row(task, parts, now)], returning=["id"])
    return KitWork(
        id=task.id,
        kit_id=task.kit_id,
        location_id=task.location_id,
        verb=task.verb,
        quantity=task.quantity,
        lot=task.lot,
        parts=list(parts),
        moved=[*taken, *given],
        actor=task.actor,
        worked_at=now,
    )


async def _check_lot(db: Connection, task: KitTask) -> None:
    key = StockKey(task.kit_id, task.location_id, Condition.SELLABLE.value, task.lot)
    free = (await unclaimed(db, [key])).get(key, 0)
    if free < task.quantity:
        raise NotEnoughFree(
            "fewer units of this lot are free", sku_id=str(task.kit_id), lot=task.lot, asked=task.quantity, free=free
        )


def _take(rows: LockedRows, task: KitTask, sku_id: UUID, units: int) -> list[Taken]:
    """Of which lots the units are taken; they are claimed in memory alone, and leave in the same transaction."""
    place = sellable(sku_id, task.location_id)
    free = rows.free_at(place)
    if free < units:
        raise NotEnoughFree(
            f"{units} units are needed, {free} are free",
            sku_id=str(sku_id),
            location_id=str(task.location_id),
            asked=units,
            free=free,
        )
    if task.verb is KitVerb.BREAK and task.lot:
        return [Taken(sku_id=sku_id, lot=task.lot, quantity=units)]
    return [Taken(sku_id=sku_id, lot=key.lot, quantity=part) for key, part in rows.claim(place, units, until_at=None)]


def _row(task: KitTask, parts: Sequence[Component], now: datetime) -> dict[str, object]:
    return {
        "id": task.id,
        "kit_id": task.kit_id,
        "location_id": task.location_id,
        "verb": str(task.verb),
        "quantity": task.quantity,
        "lot": task.lot,
        "parts": [msgspec.structs.asdict(part) for part in parts],
        "actor": task.actor,
        "worked_at": now,
    }
