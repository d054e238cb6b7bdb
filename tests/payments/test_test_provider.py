"""The test provider is as strict as a real one."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from batuta.payments.adapters.test_provider import BadCardNumber, KeyUsedForAnotherBody, TestProvider, tokenise
from batuta.payments.domain import Call, InstructionKind, ProviderUnavailable, Report, ReportKind, is_like_card_number
from tests.making import NOW, fresh_id


def a_call(
    kind: InstructionKind,
    payment_id: UUID,
    amount_minor: int = 1_000,
    *,
    key: str | None = None,
    token: str = "",
    currency: str = "EUR",
    at: datetime = NOW,
) -> Call:
    instruction_id = fresh_id()
    return Call(
        key=key or f"{instruction_id}:1",
        kind=kind,
        instruction_id=instruction_id,
        attempt=1,
        payment_id=payment_id,
        amount_minor=amount_minor,
        total_minor=1_000,
        currency=currency,
        token=token or "tok_visa",
        reference="",
        at=at,
    )


def test_card_numbers_become_tokens_at_the_edge() -> None:
    """PAY-10: and a token tells nobody the number."""
    assert tokenise("4000 0000 0000 0002") == "tok_declined"
    assert tokenise("4242-4242-4242-4242") == "tok_visa"
    assert tokenise("6011000990139424") == "tok_card_9424"
    assert not is_like_card_number(tokenise("6011000990139424"))
    for wrong in ("4242424242424241", "4242", "", "4242x4242424242424242", "\uff14" * 16):
        with pytest.raises(BadCardNumber):
            tokenise(wrong)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
    ],
)
async def test_it_declines_by_card_number(provider: TestProvider, number: str, reason: str) -> None:
    payment_id = fresh_id()
    for verb, kind in ((provider.authorise, InstructionKind.AUTHORISE), (provider.pay, InstructionKind.PAY)):
        report = await verb(a_call(kind, payment_id, token=tokenise(number)))
        assert (report.kind, report.reason) == (ReportKind.DECLINED, reason)
    assert await provider.books([payment_id]) == {}


async def test_it_is_out_of_reach_on_demand(provider: TestProvider) -> None:
    with pytest.raises(ProviderUnavailable):
        await provider.authorise(a_call(InstructionKind.AUTHORISE, fresh_id(), token="tok_unavailable"))


async def test_it_knows_a_key_again_and_refuses_it_with_another_body(provider: TestProvider) -> None:
    payment_id = fresh_id()
    await provider.pay(a_call(InstructionKind.PAY, payment_id))
    call = a_call(InstructionKind.REFUND, payment_id, 400)

    answers = await asyncio.gather(*(provider.refund(call) for _ in range(6)))

    assert all(one == answers[0] for one in answers)
    assert (await provider.books([payment_id]))[payment_id].refunded_minor == 400
    with pytest.raises(KeyUsedForAnotherBody):
        await provider.refund(a_call(InstructionKind.REFUND, payment_id, 401, key=call.key))


async def test_it_authorises_a_payment_once(provider: TestProvider) -> None:
    payment_id = fresh_id()
    await provider.authorise(a_call(InstructionKind.AUTHORISE, payment_id))

    again = await provider.authorise(a_call(InstructionKind.AUTHORISE, payment_id))

    assert (again.kind, again.reason) == (ReportKind.FAILED, "already_authorised")


async def test_it_refuses_too_much_too_late_and_in_another_currency(provider: TestProvider) -> None:
    payment_id, other_id = fresh_id(), fresh_id()
    held = await provider.authorise(a_call(InstructionKind.AUTHORISE, payment_id))
    assert held.authorised_until == NOW + timedelta(days=7)
    late = NOW + timedelta(days=7)

    async def reason(kind: InstructionKind, amount_minor: int, **changes: object) -> str:
        call = a_call(kind, changes.pop("payment_id", payment_id), amount_minor, **changes)  # type: ignore[arg-type]
        report: Report = await getattr(provider, kind)(call)
        return report.reason

    assert await reason(InstructionKind.CAPTURE, 1_001) == "over_capture"
    assert await reason(InstructionKind.CAPTURE, 600) == ""
    assert await reason(InstructionKind.CAPTURE, 401) == "over_capture"
    assert await reason(InstructionKind.VOID, 401) == "over_void"
    assert await reason(InstructionKind.VOID, 100) == ""
    assert await reason(InstructionKind.CAPTURE, 301) == "over_capture"
    assert await reason(InstructionKind.CAPTURE, 300, at=late) == "expired"
    assert await reason(InstructionKind.VOID, 300, at=late) == "expired"
    assert await reason(InstructionKind.REFUND, 601) == "over_refund"
    assert await reason(InstructionKind.REFUND, 600, currency="USD") == "other_currency"
    assert await reason(InstructionKind.REFUND, 600) == ""
    assert await reason(InstructionKind.REFUND, 1) == "over_refund"
    assert await reason(InstructionKind.REFUND, 1, payment_id=other_id) == "unknown_charge"


async def test_ten_captures_at_once_take_no_more_than_was_authorised(provider: TestProvider) -> None:
    payment_id = fresh_id()
    await provider.authorise(a_call(InstructionKind.AUTHORISE, payment_id))

    calls = [a_call(InstructionKind.CAPTURE, payment_id, 300) for _ in range(10)]
    reports = await asyncio.gather(*(provider.capture(call) for call in calls))

    assert sorted(one.kind for one in reports) == [ReportKind.CAPTURED] * 3 + [ReportKind.FAILED] * 7
    assert (await provider.books([payment_id]))[payment_id].captured_minor == 900
