"""Rules of money, in memory."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.kernel.states import IllegalMove
from batuta.payments import domain
from batuta.payments.domain import (
    Balance,
    Book,
    Capabilities,
    CaptureMoment,
    CaptureRequest,
    CardNumberGiven,
    Coverage,
    EmptyPayment,
    InstructionKind,
    InstructionStatus,
    OverRefund,
    Payment,
    PaymentStatus,
    RefundRequest,
    RefundRequested,
    Report,
    ReportDoesNotFit,
    ReportKind,
    Settled,
    VoidRequest,
    check_payment,
    is_like_card_number,
)
from batuta.payments.domain.facts import FactKind
from tests.making import NOW, fresh_id
from tests.payments.given import EUR, a_due, a_payment

WEEK = timedelta(days=7)


def a_book(
    *amounts_minor: int, due_minor: int | None = None, moment: CaptureMoment = CaptureMoment.AT_HANDOVER
) -> Book:
    order_id = fresh_id()
    payments = [
        Payment(**msgspec.structs.asdict(a_payment(order_id, amount, position=position, capture_moment=moment)))
        for position, amount in enumerate(amounts_minor)
    ]
    return Book(order_id, due_minor=sum(amounts_minor) if due_minor is None else due_minor, payments=payments)


def authorised(*amounts_minor: int, due_minor: int | None = None) -> Book:
    book = a_book(*amounts_minor, due_minor=due_minor)
    domain.authorise(book)
    answer(book)
    return book


def answer(book: Book, *, kind: ReportKind | None = None, reason: str = "") -> None:
    """Let the provider answer everything that was sent so far."""
    for instruction in list(book.to_send.values()):
        report = a_report(book, instruction.id, kind=kind, reason=reason)
        assert isinstance(domain.settle(book, report, now=NOW), Settled)


def a_report(
    book: Book, instruction_id: UUID, *, kind: ReportKind | None = None, reason: str = "", **changes: object
) -> Report:
    instruction = book.instructions[instruction_id]
    successes = {
        InstructionKind.AUTHORISE: ReportKind.AUTHORISED,
        InstructionKind.PAY: ReportKind.CAPTURED,
        InstructionKind.CAPTURE: ReportKind.CAPTURED,
        InstructionKind.VOID: ReportKind.VOIDED,
        InstructionKind.REFUND: ReportKind.REFUNDED,
    }
    report = Report(
        payment_id=instruction.payment_id,
        kind=kind or successes[instruction.kind],
        amount_minor=instruction.amount_minor,
        currency=EUR,
        happened_at=NOW,
        instruction_id=instruction.id,
        attempt=instruction.attempt,
        reference=f"op-{instruction.key}",
        reason=reason,
    )
    return msgspec.structs.replace(report, **changes)


def capture(book: Book, amount_minor: int, *, is_last: bool = False) -> domain.CaptureRequested:
    wanted = CaptureRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=amount_minor, is_last=is_last)
    return domain.capture(book, wanted, now=NOW)


def refund(book: Book, amount_minor: int) -> RefundRequested | OverRefund:
    wanted = RefundRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=amount_minor, reason="return")
    return domain.refund(book, wanted, now=NOW)


def void(book: Book, amount_minor: int | None = None) -> domain.VoidRequested:
    return domain.void(book, VoidRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=amount_minor))


def captured(book: Book) -> list[int]:
    return [book.sums_of(payment_id).captured_minor for payment_id in book.payments]


def refunded(book: Book) -> list[int]:
    return [book.sums_of(payment_id).refunded_minor for payment_id in book.payments]


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242.4242_4242/4242",
        "4242\u00a04242\u202f42424242",
        "\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12",
        "card:378282246310005",
        "4242424242424241",
        "6011000990139424 12/28 123",
    ],
)
def test_what_looks_like_a_card_number_never_enters(text: str) -> None:
    """PAY-10."""
    order_id = fresh_id()
    problem = check_payment(a_payment(order_id, token=text))

    assert is_like_card_number(text)
    assert isinstance(problem, CardNumberGiven)
    assert text not in repr(problem)


@pytest.mark.parametrize("text", ["tok_visa", "pi_3MtwBwLkdIwHu7ix28a3tqPa", "tok_4242", "cus_1234567890"])
def test_tokens_of_providers_are_taken(text: str) -> None:
    assert check_payment(a_payment(fresh_id(), token=text)) is None


@pytest.mark.parametrize("changes", [{"amount_minor": 0}, {"amount_minor": -5}, {"token": ""}])
def test_a_payment_has_an_amount_and_a_token(changes: dict[str, Any]) -> None:
    assert isinstance(check_payment(a_payment(fresh_id(), **changes)), EmptyPayment)


def test_coverage_is_none_partial_full_or_over() -> None:
    """ORD-02."""
    order_id = fresh_id()

    def balance(**amounts: int) -> Balance:
        return Balance(order_id=order_id, currency=EUR, due_minor=100, **amounts)

    assert balance().authorisation is Coverage.NONE
    assert balance(authorised_minor=60).authorisation is Coverage.PARTIAL
    assert balance(authorised_minor=100).authorisation is Coverage.FULL
    assert balance(authorised_minor=120, captured_minor=120).capture is Coverage.OVER
    assert balance(authorised_minor=120, captured_minor=120).refund_owed_minor == 20
    assert balance(authorised_minor=100, expired_minor=100).authorisation is Coverage.NONE
    assert balance(authorised_minor=100, captured_minor=40).owed_minor == 0


def test_a_credit_swaps_the_sides_of_a_due() -> None:
    order_id = fresh_id()
    debit = domain.due_entry(a_due(order_id, 500), now=NOW)
    credit = domain.due_entry(a_due(order_id, -500, name="interest"), now=NOW)

    assert (debit.debit, debit.credit) == (credit.credit, credit.debit)
    assert debit.amount_minor == credit.amount_minor == 500


def test_two_payments_refunds_exceed_the_first_and_the_remainder_is_refunded_from_the_second() -> None:
    """PAY-06, I-10, golden test of vendurehq/vendure #1753."""
    book = authorised(6_000, 4_000)
    capture(book, 10_000)
    answer(book)

    refund(book, 3_000)
    refund(book, 5_000)
    answer(book)

    assert refunded(book) == [4_000, 4_000]
    assert isinstance(refund(book, 2_001), OverRefund)
    refund(book, 2_000)
    answer(book)
    assert refunded(book) == [6_000, 4_000]


