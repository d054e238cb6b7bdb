"""Money through the API: read, moved by hand, and told by providers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from batuta.ordering.commands import place
from batuta.ordering.domain import Means, PlaceLine, PlaceOrder
from batuta.payments import commands
from batuta.payments.adapters.test_provider import TestProvider, _signature
from batuta.payments.api import ROUTES
from batuta.payments.domain import CaptureRequest, Report, ReportKind
from batuta.payments.queries import balances, books_of
from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller
from batuta.plumbing.web.moments import moment
from tests.asking import House, a_caller, problem
from tests.making import NOW, fresh_code, fresh_id
from tests.payments.given import authorised_order, carry_out_all, pending_of, told
from tests.world import MADRID, Shop, build_shop, sound

MAY = ("payments.read", "payments.capture", "payments.refund")
WORTH = 10_490
"""Four chairs and their shipping."""


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def client(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 100}})


Buy = Callable[..., Awaitable[UUID]]


@pytest.fixture
def buy(engine: Engine, shop: Shop) -> Buy:
    """Place an order of four chairs, authorised, and captured as far as wanted."""

    async def bought(*, token: str = "tok_visa", captured_minor: int = 0) -> UUID:
        order = PlaceOrder(
            id=fresh_id(),
            channel_code=shop.channel.code,
            lines=[PlaceLine(sku_code=shop.skus["chair"].code, quantity=4)],
            ship_to=MADRID,
            actor="customer:ana",
            placed_at=NOW,
            means=[Means(method="card", amount_minor=WORTH, token=token)],
        )
        async with engine.begin() as db:
            sound(await place(db, orders=[order], now=NOW))
            await commands.request_authorisation(db, order_ids=[order.id], now=moment())
        await carry_out_all(engine, [order.id], now=moment())
        if captured_minor:
            capture = CaptureRequest(order_id=order.id, cause_id=fresh_id(), amount_minor=captured_minor)
            async with engine.begin() as db:
                await commands.request_capture(db, captures=[capture], now=moment())
            await carry_out_all(engine, [order.id], now=moment())
        return order.id

    return bought


def a_refund(amount_minor: Any, **changes: Any) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "EUR", "reason": "a scratch"} | changes


async def test_the_money_of_an_order_is_read_without_the_cards_token(client: httpx.AsyncClient, buy: Buy) -> None:
    """PAY-01, PAY-10."""
    order_id = await buy(captured_minor=4_000)

    answer = await client.get(f"/api/orders/{order_id}/payments")

    money = answer.json()
    assert (money["held_minor"], money["paid_minor"], money["owed_minor"]) == (6_490, 4_000, 0)
    assert (money["authorisation"], money["capture"]) == ("full", "partial")
    assert money["payments"][0]["status"] == "partially_captured"
    assert [one["kind"] for one in money["payments"][0]["instructions"]] == ["authorise", "capture"]
    assert "tok_" not in answer.text


async def test_goodwill_is_credited_and_given_back(engine: Engine, client: httpx.AsyncClient, buy: Buy) -> None:
    """The order does not owe again what was given back."""
    order_id = await buy(captured_minor=WORTH)

    answer = await client.post(f"/api/orders/{order_id}/refunds", json=a_refund(1_500))
    assert answer.status_code == 201, answer.text
    await carry_out_all(engine, [order_id])

    async with engine.connect() as db:
        balance = (await balances(db, [order_id]))[order_id]
        facts = await told(db, order_id)
    assert (balance.refunded_minor, balance.due_minor, balance.owed_minor) == (1_500, WORTH - 1_500, 0)
    assert "asked_by_hand" in facts
    assert "payment_refunded" in facts


async def test_what_is_owed_back_anyway_is_not_credited_again(
    engine: Engine, client: httpx.AsyncClient, buy: Buy
) -> None:
    order_id = await buy(captured_minor=WORTH)
    credit = commands_due(order_id, -2_000)
    async with engine.begin() as db:
        sound(await commands.record_due(db, dues=[credit], now=NOW))

    await client.post(f"/api/orders/{order_id}/refunds", json=a_refund(2_500))
    await carry_out_all(engine, [order_id])

    async with engine.connect() as db:
        balance = (await balances(db, [order_id]))[order_id]
    assert (balance.refunded_minor, balance.due_minor, balance.owed_minor) == (2_500, WORTH - 2_500, 0)


def commands_due(order_id: UUID, amount_minor: int) -> Any:
    from tests.payments.given import a_due

    return a_due(order_id, amount_minor, cause_id=fresh_id())


async def test_nobody_refunds_beyond_their_limit_at_once_or_bit_by_bit(engine: Engine, house: House, buy: Buy) -> None:
    """PLT-07: the facts say what the limit is and what was given before."""
    agent = house.asked_by(a_caller(*MAY, limits={"payments.refund": 5_000}))
    order_id = await buy(captured_minor=WORTH)
    path = f"/api/orders/{order_id}/refunds"

    at_once = await agent.post(path, json=a_refund(5_001))
    assert problem(at_once) == (403, "beyond_limit")
    facts = at_once.json()["facts"]
    assert (facts["limit_minor"], facts["asked_minor"], facts["given_before_minor"]) == (5_000, 5_001, 0)

    assert (await agent.post(path, json=a_refund(3_000))).status_code == 201
    more = await agent.post(path, json=a_refund(2_001))
    assert problem(more) == (403, "beyond_limit")
    assert more.json()["facts"]["given_before_minor"] == 3_000
    assert (await agent.post(path, json=a_refund(2_000))).status_code == 201
    async with engine.connect() as db:
        assert len(await pending_of(db, [order_id])) == 2


async def test_a_refund_sent_again_under_its_key_gives_back_once(
    engine: Engine, client: httpx.AsyncClient, buy: Buy
) -> None:
    """PLT-01."""
    order_id = await buy(captured_minor=WORTH)
    key = {"idempotency-key": fresh_code("key")}
    path = f"/api/orders/{order_id}/refunds"

    first, again = [await client.post(path, json=a_refund(1_000), headers=key) for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    async with engine.connect() as db:
        assert len(await pending_of(db, [order_id])) == 1


async def test_more_than_was_captured_is_not_given_back_and_nothing_is_told(
    engine: Engine, client: httpx.AsyncClient, buy: Buy
) -> None:
    order_id = await buy(captured_minor=4_000)

    answer = await client.post(f"/api/orders/{order_id}/refunds", json=a_refund(4_001))

    assert problem(answer) == (409, "over_refund")
    assert answer.json()["facts"]["refundable_minor"] == 4_000
    async with engine.connect() as db:
        assert "refund_failed" not in await told(db, order_id)
        assert (await balances(db, [order_id]))[order_id].due_minor == WORTH


@pytest.mark.parametrize(
    "body",
    [
        a_refund(0),
        a_refund(-1),
        a_refund(1.5),
        a_refund("1000"),
        a_refund(True),
        a_refund(1e30),
        a_refund(2**63),
        a_refund(10**15 + 1),
        a_refund(1_000, currency="euro"),
        a_refund(1_000, reason=""),
        a_refund(1_000, reason="x" * 501),
        a_refund(1_000, actor="staff:boss"),
        {"amount_minor": 1_000},
        [],
        None,
    ],
)
async def test_a_refund_that_does_not_fit_is_refused(client: httpx.AsyncClient, buy: Buy, body: Any) -> None:
    order_id = await buy(captured_minor=WORTH)

    assert (await client.post(f"/api/orders/{order_id}/refunds", json=body)).status_code == 400


async def test_an_amount_may_be_written_as_a_whole_number_with_a_point(client: httpx.AsyncClient, buy: Buy) -> None:
    """JSON Schema calls 1000.0 an integer."""
    order_id = await buy(captured_minor=WORTH)
    body = b'{"amount_minor": 1000.0, "currency": "EUR", "reason": "a scratch"}'

    answer = await client.post(
        f"/api/orders/{order_id}/refunds", content=body, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["amount_minor"]) == (201, 1_000)


async def test_money_is_captured_and_let_go_by_hand(engine: Engine, client: httpx.AsyncClient, buy: Buy) -> None:
    order_id = await buy()
    reason = {"reason": "the courier was paid in advance"}

    some = await client.post(f"/api/orders/{order_id}/captures", json=reason | {"amount_minor": 3_000})
    assert (some.status_code, some.json()["amount_minor"]) == (201, 3_000)
    await carry_out_all(engine, [order_id])
    rest = await client.post(f"/api/orders/{order_id}/voids", json=reason | {"amount_minor": 1_000})
    assert (rest.status_code, rest.json()["amount_minor"]) == (201, 1_000)
    await carry_out_all(engine, [order_id])
    beyond = await client.post(f"/api/orders/{order_id}/captures", json=reason)
    assert problem(beyond) == (409, "not_covered")
    assert beyond.json()["facts"]["missing_minor"] == 1_000
    async with engine.connect() as db:
        assert "capture_failed" not in await told(db, order_id)

    await client.post(f"/api/orders/{order_id}/voids", json=reason)
    await carry_out_all(engine, [order_id])
    assert problem(await client.post(f"/api/orders/{order_id}/voids", json=reason)) == (409, "nothing_held")
    dollars = reason | {"amount_minor": 1, "currency": "USD"}
    assert problem(await client.post(f"/api/orders/{order_id}/captures", json=dollars)) == (409, "other_currency")


async def test_what_a_provider_refused_is_asked_for_again(
    engine: Engine, house: House, client: httpx.AsyncClient, buy: Buy
) -> None:
    order_id = await buy(token="tok_refund_refused", captured_minor=WORTH)
    await client.post(f"/api/orders/{order_id}/refunds", json=a_refund(1_000))
    await carry_out_all(engine, [order_id])
    async with engine.connect() as db:
        book = (await books_of(db, [order_id]))[order_id]
    [refused] = [one for one in book.instructions.values() if str(one.status) == "failed"]
    path = f"/api/payments/instructions/{refused.id}/retry"

    only_captures = house.asked_by(a_caller("payments.capture"))
    assert problem(await only_captures.post(path)) == (403, "permission_missing")
    little = house.asked_by(a_caller(*MAY, limits={"payments.refund": 999}))
    assert problem(await little.post(path)) == (403, "beyond_limit")
    assert (await client.post(path)).json() == {"instruction_id": str(refused.id), "attempt": 2}
    assert problem(await client.post(f"/api/payments/instructions/{fresh_id()}/retry")) == (404, "unknown_instruction")


async def test_who_sells_elsewhere_sees_and_moves_no_money_of_this_shop(house: House, shop: Shop, buy: Buy) -> None:
    """PLT-07."""
    order_id = await buy(captured_minor=WORTH)
    elsewhere = house.asked_by(a_caller(*MAY, channel_ids=frozenset({fresh_id()})))
    here = house.asked_by(a_caller(*MAY, channel_ids=frozenset({shop.channel.id})))

    for answer in (
        await elsewhere.get(f"/api/orders/{order_id}/payments"),
        await elsewhere.post(f"/api/orders/{order_id}/refunds", json=a_refund(1)),
        await elsewhere.post(f"/api/orders/{order_id}/captures", json={"reason": "x"}),
        await elsewhere.post(f"/api/orders/{order_id}/voids", json={"reason": "x"}),
        await here.get(f"/api/orders/{fresh_id()}/payments"),
    ):
        assert problem(answer) == (404, "unknown_order")
    assert (await here.get(f"/api/orders/{order_id}/payments")).status_code == 200


@pytest.mark.parametrize("tail", ["refunds", "captures", "voids"])
async def test_reading_money_is_not_moving_it(house: House, buy: Buy, tail: str) -> None:
    reader: Caller = a_caller("payments.read")
    answer = await house.asked_by(reader).post(f"/api/orders/{await buy()}/{tail}", json=a_refund(1))

    assert problem(answer) == (403, "permission_missing")


async def paid_by_boleto(engine: Engine, provider: TestProvider) -> tuple[UUID, bytes, dict[str, str]]:
    """An order whose payment came through at the bank, and the provider's webhook that tells it."""
    order_id = await authorised_order(engine, 1_000, tokens=["tok_pending"])
    async with engine.connect() as db:
        [payment_id] = (await books_of(db, [order_id]))[order_id].payments
    await provider.decide(payment_id, is_approved=True, at=moment())
    [(body, headers)] = await provider.webhooks([payment_id], sent_at=moment())
    return order_id, body, headers


