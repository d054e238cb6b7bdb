"""Units of transfers that are orders' all the way: earmarked, matched on arrival, given back when they do not (FUL-12).

Locks stock rows, then transfers, then earmarks, then claims.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Integer, Uuid, any_, bindparam, select, update

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.releasing import release
from batuta.inventory.commands.rows import LockedRows, Place, places_of, sellable, write_rows
from batuta.inventory.commands.transfers import (
    insert_transfers,
    lock_transfers,
    new_transfer,
    step,
    write_transfers,
)
from batuta.inventory.domain import Condition, Movement, NotClaimed, Release, StockKey, lessen
from batuta.inventory.domain.earmarks import (
    Earmark,
    SendToStore,
    SentUnits,
    fill_earmarks,
    lessen_earmarks,
    of_line,
)
from batuta.inventory.domain.transfers import (
    RequestTransfer,
    Transfer,
    TransferKind,
    TransferStatus,
    TransferUnits,
    stepped,
)
from batuta.inventory.events import SupplyServed, TransferFellShort
from batuta.inventory.queries import all_claims_of
from batuta.inventory.queries.transfers import transfers_by_id
from batuta.inventory.tables.transfers import earmark
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Event
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, arrays, insert_rows, params, rows_with
from batuta.plumbing.events import publish

ACTOR = "system:inventory"

LineSku = tuple[UUID, UUID]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What a delivery, or a settlement, brought of a transfer that is for orders.

    transfer: as it is then. told: the lines of which it says all; what they lack will not come. run_id: its own.
    """

    transfer: Transfer
    run_id: UUID
    moves: Sequence[tuple[UUID, Movement]]
    told: frozenset[UUID]


async def send_to_stores(
    db: Connection, *, wishes: Sequence[SendToStore], now: datetime
) -> list[Transfer | BatutaError]:
    """Make approved transfers of units that orders hold, for these orders; the same id again is answered.

    The claims become the transfer's, so nobody else gets the units in between.
    """
    known = await transfers_by_id(db, [one.id for one in wishes])
    new = [one for one in wishes if one.id not in known]
    places = {sellable(part.sku_id, one.source_location_id) for one in new for part in one.units}
    await write_rows(db, await lock_rows_now(db, places, now=now))
    claims = await lock_claims(db, {one.order_id for one in new}, now=now)
    made: dict[UUID, Transfer] = {}

    def send(one: SendToStore) -> Transfer:
        if found := known.get(one.id) or made.get(one.id):
            return found
        for part in one.units:
            _check_held(one, part, claims)
        made[one.id] = sent = _sent(one, now)
        for part in one.units:
            place = sellable(part.sku_id, one.source_location_id)
            mine = (one.order_id, part.line_id)
            _hand_over(claims, mine, (sent.id, child_id(sent.id, part.sku_id)), place, part.quantity)
        return sent

    outcomes = each(wishes, send)
    await insert_transfers(db, list(made.values()))
    await write_claims(db, claims)
    marks = [_earmark(one, part) for one in new if one.id in made for part in one.units]
    await insert_rows(db, earmark, [msgspec.structs.asdict(one) for one in marks])
    return outcomes


def _sent(one: SendToStore, now: datetime) -> Transfer:
    asked = RequestTransfer(
        id=one.id,
        source_location_id=one.source_location_id,
        target_location_id=one.target_location_id,
        lines=[TransferUnits(sku_id=part.sku_id, quantity=part.quantity) for part in one.units],
        kind=TransferKind.ORDER,
        due_at=one.due_at,
        actor=one.actor,
    )
    made = new_transfer(asked, now)
    lines = stepped(made, {}, source="requested", target="approved")
    return step(made, TransferStatus.APPROVED, lines=lines, actor=one.actor, now=now)


def _earmark(one: SendToStore, part: SentUnits) -> Earmark:
    return Earmark(
        transfer_line_id=child_id(one.id, part.sku_id),
        line_id=part.line_id,
        transfer_id=one.id,
        order_id=one.order_id,
        sku_id=part.sku_id,
        asked=part.quantity,
        units=part.quantity,
    )


def _check_held(one: SendToStore, part: SentUnits, claims: LockedClaims) -> None:
    """Raises:
    NotClaimed.
    """
    held = sum(
        claim.held
        for claim in claims.of(one.order_id, part.line_id)
        if (claim.sku_id, claim.location_id) == (part.sku_id, one.source_location_id)
    )
    if held < part.quantity:
        raise NotClaimed(
            "the line holds fewer units there than should be sent",
            holder_id=str(one.order_id),
            line_id=str(part.line_id),
            sku_id=str(part.sku_id),
            location_id=str(one.source_location_id),
            asked=part.quantity,
            held=held,
        )


def _hand_over(
    claims: LockedClaims, giver: tuple[UUID, UUID], taker: tuple[UUID, UUID], place: Place, units: int
) -> None:
    """Let another holder's line hold units of the same rows; what is reserved stays as it is."""
    for claim in claims.of(*giver):
        if Place(*claim.row[:3]) == place and (part := min(claim.held, units)):
            claims.change(lessen(claim, released=part))
            claims.make(*taker, claim.row, part, until_at=None, pool_id=claim.pool_id)
            units -= part
    assert not units, "more is handed over than is held"