def test_refunds_go_in_reverse_order_of_capture() -> None:
    """PAY-06."""
    book = authorised(6_000, 4_000)
    second = list(book.payments)[1]
    later = capture(book, 10_000)
    for instruction_id in later.instruction_ids:
        is_second = book.instructions[instruction_id].payment_id == second
        at = NOW - timedelta(hours=1) if is_second else NOW
        domain.settle(book, a_report(book, instruction_id, happened_at=at), now=NOW)

    refund(book, 7_000)
    answer(book)

    assert refunded(book) == [6_000, 1_000]


def test_captures_use_payments_in_their_order_and_none_beyond_its_authorisation() -> None:
    """PAY-02."""
    book = authorised(6_000, 4_000)

    first = capture(book, 7_000)
    assert first.amount_minor == 7_000
    answer(book)
    assert captured(book) == [6_000, 1_000]
    capture(book, 3_000)
    answer(book)
    assert captured(book) == [6_000, 4_000]


def test_the_last_capture_takes_the_rounding_remainder() -> None:
    """PAY-02: the sum of captures is the amount due."""
    book = authorised(10_000)

    for part in (3_333, 3_333):
        capture(book, part)
    last = capture(book, 3_333, is_last=True)

    assert last.amount_minor == 3_334


def test_no_more_is_captured_than_is_due() -> None:
    book = authorised(10_000, due_minor=8_000)

    assert capture(book, 5_000).amount_minor == 5_000
    assert capture(book, 5_000).amount_minor == 3_000


