"""Calls to providers: many at once, failing, answered late, twice and out of order."""

import asyncio
import random
import time
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.payments import commands, jobs, queries
from batuta.payments.adapters.test_provider import TestProvider
from batuta.payments.domain import (
    BadWebhook,
    CaptureMoment,
    CaptureRequest,
    CarryOut,
    PaymentStatus,
    ProviderUnavailable,
    RefundRequest,
    Report,
    Settled,
    UnknownProvider,
    VoidRequest,
)
from batuta.plumbing.database import Engine
from tests.counting import statements_of
from tests.making import NOW, fresh_id
from tests.payments.given import a_due, a_payment, authorised_order, carry_out_all, given_order, pending_of, told

pytestmark = pytest.mark.usefixtures("provider")


async def payment_ids(engine: Engine, order_id: UUID) -> list[UUID]:
    async with engine.connect() as db:
        return [view.payment.id for view in (await queries.payments_of(db, [order_id]))[order_id]]


async def test_a_thousand_authorisations_are_settled_by_few_statements(engine: Engine) -> None:
    orders = [fresh_id() for _ in range(1_000)]
    async with engine.begin() as db:
        await commands.open_payments(db, payments=[a_payment(one) for one in orders], now=NOW)
        await commands.record_due(db, dues=[a_due(one) for one in orders], now=NOW)
        asked = await commands.request_authorisation(db, order_ids=orders, now=NOW)
    payloads = [msgspec.json.encode(CarryOut(instruction_id=one.instruction_ids[0])) for one in asked]  # type: ignore[union-attr]

    began = time.perf_counter()
    with statements_of(engine) as statements:
        outcomes = await jobs.carry_out(engine, payloads, now=NOW)
    seconds = time.perf_counter() - began

    assert outcomes == [None] * 1_000
    assert len(statements) <= 12
    assert seconds < 10, "a machine this slow, or one statement a payment"
    async with engine.connect() as db:
        assert {one.held_minor for one in (await queries.balances(db, orders)).values()} == {10_000}


async def test_each_payment_gets_its_own_answer(engine: Engine) -> None:
    tokens = ["tok_visa", "tok_declined", "tok_insufficient_funds", "tok_unavailable"]
    async with engine.begin() as db:
        orders = [await given_order(db, 1_000, tokens=[token]) for token in tokens]
        await commands.request_authorisation(db, order_ids=orders, now=NOW)

    outcomes = await carry_out_all(engine, orders)

    assert [type(one) for one in outcomes if one] == [ProviderUnavailable]
    async with engine.connect() as db:
        assert [await told(db, one) for one in orders] == [
            ["payment_authorised"],
            ["payment_declined"],
            ["payment_declined"],
            [],
        ]
        views = await queries.payments_of(db, orders)
        assert [views[one][0].status for one in orders] == [
            PaymentStatus.AUTHORISED,
            PaymentStatus.DECLINED,
            PaymentStatus.DECLINED,
            PaymentStatus.PENDING,
        ]
        assert len(await pending_of(db, orders)) == 1


async def test_a_job_that_runs_twice_calls_and_settles_once(engine: Engine, provider: TestProvider) -> None:
    """A job killed between the call and the settling is run again; so are two workers at once."""
    async with engine.begin() as db:
        order_id = await given_order(db, 1_000, moments=[CaptureMoment.AT_APPROVAL])
        asked = await commands.request_authorisation(db, order_ids=[order_id], now=NOW)
    payload = msgspec.json.encode(CarryOut(instruction_id=asked[0].instruction_ids[0]))  # type: ignore[union-attr]

    await asyncio.gather(*(jobs.carry_out(engine, [payload, payload], now=NOW) for _ in range(4)))

    [payment_id] = await payment_ids(engine, order_id)
    assert (await provider.books([payment_id]))[payment_id].captured_minor == 1_000
    async with engine.connect() as db:
        assert (await queries.balances(db, [order_id]))[order_id].captured_minor == 1_000
        assert await told(db, order_id) == ["payment_authorised", "payment_captured"]


