"""Facts as a decision states them; `events` gives them the shape in which they are told."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.payments.domain.opening import Payment


class FactKind(StrEnum):
    AUTHORISED = "authorised"
    NOT_NEEDED = "not_needed"
    DECLINED = "declined"
    CAPTURED = "captured"
    CAPTURE_FAILED = "capture_failed"
    VOIDED = "voided"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    EXPIRED = "expired"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """covered_minor: held and staying so, or paid, over the whole order at this point."""

    kind: FactKind
    at: datetime
    order_id: UUID
    payment: Payment | None
    amount_minor: int
    cause_id: UUID
    reason: str
    covered_minor: int
    paid_minor: int
    due_minor: int