def test_what_was_paid_at_approval_is_used_up_first() -> None:
    """PAY-02: a voucher of 30 beside a card; goods of 60 go out, then goods of 40."""
    book = a_book(7_000, 3_000)
    voucher = list(book.payments)[1]
    book.payments[voucher] = msgspec.structs.replace(book.payments[voucher], capture_moment=CaptureMoment.AT_APPROVAL)
    domain.authorise(book)
    answer(book)

    assert capture(book, 6_000).amount_minor == 3_000
    assert capture(book, 4_000).amount_minor == 4_000


def test_a_returned_package_does_not_disturb_the_capture_of_the_next() -> None:
    """I-19: sums are derived, so a return between two hand-overs changes nothing of the second."""
    book = authorised(10_000)
    capture(book, 6_000)
    answer(book)
    book.due_minor -= 6_000
    refund(book, 6_000)
    answer(book)

    second = capture(book, 4_000, is_last=True)
    answer(book)

    assert second.amount_minor == 4_000
    assert book.total.paid_minor == book.due_minor == 4_000


def test_a_capture_that_nothing_covers_is_told() -> None:
    book = authorised(5_000, due_minor=8_000)

    asked = capture(book, 8_000)

    assert (asked.amount_minor, asked.missing_minor) == (5_000, 3_000)
    assert (book.facts[-1].kind, book.facts[-1].reason) == (FactKind.CAPTURE_FAILED, "not_covered")


def test_nothing_is_captured_on_an_authorisation_past_its_end() -> None:
    """PAY-04, I-12: even before any sweep has seen it."""
    book = authorised(5_000)
    wanted = CaptureRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=5_000)

    late = domain.capture(book, wanted, now=NOW + WEEK)

    assert (late.amount_minor, late.missing_minor) == (0, 5_000)


def test_the_same_cause_asked_again_changes_nothing() -> None:
    book = authorised(10_000)
    wanted = CaptureRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=4_000)
    first = domain.capture(book, wanted, now=NOW)
    answer(book)
    giving = RefundRequest(order_id=book.order_id, cause_id=fresh_id(), amount_minor=1_000, reason="")
    given = domain.refund(book, giving, now=NOW)
    letting = VoidRequest(order_id=book.order_id, cause_id=fresh_id())
    let = domain.void(book, letting)
    count = len(book.instructions)

    assert domain.capture(book, wanted, now=NOW) == first
    assert domain.refund(book, giving, now=NOW) == given
    assert domain.void(book, letting) == let
    assert len(book.instructions) == count


def test_a_capture_waits_for_its_authorisation_and_a_refund_for_its_capture() -> None:
    book = a_book(5_000)
    domain.authorise(book)
    capture(book, 5_000)
    refund(book, 2_000)

    waiting = [one.status for one in book.instructions.values()]
    assert waiting == [InstructionStatus.PENDING, InstructionStatus.WAITING, InstructionStatus.WAITING]
    for _ in range(3):
        answer(book)
    assert (captured(book), refunded(book)) == ([5_000], [2_000])


def test_what_waited_for_a_declined_authorisation_is_dropped() -> None:
    book = a_book(5_000)
    domain.authorise(book)
    capture(book, 5_000)
    refund(book, 2_000)

    answer(book, kind=ReportKind.DECLINED, reason="card_declined")

    assert [one.status for one in book.instructions.values()][1:] == [InstructionStatus.DROPPED] * 2
    assert [fact.kind for fact in book.facts] == [FactKind.DECLINED, FactKind.CAPTURE_FAILED]
    assert not book.to_send


