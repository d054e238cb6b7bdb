"""Goods that are sent to the store where their order is picked up, and those that do not arrive there (FUL-12)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.inventory.commands.earmarking import send_to_stores
from batuta.inventory.domain.earmarks import SendToStore, SentUnits
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.ordering.commands import lock_orders, move_units
from batuta.ordering.domain import Bucket, Order, UnitMove
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import withdraw
from batuta.sourcing.domain import Assignment, Plan, Promised, Withdrawal

ACTOR = "system:score"


def store_of(order: Order, assigned: Assignment) -> UUID | None:
    """The store to which units are to be sent; None where they are picked up where they lie, or shipped."""
    line = next(line for line in order.lines if line.id == assigned.line_id)
    store_id = (line.route or order.route).pickup_location_id
    return None if store_id == assigned.location_id else store_id


async def send_plans_to_stores(
    db: Connection,
    *,
    orders: Mapping[UUID, Order],
    plans: Sequence[Plan],
    promised: Mapping[UUID, Promised],
    now: datetime,
) -> None:
    """Make a transfer of what each location sends to the store of an order; it is the order's all the way.

    The units wait, as those that are still to come; they are off the plan, and are planned at the store once there.
    """
    sent = [each for one in plans for each in _wishes(orders[one.order_id], one, promised.get(one.order_id))]
    if not sent:
        return
    await lock_orders(db, {wish.order_id for wish, _ in sent})
    present = await orders_by_id(db, {wish.order_id for wish, _ in sent})
    moves = {wish.id: _moves(present[wish.order_id], wish) for wish, _ in sent}
    wishes = [wish for wish, _ in sent if _are_there(present[wish.order_id], moves[wish.id])]
    await move_units(db, moves=[move for wish in wishes for move in moves[wish.id]], now=now)
    for outcome in await send_to_stores(db, wishes=wishes, now=now):
        if isinstance(outcome, BatutaError):
            raise outcome
    off = [_off_plan(wish.order_id, one) for wish, several in sent for one in several]
    await withdraw(db, withdrawals=off)


def _are_there(order: Order, moves: Sequence[UnitMove]) -> bool:
    """Whether all of the units still wait; somebody may have cancelled some meanwhile."""
    wanted: dict[UUID, int] = defaultdict(int)
    for move in moves:
        wanted[move.line_id] += move.quantity
    return all(line.buckets.reserved >= wanted[line.id] for line in order.lines)


def _wishes(order: Order, planned: Plan, promised: Promised | None) -> Iterable[tuple[SendToStore, list[Assignment]]]:
    apart: dict[tuple[UUID, UUID], list[Assignment]] = defaultdict(list)
    for one in planned.assignments:
        if store_id := store_of(order, one):
            apart[one.location_id, store_id].append(one)
    for (source_id, store_id), several in apart.items():
        yield (
            SendToStore(
                id=child_id(order.id, "transfer", planned.attempt, source_id, store_id),
                order_id=order.id,
                source_location_id=source_id,
                target_location_id=store_id,
                units=tuple(
                    SentUnits(line_id=one.line_id, sku_id=one.sku_id, quantity=one.quantity) for one in several
                ),
                due_at=promised.p50_at if promised else None,
                actor=ACTOR,
            ),
            several,
        )


def _moves(order: Order, wish: SendToStore) -> list[UnitMove]:
    """Units of lines, told by the first of their parts: what is made of several SKUs travels whole."""
    firsts = {line.id: line.components[0] for line in order.lines if line.components}
    return [
        UnitMove(
            order_id=order.id,
            line_id=part.line_id,
            source=Bucket.RESERVED,
            target=Bucket.BACKORDERED,
            quantity=part.quantity // firsts[part.line_id].quantity,
            cause_id=wish.id,
            actor=ACTOR,
        )
        for part in wish.units
        if part.sku_id == firsts[part.line_id].sku_id
    ]


def _off_plan(order_id: UUID, one: Assignment) -> Withdrawal:
    return Withdrawal(
        order_id=order_id,
        line_id=one.line_id,
        sku_id=one.sku_id,
        location_id=one.location_id,
        quantity=one.quantity,
    )
