"""Calls to payment providers: made outside any transaction, settled together in one."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.payments.commands import find_provider, settle
from batuta.payments.domain import (
    Call,
    CarryOut,
    InstructionKind,
    Provider,
    Report,
    ReportKind,
    Settled,
    UnknownProvider,
    unsupported,
)
from batuta.payments.queries import balances_by_payment, calls_to_make
from batuta.plumbing.database import Engine

CALL_TIMEOUT_S = 30


async def carry_out(engine: Engine, payloads: Sequence[bytes], *, now: datetime) -> list[BaseException | None]:
    """Make the calls of many instructions; an instruction that is no longer pending is done.

    A refusal by the provider is an outcome; an exception means that nothing is known and the call is made again.
    """
    ids = [msgspec.json.decode(payload, type=CarryOut).instruction_id for payload in payloads]
    async with engine.connect() as db:
        calls = await calls_to_make(db, ids, now=now)
    answers = await _call_all(engine, calls)
    told = [(instruction_id, answer) for instruction_id, answer in answers.items() if isinstance(answer, Report)]
    problems: dict[UUID, BaseException | None] = {
        instruction_id: answer for instruction_id, answer in answers.items() if isinstance(answer, BaseException)
    }
    if told:
        async with engine.begin() as db:
            outcomes = await settle(db, reports=[report for _, report in told], now=now)
        for (instruction_id, _), outcome in zip(told, outcomes, strict=True):
            problems[instruction_id] = None if isinstance(outcome, Settled) else outcome
    return [problems.get(instruction_id) for instruction_id in ids]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of which the provider's books say something else than ours (PLT-11)."""

    payment_id: UUID
    provider: str
    captured_minor: int
    captured_there_minor: int
    refunded_minor: int
    refunded_there_minor: int


async def reconcile(engine: Engine, *, order_ids: Sequence[UUID]) -> list[Difference]:
    """Compare the payments of these orders with their providers' own books."""
    async with engine.connect() as db:
        ours = await balances_by_payment(db, order_ids)
    differences = []
    for name in sorted({payment.provider for payment, _ in ours.values()}):
        mine = {key: sums for key, (payment, sums) in ours.items() if payment.provider == name}
        theirs = await find_provider(name, engine).books(list(mine))
        for payment_id, sums in mine.items():
            there = theirs.get(payment_id)
            captured_there, refunded_there = (there.captured_minor, there.refunded_minor) if there else (0, 0)
            if (sums.captured_minor, sums.refunded_minor) != (captured_there, refunded_there):
                differences.append(
                    Difference(
                        payment_id=payment_id,
                        provider=name,
                        captured_minor=sums.captured_minor,
                        captured_there_minor=captured_there,
                        refunded_minor=sums.refunded_minor,
                        refunded_there_minor=refunded_there,
                    )
                )
    return differences


async def _call_all(engine: Engine, calls: Mapping[UUID, tuple[str, Call]]) -> dict[UUID, Report | BaseException]:
    by_provider: dict[str, list[Call]] = {}
    for name, call in calls.values():
        by_provider.setdefault(name, []).append(call)
    answers: dict[UUID, Report | BaseException] = {}
    for name, some in by_provider.items():
        try:
            provider = find_provider(name, engine)
        except UnknownProvider as problem:
            answers |= dict.fromkeys((call.instruction_id for call in some), problem)
            continue
        places = asyncio.Semaphore(provider.capabilities.calls_at_once)
        made = await asyncio.gather(*(_call(provider, call, places) for call in some), return_exceptions=True)
        answers |= zip((call.instruction_id for call in some), made, strict=True)
    return answers


async def _call(provider: Provider, call: Call, places: asyncio.Semaphore) -> Report:
    reason = unsupported(call, provider.capabilities)
    if reason is not None:
        return _failed(call, reason)
    verbs = {
        InstructionKind.AUTHORISE: provider.authorise,
        InstructionKind.PAY: provider.pay,
        InstructionKind.CAPTURE: provider.capture,
        InstructionKind.VOID: provider.void,
        InstructionKind.REFUND: provider.refund,
    }
    async with places, asyncio.timeout(CALL_TIMEOUT_S):
        return await verbs[call.kind](call)


def _failed(call: Call, reason: str) -> Report:
    return Report(
        payment_id=call.payment_id,
        kind=ReportKind.FAILED,
        amount_minor=call.amount_minor,
        currency=call.currency,
        happened_at=call.at,
        instruction_id=call.instruction_id,
        attempt=call.attempt,
        reason=reason,
    )