async def lock_shelves(db: Connection, transfers: Iterable[Transfer], *, now: datetime) -> None:
    """Lock the rows that transfers take their units from, before anything else of them is locked."""
    places = {sellable(line.sku_id, one.source_location_id) for one in transfers for line in one.lines}
    await write_rows(db, await lock_rows_now(db, places, now=now))


async def return_unsent(
    db: Connection, before: Mapping[UUID, Transfer], after: Iterable[Transfer], *, now: datetime
) -> None:
    """Give orders back what transfers that were for them will not send: their lines hold it at the source again."""
    changed = [one for one in after if one.is_for_orders and one != before[one.id]]
    if not changed:
        return
    earmarks = await _lock_earmarks(db, [one.id for one in changed])
    holders = {one.id for one in changed} | {one.line_id for several in earmarks.values() for one in several}
    claims = await lock_claims(db, holders, now=now)
    lost: list[Earmark] = []
    told: list[Event] = []
    for one in changed:
        run_id = child_id(one.id, "not sent", one.status)
        short = _short(one, earmarks.get(one.id, ()), told=frozenset())
        for mark, units in short:
            place = sellable(mark.sku_id, one.source_location_id)
            giver, taker = (one.id, mark.transfer_line_id), (mark.line_id, child_id(mark.line_id, "served", run_id))
            _hand_over(claims, giver, taker, place, units)
            lost.append(mark)
        told += _fell_short(one, run_id, short, has_left=False, now=now)
    await write_claims(db, claims)
    await _write_earmarks(db, lost)
    await publish(db, told)


async def match_orders(db: Connection, arrival: Arrival, *, now: datetime) -> None:
    """Claim units that came for the lines they are earmarked for, until their orders take them over.

    What will not come is claimed at the source, more than is free there if need be: the order is planned anew from
    there, as after a location that could not serve it.
    """
    one = arrival.transfer
    marks = (await _lock_earmarks(db, [one.id])).get(one.id, [])
    if not any(mark.units for mark in marks):
        return
    sku_ids = {line.sku_id for line in one.lines}
    places = {sellable(sku_id, at) for sku_id in sku_ids for at in (one.source_location_id, one.target_location_id)}
    rows = await lock_rows_now(db, places, now=now)
    claims = await lock_claims(db, {mark.line_id for mark in marks}, now=now)
    present = {(mark.transfer_line_id, mark.line_id): mark for mark in marks}
    served: dict[UUID, dict[UUID, None]] = defaultdict(dict)
    for transfer_line_id, movement in arrival.moves:
        if movement.target.condition is not Condition.SELLABLE or movement.target.location_id != one.target_location_id:
            continue
        key = StockKey(movement.sku_id, one.target_location_id, Condition.SELLABLE.value, movement.lot)
        for mark, units in fill_earmarks(of_line(list(present.values()), transfer_line_id), movement.quantity):
            present[mark.transfer_line_id, mark.line_id] = mark
            rows.change(key, claimed=units)
            claims.make(mark.line_id, child_id(mark.line_id, "served", arrival.run_id), key, units, until_at=None)
            served[mark.order_id][mark.line_id] = None
    run_id = child_id(arrival.run_id, "short")
    short = _short(one, list(present.values()), told=arrival.told)
    for mark, units in short:
        present[mark.transfer_line_id, mark.line_id] = mark
        for key, part in _claim_anyway(rows, sellable(mark.sku_id, one.source_location_id), units):
            claims.make(mark.line_id, child_id(mark.line_id, "served", run_id), key, part, until_at=None)
    await write_rows(db, rows)
    await write_claims(db, claims)
    await _write_earmarks(db, present.values())
    came = [_came(arrival, order_id, tuple(line_ids), now) for order_id, line_ids in served.items()]
    await publish(db, [*came, *_fell_short(one, run_id, short, has_left=True, now=now)])


def _short(one: Transfer, earmarks: Sequence[Earmark], *, told: frozenset[UUID]) -> list[tuple[Earmark, int]]:
    """The earmarks that lose units, and how many: beyond what may still come, all of lines of which all was told."""
    short = []
    for line in one.lines:
        marks = of_line(earmarks, line.id)
        to_come = 0 if line.id in told else one.to_come(line)
        short += lessen_earmarks(marks, max(0, sum(mark.units for mark in marks) - to_come))[0]
    return short


def _claim_anyway(rows: LockedRows, place: Place, units: int) -> list[tuple[StockKey, int]]:
    """Reserve what is free at a place, and the rest beyond it: more is reserved there then than there is."""
    free = min(units, rows.free_at(place))
    taken = rows.claim(place, free, until_at=None) if free else []
    if units > free:
        key = min(key for key in rows.on_hands() if Place(*key[:3]) == place)
        rows.change(key, claimed=units - free)
        taken.append((key, units - free))
    return taken


