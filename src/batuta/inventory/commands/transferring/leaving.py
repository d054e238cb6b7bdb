"""Units that leave the source of a transfer, or stay after all."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.inventory.commands.earmarking import lock_shelves, return_unsent
from batuta.inventory.commands.expecting import expect
from batuta.inventory.commands.issuing import issue
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.reserving import reserve
from batuta.inventory.commands.transfers import check_unchanged, raise_first, step, write_transfers
from batuta.inventory.domain import Account, Issue, MovementReason, Release, Reserved, ReserveLine, ReserveRequest
from batuta.inventory.domain.supply import Expected, SupplyKind
from batuta.inventory.domain.transfers import (
    TRANSFER_MOVES,
    CancelTransfer,
    NothingToTransfer,
    PickTransfer,
    ShipTransfer,
    Transfer,
    TransferLine,
    TransferStatus,
    UnknownTransfer,
    check_arrival,
    stepped,
)
from batuta.inventory.queries.transfers import transfers_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.kernel.states import move
from batuta.plumbing.database import Connection

TRIP_USUAL = timedelta(days=2)


async def pick_transfers(
    db: Connection, *, picks: Sequence[PickTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Claim approved units at their source; each transfer all it wants, or less if it allows it, or why not."""
    seen = await transfers_by_id(db, {one.transfer_id for one in picks})
    await lock_shelves(db, [one for one in seen.values() if one.is_for_orders], now=now)
    wanted: dict[UUID, Transfer | BatutaError] = {}
    for one in picks:
        if one.transfer_id not in wanted:
            wanted[one.transfer_id] = _to_pick(seen, one, now=now)
    asking = [
        (one, found)
        for one in {one.transfer_id: one for one in reversed(picks)}.values()
        if isinstance(found := wanted[one.transfer_id], Transfer) and found is not seen[found.id]
    ]
    requests = [_request(found, one) for one, found in asking]
    for (_, found), outcome in zip(asking, await reserve(db, requests=requests, now=now), strict=True):
        wanted[found.id] = _as_granted(found, outcome) if isinstance(outcome, Reserved) else outcome
    await check_unchanged(db, seen)
    picked = [one for one in wanted.values() if isinstance(one, Transfer)]
    await return_unsent(db, seen, picked, now=now)
    await write_transfers(db, seen, picked)
    return [wanted[one.transfer_id] for one in picks]


def _to_pick(seen: dict[UUID, Transfer], one: PickTransfer, *, now: datetime) -> Transfer | BatutaError:
    found = seen.get(one.transfer_id)
    if found is None:
        return UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
    if found.status is TransferStatus.PICKED:
        return found
    try:
        move(TRANSFER_MOVES, found.status, TransferStatus.PICKED)
        lines = stepped(found, one.quantities, source="approved", target="picked")
        return step(found, TransferStatus.PICKED, lines=lines, actor=one.actor, now=now)
    except BatutaError as problem:
        return problem


def _request(found: Transfer, one: PickTransfer) -> ReserveRequest:
    return ReserveRequest(
        holder_id=found.id,
        lines=[
            ReserveLine(line_id=line.id, sku_id=line.sku_id, quantity=line.picked)
            for line in found.lines
            if line.picked
        ],
        location_ids=(found.source_location_id,),
        allow_partial=one.allow_partial,
        actor=one.actor,
    )


def _as_granted(found: Transfer, outcome: Reserved) -> Transfer | NothingToTransfer:
    granted = {line.id: 0 for line in found.lines}
    for grant in outcome.grants:
        granted[grant.line_id] += grant.quantity
    if not any(granted.values()):
        return NothingToTransfer("nothing of it is free", transfer_id=str(found.id))
    lines = [msgspec.structs.replace(line, picked=min(line.picked, granted[line.id])) for line in found.lines]
    return msgspec.structs.replace(found, lines=lines)


