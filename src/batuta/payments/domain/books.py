"""A book: all money of one order as loaded and locked, and what a decision adds to it.

Decisions (authorise, capture, void, refund, settle, expire, renew, retry) read a book and add to it; the command then
writes what was added. Nothing here does I/O, so any sequence of events can be played in memory.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.ids import child_id
from batuta.kernel.states import move
from batuta.payments.domain.entries import SIDES, Entry, EntryKind, Sums, total
from batuta.payments.domain.facts import Fact, FactKind
from batuta.payments.domain.instructions import (
    INSTRUCTION_MOVES,
    Instruction,
    InstructionKind,
    InstructionStatus,
    Request,
    RequestKind,
)
from batuta.payments.domain.opening import Payment, PaymentStatus

_TAKING = (InstructionKind.AUTHORISE, InstructionKind.PAY)
_RELEASING = (InstructionKind.CAPTURE, InstructionKind.VOID)
_COLLECTING = (InstructionKind.CAPTURE, InstructionKind.PAY)


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with its sums and the status that follows from them."""

    payment: Payment
    sums: Sums
    status: PaymentStatus


class Book:
    """One order's payments, instructions, requests and sums; `entries`, `changed`, `facts`, … are what is new."""

    def __init__(
        self,
        order_id: UUID,
        *,
        due_minor: int = 0,
        payments: Iterable[Payment] = (),
        instructions: Iterable[Instruction] = (),
        requests: Iterable[Request] = (),
        sums: dict[UUID, Sums] | None = None,
        own_entry_ids: Iterable[UUID] = (),
    ) -> None:
        self.order_id = order_id
        self.due_minor = due_minor
        self.payments = {one.id: one for one in sorted(payments, key=lambda one: (one.position, one.id))}
        self.instructions = {one.id: one for one in instructions}
        self.requests = {one.id: one for one in requests}
        self.sums = sums or {}
        self.own_entry_ids = set(own_entry_ids)

        self.entries: list[Entry] = []
        self.facts: list[Fact] = []
        self.opened: dict[UUID, Payment] = {}
        self.watched: dict[UUID, Payment] = {}
        self.instructed: dict[UUID, Instruction] = {}
        self.changed: dict[UUID, Instruction] = {}
        self.requested: dict[UUID, Request] = {}
        self.to_send: dict[UUID, Instruction] = {}

    # What is known

    @property
    def total(self) -> Sums:
        return total(list(self.sums.values()))

    def sums_of(self, payment_id: UUID) -> Sums:
        return self.sums.get(payment_id, _NOTHING)

    def authorisation_of(self, payment_id: UUID) -> Instruction | None:
        """The instruction that authorises or pays this payment."""
        return self.instructions.get(child_id(payment_id, "authorise"))

    def open_of(self, payment_id: UUID, *kinds: InstructionKind) -> list[Instruction]:
        return [
            one
            for one in self.instructions.values()
            if one.payment_id == payment_id and one.is_open and one.kind in kinds
        ]

    def request_of(self, kind: RequestKind, cause_id: UUID) -> Request | None:
        return self.requests.get(child_id(self.order_id, kind, cause_id))

    def parts_of(self, request: Request) -> list[Instruction]:
        return [one for one in self.instructions.values() if one.request_id == request.id]

    def pending_authorisation(self, payment_id: UUID) -> Instruction | None:
        authorisation = self.authorisation_of(payment_id)
        return authorisation if authorisation is not None and authorisation.is_open else None

    def free_hold_minor(self, payment_id: UUID) -> int:
        """Held, or about to be, and not yet spoken for by a capture or a void."""
        coming = self.open_of(payment_id, InstructionKind.AUTHORISE)
        taken = self.open_of(payment_id, *_RELEASING)
        return self.sums_of(payment_id).held_minor + _amount(coming) - _amount(taken)

    def collected_minor(self) -> int:
        """Captured over all payments, or about to be; what was given back is not taken off."""
        coming = [one for payment_id in self.payments for one in self.open_of(payment_id, *_COLLECTING)]
        return self.total.captured_minor + _amount(coming)

    def returned_minor(self) -> int:
        """Refunded over all payments, or about to be."""
        coming = [one for payment_id in self.payments for one in self.open_of(payment_id, InstructionKind.REFUND)]
        return self.total.refunded_minor + _amount(coming)

    def surplus_minor(self) -> int:
        """Captured for more than is due, and neither given back nor about to be."""
        return max(0, self.total.captured_minor - self.returned_minor() - self.due_minor)

    def refundable_minor(self, payment_id: UUID) -> int:
        """Captured and neither refunded nor spoken for by a refund (PAY-06)."""
        claims = [one for one in self.open_of(payment_id, InstructionKind.REFUND) if not self._is_waiting_for_open(one)]
        return self.sums_of(payment_id).paid_minor - _amount(claims)

    def refundable_after(self, collecting: Instruction) -> int:
        """What an open capture will make refundable, less the refunds that already wait for it."""
        waiting = [one for one in self.instructions.values() if one.after_id == collecting.id and one.is_open]
        return collecting.amount_minor - _amount(waiting)

    def _is_waiting_for_open(self, instruction: Instruction) -> bool:
        first = self.instructions.get(instruction.after_id) if instruction.after_id else None
        return first is not None and first.is_open

    def view(self, payment_id: UUID) -> PaymentView:
        return PaymentView(
            payment=self.payments[payment_id], sums=self.sums_of(payment_id), status=self._status(payment_id)
        )

    def _status(self, payment_id: UUID) -> PaymentStatus:
        sums = self.sums_of(payment_id)
        refunds = [one for one in self.instructions.values() if _is_refund_of(one, payment_id)]
        authorisation = self.authorisation_of(payment_id)
        by_precedence = (
            (any(one.is_open for one in refunds), PaymentStatus.REFUNDING),
            (any(one.status is InstructionStatus.FAILED for one in refunds), PaymentStatus.REFUND_FAILED),
            (sums.refunded_minor and sums.paid_minor, PaymentStatus.PARTIALLY_REFUNDED),
            (sums.refunded_minor, PaymentStatus.REFUNDED),
            (sums.captured_minor and sums.held_minor, PaymentStatus.PARTIALLY_CAPTURED),
            (sums.captured_minor, PaymentStatus.CAPTURED),
            (sums.held_minor, PaymentStatus.AUTHORISED),
            (sums.expired_minor, PaymentStatus.EXPIRED),
            (sums.authorised_minor, PaymentStatus.VOIDED),
            (authorisation is not None and not authorisation.is_open, PaymentStatus.DECLINED),
        )
        return next((status for is_so, status in by_precedence if is_so), PaymentStatus.PENDING)

    # What a decision adds

    def tell(
        self,
        kind: FactKind,
        *,
        at: datetime,
        amount_minor: int,
        payment_id: UUID | None = None,
        cause_id: UUID | None = None,
        reason: str = "",
    ) -> None:
        """Add a fact to be published, with where the order's money stands at this point."""
        sums = self.total
        going = [one for payment_id in self.payments for one in self.open_of(payment_id, InstructionKind.VOID)]
        self.facts.append(
            Fact(
                kind=kind,
                at=at,
                order_id=self.order_id,
                payment=self.payments[payment_id] if payment_id else None,
                amount_minor=amount_minor,
                cause_id=cause_id or self.order_id,
                reason=reason,
                covered_minor=sums.held_minor + sums.paid_minor - _amount(going),
                paid_minor=sums.paid_minor,
                due_minor=self.due_minor,
            )
        )

    def ask(self, request: Request) -> None:
        self.requests[request.id] = self.requested[request.id] = request

    def instruct(self, instruction: Instruction) -> Instruction:
        """Add a new instruction; it is sent unless it waits for another."""
        self.instructions[instruction.id] = self.instructed[instruction.id] = instruction
        if instruction.status is InstructionStatus.PENDING:
            self.to_send[instruction.id] = instruction
        return instruction

    def change(self, instruction: Instruction, status: InstructionStatus, **facts: object) -> Instruction:
        """Move an instruction to another status; it is sent when that is `pending`."""
        wanted = move(INSTRUCTION_MOVES, instruction.status, status)
        changed = msgspec.structs.replace(instruction, status=wanted, **facts)
        self.instructions[instruction.id] = changed
        (self.instructed if instruction.id in self.instructed else self.changed)[instruction.id] = changed
        if wanted is InstructionStatus.PENDING:
            self.to_send[instruction.id] = changed
        else:
            self.to_send.pop(instruction.id, None)
        return changed

    def enter(self, entry: Entry) -> None:
        assert entry.payment_id is not None
        self.entries.append(entry)
        self.sums[entry.payment_id] = self.sums_of(entry.payment_id).plus(entry)

    def open(self, payment: Payment) -> None:
        """Add a payment that takes over another's authorisation."""
        self.payments[payment.id] = self.opened[payment.id] = payment

    def watch(self, payment: Payment) -> None:
        """Change a payment's authorisation reference or times."""
        self.payments[payment.id] = payment
        (self.opened if payment.id in self.opened else self.watched)[payment.id] = payment


def entry_of(
    payment: Payment,
    kind: EntryKind,
    amount_minor: int,
    *,
    entry_id: UUID,
    cause_id: UUID,
    instruction_id: UUID | None,
    reference: str,
    happened_at: datetime,
) -> Entry:
    """An entry of a payment, with the two sides of its kind."""
    debit, credit = SIDES[kind]
    return Entry(
        id=entry_id,
        order_id=payment.order_id,
        payment_id=payment.id,
        instruction_id=instruction_id,
        kind=kind,
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        currency=payment.currency,
        cause_id=cause_id,
        name="",
        provider_reference=reference,
        happened_at=happened_at,
    )


_NOTHING = Sums()


def _amount(instructions: list[Instruction]) -> int:
    return sum(one.amount_minor for one in instructions)


def _is_refund_of(instruction: Instruction, payment_id: UUID) -> bool:
    return instruction.payment_id == payment_id and instruction.kind is InstructionKind.REFUND