async def test_an_unknown_provider_keeps_its_jobs_and_not_those_of_others(engine: Engine) -> None:
    async with engine.begin() as db:
        lost, fine = fresh_id(), fresh_id()
        payments = [a_payment(lost, provider="nobody"), a_payment(fine)]
        await commands.open_payments(db, payments=payments, now=NOW)
        await commands.request_authorisation(db, order_ids=[lost, fine], now=NOW)

    outcomes = await carry_out_all(engine, [lost, fine])

    assert [type(one) for one in outcomes if one] == [UnknownProvider]


async def test_a_job_of_nothing_pending_is_done(engine: Engine) -> None:
    payload = msgspec.json.encode(CarryOut(instruction_id=fresh_id()))

    assert await jobs.carry_out(engine, [payload], now=NOW) == [None]


async def test_a_refused_capture_is_told(engine: Engine) -> None:
    order_id = await authorised_order(engine, 1_000, tokens=["tok_capture_refused"])
    async with engine.begin() as db:
        capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=1_000)
        await commands.request_capture(db, captures=[capture], now=NOW)

    assert await carry_out_all(engine, [order_id]) == [None]
    async with engine.connect() as db:
        assert await told(db, order_id) == ["payment_authorised", "capture_failed"]


async def test_a_boleto_is_paid_days_later_and_a_webhook_tells_it(engine: Engine, provider: TestProvider) -> None:
    async with engine.begin() as db:
        paid, unpaid = [
            await given_order(db, 1_000, tokens=["tok_pending"], moments=[CaptureMoment.AT_APPROVAL]) for _ in "ab"
        ]
        await commands.request_authorisation(db, order_ids=[paid, unpaid], now=NOW)
    assert await carry_out_all(engine, [paid, unpaid]) == [None, None]

    later = NOW + timedelta(days=2)
    ids = [(await payment_ids(engine, one))[0] for one in (paid, unpaid)]
    await provider.decide(ids[0], is_approved=True, at=later)
    await provider.decide(ids[1], is_approved=False, at=later)
    for body, headers in await provider.webhooks(ids, sent_at=later):
        for _ in range(2):
            await commands.take_webhook(engine, provider="test", body=body, headers=headers, now=later)

    async with engine.connect() as db:
        assert await told(db, paid) == ["payment_authorised", "payment_captured"]
        assert await told(db, unpaid) == ["payment_declined"]
    assert await jobs.reconcile(engine, order_ids=[paid, unpaid]) == []


@pytest.mark.parametrize("seed", range(3))
async def test_webhooks_late_twice_and_out_of_order_lead_to_the_providers_books(
    engine: Engine, provider: TestProvider, seed: int
) -> None:
    """PAY-05: answers are lost at random, webhooks come at random, and our books end as the provider's."""
    chance = random.Random(seed)
    async with engine.begin() as db:
        orders = [await given_order(db, 6_000, 4_000) for _ in range(4)]
        await commands.request_authorisation(db, order_ids=orders, now=NOW)
    ids = [one for order_id in orders for one in await payment_ids(engine, order_id)]

    for step in range(6):
        now = NOW + timedelta(days=step)
        async with engine.begin() as db:
            await _ask_something(db, orders, chance, now)
        await _lose_some_answers(engine, provider, orders, chance, now)
        sent = await provider.webhooks(ids, sent_at=now)
        for body, headers in chance.choices(sent, k=2 * len(sent)) if sent else ():
            await commands.take_webhook(engine, provider="test", body=body, headers=headers, now=now)
    end = NOW + timedelta(days=6)
    for _ in range(4):
        await carry_out_all(engine, orders, now=end)

    assert await jobs.reconcile(engine, order_ids=orders) == []
    async with engine.connect() as db:
        assert await pending_of(db, orders) == []