async def ship_transfers(
    db: Connection, *, shipments: Sequence[ShipTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Let picked units leave their source for the transfer's own account; what was picked and stays is free again.

    From then on they are expected at the target (INV-03), but for what is on its way for orders: nobody else may count
    on that.
    """
    seen = await transfers_by_id(db, {one.transfer_id for one in shipments})
    await lock_shelves(db, seen.values(), now=now)
    await check_unchanged(db, seen)
    after = dict(seen)
    outcomes: list[Transfer | BatutaError] = []
    for one in shipments:
        try:
            async with db.savepoint():
                after[one.transfer_id] = await _ship(db, after.get(one.transfer_id), one, now=now)
            outcomes.append(after[one.transfer_id])
        except BatutaError as problem:
            outcomes.append(problem)
    gone = [one for one in after.values() if one != seen[one.id]]
    await return_unsent(db, seen, gone, now=now)
    await release(db, releases=[Release(holder_id=one.id) for one in gone], now=now)
    await write_transfers(db, seen, gone)
    supply = [one for one in gone if not one.is_for_orders]
    await expect(db, expected=[_expected(one, line) for one in supply for line in one.lines if line.shipped], now=now)
    return outcomes


async def _ship(db: Connection, found: Transfer | None, one: ShipTransfer, *, now: datetime) -> Transfer:
    if found is None:
        raise UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
    if found.status is TransferStatus.SHIPPED:
        return found
    check_arrival(one.due_at, now=now)
    move(TRANSFER_MOVES, found.status, TransferStatus.SHIPPED)
    lines = stepped(found, one.quantities, source="picked", target="shipped")
    issues = [
        Issue(
            key=f"transfer-out:{line.id.hex}",
            holder_id=found.id,
            line_id=line.id,
            sku_id=line.sku_id,
            location_id=found.source_location_id,
            quantity=line.shipped,
            target=Account.parcel(found.id),
            document_id=found.id,
            actor=one.actor,
            effective_at=now,
            reason=MovementReason.TRANSFER_OUT,
        )
        for line in lines
        if line.shipped
    ]
    raise_first(await issue(db, issues=issues, now=now))
    hoped = found.due_at if found.due_at and found.due_at >= now else now + TRIP_USUAL
    gone = step(found, TransferStatus.SHIPPED, lines=lines, actor=one.actor, now=now)
    return msgspec.structs.replace(gone, due_at=one.due_at or hoped)


def _expected(one: Transfer, line: TransferLine) -> Expected:
    assert one.due_at
    return Expected(
        id=line.id,
        sku_id=line.sku_id,
        location_id=one.target_location_id,
        quantity=line.shipped,
        kind=SupplyKind.TRANSFER,
        due_at=one.due_at,
        document=str(one.id),
        actor=one.steps[-1].actor,
    )


async def cancel_transfers(
    db: Connection, *, cancellations: Sequence[CancelTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """End transfers that have not left; what was picked is free again, or back with the orders it was for."""
    seen = await transfers_by_id(db, {one.transfer_id for one in cancellations})
    leaving = [one for one in seen.values() if TransferStatus.CANCELLED in TRANSFER_MOVES[one.status]]
    await lock_shelves(db, leaving, now=now)
    await check_unchanged(db, seen)
    after = dict(seen)

    def cancel(one: CancelTransfer) -> Transfer:
        found = after.get(one.transfer_id)
        if found is None:
            raise UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
        if found.status is not TransferStatus.CANCELLED:
            lines = [msgspec.structs.replace(line, picked=0) for line in found.lines]
            after[found.id] = step(found, TransferStatus.CANCELLED, lines=lines, actor=one.actor, now=now)
        return after[one.transfer_id]

    outcomes = each(cancellations, cancel)
    ended = [one for one in after.values() if one != seen[one.id]]
    await return_unsent(db, seen, ended, now=now)
    await release(db, releases=[Release(holder_id=one.id) for one in ended], now=now)
    await write_transfers(db, seen, ended)
    return outcomes
