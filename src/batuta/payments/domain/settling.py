"""Settling: writing down what a provider says happened, however late, often or out of order it says so."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused, Unavailable
from batuta.kernel.ids import child_id
from batuta.payments.domain.books import Book, entry_of
from batuta.payments.domain.entries import EntryKind
from batuta.payments.domain.facts import FactKind
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus
from batuta.payments.domain.opening import Payment
from batuta.payments.domain.provider import Report, ReportKind

AUTHORISATION_LIFE = timedelta(days=7)
"""Planned with when a provider does not say how long it holds the money (PAY-04)."""

RENEW_AT_PERCENT = 80

_ANSWERS = {
    InstructionKind.AUTHORISE: {ReportKind.AUTHORISED, ReportKind.DECLINED, ReportKind.FAILED, ReportKind.EXPIRED},
    InstructionKind.PAY: {ReportKind.CAPTURED, ReportKind.DECLINED, ReportKind.FAILED, ReportKind.EXPIRED},
    InstructionKind.CAPTURE: {ReportKind.CAPTURED, ReportKind.FAILED},
    InstructionKind.VOID: {ReportKind.VOIDED, ReportKind.FAILED},
    InstructionKind.REFUND: {ReportKind.REFUNDED, ReportKind.FAILED},
}

_TOO_EARLY = "too_early"
_SUCCESSES = (ReportKind.AUTHORISED, ReportKind.CAPTURED, ReportKind.VOIDED, ReportKind.REFUNDED)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """is_news: false when the report told nothing that was not written already."""

    report: Report
    is_news: bool


class ReportDoesNotFit(Refused):
    """What the provider says cannot follow from what was asked of it; nothing is written, a person must look."""


class ReportTooEarly(Unavailable):
    """A refund told before the capture that it follows from; nothing is written, and it must be told again."""


def settle(book: Book, report: Report, *, now: datetime) -> Settled | ReportDoesNotFit | ReportTooEarly:
    """Write what the report says, and what it implies that no report has told yet.

    A capture implies the authorisation. A capture told after the authorisation was released here restores what it
    takes: the provider moved the money, so it was still held.
    """
    instruction = book.instructions.get(report.instruction_id) if report.instruction_id else None
    problem = _misfit(book, report, instruction)
    if problem is not None:
        return problem
    if _is_known(book, report, instruction):
        _learn_reference(book, report)
        return Settled(report=report, is_news=False)

    payment = book.payments[report.payment_id]
    match report.kind:
        case ReportKind.AUTHORISED:
            _authorised(book, payment, report, instruction, now)
        case ReportKind.CAPTURED:
            _captured(book, payment, report, instruction, now)
        case ReportKind.VOIDED:
            _voided(book, payment, report, instruction, now)
        case ReportKind.REFUNDED:
            _refunded(book, payment, report, instruction, now)
        case ReportKind.EXPIRED:
            _expired(book, payment, report, now)
        case _:
            assert instruction is not None
            _refused(book, payment, report, instruction, now)
    return Settled(report=report, is_news=True)


def _misfit(book: Book, report: Report, instruction: Instruction | None) -> ReportDoesNotFit | ReportTooEarly | None:
    payment = book.payments.get(report.payment_id)
    if payment is None:
        return _does_not_fit(report, "unknown_payment")
    if report.currency != payment.currency:
        return _does_not_fit(report, "other_currency")
    if report.kind is ReportKind.PENDING or (report.kind is ReportKind.EXPIRED and report.instruction_id is None):
        return None
    reason = (
        _misfit_of_own_act(book, report)
        if report.instruction_id is None
        else _misfit_of_answer(book, report, instruction)
    )
    if reason == _TOO_EARLY:
        return ReportTooEarly(
            "a refund of money of which no capture was told yet",
            payment_id=report.payment_id,
            amount_minor=report.amount_minor,
        )
    return _does_not_fit(report, reason) if reason else None


def _misfit_of_answer(book: Book, report: Report, instruction: Instruction | None) -> str | None:
    if instruction is None or instruction.payment_id != report.payment_id:
        return "unknown_instruction"
    if report.kind not in _ANSWERS[instruction.kind]:
        return "other_kind"
    if instruction.status in (InstructionStatus.WAITING, InstructionStatus.DROPPED):
        return "never_sent"
    if report.kind in _SUCCESSES and not 0 < report.amount_minor <= instruction.amount_minor:
        return "other_amount"
    is_news = instruction.status is not InstructionStatus.DONE
    return _misfit_of_refund(book, report) if is_news else None


def _misfit_of_own_act(book: Book, report: Report) -> str | None:
    if report.kind not in (ReportKind.CAPTURED, ReportKind.VOIDED, ReportKind.REFUNDED) or not report.reference:
        return "without_instruction"
    if report.amount_minor <= 0:
        return "other_amount"
    is_news = child_id(report.payment_id, report.kind, report.reference) not in book.own_entry_ids
    return _misfit_of_refund(book, report) if is_news else None


def _misfit_of_refund(book: Book, report: Report) -> str | None:
    paid_minor = book.sums_of(report.payment_id).paid_minor
    if report.kind is not ReportKind.REFUNDED or report.amount_minor <= paid_minor:
        return None
    coming = book.open_of(report.payment_id, InstructionKind.PAY, InstructionKind.CAPTURE)
    sent_minor = sum(one.amount_minor for one in coming if one.status is InstructionStatus.PENDING)
    return _TOO_EARLY if report.amount_minor <= paid_minor + sent_minor else "over_refund"


def _does_not_fit(report: Report, reason: str) -> ReportDoesNotFit:
    return ReportDoesNotFit(
        "the provider's report does not follow from what was asked of it",
        reason=reason,
        payment_id=report.payment_id,
        instruction_id=report.instruction_id,
        kind=str(report.kind),
        amount_minor=report.amount_minor,
        currency=report.currency,
    )


def _is_known(book: Book, report: Report, instruction: Instruction | None) -> bool:
    if report.kind is ReportKind.PENDING:
        return True
    if report.kind is ReportKind.EXPIRED:
        return _releasable_minor(book, report.payment_id) <= 0 and not book.pending_authorisation(report.payment_id)
    if instruction is None:
        is_held = book.sums_of(report.payment_id).held_minor or book.pending_authorisation(report.payment_id)
        is_empty = report.kind is ReportKind.VOIDED and not is_held
        return is_empty or child_id(report.payment_id, report.kind, report.reference) in book.own_entry_ids
    if instruction.status is InstructionStatus.DONE:
        return True
    is_refusal = report.kind in (ReportKind.DECLINED, ReportKind.FAILED)
    return is_refusal and (not instruction.is_open or report.attempt < instruction.attempt)


def _authorised(book: Book, payment: Payment, report: Report, instruction: Instruction | None, now: datetime) -> None:
    assert instruction is not None
    until = report.authorised_until or report.happened_at + AUTHORISATION_LIFE
    life = until - report.happened_at
    book.watch(
        msgspec.structs.replace(
            payment,
            provider_reference=report.reference,
            authorised_until=until,
            watch_at=report.happened_at + life * RENEW_AT_PERCENT / 100,
        )
    )
    _enter(book, payment, EntryKind.AUTHORISE, report, instruction)
    _done(book, instruction, now)
    book.tell(FactKind.AUTHORISED, at=report.happened_at, amount_minor=report.amount_minor, payment_id=payment.id)


def _learn_reference(book: Book, report: Report) -> None:
    """An authorisation that was only implied so far tells its name and its end late."""
    payment = book.payments[report.payment_id]
    if report.kind is not ReportKind.AUTHORISED or payment.provider_reference:
        return
    until = report.authorised_until or payment.authorised_until
    book.watch(msgspec.structs.replace(payment, provider_reference=report.reference, authorised_until=until))


def _captured(book: Book, payment: Payment, report: Report, instruction: Instruction | None, now: datetime) -> None:
    is_paying = instruction is not None and instruction.kind is InstructionKind.PAY
    if is_paying:
        book.watch(msgspec.structs.replace(payment, provider_reference=report.reference))
        _enter(book, payment, EntryKind.AUTHORISE, report, instruction)
        book.tell(FactKind.AUTHORISED, at=report.happened_at, amount_minor=report.amount_minor, payment_id=payment.id)
    else:
        _imply_authorisation(book, payment, report, now)
        missing_minor = report.amount_minor - book.sums_of(payment.id).held_minor
        if missing_minor > 0:
            _restore(book, payment, report, missing_minor)
    _enter(book, payment, EntryKind.CAPTURE, report, instruction)
    if instruction is not None:
        _done(book, instruction, now)
    _unwatch_if_empty(book, payment)
    book.tell(
        FactKind.CAPTURED,
        at=report.happened_at,
        amount_minor=report.amount_minor,
        payment_id=payment.id,
        cause_id=_cause(report, instruction),
    )


def _voided(book: Book, payment: Payment, report: Report, instruction: Instruction | None, now: datetime) -> None:
    _imply_authorisation(book, payment, report, now)
    released_minor = min(report.amount_minor, book.sums_of(payment.id).held_minor)
    if released_minor:
        _enter(book, payment, EntryKind.VOID, report, instruction, amount_minor=released_minor)
    if instruction is not None:
        _done(book, instruction, now)
    _unwatch_if_empty(book, payment)
    if released_minor:
        book.tell(
            FactKind.VOIDED,
            at=report.happened_at,
            amount_minor=released_minor,
            payment_id=payment.id,
            cause_id=_cause(report, instruction),
        )


def _refunded(book: Book, payment: Payment, report: Report, instruction: Instruction | None, now: datetime) -> None:
    _enter(book, payment, EntryKind.REFUND, report, instruction)
    if instruction is not None:
        _done(book, instruction, now)
    book.tell(
        FactKind.REFUNDED,
        at=report.happened_at,
        amount_minor=report.amount_minor,
        payment_id=payment.id,
        cause_id=_cause(report, instruction),
    )


def _expired(book: Book, payment: Payment, report: Report, now: datetime) -> None:
    authorisation = book.pending_authorisation(payment.id)
    if authorisation is not None and (authorisation.kind is InstructionKind.PAY or not report.amount_minor):
        expired = msgspec.structs.replace(report, reason=report.reason or "expired")
        _refused(book, payment, expired, authorisation, now)
        return
    _imply_authorisation(book, payment, report, now)
    release_expired(book, payment, at=report.happened_at, reference=report.reference)


def _refused(book: Book, payment: Payment, report: Report, instruction: Instruction, now: datetime) -> None:
    is_authorising = instruction.kind in (InstructionKind.AUTHORISE, InstructionKind.PAY)
    status = InstructionStatus.DECLINED if is_authorising else InstructionStatus.FAILED
    book.change(instruction, status, reason=report.reason, settled_at=now)
    kind = _REFUSAL_FACTS.get(instruction.kind)
    if kind is not None:
        book.tell(
            kind,
            at=report.happened_at,
            amount_minor=instruction.amount_minor,
            payment_id=payment.id,
            cause_id=instruction.cause_id,
            reason=report.reason,
        )
    _drop_dependants(book, instruction, report, now)
    present = book.payments[payment.id]
    if instruction.kind is InstructionKind.CAPTURE and book.sums_of(payment.id).held_minor:
        # The sweep let go of this payment while the capture was under way; it must look again.
        book.watch(msgspec.structs.replace(present, watch_at=present.watch_at or present.authorised_until))


_REFUSAL_FACTS = {
    InstructionKind.AUTHORISE: FactKind.DECLINED,
    InstructionKind.PAY: FactKind.DECLINED,
    InstructionKind.CAPTURE: FactKind.CAPTURE_FAILED,
    InstructionKind.REFUND: FactKind.REFUND_FAILED,
}


def release_expired(book: Book, payment: Payment, *, at: datetime, reference: str) -> None:
    """Release what is held and not under way of being captured; the capture's own report settles the rest."""
    sums = book.sums_of(payment.id)
    released_minor = _releasable_minor(book, payment.id)
    book.watch(msgspec.structs.replace(book.payments[payment.id], watch_at=None))
    if released_minor <= 0:
        return
    book.enter(
        entry_of(
            payment,
            EntryKind.EXPIRE,
            released_minor,
            entry_id=child_id(payment.id, EntryKind.EXPIRE, sums.authorised_minor, sums.expired_minor),
            cause_id=payment.id,
            instruction_id=None,
            reference=reference,
            happened_at=at,
        )
    )
    book.tell(FactKind.EXPIRED, at=at, amount_minor=released_minor, payment_id=payment.id)


