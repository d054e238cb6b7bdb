"""What the tests of payments begin with."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from batuta.payments import commands, jobs, queries
from batuta.payments.domain import CaptureMoment, CarryOut, Due, Method, NewPayment
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from tests.making import NOW, fresh_id

EUR = "EUR"


def a_payment(order_id: UUID, amount_minor: int = 10_000, **changes: object) -> NewPayment:
    payment = NewPayment(
        id=fresh_id(),
        order_id=order_id,
        position=1,
        method=Method.CARD,
        provider="test",
        currency=EUR,
        amount_minor=amount_minor,
        token="tok_visa",
        capture_moment=CaptureMoment.AT_HANDOVER,
    )
    return msgspec.structs.replace(payment, **changes)


def a_due(order_id: UUID, amount_minor: int = 10_000, **changes: object) -> Due:
    due = Due(order_id=order_id, amount_minor=amount_minor, currency=EUR, cause_id=order_id)
    return msgspec.structs.replace(due, **changes)


async def given_order(
    db: Connection, *amounts_minor: int, tokens: Sequence[str] = (), moments: Sequence[CaptureMoment] = ()
) -> UUID:
    """An order that owes these amounts, with one payment for each."""
    order_id = fresh_id()
    payments = [
        a_payment(
            order_id,
            amount_minor,
            position=position + 1,
            token=tokens[position] if tokens else "tok_visa",
            capture_moment=moments[position] if moments else CaptureMoment.AT_HANDOVER,
        )
        for position, amount_minor in enumerate(amounts_minor)
    ]
    await commands.open_payments(db, payments=payments, now=NOW)
    await commands.record_due(db, dues=[a_due(order_id, sum(amounts_minor))], now=NOW)
    return order_id


async def authorised_order(engine: Engine, *amounts_minor: int, **given: Sequence[object]) -> UUID:
    """The same, with everything asked for authorisation and answered."""
    async with engine.begin() as db:
        order_id = await given_order(db, *amounts_minor, **given)  # type: ignore[arg-type]
        await commands.request_authorisation(db, order_ids=[order_id], now=NOW)
    await carry_out_all(engine, [order_id])
    return order_id


async def pending_of(db: Connection, order_ids: Sequence[UUID]) -> list[UUID]:
    found = await db.execute(
        text("SELECT id FROM payments.instruction WHERE order_id = ANY(:ids) AND status = 'pending' ORDER BY id"),
        {"ids": list(order_ids)},
    )
    return [row.id for row in found]


async def carry_out_all(engine: Engine, order_ids: Sequence[UUID], **when: object) -> list[BaseException | None]:
    """Run the jobs of these orders once, as the worker does."""
    async with engine.connect() as db:
        ids = await pending_of(db, order_ids)
    payloads = [msgspec.json.encode(CarryOut(instruction_id=one)) for one in ids]
    return await jobs.carry_out(engine, payloads, now=when.get("now", NOW))  # type: ignore[arg-type]


async def told(db: Connection, order_id: UUID) -> list[str]:
    return [fact.name.removeprefix("payments.") for fact in (await facts_of(db, [order_id]))[order_id]]


async def broken_laws(db: Connection) -> list[str]:
    return [verdict.law for verdict in await examine(db, queries.AUDIT) if verdict.broken]
