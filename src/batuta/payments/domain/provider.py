"""Providers: what stands between us and the banks, as far as this room needs to know one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from batuta.kernel.errors import Forbidden, Unavailable
from batuta.payments.domain.instructions import InstructionKind


class ReportKind(StrEnum):
    """What happened at the provider. `pending`: it will tell later, by webhook."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    DECLINED = "declined"
    FAILED = "failed"
    PENDING = "pending"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says, as the answer to a call or in a webhook; both are settled in the same way.

    instruction_id, attempt: the call it speaks of; none when the provider acted by itself (an expiry, a refund made
    in its own back office). reference: the provider's name for the operation; without an instruction it tells a
    repeated report from a new one. reason: why declined or failed.
    """

    payment_id: UUID
    kind: ReportKind
    amount_minor: int
    currency: str
    happened_at: datetime
    instruction_id: UUID | None = None
    attempt: int = 1
    reference: str = ""
    authorised_until: datetime | None = None
    reason: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a provider. key: sent as idempotency key; the same key again must have the same effect once.

    reference: the provider's name for the authorisation that is captured, voided or refunded.
    total_minor: the whole amount of the payment. at: the business time of the call.
    """

    key: str
    kind: InstructionKind
    instruction_id: UUID
    attempt: int
    payment_id: UUID
    amount_minor: int
    total_minor: int
    currency: str
    token: str
    reference: str
    at: datetime


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do (PAY-03). calls_at_once: how many calls it takes side by side."""

    calls_at_once: int
    can_capture_parts: bool = True
    can_void_parts: bool = True
    can_refund_parts: bool = True


class ProviderBook(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's own books say about one payment, for reconciling (PLT-11)."""

    payment_id: UUID
    captured_minor: int
    refunded_minor: int


class Provider(Protocol):
    """An adapter, found by its name in the entry point group `batuta.payments` and built with the house's engine.

    A refusal is a report; `Unavailable` is raised when nothing is known, and the same call is made again later.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    async def authorise(self, call: Call) -> Report: ...

    async def pay(self, call: Call) -> Report: ...

    async def capture(self, call: Call) -> Report: ...

    async def void(self, call: Call) -> Report: ...

    async def refund(self, call: Call) -> Report: ...

    async def books(self, payment_ids: Sequence[UUID]) -> dict[UUID, ProviderBook]: ...

    def read_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> list[Report]:
        """Check the signature and return the reports.

        Raises:
            BadWebhook: the signature is missing, wrong or too old.
        """
        ...


class ProviderUnavailable(Unavailable):
    """The provider did not answer, or said to try again."""


class UnknownProvider(Unavailable):
    """No installed adapter has this name."""


class BadWebhook(Forbidden):
    """A webhook that the provider did not sign."""


def unsupported(call: Call, capabilities: Capabilities) -> str | None:
    """Why this provider cannot do this call, as a reason; none when it can."""
    is_part = call.amount_minor < call.total_minor
    if call.kind is InstructionKind.CAPTURE and is_part and not capabilities.can_capture_parts:
        return "partial_capture_not_supported"
    if call.kind is InstructionKind.VOID and is_part and not capabilities.can_void_parts:
        return "partial_void_not_supported"
    if call.kind is InstructionKind.REFUND and is_part and not capabilities.can_refund_parts:
        return "partial_refund_not_supported"
    return None