async def test_a_signed_webhook_is_recorded_by_whomever_it_comes_and_known_the_second_time(
    engine: Engine, house: House, provider: TestProvider
) -> None:
    """PAY-05."""
    order_id, body, headers = await paid_by_boleto(engine, provider)
    anybody = house.client()

    first = await anybody.post("/api/payments/webhooks/test", content=body, headers=headers)
    again = await anybody.post("/api/payments/webhooks/test", content=body, headers=headers)

    assert (first.status_code, first.json()) == (200, {"reports": 1, "news": 1})
    assert (again.status_code, again.json()) == (200, {"reports": 1, "news": 0})
    async with engine.connect() as db:
        assert "payment_authorised" in await told(db, order_id)


async def test_a_webhook_that_nobody_signed_is_refused(engine: Engine, house: House, provider: TestProvider) -> None:
    _, body, headers = await paid_by_boleto(engine, provider)
    anybody = house.client()
    path = "/api/payments/webhooks/test"

    for content, sent in (
        (body, {}),
        (body + b" ", headers),
        (body, {"batuta-signature": "1,00"}),
        (body, {"batuta-signature": "9" * 5_000}),
        (b"", headers),
    ):
        assert problem(await anybody.post(path, content=content, headers=sent)) == (403, "bad_webhook")
    made_up = await anybody.post("/api/payments/webhooks/nobody", content=body, headers=headers)
    assert problem(made_up) == (404, "provider_not_found")
    assert (await anybody.get(path)).status_code == 405


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b'[{"kind": "gift"}]', b"\xff\xfe", b"[" * 10_000])
async def test_a_signed_webhook_that_says_nothing_is_no_bug(house: House, provider: TestProvider, body: bytes) -> None:
    assert provider
    headers = {"batuta-signature": _signature(body, moment())}

    answer = await house.client().post("/api/payments/webhooks/test", content=body, headers=headers)

    assert problem(answer) == (400, "unreadable_webhook")


