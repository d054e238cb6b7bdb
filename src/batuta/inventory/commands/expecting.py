"""Expected receipts: announced, moved to another date or quantity, and come (INV-03, INV-20, INV-21)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text, Uuid, exists, select, update

from batuta.catalog.queries import skus_by_id
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import NoRow, open_rows
from batuta.inventory.commands.rows import places_of
from batuta.inventory.commands.serving import Came, peg_again, serve
from batuta.inventory.domain import Account, Condition, Movement, MovementReason, NotStocked, StockKey, UnknownStock
from batuta.inventory.domain.supply import (
    Expected,
    ExpectedReceipt,
    Lateness,
    MoveExpected,
    PastDate,
    ReceiptReused,
    ReceiveExpected,
    SupplyKind,
    SupplyStatus,
    UnknownReceipt,
    check_due,
    moved,
    received,
)
from batuta.inventory.events import SupplyMoved
from batuta.inventory.queries.supply import SupplyRun, receipt_from, receipts_by_id, runs_by_id
from batuta.inventory.tables import expected, lateness
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_new, params, upsert_rows
from batuta.plumbing.events import publish

_REASONS = {
    SupplyKind.PURCHASE: MovementReason.RECEIPT,
    SupplyKind.TRANSFER: MovementReason.TRANSFER_IN,
    SupplyKind.PRODUCTION: MovementReason.RECEIPT,
    SupplyKind.RETURN: MovementReason.RETURN_RECEIVE,
}


async def save_lateness(db: Connection, *, suppliers: Sequence[Lateness], now: datetime) -> None:
    """Say how late suppliers mostly are; of one named twice the last counts. What was promised stays."""
    last = {one.supplier_code: one for one in suppliers}
    rows = [{**msgspec.structs.asdict(one), "updated_at": now} for one in last.values()]
    await upsert_rows(db, lateness, rows, key=["supplier_code"])


async def expect(
    db: Connection, *, expected: Sequence[Expected], now: datetime
) -> list[ExpectedReceipt | PastDate | ReceiptReused | NoRow]:
    """Announce receipts; the same again is answered with what became of it.

    Lines that wait and have no receipt to come from are pegged to the new ones; the others keep theirs until somebody
    asks for `peg_again`. Raises nothing; `PastDate`, `UnknownStock`, `NotStocked` and `ReceiptReused` are answers.
    """
    known = await receipts_by_id(db, [one.id for one in expected])
    absent = await _absent(db, [one for one in expected if one.id not in known])
    refused: dict[UUID, PastDate | NoRow] = dict(absent)
    fresh: dict[UUID, Expected] = {}
    for one in expected:
        if one.id in known or one.id in refused:
            continue
        try:
            check_due(one.due_at, now=now)
        except PastDate as problem:
            refused[one.id] = problem
            continue
        fresh.setdefault(one.id, one)
    made = {one.id: _receipt(one, now) for one in fresh.values()}
    await insert_new(db, _expected, [_row(made[id_]) for id_ in sorted(made)], returning=["id"])
    stored = known | await receipts_by_id(db, made)
    await peg_again(db, sku_ids={made[id_].sku_id for id_ in made}, only_unpegged=True, now=now)
    return [refused.get(one.id) or _as_announced(one, stored[one.id]) for one in expected]


async def move_expected(
    db: Connection, *, moves: Sequence[MoveExpected], now: datetime
) -> list[ExpectedReceipt | BatutaError]:
    """Give receipts another date or quantity; each stands as it now is, or why not.

    Every promise that hangs on one is made anew, in the same transaction: `PromiseMoved` tells whose day changed.
    """
    receipts = await lock_receipts(db, [one.expected_id for one in moves])
    before = dict(receipts)
    outcomes: list[ExpectedReceipt | BatutaError] = []
    for one in moves:
        if one.expected_id not in receipts:
            outcomes.append(UnknownReceipt("no such receipt is expected", receipt_id=str(one.expected_id)))
            continue
        try:
            receipts[one.expected_id] = moved(receipts[one.expected_id], one, now=now)
        except BatutaError as problem:
            outcomes.append(problem)
            continue
        outcomes.append(receipts[one.expected_id])
    changed = [one for id_, one in receipts.items() if one != before[id_]]
    await write_receipts(db, changed)
    actors = {one.expected_id: one.actor for one in moves}
    await publish(db, [_told(one, actors[one.id], now) for one in changed])
    await peg_again(db, sku_ids={one.sku_id for one in changed}, now=now)
    return outcomes


async def receive_expected(
    db: Connection, *, receipts: Sequence[ReceiveExpected], now: datetime
) -> list[SupplyRun | BatutaError]:
    """Take in units that were expected, and give them to the lines that wait for them (INV-24).

    Each is answered with its document: what came and who was served. The same key again is answered, not repeated.
    A movement goes into the ledger, unless the caller has recorded it. Locks stock, then limits, receipts and lines.
    """
    ids = [_run_id(one) for one in receipts]
    done = await runs_by_id(db, ids)
    seen = await receipts_by_id(db, [one.expected_id for one in receipts])
    todo = {id_: one for id_, one in zip(ids, receipts, strict=True) if id_ not in done and one.expected_id in seen}
    keys = {id_: _key(one, seen[one.expected_id]) for id_, one in todo.items()}
    await open_rows(db, set(keys.values()))
    await lock_rows_now(db, places_of(keys.values()), now=now)

    locked = await lock_receipts(db, [one.expected_id for one in todo.values()])
    outcomes: dict[UUID, BatutaError] = {}
    moving: dict[UUID, Movement] = {}
    for id_, one in todo.items():
        try:
            after = received(locked[one.expected_id], one.quantity, now=now)
        except BatutaError as problem:
            outcomes[id_] = problem
            continue
        if one.source is not None:
            moving[id_] = _movement(id_, one, locked[one.expected_id], one.source)
        locked[one.expected_id] = after
    refused = await _record(db, moving, now=now)
    for id_ in refused:
        locked[todo[id_].expected_id] = _taken_back(locked[todo[id_].expected_id], todo[id_].quantity)
    outcomes |= refused
    good = {id_: one for id_, one in todo.items() if id_ not in outcomes}
    await write_receipts(db, [locked[id_] for id_ in {one.expected_id for one in good.values()}])
    runs = await serve(db, came=[_came(id_, one, keys[id_]) for id_, one in good.items()], now=now)
    found = done | {run.id: run for run in runs}
    return [
        outcomes.get(id_)
        or found.get(id_)
        or UnknownReceipt("no such receipt is expected", receipt_id=str(one.expected_id))
        for id_, one in zip(ids, receipts, strict=True)
    ]


_expected = expected
_wanted = arrays("wanted", id=Uuid())
_named = exists().where(_wanted.c.id == expected.c.id)
_skus = select(expected.c.sku_id).join(_wanted, _wanted.c.id == expected.c.id)
_lock_receipts = (
    select(expected)
    .where(_named | (expected.c.sku_id.in_(_skus) & (expected.c.status == SupplyStatus.OPEN.value)))
    .order_by(expected.c.id)
    .with_for_update(of=expected, key_share=True)
)


async def lock_receipts(db: Connection, ids: Sequence[UUID]) -> dict[UUID, ExpectedReceipt]:
    """Lock receipts, and the open ones of the same SKUs, in ascending order of id; unknown ids are left out.

    All at once, because whoever pegs a SKU's lines anew locks all of them.
    """
    if not ids:
        return {}
    rows = await db.execute(_lock_receipts, params("wanted", id=sorted(set(ids))))
    return {row.id: receipt_from(dict(row)) for row in rows if row.id in set(ids)}


_given = arrays(
    "given",
    id=Uuid(),
    quantity=Integer(),
    received=Integer(),
    status=Text(),
    due_at=Instant,
    closed_at=Instant,
)
_write_receipts = (
    update(expected)
    .where(expected.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)


async def write_receipts(db: Connection, receipts: Sequence[ExpectedReceipt]) -> None:
    """Write what has changed in locked receipts."""
    if not receipts:
        return
    given = params(
        "given",
        id=[one.id for one in receipts],
        quantity=[one.quantity for one in receipts],
        received=[one.received for one in receipts],
        status=[one.status.value for one in receipts],
        due_at=[one.due_at for one in receipts],
        closed_at=[one.closed_at for one in receipts],
    )
    await db.execute(_write_receipts, given)


async def _absent(db: Connection, wanted: Sequence[Expected]) -> dict[UUID, NoRow]:
    """Those that speak of a SKU or location that is not there, or that has no stock."""
    skus = await skus_by_id(db, {one.sku_id for one in wanted}) if wanted else {}
    places = await locations_by_id(db, {one.location_id for one in wanted}) if wanted else {}
    found: dict[UUID, NoRow] = {}
    for one in wanted:
        facts = {"sku_id": str(one.sku_id), "location_id": str(one.location_id)}
        if one.sku_id not in skus or one.location_id not in places:
            found[one.id] = UnknownStock("there is no such SKU or location", **facts)
        elif not skus[one.sku_id].is_tracked:
            found[one.id] = NotStocked("this SKU has no stock of its own", **facts)
    return found


def _receipt(one: Expected, now: datetime) -> ExpectedReceipt:
    return ExpectedReceipt(
        id=one.id,
        sku_id=one.sku_id,
        location_id=one.location_id,
        quantity=one.quantity,
        received=0,
        kind=one.kind,
        status=SupplyStatus.OPEN,
        due_at=one.due_at,
        first_due_at=one.due_at,
        supplier_code=one.supplier_code,
        document=one.document,
        actor=one.actor,
        created_at=now,
    )


def _row(one: ExpectedReceipt) -> Mapping[str, Any]:
    return {**msgspec.structs.asdict(one), "kind": one.kind.value, "status": one.status.value}


def _as_announced(one: Expected, found: ExpectedReceipt) -> ExpectedReceipt | ReceiptReused:
    """The receipt under this id, if it is the one that is announced; date and quantity may have moved since."""
    if (one.sku_id, one.location_id, one.kind, one.document) == (
        found.sku_id,
        found.location_id,
        found.kind,
        found.document,
    ):
        return found
    return ReceiptReused("the id stands for another receipt", receipt_id=str(one.id))


def _told(one: ExpectedReceipt, actor: str, now: datetime) -> SupplyMoved:
    return SupplyMoved(
        stream=one.id,
        happened_at=now,
        actor=actor,
        sku_id=one.sku_id,
        location_id=one.location_id,
        due_at=one.due_at,
        open_units=one.open_units,
    )


def _run_id(one: ReceiveExpected) -> UUID:
    return child_id(one.expected_id, "received", one.key)


def _key(one: ReceiveExpected, receipt: ExpectedReceipt) -> StockKey:
    return StockKey(receipt.sku_id, receipt.location_id, one.condition.value, one.lot)


def _movement(id_: UUID, one: ReceiveExpected, receipt: ExpectedReceipt, source: Account) -> Movement:
    return Movement(
        key=f"expected:{id_}",
        sku_id=receipt.sku_id,
        quantity=one.quantity,
        source=source,
        target=Account.location(receipt.location_id, one.condition),
        lot=one.lot,
        reason=_REASONS[receipt.kind],
        document_id=receipt.id,
        actor=one.actor,
        effective_at=one.effective_at,
    )


async def _record(db: Connection, moving: Mapping[UUID, Movement], *, now: datetime) -> dict[UUID, BatutaError]:
    """Record movements; return those that stock refuses."""
    if not moving:
        return {}
    answers = await record_movements(db, movements=list(moving.values()), now=now)
    return {id_: answer for id_, answer in zip(moving, answers, strict=True) if isinstance(answer, BatutaError)}


def _taken_back(receipt: ExpectedReceipt, units: int) -> ExpectedReceipt:
    return msgspec.structs.replace(receipt, received=receipt.received - units, status=SupplyStatus.OPEN, closed_at=None)


def _came(id_: UUID, one: ReceiveExpected, key: StockKey) -> Came:
    return Came(
        run_id=id_,
        sku_id=key.sku_id,
        location_id=key.location_id,
        expected_id=one.expected_id,
        units=one.quantity,
        actor=one.actor,
        is_sellable=one.condition is Condition.SELLABLE,
    )


__all__ = ["expect", "lock_receipts", "move_expected", "receive_expected", "save_lateness"]
