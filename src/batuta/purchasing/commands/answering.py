"""What suppliers answer: it is the work of their location that goes on, and the purchase order follows."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from batuta.fulfillment import commands as fulfillment
from batuta.fulfillment.domain import Accept, Dispatch, FulfillmentOrder, Reject
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection
from batuta.purchasing.commands.requesting import known
from batuta.purchasing.commands.rows import lock_with_work, write_purchases
from batuta.purchasing.domain import (
    Acknowledge,
    NotSentYet,
    Purchase,
    PurchaseStatus,
    Refuse,
    ShipPurchase,
    check_due,
    followed,
)

Wish = TypeVar("Wish", Acknowledge, Refuse, ShipPurchase)
Asked = list[tuple[Wish, UUID]]
Answers = Sequence[FulfillmentOrder | BatutaError]
Verb = Callable[[Connection, Asked[Wish]], Awaitable[Answers]]


async def acknowledge(
    db: Connection, *, acknowledgements: Sequence[Acknowledge], now: datetime
) -> list[Purchase | BatutaError]:
    """Suppliers take purchase orders on, and say when they send the goods; a later word moves the day."""

    async def accept(db: Connection, asked: Asked[Acknowledge]) -> Answers:
        wishes = [Accept(fulfillment_order_id=work_id, actor=one.actor) for one, work_id in asked]
        return await fulfillment.accept(db, acceptances=wishes, now=now)

    def check(one: Acknowledge) -> None:
        check_due(one.due_at, now=now)

    return await _answer(db, acknowledgements, accept, check=check, now=now)


async def refuse(db: Connection, *, refusals: Sequence[Refuse], now: datetime) -> list[Purchase | BatutaError]:
    """Suppliers say no to all or some of purchase orders: the units are looked for elsewhere."""

    async def reject(db: Connection, asked: Asked[Refuse]) -> Answers:
        wishes = [
            Reject(fulfillment_order_id=work_id, reason=one.reason, sku_ids=one.sku_ids, actor=one.actor)
            for one, work_id in asked
        ]
        return await fulfillment.reject(db, rejections=wishes, now=now)

    return await _answer(db, refusals, reject, check=lambda _: None, now=now)


async def ship(db: Connection, *, shipments: Sequence[ShipPurchase], now: datetime) -> list[Purchase | BatutaError]:
    """Suppliers' carriers have the goods: they are the customer's parcel from now on, followed by its number."""

    async def dispatch(
        db: Connection, asked: list[tuple[ShipPurchase, UUID]]
    ) -> Sequence[FulfillmentOrder | BatutaError]:
        wishes = [
            Dispatch(fulfillment_order_id=work_id, tracking_number=one.tracking_number, actor=one.actor)
            for one, work_id in asked
        ]
        return await fulfillment.dispatch(db, dispatches=wishes, now=now)

    return await _answer(db, shipments, dispatch, check=lambda _: None, now=now)


async def _answer(
    db: Connection, wishes: Sequence[Wish], verb: Verb[Wish], *, check: Callable[[Wish], None], now: datetime
) -> list[Purchase | BatutaError]:
    """Do a verb of the supplier's work for each wish that may be; what the work refuses is refused here too."""
    before, _ = await lock_with_work(db, {one.purchase_id for one in wishes})

    def work_of(one: Wish) -> UUID:
        found = known(before, one.purchase_id)
        if found.status in {PurchaseStatus.DRAFT, PurchaseStatus.APPROVED}:
            raise NotSentYet("the purchase order has not been sent yet", status=found.status.value)
        check(one)
        return found.fulfillment_order_id

    allowed = each(wishes, work_of)
    asked = [(one, id_) for one, id_ in zip(wishes, allowed, strict=True) if not isinstance(id_, BatutaError)]
    answers = iter(await verb(db, asked)) if asked else iter(())
    outcomes: list[Purchase | BatutaError] = []
    after = dict(before)
    for one, id_ in zip(wishes, allowed, strict=True):
        answer = id_ if isinstance(id_, BatutaError) else next(answers)
        if isinstance(answer, BatutaError):
            outcomes.append(answer)
            continue
        after[one.purchase_id] = _with(after[one.purchase_id], answer, one, now)
        outcomes.append(after[one.purchase_id])
    await write_purchases(db, before, after.values())
    return outcomes


def _with(found: Purchase, work: FulfillmentOrder, one: Wish, now: datetime) -> Purchase:
    note = "" if isinstance(one, ShipPurchase) else one.note
    if isinstance(one, Refuse):
        note = note or one.reason.value
    if isinstance(one, Acknowledge) and one.due_at:
        found = msgspec.structs.replace(found, due_at=one.due_at)
    return followed(found, work, actor=one.actor, now=now, note=note)
