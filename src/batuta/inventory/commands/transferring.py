"""The units of transfers: picked, shipped, received, and what became of those that did not arrive (INV-03, FUL-12).

A transfer takes only what is free: picking claims its units like an order's, so nobody's claim is taken away. Shipped
units are in the transfer's own account of the ledger, until it is known of each what became of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.inventory.commands.expecting import expect, move_expected, receive_expected
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.issuing import issue
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import open_rows
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.reserving import reserve
from batuta.inventory.commands.rows import places_of, sellable, write_rows
from batuta.inventory.commands.transfers import check_unchanged, step, write_transfers
from batuta.inventory.domain import (
    Account,
    Condition,
    Issue,
    Movement,
    MovementReason,
    Release,
    Reserved,
    ReserveLine,
    ReserveRequest,
    StockKey,
)
from batuta.inventory.domain.supply import Expected, MoveExpected, ReceiveExpected, SupplyKind
from batuta.inventory.domain.transfers import (
    TRANSFER_MOVES,
    MoreThanShipped,
    NothingToTransfer,
    PickTransfer,
    ReceiveTransfer,
    SettledAs,
    SettleTransfer,
    ShipTransfer,
    Transfer,
    TransferLine,
    TransferStatus,
    UnknownTransfer,
    arrived,
    check_arrival,
    settled,
    status_after,
    stepped,
    take_lots,
)
from batuta.inventory.queries.transfers import Contents, contents_of, deliveries_known, transfers_by_id
from batuta.inventory.tables.transfers import transfer_receipt, transfer_settlement
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.states import move
from batuta.plumbing.database import Connection, insert_rows

TRIP_USUAL = timedelta(days=2)


async def pick_transfers(
    db: Connection, *, picks: Sequence[PickTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Claim approved units at their source; each transfer all it wants, or less if it allows it, or why not."""
    seen = await transfers_by_id(db, {one.transfer_id for one in picks})
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
    await write_transfers(db, seen, [one for one in wanted.values() if isinstance(one, Transfer)])
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
    lines = [msgspec.structs.replace(line, picked=granted[line.id]) for line in found.lines]
    return msgspec.structs.replace(found, lines=lines)


