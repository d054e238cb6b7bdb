"""Laws of money that hold after any sequence of requests, answers, failures and webhooks (I-19)."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batuta.kernel.ids import child_id
from batuta.payments import domain
from batuta.payments.domain import (
    Book,
    CaptureMoment,
    CaptureRequest,
    Instruction,
    InstructionKind,
    Payment,
    RefundRequest,
    Report,
    ReportKind,
    ReportTooEarly,
    Settled,
    Sums,
    VoidRequest,
)
from tests.making import NOW
from tests.payments.given import EUR, a_payment

amounts = st.integers(1, 12_000)
LIFE = timedelta(days=7)


class Bank:
    """A strict provider in memory: recognises keys, refuses what is too much or too late."""

    def __init__(self) -> None:
        self.charges: dict[UUID, dict[str, int]] = {}
        self.until: dict[UUID, datetime] = {}
        self.told: dict[str, Report] = {}

    def do(self, instruction: Instruction, now: datetime, *, is_willing: bool) -> Report:
        if instruction.key not in self.told:
            self.told[instruction.key] = self._report(instruction, now, is_willing=is_willing)
        return self.told[instruction.key]

    def _report(self, instruction: Instruction, now: datetime, *, is_willing: bool) -> Report:
        kind = self._apply(instruction, now) if is_willing else None
        is_authorising = instruction.kind in (InstructionKind.AUTHORISE, InstructionKind.PAY)
        return Report(
            payment_id=instruction.payment_id,
            kind=kind or (ReportKind.DECLINED if is_authorising else ReportKind.FAILED),
            amount_minor=instruction.amount_minor,
            currency=EUR,
            happened_at=now,
            instruction_id=instruction.id,
            attempt=instruction.attempt,
            reference=f"op-{instruction.key}",
            authorised_until=self.until.get(instruction.payment_id),
            reason="" if kind else "refused",
        )

    def _apply(self, instruction: Instruction, now: datetime) -> ReportKind | None:
        amount, payment_id = instruction.amount_minor, instruction.payment_id
        if instruction.kind in (InstructionKind.AUTHORISE, InstructionKind.PAY):
            is_paid = instruction.kind is InstructionKind.PAY
            self.charges[payment_id] = {
                "held": 0 if is_paid else amount,
                "captured": amount if is_paid else 0,
                "refunded": 0,
            }
            self.until[payment_id] = now + LIFE
            return ReportKind.CAPTURED if is_paid else ReportKind.AUTHORISED
        charge = self.charges[payment_id]
        if instruction.kind is InstructionKind.REFUND:
            if charge["captured"] - charge["refunded"] < amount:
                return None
            charge["refunded"] += amount
            return ReportKind.REFUNDED
        if charge["held"] < amount or now >= self.until[payment_id]:
            return None
        charge["held"] -= amount
        if instruction.kind is InstructionKind.VOID:
            return ReportKind.VOIDED
        charge["captured"] += amount
        return ReportKind.CAPTURED

    def expire(self, now: datetime) -> None:
        for payment_id, charge in self.charges.items():
            if charge["held"] and self.until[payment_id] <= now:
                self.told[f"end-{payment_id}"] = Report(
                    payment_id=payment_id,
                    kind=ReportKind.EXPIRED,
                    amount_minor=charge["held"],
                    currency=EUR,
                    happened_at=self.until[payment_id],
                    reference=f"end-{payment_id}",
                )
                charge["held"] = 0

    def act_by_itself(self, kind: ReportKind, amount: int, now: datetime) -> None:
        """Somebody captures, voids or refunds in the bank's own back office."""
        for payment_id, charge in self.charges.items():
            left = charge["captured"] - charge["refunded"] if kind is ReportKind.REFUNDED else charge["held"]
            if left < amount:
                continue
            if kind is ReportKind.REFUNDED:
                charge["refunded"] += amount
            else:
                charge["held"] -= amount
                charge["captured"] += amount if kind is ReportKind.CAPTURED else 0
            reference = f"desk-{len(self.told)}"
            self.told[reference] = Report(
                payment_id=payment_id,
                kind=kind,
                amount_minor=amount,
                currency=EUR,
                happened_at=now,
                reference=reference,
            )
            return


