"""Transfers asked for, approved and on their way (INV-03). What moves their units is in `transferring`.

Stock rows are locked before a transfer's row. What is decided about stock is decided on a transfer read without a
lock; if it has changed once it is locked, somebody else was faster, and all is undone (`Overtaken`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, select, update

from batuta.inventory.commands.counting import untracked
from batuta.inventory.commands.expecting import move_expected
from batuta.inventory.domain import Overtaken, UnknownStock
from batuta.inventory.domain.supply import MoveExpected
from batuta.inventory.domain.transfers import (
    TRANSFER_MOVES,
    ApproveTransfer,
    DepartTransfer,
    NothingToTransfer,
    RequestTransfer,
    SamePlace,
    Transfer,
    TransferLine,
    TransferStatus,
    TransferStep,
    UnknownTransfer,
    check_arrival,
    stepped,
)
from batuta.inventory.events import TransferMoved
from batuta.inventory.queries.transfers import transfers_by_id
from batuta.inventory.tables.transfers import transfer, transfer_line, transfer_step
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each
from batuta.kernel.states import move
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection, Instant, Integer, arrays, insert_new, insert_rows, params
from batuta.plumbing.events import publish

Wish = TypeVar("Wish", ApproveTransfer, DepartTransfer)


async def request_transfers(
    db: Connection, *, requests: Sequence[RequestTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Ask for units of other locations; each stands as it is stored, or why not. The same id again is answered."""
    known = await transfers_by_id(db, [one.id for one in requests])
    places = {at for one in requests for at in (one.source_location_id, one.target_location_id)}
    there = set(await locations_by_id(db, places))
    strange = await untracked(db, {line.sku_id for one in requests for line in one.lines})

    def ask(one: RequestTransfer) -> Transfer:
        if one.id in known:
            return known[one.id]
        if one.source_location_id == one.target_location_id:
            raise SamePlace("a transfer leads to another location", location_id=str(one.source_location_id))
        if not {one.source_location_id, one.target_location_id} <= there:
            raise UnknownStock("there is no such location")
        check_arrival(one.due_at, now=now)
        if not one.lines:
            raise NothingToTransfer("a transfer is of some units")
        for line in one.lines:
            if line.sku_id in strange:
                raise strange[line.sku_id]
        known[one.id] = made = new_transfer(one, now)
        return made

    before = set(known)
    outcomes = each(requests, ask)
    made = [known[id_] for id_ in sorted(set(known) - before)]
    await insert_transfers(db, made)
    return outcomes


def new_transfer(one: RequestTransfer, now: datetime) -> Transfer:
    """A transfer as it is asked for; a SKU that comes twice is one line."""
    units: dict[UUID, int] = defaultdict(int)
    for line in one.lines:
        units[line.sku_id] += line.quantity
    return Transfer(
        id=one.id,
        source_location_id=one.source_location_id,
        target_location_id=one.target_location_id,
        kind=one.kind,
        status=TransferStatus.REQUESTED,
        due_at=one.due_at,
        carrier="",
        tracking_number="",
        note=one.note,
        created_at=now,
        lines=[
            TransferLine(id=child_id(one.id, sku_id), transfer_id=one.id, position=i, sku_id=sku_id, requested=quantity)
            for i, (sku_id, quantity) in enumerate(units.items())
        ],
        steps=[TransferStep(status=TransferStatus.REQUESTED, actor=one.actor, at=now)],
    )


async def insert_transfers(db: Connection, made: Sequence[Transfer]) -> None:
    """Store new transfers, and tell each of their steps."""
    rows = []
    for one in made:
        row = msgspec.structs.asdict(one)
        del row["lines"], row["steps"]
        rows.append(row)
    stored = {id_ for (id_,) in await insert_new(db, transfer, rows, returning=("id",))}
    new = [one for one in made if one.id in stored]
    await insert_rows(db, transfer_line, [msgspec.structs.asdict(line) for one in new for line in one.lines])
    await _tell(db, [(one, each_step) for one in new for each_step in one.steps])


