"""Taking the invoices over, some thousand lines in one transaction; a chunk is stored whole, once."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from batuta.kernel.ids import child_id
from batuta.ordering.commands import import_closed
from batuta.ordering.domain.importing import ClosedLine, ClosedOrder
from batuta.plumbing.database import Connection, DatabaseError, Engine
from batuta.plumbing.events import facts_of, publish
from batuta.returns.commands import grade, receive_blind, resolve
from batuta.returns.domain import BlindReceipt, BlindUnits, Grade, GradeUnits, Resolve, Return
from examples.online_retail.building import (
    ACTOR,
    CHANNEL,
    CURRENCY,
    WAREHOUSE,
    address_in,
    build_catalog,
    build_company,
    build_stock,
    customer_id,
    id_of,
    sound,
)
from examples.online_retail.events import ChunkImported, ImportEnded
from examples.online_retail.reading import BEGINNING, Data, Invoice

STREAM = id_of("import", "progress")
LINES_PER_CHUNK = 1_500
AT_ONCE = 2
AWAY_S_MAX = 60

# What stands before the first invoice is stored as the first chunks.
GROUND = (build_company, build_catalog, build_stock)

Advance = Callable[[int], None]


async def import_all(engine: Engine, data: Data, advance: Advance) -> int:
    """Store what is not stored yet, told line by line by `advance`; return how many lines this run has stored.

    Two chunks are under way at once: one is being prepared while the database writes the other.
    """
    done = await _done(engine)
    for number, build in enumerate(GROUND):
        if number not in done:
            await _persistently(engine, number, partial(build, data=data))
    work: Iterator[tuple[int, list[Invoice]]] = enumerate(chunks(data.invoices), start=len(GROUND))
    counts = await asyncio.gather(*(_import(engine, work, done, advance) for _ in range(AT_ONCE)))
    async with engine.begin() as db:
        await publish(db, [ImportEnded(stream=STREAM, happened_at=data.invoices[-1].at, actor=ACTOR)])
    return sum(counts)


async def is_finished(engine: Engine) -> bool:
    """Whether an earlier run came to the end."""
    async with engine.connect() as db:
        facts = (await facts_of(db, [STREAM]))[STREAM]
    return any(fact.name == "online_retail.import_ended" for fact in facts)


def chunks(invoices: Sequence[Invoice]) -> Iterator[list[Invoice]]:
    """The invoices in order, cut into transactions; the same cuts every time."""
    chunk: list[Invoice] = []
    lines = 0
    for invoice in invoices:
        if chunk and lines + len(invoice.lines) > LINES_PER_CHUNK:
            yield chunk
            chunk, lines = [], 0
        chunk.append(invoice)
        lines += len(invoice.lines)
    if chunk:
        yield chunk


async def _import(engine: Engine, work: Iterator[tuple[int, list[Invoice]]], done: set[int], advance: Advance) -> int:
    stored = 0
    for number, chunk in work:
        lines = sum(len(invoice.lines) for invoice in chunk)
        if number not in done:
            await _persistently(engine, number, partial(_store, chunk=chunk))
            stored += lines
        advance(lines)
    return stored


async def _store(db: Connection, *, chunk: Sequence[Invoice]) -> None:
    now = chunk[-1].at
    orders = [_order(invoice) for invoice in chunk if not invoice.is_cancellation]
    sound(await import_closed(db, orders=orders, now=now))
    receipts = [_receipt(invoice) for invoice in chunk if invoice.is_cancellation]
    if not receipts:
        return
    returns = await receive_blind(db, receipts=receipts, now=now)
    sound(returns)
    received = [one for one in returns if isinstance(one, Return)]
    sound(await grade(db, gradings=[one for each in received for one in _gradings(each)], now=now))
    resolutions = [Resolve(id=child_id(one.id, "credit"), return_id=one.id, actor=ACTOR) for one in received]
    sound(await resolve(db, resolutions=resolutions, now=now))


def _order(invoice: Invoice) -> ClosedOrder:
    return ClosedOrder(
        id=invoice.id,
        channel_code=CHANNEL,
        external_id=invoice.number,
        customer_id=None if invoice.customer is None else customer_id(invoice.customer),
        ship_to=address_in(invoice.country),
        placed_at=invoice.at,
        shipped_at=invoice.at,
        location_code=WAREHOUSE,
        actor=ACTOR,
        lines=[
            ClosedLine(
                sku_code=line.code,
                name=line.name,
                quantity=line.quantity,
                unit_price_minor=line.price_minor,
                net_minor=line.price_minor * line.quantity,
            )
            for line in invoice.lines
        ],
    )


def _receipt(invoice: Invoice) -> BlindReceipt:
    return BlindReceipt(
        id=invoice.id,
        location_id=id_of("location", WAREHOUSE),
        currency=CURRENCY,
        customer_id=None if invoice.customer is None else customer_id(invoice.customer),
        actor=ACTOR,
        lines=tuple(
            BlindUnits(
                sku_id=id_of("sku", line.code),
                quantity=line.quantity,
                worth_minor=line.price_minor * line.quantity,
                reason=invoice.number,
            )
            for line in invoice.lines
        ),
    )


def _gradings(one: Return) -> list[GradeUnits]:
    """The data does not tell in what state goods came back, so they stay where somebody looks at them."""
    return [
        GradeUnits(
            id=child_id(one.id, "grade", line.id),
            return_id=one.id,
            line_id=line.id,
            grade=Grade.QUARANTINE,
            quantity=line.received,
            actor=ACTOR,
        )
        for line in one.lines
    ]


async def _done(engine: Engine) -> set[int]:
    async with engine.connect() as db:
        facts = (await facts_of(db, [STREAM]))[STREAM]
    return {fact.data["chunk"] for fact in facts if "chunk" in fact.data}


async def _persistently(engine: Engine, number: int, store: Callable[[Connection], Awaitable[None]]) -> None:
    """Store one chunk; when the database goes away in the middle, wait for it, look, and store what is not there."""
    deadline = time.monotonic() + AWAY_S_MAX
    is_again = False
    while True:
        try:
            if is_again and number in await _done(engine):
                return
            async with engine.begin() as db:
                told = ChunkImported(stream=STREAM, happened_at=BEGINNING, actor=ACTOR, chunk=number)
                await store(db)
                await publish(db, [told])
        except (*DatabaseError, OSError) as problem:
            if time.monotonic() > deadline:
                raise
            print(f"the database is away, waiting: {type(problem).__name__}", file=sys.stderr)
            is_again = True
            await asyncio.sleep(1)
        else:
            return