class MoneyOfOneOrder(RuleBasedStateMachine):
    @initialize(
        amounts=st.lists(amounts, min_size=1, max_size=3),
        paid_now=st.lists(st.booleans(), min_size=3, max_size=3),
        due=st.integers(0, 20_000),
    )
    def an_order(self, amounts: list[int], paid_now: list[bool], due: int) -> None:
        order_id = child_id(UUID(int=7), "order")
        payments = [
            a_payment(
                order_id,
                amount,
                id=child_id(order_id, position),
                position=position,
                capture_moment=CaptureMoment.AT_APPROVAL if paid_now[position] else CaptureMoment.AT_HANDOVER,
            )
            for position, amount in enumerate(amounts)
        ]
        self.now = NOW
        self.bank = Bank()
        self.causes = 0
        self.book = Book(
            order_id, due_minor=due, payments=[Payment(**msgspec.structs.asdict(payment)) for payment in payments]
        )

    def cause(self) -> UUID:
        self.causes += 1
        return child_id(self.book.order_id, "cause", self.causes)

    @rule()
    def ask_authorisation(self) -> None:
        domain.authorise(self.book)

    @rule(amount=amounts, is_credit=st.booleans())
    def owe(self, *, amount: int, is_credit: bool) -> None:
        self.book.due_minor += -amount if is_credit else amount

    @rule(amount=amounts, is_last=st.booleans())
    def ask_capture(self, *, amount: int, is_last: bool) -> None:
        wanted = CaptureRequest(
            order_id=self.book.order_id, cause_id=self.cause(), amount_minor=amount, is_last=is_last
        )
        first = domain.capture(self.book, wanted, now=self.now)
        assert domain.capture(self.book, wanted, now=self.now) == first
        collected, returned = self.book.collected_minor(), self.book.returned_minor()
        if first.amount_minor:
            assert collected - returned <= self.book.due_minor
        self.no_plan_exceeds_what_there_is(first.instruction_ids)

    @rule(amount=st.none() | amounts)
    def ask_void(self, amount: int | None) -> None:
        wanted = VoidRequest(order_id=self.book.order_id, cause_id=self.cause(), amount_minor=amount)
        self.no_plan_exceeds_what_there_is(domain.void(self.book, wanted).instruction_ids)

    @rule(amount=amounts)
    def ask_refund(self, amount: int) -> None:
        wanted = RefundRequest(order_id=self.book.order_id, cause_id=self.cause(), amount_minor=amount, reason="any")
        asked = domain.refund(self.book, wanted, now=self.now)
        if isinstance(asked, domain.RefundRequested):
            assert asked.amount_minor == amount
            self.no_plan_exceeds_what_there_is(asked.instruction_ids)

    def no_plan_exceeds_what_there_is(self, instruction_ids: Sequence[UUID]) -> None:
        """Of the payments just planned with: all that is under way could come true together."""
        for payment_id in {self.book.instructions[one].payment_id for one in instruction_ids}:
            under_way: dict[InstructionKind, int] = defaultdict(int)
            for one in self.book.instructions.values():
                if one.payment_id == payment_id and one.is_open:
                    under_way[one.kind] += one.amount_minor
            captured = under_way[InstructionKind.CAPTURE] + under_way[InstructionKind.PAY]
            sums = self.book.sums_of(payment_id)
            releasing = under_way[InstructionKind.CAPTURE] + under_way[InstructionKind.VOID]
            if self.book.instructions[instruction_ids[0]].kind is InstructionKind.REFUND:
                assert under_way[InstructionKind.REFUND] <= sums.paid_minor + captured
            else:
                assert releasing <= sums.held_minor + under_way[InstructionKind.AUTHORISE]

    @precondition(lambda self: self.book.to_send)
    @rule(chance=st.randoms(use_true_random=False), is_willing=st.booleans(), is_heard=st.booleans())
    def call(self, *, chance: random.Random, is_willing: bool, is_heard: bool) -> None:
        """A call goes out; its answer may be lost, and then the job makes it again some day."""
        key = sorted(self.book.to_send)[chance.randrange(len(self.book.to_send))]
        report = self.bank.do(self.book.to_send[key], self.now, is_willing=is_willing)
        if is_heard:
            self.hear(report)

    @precondition(lambda self: self.bank.told)
    @rule(chance=st.randoms(use_true_random=False))
    def webhook(self, chance: random.Random) -> None:
        """Any webhook, any number of times, in any order."""
        told = list(self.bank.told.values())
        self.hear(told[chance.randrange(len(told))])

    @rule(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.bank.expire(self.now)
        for payment in list(self.book.payments.values()):
            if payment.watch_at is not None and payment.watch_at <= self.now:
                assert payment.authorised_until is not None
                if payment.authorised_until <= self.now:
                    domain.expire(self.book, payment.id, now=self.now)
                else:
                    domain.renew(self.book, payment.id)

    @rule(chance=st.randoms(use_true_random=False))
    def ask_again(self, chance: random.Random) -> None:
        if self.book.instructions:
            ids = sorted(self.book.instructions)
            domain.retry(self.book, ids[chance.randrange(len(ids))])

    @rule(amount=amounts, kind=st.sampled_from([ReportKind.CAPTURED, ReportKind.VOIDED, ReportKind.REFUNDED]))
    def bank_acts_by_itself(self, amount: int, kind: ReportKind) -> None:
        self.bank.act_by_itself(kind, amount, self.now)

    def hear(self, report: Report) -> bool:
        answer = domain.settle(self.book, report, now=self.now)
        assert isinstance(answer, Settled | ReportTooEarly), answer
        again = domain.settle(self.book, report, now=self.now)
        assert not (isinstance(again, Settled) and isinstance(answer, Settled) and again.is_news)
        return isinstance(answer, Settled)

    @invariant()
    def sums_are_those_of_the_entries(self) -> None:
        """PAY-01."""
        balances: dict[str, int] = defaultdict(int)
        by_payment: dict[UUID | None, Sums] = defaultdict(Sums)
        for entry in self.book.entries:
            balances[entry.debit] += entry.amount_minor
            balances[entry.credit] -= entry.amount_minor
            by_payment[entry.payment_id] = by_payment[entry.payment_id].plus(entry)
        total = self.book.total
        assert len({entry.id for entry in self.book.entries}) == len(self.book.entries)
        assert all(self.book.sums_of(one) == by_payment[one] for one in self.book.payments)
        assert sum(balances.values()) == 0
        assert (balances["held"], balances["paid"]) == (total.held_minor, total.paid_minor)
        assert self.book.due_minor + balances["owed"] + total.held_minor + total.paid_minor == self.book.due_minor

    @invariant()
    def no_payment_gives_more_than_it_has(self) -> None:
        for payment_id in self.book.payments:
            sums = self.book.sums_of(payment_id)
            assert 0 <= sums.refunded_minor <= sums.captured_minor <= sums.authorised_minor
            assert sums.held_minor >= 0

    def teardown(self) -> None:
        """When all is said, our books are the bank's."""
        while self.book.to_send:
            for instruction in list(self.book.to_send.values()):
                self.hear(self.bank.do(instruction, self.now, is_willing=True))
        unheard = list(self.bank.told.values())
        for _ in range(2):
            unheard = [report for report in unheard if not self.hear(report)]
        assert not unheard
        for payment_id, charge in self.bank.charges.items():
            sums = self.book.sums_of(payment_id)
            assert (sums.captured_minor, sums.refunded_minor) == (charge["captured"], charge["refunded"])
        assert not any(one.is_open for one in self.book.instructions.values())


TestMoneyOfOneOrder = MoneyOfOneOrder.TestCase
TestMoneyOfOneOrder.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