async def test_a_refund_told_before_its_capture_is_to_be_told_again(
    engine: Engine, house: House, provider: TestProvider, buy: Buy
) -> None:
    """The provider sends again what is answered with 503, and by then the capture is known."""
    assert provider
    order_id = await buy()
    capture = CaptureRequest(order_id=order_id, cause_id=fresh_id(), amount_minor=4_000)
    async with engine.begin() as db:
        await commands.request_capture(db, captures=[capture], now=NOW)
        [payment_id] = (await books_of(db, [order_id]))[order_id].payments
    report = Report(
        payment_id=payment_id,
        kind=ReportKind.REFUNDED,
        amount_minor=1_000,
        currency="EUR",
        happened_at=NOW + timedelta(hours=1),
        reference=fresh_code("refund"),
    )

    async def tell(told_now: Report) -> httpx.Response:
        body = msgspec.json.encode([told_now])
        headers = {"batuta-signature": _signature(body, moment())}
        return await house.client().post("/api/payments/webhooks/test", content=body, headers=headers)

    early = await tell(report)
    assert problem(early) == (503, "report_too_early")
    assert early.headers["retry-after"]
    await carry_out_all(engine, [order_id])
    assert (await tell(report)).json() == {"reports": 1, "news": 1}
    strange = msgspec.structs.replace(report, reference=fresh_code("refund"), currency="USD")
    assert problem(await tell(strange)) == (409, "report_does_not_fit")