def _releasable_minor(book: Book, payment_id: UUID) -> int:
    capturing = book.open_of(payment_id, InstructionKind.CAPTURE)
    return book.sums_of(payment_id).held_minor - sum(one.amount_minor for one in capturing)


def _imply_authorisation(book: Book, payment: Payment, report: Report, now: datetime) -> None:
    authorisation = book.pending_authorisation(payment.id)
    if authorisation is not None and authorisation.kind is InstructionKind.AUTHORISE:
        _authorised(book, payment, _implied(report, authorisation, ReportKind.AUTHORISED), authorisation, now)


def _implied(report: Report, instruction: Instruction, kind: ReportKind) -> Report:
    return msgspec.structs.replace(
        report,
        kind=kind,
        instruction_id=instruction.id,
        attempt=instruction.attempt,
        amount_minor=instruction.amount_minor,
        reference="",
    )


def _restore(book: Book, payment: Payment, report: Report, amount_minor: int) -> None:
    sums = book.sums_of(payment.id)
    book.enter(
        entry_of(
            payment,
            EntryKind.AUTHORISE,
            amount_minor,
            entry_id=child_id(payment.id, "restore", sums.authorised_minor, sums.captured_minor),
            cause_id=payment.id,
            instruction_id=None,
            reference=report.reference,
            happened_at=report.happened_at,
        )
    )


