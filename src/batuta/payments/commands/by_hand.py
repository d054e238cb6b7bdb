"""What people ask for by hand: the same requests, within what they may, and with their name on it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from batuta.kernel.errors import BatutaError
from batuta.payments.commands.books import lock_books, write_books
from batuta.payments.commands.opening import record_due
from batuta.payments.commands.requesting import retry_instructions
from batuta.payments.domain import (
    GOODWILL,
    Book,
    CaptureByHand,
    CaptureRequest,
    CaptureRequested,
    Due,
    NoPayment,
    NotCovered,
    NothingHeld,
    NothingToCapture,
    RefundByHand,
    RefundRequest,
    RefundRequested,
    RequestKind,
    Retried,
    VoidByHand,
    VoidRequest,
    VoidRequested,
    capture,
    check_currency,
    credit_of,
    refund,
    uncovered_minor,
    void,
)
from batuta.payments.events import AskedByHand
from batuta.payments.queries import goodwill_of, instructions_by_id
from batuta.plumbing.database import Connection
from batuta.plumbing.events import publish

Wish = TypeVar("Wish", RefundByHand, CaptureByHand, VoidByHand)
Answer = TypeVar("Answer")


async def refund_by_hand(
    db: Connection, *, refunds: Sequence[RefundByHand], now: datetime
) -> list[RefundRequested | BatutaError]:
    """Give money back; what was not owed back is credited to the order, so that it does not owe it again.

    Refused: beyond the actor's limit (`BeyondLimit`), more than was captured (`OverRefund`), another currency.
    """
    given = defaultdict(int, await goodwill_of(db, [one.order_id for one in refunds]))
    dues: list[Due] = []

    def decide(book: Book, one: RefundByHand) -> RefundRequested | BatutaError:
        credit_minor = credit_of(book, one, given_minor=given[one.order_id])
        wish = RefundRequest(order_id=one.order_id, cause_id=one.id, amount_minor=one.amount_minor, reason=one.reason)
        outcome = refund(book, wish, now=now)
        if isinstance(outcome, RefundRequested) and credit_minor:
            given[one.order_id] += credit_minor
            book.due_minor -= credit_minor
            dues.append(
                Due(
                    order_id=one.order_id,
                    cause_id=one.id,
                    amount_minor=-credit_minor,
                    currency=one.currency,
                    name=GOODWILL,
                )
            )
        return outcome

    outcomes = await _carry(db, refunds, RequestKind.REFUND, decide, now=now)
    await record_due(db, dues=dues, now=now)
    return outcomes


async def capture_by_hand(
    db: Connection, *, captures: Sequence[CaptureByHand], now: datetime
) -> list[CaptureRequested | BatutaError]:
    """Take money that is held, never more than is due; all of what is asked for, or nothing (`NotCovered`)."""

    def decide(book: Book, one: CaptureByHand) -> CaptureRequested | BatutaError:
        check_currency(book, one.currency)
        wish = CaptureRequest(
            order_id=one.order_id,
            cause_id=one.id,
            amount_minor=one.amount_minor or 0,
            is_last=one.amount_minor is None,
        )
        needed_minor, missing_minor = uncovered_minor(book, wish, now=now)
        facts = {"order_id": str(one.order_id), "needed_minor": needed_minor}
        if not needed_minor:
            return NothingToCapture("nothing is due that is not captured", **facts)
        if missing_minor:
            return NotCovered("less is held than that", **facts, missing_minor=missing_minor)
        return capture(book, wish, now=now)

    return await _carry(db, captures, RequestKind.CAPTURE, decide, now=now)


async def void_by_hand(
    db: Connection, *, voids: Sequence[VoidByHand], now: datetime
) -> list[VoidRequested | BatutaError]:
    """Let go of money that is held; of no more than there is."""

    def decide(book: Book, one: VoidByHand) -> VoidRequested | BatutaError:
        check_currency(book, one.currency)
        if not any(book.free_hold_minor(payment_id) > 0 for payment_id in book.payments):
            return NothingHeld("no money is held that could be let go", order_id=str(one.order_id))
        return void(book, VoidRequest(order_id=one.order_id, cause_id=one.id, amount_minor=one.amount_minor))

    return await _carry(db, voids, RequestKind.VOID, decide, now=now)


async def retry_by_hand(
    db: Connection, *, instruction_ids: Sequence[UUID], actor: str, now: datetime
) -> list[Retried | BatutaError]:
    """Send refused instructions again, because somebody says so."""
    before = await instructions_by_id(db, instruction_ids)
    outcomes = await retry_instructions(db, instruction_ids=instruction_ids, now=now)
    asked = [
        AskedByHand(
            stream=before[one.instruction_id].order_id,
            happened_at=now,
            actor=actor,
            kind="retry",
            cause_id=one.instruction_id,
            amount_minor=before[one.instruction_id].amount_minor,
        )
        for one in outcomes
        if isinstance(one, Retried) and one.attempt > before[one.instruction_id].attempt
    ]
    await publish(db, asked)
    return list(outcomes)


async def _carry(
    db: Connection,
    wishes: Sequence[Wish],
    kind: RequestKind,
    decide: Callable[[Book, Wish], Answer | BatutaError],
    *,
    now: datetime,
) -> list[Answer | BatutaError]:
    books = await lock_books(db, {one.order_id for one in wishes})
    outcomes: list[Answer | BatutaError] = []
    asked = []
    for one in wishes:
        book = books.get(one.order_id)
        if book is None:
            outcomes.append(NoPayment("the order has no payment", order_id=str(one.order_id)))
            continue
        try:
            outcome = decide(book, one)
        except BatutaError as refusal:
            outcome = refusal
        outcomes.append(outcome)
        request = book.requested.get(request_id(book, kind, one.id))
        if request is not None:
            parts = sum(part.amount_minor for part in book.parts_of(request))
            asked.append(
                AskedByHand(
                    stream=one.order_id,
                    happened_at=now,
                    actor=one.actor,
                    kind=str(kind),
                    cause_id=one.id,
                    amount_minor=parts,
                    reason=one.reason,
                )
            )
    await write_books(db, books.values(), now=now)
    await publish(db, asked)
    return outcomes


def request_id(book: Book, kind: RequestKind, cause_id: UUID) -> UUID:
    """The id under which a book keeps what was asked for a cause."""
    found = book.request_of(kind, cause_id)
    return found.id if found else cause_id
