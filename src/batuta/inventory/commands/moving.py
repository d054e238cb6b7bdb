"""Recording movements in the ledger, and the rows that follow from it (INV-01)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from asyncpg import IntegrityConstraintViolationError

from batuta.inventory.commands.entering import refuse_entries
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.freezing import frozen
from batuta.inventory.commands.opening import NoRow, open_rows, why_no_row
from batuta.inventory.commands.rows import LockedRows, places_of, write_rows
from batuta.inventory.domain import (
    Account,
    Movement,
    Overtaken,
    Recorded,
    StockKey,
    StockRefusal,
    key_at,
    post,
)
from batuta.inventory.events import FellShort
from batuta.inventory.queries import movements_by_key
from batuta.inventory.tables import movement
from batuta.plumbing.database import Connection, insert_rows
from batuta.plumbing.events import publish


async def record_movements(
    db: Connection, *, movements: Sequence[Movement], now: datetime
) -> list[Recorded | StockRefusal | NoRow]:
    """Record movements in their order; each is recorded, or why not. The same key again is answered, not repeated.

    A location never goes below zero. Units that are reserved may nevertheless be found missing, damaged or gone:
    that is recorded, and `FellShort` tells how many units the claims lack.
    """
    barred = await refuse_entries(db, movements, now=now)
    targets = {key for one in movements if (key := _target(one)) and one.key not in barred}
    sources = {key for one in movements if (key := _source(one))}
    await open_rows(db, targets)
    rows = await lock_rows_now(db, places_of(targets | sources), now=now)
    absent = await why_no_row(db, [key for key in targets if key not in rows])
    refused: dict[str, StockRefusal | NoRow] = {
        one.key: absent[key] for one in movements if (key := _target(one)) in absent
    }

    known = await movements_by_key(db, [one.key for one in movements])
    refused |= {key: refusal for key, refusal in barred.items() if key not in known}
    refused |= await frozen(db, [one for one in movements if one.key not in known])
    posting = post(rows.on_hands(), known, [one for one in movements if one.key not in refused])
    for key, units in posting.changes.items():
        rows.change(key, moved=units)
    await write_rows(db, rows)
    await insert_movements(db, posting.accepted, now=now)
    await publish(db, _shortages(rows, posting.accepted))
    answers = iter(posting.outcomes)
    return [refused.get(one.key) or next(answers) for one in movements]


def _source(one: Movement) -> StockKey | None:
    return key_at(one.sku_id, one.source, one.lot)


def _target(one: Movement) -> StockKey | None:
    return key_at(one.sku_id, one.target, one.lot)


async def insert_movements(db: Connection, movements: Sequence[Movement], *, now: datetime) -> None:
    """Add to the ledger what was decided.

    Raises:
        Overtaken: another transaction has recorded one of the keys since they were read; run again, it is found.
    """
    ordered = sorted(movements, key=lambda one: one.key)
    try:
        await insert_rows(db, movement, [_row(one, now) for one in ordered])
    except IntegrityConstraintViolationError as problem:
        raise Overtaken("someone else is recording these movements at this moment") from problem


def _row(one: Movement, now: datetime) -> Mapping[str, Any]:
    return {
        "key": one.key,
        "sku_id": one.sku_id,
        "quantity": one.quantity,
        **_side("source", one.source),
        **_side("target", one.target),
        "lot": one.lot,
        "reason": one.reason,
        "document_id": one.document_id,
        "actor": one.actor,
        "effective_at": one.effective_at,
        "recorded_at": now,
    }


def _side(side: str, account: Account) -> dict[str, Any]:
    return {
        f"{side}_kind": account.kind,
        f"{side}_location_id": account.location_id,
        f"{side}_condition": account.condition,
        f"{side}_parcel_id": account.parcel_id,
    }


def _shortages(rows: LockedRows, movements: Sequence[Movement]) -> list[FellShort]:
    """A fact for each row that movements took units from and that is now short; by the last of them."""
    last = {key: one for one in movements if (key := _source(one))}
    return [
        FellShort(
            stream=key.sku_id,
            happened_at=one.effective_at,
            actor=one.actor,
            sku_id=key.sku_id,
            location_id=key.location_id,
            lot=key.lot,
            missing=rows.missing(key),
        )
        for key, one in sorted(last.items())
        if rows.missing(key)
    ]
