"""Retrying: a person, or a rule, asks once more for what the provider refused."""

from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.payments.domain.books import Book
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    instruction_id: UUID
    attempt: int


class UnknownInstruction(NotFound):
    """There is no instruction of this id."""


class CannotRetry(Refused):
    """The instruction was not refused, or there is no longer enough money for it."""


def retry(book: Book, instruction_id: UUID) -> Retried | CannotRetry:
    """Send a refused instruction again, as a new attempt under a new key; one under way stays as it is."""
    instruction = book.instructions[instruction_id]
    if instruction.status is InstructionStatus.PENDING and instruction.attempt > 1:
        return Retried(instruction_id=instruction_id, attempt=instruction.attempt)
    possible_minor = _possible_minor(book, instruction)
    is_refused = instruction.status in (InstructionStatus.DECLINED, InstructionStatus.FAILED)
    if not is_refused or instruction.amount_minor > possible_minor:
        return CannotRetry(
            "this cannot be asked for again",
            instruction_id=instruction_id,
            status=str(instruction.status),
            amount_minor=instruction.amount_minor,
            possible_minor=possible_minor,
        )
    changed = book.change(
        instruction, InstructionStatus.PENDING, attempt=instruction.attempt + 1, reason="", settled_at=None
    )
    return Retried(instruction_id=instruction_id, attempt=changed.attempt)


def _possible_minor(book: Book, instruction: Instruction) -> int:
    if instruction.kind in (InstructionKind.CAPTURE, InstructionKind.VOID):
        return book.free_hold_minor(instruction.payment_id)
    if instruction.kind is InstructionKind.REFUND:
        return book.refundable_minor(instruction.payment_id)
    return instruction.amount_minor