def test_an_authorisation_that_comes_after_the_order_was_cancelled_is_released() -> None:
    book = a_book(5_000)
    domain.authorise(book)
    void(book)

    answer(book)
    assert book.facts[-1].covered_minor == 0
    answer(book)

    assert book.total.held_minor == 0
    assert book.view(next(iter(book.payments))).status is PaymentStatus.VOIDED


def test_money_that_arrives_after_the_order_was_cancelled_is_sent_back() -> None:
    book = a_book(5_000, moment=CaptureMoment.AT_APPROVAL)
    domain.authorise(book)
    void(book)

    answer(book)
    answer(book)

    assert (captured(book), refunded(book)) == ([5_000], [5_000])


def test_a_void_leaves_what_is_being_captured() -> None:
    book = authorised(10_000)
    capture(book, 4_000)

    assert void(book).amount_minor == 6_000
    answer(book)
    assert (captured(book), book.total.held_minor) == ([4_000], 0)


def test_a_part_is_voided_from_the_later_payment_first() -> None:
    book = authorised(6_000, 4_000)

    assert void(book, 5_000).amount_minor == 5_000
    answer(book)
    assert [book.sums_of(one).voided_minor for one in book.payments] == [1_000, 4_000]


def test_a_capture_told_after_the_authorisation_expired_here_is_still_written() -> None:
    """PAY-05: the provider moved the money, so it was still held."""
    book = authorised(5_000)
    asked = capture(book, 5_000)
    payment_id = next(iter(book.payments))
    ended = Report(
        payment_id=payment_id, kind=ReportKind.VOIDED, amount_minor=5_000, currency=EUR, happened_at=NOW, reference="x"
    )
    domain.settle(book, ended, now=NOW)
    assert book.total.held_minor == 0

    answer(book)

    assert captured(book) == [5_000]
    assert book.total.held_minor == 0
    assert asked.amount_minor == 5_000


def test_reports_of_other_amounts_currencies_or_unknown_things_are_refused() -> None:
    book = authorised(5_000)
    asked = capture(book, 5_000).instruction_ids[0]
    good = a_report(book, asked)

    misfits: list[tuple[dict[str, Any], str]] = [
        ({"amount_minor": 5_001}, "other_amount"),
        ({"amount_minor": 0}, "other_amount"),
        ({"currency": "USD"}, "other_currency"),
        ({"instruction_id": fresh_id()}, "unknown_instruction"),
        ({"payment_id": fresh_id()}, "unknown_payment"),
        ({"kind": ReportKind.REFUNDED}, "other_kind"),
        ({"kind": ReportKind.REFUNDED, "instruction_id": None, "amount_minor": 5_001}, "over_refund"),
        ({"kind": ReportKind.REFUNDED, "instruction_id": None, "reference": ""}, "without_instruction"),
    ]
    for changes, reason in misfits:
        answered = domain.settle(book, msgspec.structs.replace(good, **changes), now=NOW)
        assert isinstance(answered, ReportDoesNotFit)
        assert answered.facts["reason"] == reason
    early = msgspec.structs.replace(good, kind=ReportKind.REFUNDED, instruction_id=None)
    assert isinstance(domain.settle(book, early, now=NOW), domain.ReportTooEarly)
    assert captured(book) == [0]


def test_a_refund_made_in_the_providers_back_office_is_written_once() -> None:
    book = authorised(5_000)
    capture(book, 5_000)
    answer(book)
    own = Report(
        payment_id=next(iter(book.payments)),
        kind=ReportKind.REFUNDED,
        amount_minor=1_000,
        currency=EUR,
        happened_at=NOW,
        reference="dashboard-1",
    )

    news = [domain.settle(book, own, now=NOW) for _ in range(3)]

    assert [one.is_news for one in news if isinstance(one, Settled)] == [True, False, False]
    assert refunded(book) == [1_000]