async def approve_transfers(
    db: Connection, *, approvals: Sequence[ApproveTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Agree to transfers, to all of what is asked for or to less."""

    def approve(found: Transfer, one: ApproveTransfer) -> Transfer:
        lines = stepped(found, one.quantities, source="requested", target="approved")
        return step(found, TransferStatus.APPROVED, lines=lines, actor=one.actor, now=now)

    return await _act(db, approvals, approve, wanted=TransferStatus.APPROVED)


async def depart_transfers(
    db: Connection, *, departures: Sequence[DepartTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Whoever drives has the units of transfers, and says when they arrive."""

    def depart(found: Transfer, one: DepartTransfer) -> Transfer:
        check_arrival(one.due_at, now=now)
        gone = step(found, TransferStatus.IN_TRANSIT, lines=found.lines, actor=one.actor, now=now)
        return msgspec.structs.replace(
            gone, carrier=one.carrier, tracking_number=one.tracking_number, due_at=one.due_at or found.due_at
        )

    outcomes = await _act(db, departures, depart, wanted=TransferStatus.IN_TRANSIT)
    moves = [
        MoveExpected(expected_id=line.id, actor=one.actor, due_at=one.due_at)
        for one, outcome in zip(departures, outcomes, strict=True)
        if one.due_at and isinstance(outcome, Transfer)
        for line in outcome.lines
        if line.missing
    ]
    await move_expected(db, moves=moves, now=now)
    return outcomes


async def _act(
    db: Connection, wishes: Sequence[Wish], verb: Callable[[Transfer, Wish], Transfer], *, wanted: TransferStatus
) -> list[Transfer | BatutaError]:
    """Do a verb that moves no units; what is in the wanted status already is answered as it is."""
    before = await lock_transfers(db, {one.transfer_id for one in wishes})
    after = dict(before)

    def act(one: Wish) -> Transfer:
        found = after.get(one.transfer_id)
        if found is None:
            raise UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
        if found.status is not wanted:
            after[found.id] = verb(found, one)
        return after[one.transfer_id]

    outcomes = each(wishes, act)
    await write_transfers(db, before, after.values())
    return outcomes


def step(found: Transfer, status: TransferStatus, *, lines: list[TransferLine], actor: str, now: datetime) -> Transfer:
    """The transfer in another status, with the step that says who brought it there.

    Raises:
        IllegalMove.
    """
    wanted = move(TRANSFER_MOVES, found.status, status)
    steps = found.steps if wanted is found.status else [*found.steps, TransferStep(status=wanted, actor=actor, at=now)]
    return msgspec.structs.replace(found, status=wanted, lines=lines, steps=steps)


def raise_first(outcomes: Iterable[object]) -> None:
    """Raises:
    BatutaError: the first refusal.
    """
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome


_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_lock = select(transfer.c.id).where(transfer.c.id == any_(_ids)).order_by(transfer.c.id).with_for_update()


async def lock_transfers(db: Connection, ids: Collection[UUID]) -> dict[UUID, Transfer]:
    """Lock transfers in the order of their ids, and read them."""
    await db.execute(_lock, {"ids": list(ids)})
    return await transfers_by_id(db, ids)


async def check_unchanged(db: Connection, seen: dict[UUID, Transfer]) -> None:
    """Lock transfers that were read before.

    Raises:
        Overtaken: somebody else has changed one of them since.
    """
    if await lock_transfers(db, seen) != seen:
        raise Overtaken("someone else is at work on the transfer at this moment")


_given = arrays("step", id=Uuid(), status=Text(), due_at=Instant, carrier=Text(), tracking_number=Text())
_write = (
    update(transfer)
    .where(transfer.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)
_UNITS = ("approved", "picked", "shipped", "received", "damaged", "lost", "sent_back")
_lines = arrays("line", id=Uuid(), **{name: Integer() for name in _UNITS})
_write_lines = (
    update(transfer_line).where(transfer_line.c.id == _lines.c.id).values({name: _lines.c[name] for name in _UNITS})
)


async def write_transfers(db: Connection, before: dict[UUID, Transfer], after: Iterable[Transfer]) -> None:
    """Write what has changed in locked transfers, and tell it."""
    changed = [one for one in after if one != before[one.id]]
    if not changed:
        return
    await db.execute(
        _write,
        params(
            "step",
            id=[one.id for one in changed],
            status=[one.status.value for one in changed],
            due_at=[one.due_at for one in changed],
            carrier=[one.carrier for one in changed],
            tracking_number=[one.tracking_number for one in changed],
        ),
    )
    lines = [line for one in changed for line in one.lines if line not in before[one.id].lines]
    if lines:
        units = {name: [getattr(line, name) for line in lines] for name in _UNITS}
        await db.execute(_write_lines, params("line", id=[line.id for line in lines], **units))
    await _tell(db, [(one, one_step) for one in changed for one_step in one.steps[len(before[one.id].steps) :]])


async def _tell(db: Connection, steps: Sequence[tuple[Transfer, TransferStep]]) -> None:
    await insert_rows(
        db, transfer_step, [{"transfer_id": one.id, **msgspec.structs.asdict(done)} for one, done in steps]
    )
    await publish(
        db,
        [
            TransferMoved(
                stream=one.id,
                happened_at=done.at,
                actor=done.actor,
                status=done.status,
                source_location_id=one.source_location_id,
                target_location_id=one.target_location_id,
                missing=sum(line.missing for line in one.lines)
                if done.status in {TransferStatus.RECEIVED, TransferStatus.CLOSED}
                else 0,
            )
            for one, done in steps
        ],
    )