async def ship_transfers(
    db: Connection, *, shipments: Sequence[ShipTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Let picked units leave their source for the transfer's own account; what was picked and stays is free again.

    From then on they are expected at the target (INV-03).
    """
    seen = await transfers_by_id(db, {one.transfer_id for one in shipments})
    rows = {sellable(line.sku_id, one.source_location_id) for one in seen.values() for line in one.lines}
    await write_rows(db, await lock_rows_now(db, rows, now=now))
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
    await release(db, releases=[Release(holder_id=one.id) for one in gone], now=now)
    await write_transfers(db, seen, gone)
    await expect(db, expected=[_expected(one, line) for one in gone for line in one.lines if line.shipped], now=now)
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


def raise_first(outcomes: Iterable[object]) -> None:
    """Raises:
    BatutaError: the first refusal.
    """
    for outcome in outcomes:
        if isinstance(outcome, BatutaError):
            raise outcome


async def receive_transfers(
    db: Connection, *, deliveries: Sequence[ReceiveTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Take in what arrived; what did not stays missing until it arrives or somebody settles it.

    Lines of orders that wait for the units get them at once. The same delivery again is answered, not repeated.
    """
    seen = await transfers_by_id(db, {one.transfer_id for one in deliveries})
    contents = await contents_of(db, seen)
    await _lock_targets(db, [key for one in deliveries for key in _targets(seen, contents, one)], now=now)
    await check_unchanged(db, seen)
    known = await deliveries_known(db, [one.id for one in deliveries])
    after = dict(seen)
    outcomes: list[Transfer | BatutaError] = []
    for one in deliveries:
        try:
            async with db.savepoint():
                if one.id not in known:
                    after[one.transfer_id] = await _receive(db, after.get(one.transfer_id), one, now=now)
                    known.add(one.id)
            outcomes.append(after[one.transfer_id])
        except BatutaError as problem:
            outcomes.append(problem)
    await write_transfers(db, seen, after.values())
    return outcomes


def _targets(seen: dict[UUID, Transfer], contents: dict[UUID, Contents], one: ReceiveTransfer) -> Iterable[StockKey]:
    """The rows in which the units of a delivery may come to lie."""
    found = seen.get(one.transfer_id)
    skus = {line.id: line.sku_id for line in found.lines} if found else {}
    for part in one.lines:
        if found and part.line_id in skus:
            sku_id = skus[part.line_id]
            for condition, units in ((Condition.SELLABLE, part.quantity), (Condition.DAMAGED, part.damaged)):
                if units:
                    for lot in contents[found.id].get(sku_id, {}):
                        yield StockKey(sku_id, found.target_location_id, condition.value, lot)


async def _lock_targets(db: Connection, keys: Sequence[StockKey], *, now: datetime) -> None:
    await open_rows(db, set(keys))
    await write_rows(db, await lock_rows_now(db, places_of(keys), now=now))


async def _receive(db: Connection, found: Transfer | None, one: ReceiveTransfer, *, now: datetime) -> Transfer:
    if found is None:
        raise UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
    lines = arrived(found, one.lines)
    content = (await contents_of(db, [found.id]))[found.id]
    skus = {line.id: line.sku_id for line in found.lines}
    moves: list[tuple[UUID, Movement]] = []
    for i, part in enumerate(one.lines):
        for condition, units in ((Condition.SELLABLE, part.quantity), (Condition.DAMAGED, part.damaged)):
            target = Account.location(found.target_location_id, condition)
            key = f"transfer-in:{child_id(one.id, i, condition).hex}"
            sku_id = skus[part.line_id]
            moves += [
                (part.line_id, _arrival(found, sku_id, taken, target=target, key=key, actor=one.actor, now=now))
                for taken in _lots(content, sku_id, units, part.lot)
            ]
    raise_first(await record_movements(db, movements=[movement for _, movement in moves], now=now))
    await insert_rows(db, transfer_receipt, [_receipt(one, i, now) for i in range(len(one.lines))])
    await receive_expected(db, receipts=[_came(line_id, movement) for line_id, movement in moves], now=now)
    return step(found, status_after(lines), lines=lines, actor=one.actor, now=now)


def _lots(content: Contents, sku_id: UUID, units: int, lot: str | None) -> list[tuple[str, int]]:
    """Raises:
    MoreThanShipped: of that lot.
    """
    taken = take_lots(content.get(sku_id, {}), units, lot)
    if taken is None:
        there = content.get(sku_id, {})
        raise MoreThanShipped("fewer units of the lot are under way", sku_id=str(sku_id), lots=dict(there))
    return taken


def _arrival(
    found: Transfer, sku_id: UUID, units: tuple[str, int], *, target: Account, key: str, actor: str, now: datetime
) -> Movement:
    """Units of a lot that leave the transfer's account."""
    lot, quantity = units
    return Movement(
        key=f"{key}:{lot}",
        sku_id=sku_id,
        quantity=quantity,
        source=Account.parcel(found.id),
        target=target,
        lot=lot,
        reason=MovementReason.TRANSFER_IN if target.location_id else MovementReason.ADJUST,
        document_id=found.id,
        actor=actor,
        effective_at=now,
    )


def _receipt(one: ReceiveTransfer, i: int, now: datetime) -> dict[str, object]:
    part = one.lines[i]
    return {
        "id": child_id(one.id, i),
        "delivery_id": one.id,
        "line_id": part.line_id,
        "quantity": part.quantity,
        "damaged": part.damaged,
        "lot": part.lot,
        "actor": one.actor,
        "received_at": now,
    }


def _came(line_id: UUID, movement: Movement) -> ReceiveExpected:
    """A refusal of this changes nothing: somebody has ended the expectation by hand, and the units are here."""
    assert movement.target.condition
    return ReceiveExpected(
        key=movement.key,
        expected_id=line_id,
        quantity=movement.quantity,
        actor=movement.actor,
        effective_at=movement.effective_at,
        source=None,
        condition=movement.target.condition,
        lot=movement.lot,
    )


async def settle_transfers(
    db: Connection, *, settlements: Sequence[SettleTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Say what became of units that did not arrive: lost, found at the target, or back at the source.

    A transfer closes with the last of them. The same settlement again is answered, not repeated.
    """
    seen = await transfers_by_id(db, {one.transfer_id for one in settlements})
    contents = await contents_of(db, seen)
    await _lock_targets(db, [key for one in settlements for key in _homes(seen, contents, one)], now=now)
    await check_unchanged(db, seen)
    known = await deliveries_known(db, [one.id for one in settlements])
    after = dict(seen)
    outcomes: list[Transfer | BatutaError] = []
    for one in settlements:
        try:
            async with db.savepoint():
                if one.id not in known:
                    after[one.transfer_id] = await _settle(db, after.get(one.transfer_id), one, now=now)
                    known.add(one.id)
            outcomes.append(after[one.transfer_id])
        except BatutaError as problem:
            outcomes.append(problem)
    await write_transfers(db, seen, after.values())
    return outcomes


def _home(found: Transfer, outcome: SettledAs) -> Account:
    if outcome is SettledAs.LOSS:
        return Account.loss()
    is_back = outcome is SettledAs.SENT_BACK
    return Account.location(found.source_location_id if is_back else found.target_location_id)


def _homes(seen: dict[UUID, Transfer], contents: dict[UUID, Contents], one: SettleTransfer) -> Iterable[StockKey]:
    found = seen.get(one.transfer_id)
    line = next((line for line in found.lines if line.id == one.line_id), None) if found else None
    if found and line and (home := _home(found, one.outcome)).location_id:
        for lot in contents[found.id].get(line.sku_id, {}):
            yield StockKey(line.sku_id, home.location_id, Condition.SELLABLE.value, lot)


async def _settle(db: Connection, found: Transfer | None, one: SettleTransfer, *, now: datetime) -> Transfer:
    if found is None:
        raise UnknownTransfer("there is no such transfer", transfer_id=str(one.transfer_id))
    lines = settled(found, one)
    (line,) = [line for line in lines if line.id == one.line_id]
    content = (await contents_of(db, [found.id]))[found.id]
    home, key = _home(found, one.outcome), f"transfer-settled:{one.id.hex}"
    moves = [
        _arrival(found, line.sku_id, units, target=home, key=key, actor=one.actor, now=now)
        for units in _lots(content, line.sku_id, one.quantity, None)
    ]
    raise_first(await record_movements(db, movements=moves, now=now))
    row = {name: getattr(one, name) for name in ("id", "line_id", "quantity", "outcome", "note", "actor")}
    await insert_rows(db, transfer_settlement, [{**row, "settled_at": now}])
    if one.outcome is SettledAs.FOUND:
        await receive_expected(db, receipts=[_came(line.id, movement) for movement in moves], now=now)
    else:
        to_come = line.received + line.damaged + line.missing
        await move_expected(db, moves=[MoveExpected(expected_id=line.id, actor=one.actor, quantity=to_come)], now=now)
    return step(found, status_after(lines), lines=lines, actor=one.actor, now=now)