def _came(arrival: Arrival, order_id: UUID, line_ids: tuple[UUID, ...], now: datetime) -> SupplyServed:
    return SupplyServed(stream=order_id, happened_at=now, actor=ACTOR, run_id=arrival.run_id, line_ids=line_ids)


def _fell_short(
    one: Transfer, run_id: UUID, short: Sequence[tuple[Earmark, int]], *, has_left: bool, now: datetime
) -> list[TransferFellShort]:
    by_order: dict[UUID, list[tuple[Earmark, int]]] = defaultdict(list)
    for mark, units in short:
        by_order[mark.order_id].append((mark, units))
    return [
        TransferFellShort(
            stream=order_id,
            happened_at=now,
            actor=one.steps[-1].actor,
            transfer_id=one.id,
            source_location_id=one.source_location_id,
            run_id=run_id,
            line_ids=tuple(dict.fromkeys(mark.line_id for mark, _ in several)),
            units=sum(units for _, units in several),
            has_left=has_left,
        )
        for order_id, several in by_order.items()
    ]


async def give_up_earmarks(db: Connection, wanted: Mapping[LineSku, int], *, now: datetime) -> dict[LineSku, int]:
    """Let lines want fewer units of those on their way; return how many units of each were not among these.

    What nobody has picked stays at its source and is free there; what is picked or has left arrives as ordinary stock.
    """
    line_ids = {line_id for line_id, _ in wanted}
    marked = [row for row in await rows_with(db, earmark.c.line_id, line_ids) if row["units"]]
    if not marked:
        return dict(wanted)
    seen = await transfers_by_id(db, {row["transfer_id"] for row in marked})
    served = places_of(claim.row for claim in await all_claims_of(db, line_ids) if claim.held)
    # The target's rows too: what arrives while these are waited for is held there, and would be locked out of order.
    ends = {
        sellable(row["sku_id"], at)
        for row in marked
        for at in (seen[row["transfer_id"]].source_location_id, seen[row["transfer_id"]].target_location_id)
    }
    await write_rows(db, await lock_rows_now(db, served | ends, now=now))
    before = await lock_transfers(db, seen)
    marks = [one for several in (await _lock_earmarks(db, before)).values() for one in several]
    left = dict(wanted)
    lost: list[tuple[Earmark, int]] = []
    for key, units in wanted.items():
        less, left[key] = lessen_earmarks([one for one in marks if (one.line_id, one.sku_id) == key], units)
        lost += less
    await _write_earmarks(db, [one for one, _ in lost])
    await _keep_at_source(db, before, lost, now=now)
    return left


async def _keep_at_source(
    db: Connection, before: Mapping[UUID, Transfer], lost: Sequence[tuple[Earmark, int]], *, now: datetime
) -> None:
    """What nobody wants is not picked; a transfer of which nothing is left is cancelled."""
    waiting = [(one, part) for one, part in lost if before[one.transfer_id].status is TransferStatus.APPROVED]
    less: dict[UUID, int] = defaultdict(int)
    for one, part in waiting:
        less[one.transfer_line_id] += part
    after = []
    for id_ in dict.fromkeys(one.transfer_id for one, _ in waiting):
        found = before[id_]
        lines = [msgspec.structs.replace(line, approved=line.approved - less[line.id]) for line in found.lines]
        if any(line.approved for line in lines):
            after.append(msgspec.structs.replace(found, lines=lines))
        else:
            after.append(step(found, TransferStatus.CANCELLED, lines=lines, actor=ACTOR, now=now))
    releases = [
        Release(holder_id=one.transfer_id, line_id=one.transfer_line_id, sku_id=one.sku_id, quantity=part)
        for one, part in waiting
    ]
    await release(db, releases=releases, now=now)
    await write_transfers(db, dict(before), after)


_lock = (
    select(earmark)
    .where(earmark.c.transfer_id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(earmark.c.transfer_line_id, earmark.c.line_id)
    .with_for_update()
)
_given = arrays("given", transfer_line_id=Uuid(), line_id=Uuid(), units=Integer())
_write = (
    update(earmark)
    .where(earmark.c.transfer_line_id == _given.c.transfer_line_id, earmark.c.line_id == _given.c.line_id)
    .values(units=_given.c.units)
)


async def _lock_earmarks(db: Connection, transfer_ids: Collection[UUID]) -> dict[UUID, list[Earmark]]:
    """Lock what of transfers is earmarked; the transfers are locked already."""
    found: dict[UUID, list[Earmark]] = {}
    for row in await db.execute(_lock, {"ids": list(transfer_ids)}):
        one = msgspec.convert(dict(row), Earmark)
        found.setdefault(one.transfer_id, []).append(one)
    return found


async def _write_earmarks(db: Connection, marks: Collection[Earmark]) -> None:
    if marks:
        names = ("transfer_line_id", "line_id", "units")
        await db.execute(_write, params("given", **{name: [getattr(one, name) for one in marks] for name in names}))