async def _ask_something(db: object, orders: list[UUID], chance: random.Random, now: object) -> None:
    captures = [
        CaptureRequest(order_id=one, cause_id=fresh_id(), amount_minor=chance.randint(1, 6_000))
        for one in chance.sample(orders, 3)
    ]
    refunds = [
        RefundRequest(order_id=one, cause_id=fresh_id(), amount_minor=chance.randint(1, 3_000), reason="return")
        for one in chance.sample(orders, 2)
    ]
    voids = [VoidRequest(order_id=one, cause_id=fresh_id()) for one in chance.sample(orders, 1)]
    await commands.request_capture(db, captures=captures, now=now)  # type: ignore[arg-type]
    await commands.request_refund(db, refunds=refunds, now=now)  # type: ignore[arg-type]
    await commands.request_void(db, voids=voids, now=now)  # type: ignore[arg-type]


async def _lose_some_answers(
    engine: Engine, provider: TestProvider, orders: list[UUID], chance: random.Random, now: object
) -> None:
    """The provider hears every call; we hear some of the answers."""
    async with engine.connect() as db:
        ids = await pending_of(db, orders)
        calls = await queries.calls_to_make(db, ids, now=now)  # type: ignore[arg-type]
    answers: list[Report] = [await getattr(provider, call.kind)(call) for _, call in calls.values()]
    heard = [one for one in answers if chance.random() < 0.5]
    async with engine.begin() as db:
        settled = await commands.settle(db, reports=heard, now=now)  # type: ignore[arg-type]
    assert all(isinstance(one, Settled) for one in settled)


async def test_a_webhook_that_the_provider_did_not_sign_is_refused(engine: Engine, provider: TestProvider) -> None:
    order_id = await authorised_order(engine, 1_000)
    [(body, headers)] = await provider.webhooks(await payment_ids(engine, order_id), sent_at=NOW)
    stamp = headers["batuta-signature"].partition(",")[0]

    for bad_body, bad_headers, at in [
        (body, {}, NOW),
        (body, {"batuta-signature": f"{stamp},00"}, NOW),
        (body, {"batuta-signature": "²,00"}, NOW),
        (body.replace(b"1000", b"9000"), headers, NOW),
        (body, headers, NOW + timedelta(hours=1)),
    ]:
        with pytest.raises(BadWebhook):
            await commands.take_webhook(engine, provider="test", body=bad_body, headers=bad_headers, now=at)
    with pytest.raises(commands.ProviderNotFound):
        await commands.take_webhook(engine, provider="nobody", body=body, headers=headers, now=NOW)


async def test_a_hold_that_the_provider_ended_is_released_by_its_webhook(
    engine: Engine, provider: TestProvider
) -> None:
    """PAY-04."""
    order_id = await authorised_order(engine, 1_000)
    end = NOW + timedelta(days=7)
    for body, headers in reversed(await provider.webhooks(await payment_ids(engine, order_id), sent_at=end)):
        await commands.take_webhook(engine, provider="test", body=body, headers=headers, now=end)

    async with engine.connect() as db:
        assert await told(db, order_id) == ["payment_authorised", "authorisation_expired"]


async def test_reconciling_names_the_payment_that_differs(engine: Engine) -> None:
    """PLT-11."""
    order_id = await authorised_order(engine, 1_000, moments=[CaptureMoment.AT_APPROVAL])
    [payment_id] = await payment_ids(engine, order_id)
    async with engine.begin() as db:
        await db.execute(
            text("UPDATE payments_test_provider.charge SET refunded_minor = 7 WHERE id = :id"), {"id": payment_id}
        )

    [difference] = await jobs.reconcile(engine, order_ids=[order_id])
    async with engine.begin() as db:
        await db.execute(
            text("UPDATE payments_test_provider.charge SET refunded_minor = 0 WHERE id = :id"), {"id": payment_id}
        )

    assert (difference.payment_id, difference.refunded_minor, difference.refunded_there_minor) == (payment_id, 0, 7)
