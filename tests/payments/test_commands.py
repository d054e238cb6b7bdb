"""The verbs of money on a real PostgreSQL, alone and at once."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from asyncpg import IntegrityConstraintViolationError
from sqlalchemy import text

from batuta.payments import commands, queries
from batuta.payments.adapters.test_provider import AUDIT, TestProvider
from batuta.payments.domain import (
    CannotRetry,
    CaptureMoment,
    CaptureRequest,
    CardNumberGiven,
    Coverage,
    DueDiffers,
    DueRecorded,
    NoPayment,
    OverRefund,
    PaymentDiffers,
    PaymentOpened,
    PaymentStatus,
    RefundRequest,
    Report,
    ReportDoesNotFit,
    ReportKind,
    Settled,
    UnknownInstruction,
    VoidRequest,
)
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from tests.counting import statements_of
from tests.making import NOW, fresh_id
from tests.payments.given import (
    EUR,
    a_due,
    a_payment,
    authorised_order,
    broken_laws,
    carry_out_all,
    given_order,
    told,
)

pytestmark = pytest.mark.usefixtures("provider")


async def test_opening_and_owing_take_one_statement_each_for_a_batch(db: Connection) -> None:
    orders = [fresh_id() for _ in range(64)]

    with statements_of(db.engine) as statements:
        opened = await commands.open_payments(db, payments=[a_payment(one) for one in orders], now=NOW)
        owed = await commands.record_due(db, dues=[a_due(one) for one in orders], now=NOW)

    assert len(statements) <= 2  # many rows go in by COPY
    assert all(isinstance(one, PaymentOpened) for one in opened)
    assert all(isinstance(one, DueRecorded) for one in owed)
    found = await queries.balances(db, orders)
    assert {one.due_minor for one in found.values()} == {10_000}


async def test_the_same_payment_and_due_again_change_nothing_and_others_are_refused(db: Connection) -> None:
    order_id = fresh_id()
    payment, due = a_payment(order_id), a_due(order_id)
    for _ in range(2):
        assert isinstance((await commands.open_payments(db, payments=[payment], now=NOW))[0], PaymentOpened)
        assert isinstance((await commands.record_due(db, dues=[due, due], now=NOW))[1], DueRecorded)

    other = msgspec.structs.replace(payment, amount_minor=1)
    assert isinstance((await commands.open_payments(db, payments=[other], now=NOW))[0], PaymentDiffers)
    differing = await commands.record_due(db, dues=[a_due(order_id, 9_999)], now=NOW)
    assert isinstance(differing[0], DueDiffers)
    assert (await queries.balances(db, [order_id]))[order_id].due_minor == 10_000


async def test_a_card_number_is_refused_and_its_neighbours_are_opened(db: Connection) -> None:
    """PAY-10."""
    order_id = fresh_id()
    bad = a_payment(order_id, token="4242 4242 4242 4242")

    outcomes = await commands.open_payments(db, payments=[bad, a_payment(order_id)], now=NOW)

    assert isinstance(outcomes[0], CardNumberGiven)
    assert isinstance(outcomes[1], PaymentOpened)
    assert len((await queries.payments_of(db, [order_id]))[order_id]) == 1


async def test_the_database_itself_refuses_a_card_number(db: Connection) -> None:
    """PAY-10."""
    order_id = await given_order(db, 100)

    with pytest.raises(IntegrityConstraintViolationError):
        await db.execute(
            text("UPDATE payments.payment SET token = '4242424242424242' WHERE order_id = :id"), {"id": order_id}
        )


async def test_adjustments_are_dues_with_a_name(db: Connection) -> None:
    order_id = await given_order(db, 10_000)
    interest = a_due(order_id, 250, name="instalment interest")
    discount = a_due(order_id, -100, name="discount")

    await commands.record_due(db, dues=[interest, discount, a_due(order_id, 0, name="nothing")], now=NOW)

    assert (await queries.balances(db, [order_id]))[order_id].due_minor == 10_150
    kinds = await db.execute(
        text("SELECT kind FROM payments.entry WHERE order_id = :id ORDER BY kind"), {"id": order_id}
    )
    assert kinds.scalars().all() == ["adjust", "adjust", "due"]


async def test_a_card_is_held_at_approval_and_captured_at_hand_over(engine: Engine) -> None:
    """PAY-01, PAY-02."""
    order_id = await authorised_order(engine, 10_000)
    async with engine.begin() as db:
        held = (await queries.balances(db, [order_id]))[order_id]
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=10_000)
        await commands.request_capture(db, captures=[capture], now=NOW)
    await carry_out_all(engine, [order_id])

    async with engine.connect() as db:
        taken = (await queries.balances(db, [order_id]))[order_id]
        view = (await queries.payments_of(db, [order_id]))[order_id][0]
        assert await told(db, order_id) == ["payment_authorised", "payment_captured"]
    assert (held.authorisation, held.capture, held.owed_minor) == (Coverage.FULL, Coverage.NONE, 0)
    assert (taken.capture, taken.held_minor, taken.paid_minor) == (Coverage.FULL, 0, 10_000)
    assert view.status is PaymentStatus.CAPTURED
    assert view.payment.authorised_until == NOW + timedelta(days=7)
    assert view.payment.watch_at is None


async def test_a_voucher_is_paid_at_approval_and_captured_no_second_time(engine: Engine) -> None:
    order_id = await authorised_order(engine, 5_000, moments=[CaptureMoment.AT_APPROVAL])
    async with engine.begin() as db:
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=5_000, is_last=True)
        asked = await commands.request_capture(db, captures=[capture], now=NOW)
        balance = (await queries.balances(db, [order_id]))[order_id]
        assert await told(db, order_id) == ["payment_authorised", "payment_captured"]

    assert (asked[0].instruction_ids, asked[0].missing_minor) == ((), 0)  # type: ignore[union-attr]
    assert balance.paid_minor == 5_000


async def test_refunds_over_two_payments_spill_to_the_next(engine: Engine) -> None:
    """PAY-06, I-10."""
    order_id = await authorised_order(engine, 6_000, 4_000)
    async with engine.begin() as db:
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=10_000)
        await commands.request_capture(db, captures=[capture], now=NOW)
    await carry_out_all(engine, [order_id])
    async with engine.begin() as db:
        await commands.record_due(db, dues=[a_due(order_id, -8_000, cause_id=fresh_id())], now=NOW)
        first, second, over = (
            RefundRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=amount, reason="return")
            for amount in (3_000, 5_000, 2_001)
        )
        asked = await commands.request_refund(db, refunds=[first, second, over], now=NOW)
        again = await commands.request_refund(db, refunds=[first], now=NOW)
    assert isinstance(asked[2], OverRefund)
    assert asked[2].facts["refundable_minor"] == 2_000
    assert again[0] == asked[0]
    await carry_out_all(engine, [order_id])

    async with engine.connect() as db:
        views = (await queries.payments_of(db, [order_id]))[order_id]
        assert [view.sums.refunded_minor for view in views] == [4_000, 4_000]
        assert [view.status for view in views] == [PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED]
        balance = (await queries.balances(db, [order_id]))[order_id]
        assert (balance.paid_minor, balance.due_minor, balance.refund_owed_minor) == (2_000, 2_000, 0)


async def test_an_order_without_payments_is_told_apart_from_one_that_owes_nothing(db: Connection) -> None:
    owing, free = fresh_id(), fresh_id()
    await commands.record_due(db, dues=[a_due(owing)], now=NOW)

    answers = await commands.request_authorisation(db, order_ids=[owing, free], now=NOW)
    capture = CaptureRequest(order_id=owing, cause_id=fresh_id(), amount_minor=1)
    refund = RefundRequest(order_id=owing, cause_id=fresh_id(), amount_minor=1, reason="")

    assert isinstance(answers[0], NoPayment)
    assert await told(db, free) == ["payment_not_needed"]
    assert isinstance((await commands.request_capture(db, captures=[capture], now=NOW))[0], NoPayment)
    assert isinstance((await commands.request_refund(db, refunds=[refund], now=NOW))[0], NoPayment)
    voids = [VoidRequest(order_id=owing, cause_id=fresh_id())]
    assert isinstance((await commands.request_void(db, voids=voids, now=NOW))[0], NoPayment)


async def test_an_authorisation_is_asked_for_once(db: Connection) -> None:
    order_id = await given_order(db, 100, 200)

    first = await commands.request_authorisation(db, order_ids=[order_id, order_id], now=NOW)
    second = await commands.request_authorisation(db, order_ids=[order_id], now=NOW)

    assert first == [*second, *second]
    jobs = await db.execute(text("SELECT count(*) FROM jobs.pgqueuer WHERE entrypoint = 'payments.carry_out'"))
    assert jobs.scalar_one() >= 2


async def test_two_captures_at_once_take_no_more_than_is_held(engine: Engine) -> None:
    order_id = await authorised_order(engine, 10_000)

    async def capture() -> int:
        async with engine.begin() as db:
            wanted = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=7_000)
            asked = await commands.request_capture(db, captures=[wanted], now=NOW)
            return asked[0].amount_minor  # type: ignore[union-attr]

    assert sorted(await asyncio.gather(capture(), capture())) == [3_000, 7_000]
    await carry_out_all(engine, [order_id])
    async with engine.connect() as db:
        assert (await queries.balances(db, [order_id]))[order_id].paid_minor == 10_000


async def test_the_same_capture_asked_eight_times_at_once_is_one(engine: Engine) -> None:
    order_id = await authorised_order(engine, 10_000)
    wanted = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=4_000)

    async def capture() -> object:
        async with engine.begin() as db:
            return (await commands.request_capture(db, captures=[wanted], now=NOW))[0]

    answers = await asyncio.gather(*(capture() for _ in range(8)))

    assert all(one == answers[0] for one in answers)
    async with engine.connect() as db:
        count = await db.execute(text("SELECT count(*) FROM payments.request WHERE order_id = :id"), {"id": order_id})
        assert count.scalar_one() == 1


async def test_an_answer_and_its_webhook_at_once_are_written_once(engine: Engine) -> None:
    """PAY-05, I-15: the payment is the lock; whoever comes second sees the finished result."""
    async with engine.begin() as db:
        order_id = await given_order(db, 10_000)
        asked = await commands.request_authorisation(db, order_ids=[order_id], now=NOW)
        view = (await queries.payments_of(db, [order_id]))[order_id][0]
    report = Report(
        payment_id=view.payment.id,
        kind=ReportKind.AUTHORISED,
        amount_minor=10_000,
        currency=EUR,
        happened_at=NOW,
        instruction_id=asked[0].instruction_ids[0],  # type: ignore[union-attr]
        reference="op-1",
    )

    async def hear() -> bool:
        async with engine.begin() as db:
            answer = (await commands.settle(db, reports=[report, report], now=NOW))[0]
            assert isinstance(answer, Settled)
            return answer.is_news

    assert sorted(await asyncio.gather(*(hear() for _ in range(6)))) == [False] * 5 + [True]
    async with engine.connect() as db:
        assert (await queries.balances(db, [order_id]))[order_id].authorised_minor == 10_000
        assert await told(db, order_id) == ["payment_authorised"]


async def test_a_report_on_an_unknown_payment_harms_no_neighbour(db: Connection) -> None:
    order_id = await given_order(db, 100)
    asked = await commands.request_authorisation(db, order_ids=[order_id], now=NOW)
    payment_id = (await queries.payments_of(db, [order_id]))[order_id][0].payment.id
    good = Report(
        payment_id=payment_id,
        kind=ReportKind.AUTHORISED,
        amount_minor=100,
        currency=EUR,
        happened_at=NOW,
        instruction_id=asked[0].instruction_ids[0],  # type: ignore[union-attr]
        reference="op",
    )
    bad = msgspec.structs.replace(good, payment_id=fresh_id())

    answers = await commands.settle(db, reports=[bad, good], now=NOW)

    assert isinstance(answers[0], ReportDoesNotFit)
    assert isinstance(answers[1], Settled)


async def test_a_hold_is_renewed_at_four_fifths_of_its_life_and_the_goods_go_out_late(engine: Engine) -> None:
    """PAY-04, I-12."""
    order_id = await authorised_order(engine, 10_000)
    late, later = NOW + timedelta(days=6), NOW + timedelta(days=9)
    async with engine.begin() as db:
        while await commands.renew_authorisations(db, now=late, limit=500):
            pass
    for _ in range(2):
        await carry_out_all(engine, [order_id], now=late)
    async with engine.begin() as db:
        while await commands.expire_authorisations(db, now=later, limit=500):
            pass
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=10_000)
        await commands.request_capture(db, captures=[capture], now=later)
    await carry_out_all(engine, [order_id], now=later)

    async with engine.connect() as db:
        views = (await queries.payments_of(db, [order_id]))[order_id]
        assert [view.status for view in views if view.payment.renews_id] == [PaymentStatus.CAPTURED]
        assert [view.status for view in views if not view.payment.renews_id] == [PaymentStatus.VOIDED]
        balance = (await queries.balances(db, [order_id]))[order_id]
        assert (balance.paid_minor, balance.held_minor, balance.owed_minor) == (10_000, 0, 0)


async def test_a_hold_past_its_end_is_released_and_told_once(engine: Engine) -> None:
    """PAY-04."""
    order_id = await authorised_order(engine, 10_000)
    end = NOW + timedelta(days=7)
    async with engine.begin() as db:
        for _ in range(2):
            while await commands.expire_authorisations(db, now=end, limit=500):
                pass

    async with engine.connect() as db:
        assert await told(db, order_id) == ["payment_authorised", "authorisation_expired"]
        balance = (await queries.balances(db, [order_id]))[order_id]
        assert (balance.expired_minor, balance.owed_minor) == (10_000, 10_000)
        view = (await queries.payments_of(db, [order_id]))[order_id][0]
        assert view.status is PaymentStatus.EXPIRED


async def test_a_refused_refund_is_sent_again_only_on_purpose(engine: Engine) -> None:
    order_id = await authorised_order(engine, 5_000, tokens=["tok_refund_refused"], moments=[CaptureMoment.AT_APPROVAL])
    async with engine.begin() as db:
        refund = RefundRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=5_000, reason="return")
        asked = (await commands.request_refund(db, refunds=[refund], now=NOW))[0]
    ids = asked.instruction_ids  # type: ignore[union-attr]
    await carry_out_all(engine, [order_id])
    async with engine.begin() as db:
        assert await told(db, order_id) == ["payment_authorised", "payment_captured", "refund_failed"]
        assert (await queries.payments_of(db, [order_id]))[order_id][0].status is PaymentStatus.REFUND_FAILED
        await db.execute(
            text("UPDATE payments_test_provider.charge SET token = 'tok_visa' WHERE id = ANY(:ids)"),
            {"ids": [view.payment.id for view in (await queries.payments_of(db, [order_id]))[order_id]]},
        )
        answers = await commands.retry_instructions(db, instruction_ids=[*ids, fresh_id()], now=NOW)
    assert isinstance(answers[1], UnknownInstruction)
    await carry_out_all(engine, [order_id])

    async with engine.begin() as db:
        assert (await queries.balances(db, [order_id]))[order_id].refunded_minor == 5_000
        assert isinstance((await commands.retry_instructions(db, instruction_ids=ids, now=NOW))[0], CannotRetry)


CORRUPTIONS = {
    "no more is captured": "UPDATE payments.entry SET amount_minor = 99999 WHERE order_id = :id AND kind = 'capture'",
    "no more refunded": "UPDATE payments.entry SET amount_minor = 99999 WHERE order_id = :id AND kind = 'refund'",
    "every settled": "DELETE FROM payments.entry WHERE order_id = :id AND kind = 'refund'",
    "every entry": "UPDATE payments.entry SET currency = 'USD' WHERE order_id = :id AND payment_id IS NOT NULL",
    "one currency": "UPDATE payments.entry SET currency = 'USD' WHERE order_id = :id AND kind = 'due'",
    "beyond its amount": "UPDATE payments.payment SET amount_minor = 1 WHERE order_id = :id",
    "parts of a request": "UPDATE payments.request SET amount_minor = 1 WHERE order_id = :id",
    "is watched": "UPDATE payments.payment SET watch_at = NULL WHERE order_id = :id",
}


@pytest.mark.parametrize("law", sorted(CORRUPTIONS))
async def test_each_law_of_the_audit_sees_a_corrupted_row(engine: Engine, law: str) -> None:
    order_id = await authorised_order(engine, 10_000)
    async with engine.begin() as db:
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=6_000)
        refund = RefundRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=2_000, reason="return")
        await commands.request_capture(db, captures=[capture], now=NOW)
        await commands.request_refund(db, refunds=[refund], now=NOW)
    for _ in range(2):
        await carry_out_all(engine, [order_id])

    async with engine.connect() as db:
        await db.begin()
        assert await broken_laws(db) == []
        await db.execute(text(CORRUPTIONS[law]), {"id": order_id})
        broken = await broken_laws(db)
        assert any(law in name for name in broken), broken
        await db.rollback()


async def test_the_audit_compares_our_books_with_the_providers(engine: Engine, provider: TestProvider) -> None:
    """PLT-11."""
    order_id = await authorised_order(engine, 10_000, moments=[CaptureMoment.AT_APPROVAL])
    async with engine.connect() as db:
        await db.begin()
        payment_id = (await queries.payments_of(db, [order_id]))[order_id][0].payment.id
        assert (await provider.books([payment_id]))[payment_id].captured_minor == 10_000
        # Other tests call the provider without our knowing; their charges differ before and after.
        [before] = await examine(db, AUDIT)
        await db.execute(
            text("UPDATE payments_test_provider.charge SET captured_minor = 9999 WHERE id = :id"), {"id": payment_id}
        )
        [after] = await examine(db, AUDIT)
        assert after.broken == before.broken + 1
        await db.rollback()