def test_a_hold_is_renewed_and_the_old_one_released() -> None:
    """PAY-04, I-12."""
    book = authorised(10_000)
    old = next(iter(book.payments))
    capture(book, 4_000)
    answer(book)

    domain.renew(book, old)
    renewed = next(one for one in book.payments.values() if one.renews_id == old)
    assert renewed.amount_minor == 6_000
    answer(book)
    assert book.facts[-1].covered_minor == 10_000
    answer(book)

    assert book.sums_of(old).held_minor == 0
    assert book.sums_of(renewed.id).held_minor == 6_000
    domain.renew(book, old)
    assert len(book.payments) == 2
    assert capture(book, 6_000).amount_minor == 6_000


def test_a_declined_renewal_leaves_the_old_hold_to_its_end() -> None:
    book = authorised(10_000)
    old = next(iter(book.payments))
    domain.renew(book, old)

    answer(book, kind=ReportKind.DECLINED, reason="card_declined")
    assert book.sums_of(old).held_minor == 10_000
    assert capture(book, 1_000).amount_minor == 1_000
    answer(book)

    domain.expire(book, old, now=NOW + timedelta(days=6))
    assert book.sums_of(old).held_minor == 9_000
    domain.expire(book, old, now=NOW + WEEK)
    assert (book.sums_of(old).held_minor, book.facts[-1].kind) == (0, FactKind.EXPIRED)


def test_a_hold_being_captured_does_not_expire_under_the_capture() -> None:
    book = authorised(5_000)
    old = next(iter(book.payments))
    capture(book, 3_000)

    domain.expire(book, old, now=NOW + WEEK)
    assert book.sums_of(old).held_minor == 3_000
    answer(book, kind=ReportKind.FAILED, reason="expired")
    assert book.payments[old].watch_at is not None
    domain.expire(book, old, now=NOW + WEEK)
    assert book.sums_of(old).held_minor == 0


def test_a_refused_refund_can_be_asked_for_again_under_a_new_key() -> None:
    book = authorised(5_000)
    capture(book, 5_000)
    answer(book)
    refund(book, 5_000)
    instruction = next(iter(book.to_send.values()))
    answer(book, kind=ReportKind.FAILED, reason="refused_by_issuer")
    late = a_report(book, instruction.id, kind=ReportKind.FAILED, reason="refused_by_issuer")

    again = domain.retry(book, instruction.id)
    assert isinstance(again, domain.Retried)
    assert book.to_send[instruction.id].key != instruction.key
    settled = domain.settle(book, late, now=NOW)
    assert isinstance(settled, Settled)
    assert not settled.is_news
    answer(book)
    assert refunded(book) == [5_000]
    assert isinstance(domain.retry(book, instruction.id), domain.CannotRetry)


def test_a_done_instruction_moves_nowhere() -> None:
    book = authorised(5_000)
    instruction = next(iter(book.instructions.values()))

    with pytest.raises(IllegalMove):
        book.change(instruction, InstructionStatus.FAILED)


@pytest.mark.parametrize(
    ("kind", "amount_minor", "reason"),
    [
        (InstructionKind.CAPTURE, 50, "partial_capture_not_supported"),
        (InstructionKind.VOID, 50, "partial_void_not_supported"),
        (InstructionKind.REFUND, 50, "partial_refund_not_supported"),
        (InstructionKind.CAPTURE, 100, None),
    ],
)
def test_a_provider_is_not_asked_for_what_it_cannot_do(
    kind: InstructionKind, amount_minor: int, reason: str | None
) -> None:
    """PAY-03."""
    none = Capabilities(calls_at_once=1, can_capture_parts=False, can_void_parts=False, can_refund_parts=False)
    call = domain.Call(
        key="k",
        kind=kind,
        instruction_id=fresh_id(),
        attempt=1,
        payment_id=fresh_id(),
        amount_minor=amount_minor,
        total_minor=100,
        currency=EUR,
        token="tok_visa",
        reference="",
        at=NOW,
    )

    assert domain.unsupported(call, none) == reason
    assert domain.unsupported(call, Capabilities(calls_at_once=1)) is None
