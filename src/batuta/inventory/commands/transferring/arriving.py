"""Units that arrive at the target of a transfer, and what became of those that did not."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from batuta.inventory.commands.earmarking import Arrival, match_orders
from batuta.inventory.commands.expecting import move_expected, receive_expected
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.opening import open_rows
from batuta.inventory.commands.rows import places_of, write_rows
from batuta.inventory.commands.transfers import check_unchanged, raise_first, step, write_transfers
from batuta.inventory.domain import Account, Condition, Movement, MovementReason, StockKey
from batuta.inventory.domain.supply import MoveExpected, ReceiveExpected
from batuta.inventory.domain.transfers import (
    MoreThanShipped,
    ReceiveTransfer,
    SettledAs,
    SettleTransfer,
    Transfer,
    UnknownTransfer,
    arrived,
    settled,
    status_after,
    take_lots,
)
from batuta.inventory.queries.transfers import Contents, contents_of, deliveries_known, transfers_by_id
from batuta.inventory.tables.transfers import transfer_receipt, transfer_settlement
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, insert_rows

Asked = TypeVar("Asked", ReceiveTransfer, SettleTransfer)


async def receive_transfers(
    db: Connection, *, deliveries: Sequence[ReceiveTransfer], now: datetime
) -> list[Transfer | BatutaError]:
    """Take in what arrived; what did not stays missing until it arrives or somebody settles it.

    Lines of orders that wait for the units get them at once. The same delivery again is answered, not repeated.
    """
    return await _each_once(db, deliveries, _targets, _receive, now=now)


async def _each_once(
    db: Connection,
    asked: Sequence[Asked],
    rows_of: Callable[[dict[UUID, Transfer], dict[UUID, Contents], Asked], Iterable[StockKey]],
    act: Callable[[Connection, Transfer | None, Asked, datetime], Awaitable[Transfer]],
    *,
    now: datetime,
) -> list[Transfer | BatutaError]:
    """Lock the rows of all that is asked, and do each once, as its transfer stands after those before it."""
    seen = await transfers_by_id(db, {one.transfer_id for one in asked})
    contents = await contents_of(db, seen)
    await _lock_targets(db, [key for one in asked for key in rows_of(seen, contents, one)], now=now)
    await check_unchanged(db, seen)
    known = await deliveries_known(db, [one.id for one in asked])
    after = dict(seen)
    outcomes: list[Transfer | BatutaError] = []
    for one in asked:
        try:
            async with db.savepoint():
                if one.id not in known:
                    after[one.transfer_id] = await act(db, after.get(one.transfer_id), one, now)
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
            yield from _sources(found, contents, sku_id)


def _sources(found: Transfer, contents: dict[UUID, Contents], sku_id: UUID) -> Iterable[StockKey]:
    """Where orders hold at the source what they were to get and do not."""
    if found.is_for_orders:
        for lot in contents[found.id].get(sku_id, {}):
            yield StockKey(sku_id, found.source_location_id, Condition.SELLABLE.value, lot)


async def _lock_targets(db: Connection, keys: Sequence[StockKey], *, now: datetime) -> None:
    await open_rows(db, set(keys))
    await write_rows(db, await lock_rows_now(db, places_of(keys), now=now))


async def _receive(db: Connection, found: Transfer | None, one: ReceiveTransfer, now: datetime) -> Transfer:
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
    after = step(found, status_after(lines), lines=lines, actor=one.actor, now=now)
    told = frozenset(part.line_id for part in one.lines)
    await _settle_supply(db, Arrival(transfer=after, run_id=one.id, moves=moves, told=told), now=now)
    return after


async def _settle_supply(db: Connection, arrival: Arrival, *, now: datetime) -> None:
    """Units that came are their orders', or serve those who wait for them."""
    if arrival.transfer.is_for_orders:
        await match_orders(db, arrival, now=now)
    else:
        await receive_expected(db, receipts=[_came(line_id, movement) for line_id, movement in arrival.moves], now=now)


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
    return await _each_once(db, settlements, _homes, _settle, now=now)


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
    if found and line:
        yield from _sources(found, contents, line.sku_id)


async def _settle(db: Connection, found: Transfer | None, one: SettleTransfer, now: datetime) -> Transfer:
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
    after = step(found, status_after(lines), lines=lines, actor=one.actor, now=now)
    if one.outcome is SettledAs.FOUND or found.is_for_orders:
        came = [(line.id, movement) for movement in moves]
        await _settle_supply(db, Arrival(transfer=after, run_id=one.id, moves=came, told=frozenset()), now=now)
    else:
        to_come = line.received + line.damaged + line.missing
        await move_expected(db, moves=[MoveExpected(expected_id=line.id, actor=one.actor, quantity=to_come)], now=now)
    return after