def _enter(
    book: Book,
    payment: Payment,
    kind: EntryKind,
    report: Report,
    instruction: Instruction | None,
    *,
    amount_minor: int | None = None,
) -> None:
    if instruction is not None:
        entry_id = child_id(instruction.id, kind)
    else:
        entry_id = child_id(payment.id, report.kind, report.reference)
        book.own_entry_ids.add(entry_id)
    book.enter(
        entry_of(
            payment,
            kind,
            amount_minor or report.amount_minor,
            entry_id=entry_id,
            cause_id=_cause(report, instruction),
            instruction_id=instruction.id if instruction else None,
            reference=report.reference,
            happened_at=report.happened_at,
        )
    )


def _cause(report: Report, instruction: Instruction | None) -> UUID:
    return instruction.cause_id if instruction else report.payment_id


def _done(book: Book, instruction: Instruction, now: datetime) -> None:
    book.change(instruction, InstructionStatus.DONE, reason="", settled_at=now)
    for one in list(book.instructions.values()):
        if one.after_id == instruction.id and one.status is InstructionStatus.WAITING:
            book.change(one, InstructionStatus.PENDING)


def _drop_dependants(book: Book, instruction: Instruction, report: Report, now: datetime) -> None:
    for one in list(book.instructions.values()):
        if one.after_id != instruction.id or one.status is not InstructionStatus.WAITING:
            continue
        book.change(one, InstructionStatus.DROPPED, reason=f"{instruction.kind}_refused", settled_at=now)
        _drop_dependants(book, one, report, now)
        if one.kind is InstructionKind.CAPTURE:
            book.tell(
                FactKind.CAPTURE_FAILED,
                at=report.happened_at,
                amount_minor=one.amount_minor,
                payment_id=one.payment_id,
                cause_id=one.cause_id,
                reason="not_authorised",
            )


def _unwatch_if_empty(book: Book, payment: Payment) -> None:
    present = book.payments[payment.id]
    if present.watch_at is not None and not book.sums_of(payment.id).held_minor:
        book.watch(msgspec.structs.replace(present, watch_at=None))
