"""Instructions: single calls to a provider, planned by requests, settled by reports."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class InstructionKind(StrEnum):
    """`pay` authorises and captures in one call, for what is paid at approval."""

    AUTHORISE = "authorise"
    PAY = "pay"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class InstructionStatus(StrEnum):
    """`waiting` for another instruction to be done first; `dropped` when that one was refused."""

    WAITING = "waiting"
    PENDING = "pending"
    DONE = "done"
    DECLINED = "declined"
    FAILED = "failed"
    DROPPED = "dropped"


# Declined and failed may still become done: when the provider says that money moved, it moved.
INSTRUCTION_MOVES = {
    InstructionStatus.WAITING: {InstructionStatus.PENDING, InstructionStatus.DROPPED},
    InstructionStatus.PENDING: {InstructionStatus.DONE, InstructionStatus.DECLINED, InstructionStatus.FAILED},
    InstructionStatus.DECLINED: {InstructionStatus.DONE, InstructionStatus.PENDING},
    InstructionStatus.FAILED: {InstructionStatus.DONE, InstructionStatus.PENDING},
    InstructionStatus.DROPPED: set[InstructionStatus](),
    InstructionStatus.DONE: set[InstructionStatus](),
}

OPEN = frozenset((InstructionStatus.WAITING, InstructionStatus.PENDING))


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a provider.

    after_id: the instruction that must be done first. attempt: counts deliberate repetitions after a refusal;
    `key` is what the provider recognises a repeated call by.
    """

    id: UUID
    order_id: UUID
    payment_id: UUID
    request_id: UUID | None
    kind: InstructionKind
    amount_minor: int
    cause_id: UUID
    status: InstructionStatus
    after_id: UUID | None = None
    attempt: int = 1
    reason: str = ""
    settled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def key(self) -> str:
        return f"{self.id}:{self.attempt}"


CARRY_OUT = "payments.carry_out"


class CarryOut(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of the job that makes the call."""

    instruction_id: UUID


class RequestKind(StrEnum):
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the business asked for, decided once and kept (I-10): instructions are its parts.

    missing_minor: the part of the need that no payment could cover.
    """

    id: UUID
    order_id: UUID
    kind: RequestKind
    cause_id: UUID
    amount_minor: int
    missing_minor: int
    reason: str
