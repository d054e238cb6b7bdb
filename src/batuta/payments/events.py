"""What this room tells. The stream is the order."""

from typing import Any
from uuid import UUID

from batuta.kernel.events import Event
from batuta.payments.domain import Fact, FactKind, Payment


class PaymentAuthorised(Event, frozen=True, kw_only=True):
    """authorised_minor: held or paid over all payments of the order now; due_minor: what the order owes in all."""

    payment_id: UUID
    method: str
    amount_minor: int
    authorised_minor: int
    due_minor: int


class PaymentNotNeeded(Event, frozen=True, kw_only=True):
    """An authorisation was asked for an order that owes nothing and has no payment."""


class PaymentDeclined(Event, frozen=True, kw_only=True):
    """is_renewal: the authorisation that it was to take over still holds until its end."""

    payment_id: UUID
    method: str
    amount_minor: int
    reason: str
    is_renewal: bool


class PaymentCaptured(Event, frozen=True, kw_only=True):
    """paid_minor: captured and not refunded over all payments of the order now."""

    payment_id: UUID
    amount_minor: int
    cause_id: UUID
    paid_minor: int
    due_minor: int


class CaptureFailed(Event, frozen=True, kw_only=True):
    """payment_id: none when no payment of the order could cover the amount."""

    payment_id: UUID | None
    amount_minor: int
    cause_id: UUID
    reason: str


class PaymentVoided(Event, frozen=True, kw_only=True):
    payment_id: UUID
    amount_minor: int
    cause_id: UUID


class PaymentRefunded(Event, frozen=True, kw_only=True):
    payment_id: UUID
    amount_minor: int
    cause_id: UUID


class RefundFailed(Event, frozen=True, kw_only=True):
    """payment_id: none when more was asked for than was ever captured."""

    payment_id: UUID | None
    amount_minor: int
    cause_id: UUID
    reason: str


class AuthorisationExpired(Event, frozen=True, kw_only=True):
    payment_id: UUID
    amount_minor: int


class AskedByHand(Event, frozen=True, kw_only=True):
    """Somebody asked for money to be moved: `refund`, `capture`, `void` or `retry`.

    cause_id: what its payments' facts name as their cause; of a retry, the instruction.
    """

    kind: str
    cause_id: UUID
    amount_minor: int
    reason: str = ""


def event_of(fact: Fact) -> Event:
    """The event that tells a fact."""
    about: dict[str, Any] = {"stream": fact.order_id, "happened_at": fact.at, "actor": _actor(fact)}
    amount_minor, reason, cause_id = fact.amount_minor, fact.reason, fact.cause_id
    payment_id = fact.payment.id if fact.payment else None
    if fact.kind is FactKind.CAPTURE_FAILED:
        return CaptureFailed(
            **about, payment_id=payment_id, amount_minor=amount_minor, cause_id=cause_id, reason=reason
        )
    if fact.kind is FactKind.REFUND_FAILED:
        return RefundFailed(**about, payment_id=payment_id, amount_minor=amount_minor, cause_id=cause_id, reason=reason)
    if fact.kind is FactKind.NOT_NEEDED:
        return PaymentNotNeeded(**about)
    assert fact.payment is not None
    return _event_of_payment(fact, fact.payment, about)


def _event_of_payment(fact: Fact, payment: Payment, about: dict[str, Any]) -> Event:
    about |= {"payment_id": payment.id, "amount_minor": fact.amount_minor}
    method = str(payment.method)
    match fact.kind:
        case FactKind.AUTHORISED:
            return PaymentAuthorised(
                **about, method=method, authorised_minor=fact.covered_minor, due_minor=fact.due_minor
            )
        case FactKind.DECLINED:
            is_renewal = payment.renews_id is not None
            return PaymentDeclined(**about, method=method, reason=fact.reason, is_renewal=is_renewal)
        case FactKind.CAPTURED:
            return PaymentCaptured(
                **about, cause_id=fact.cause_id, paid_minor=fact.paid_minor, due_minor=fact.due_minor
            )
        case FactKind.VOIDED:
            return PaymentVoided(**about, cause_id=fact.cause_id)
        case FactKind.REFUNDED:
            return PaymentRefunded(**about, cause_id=fact.cause_id)
        case _:
            assert fact.kind is FactKind.EXPIRED
            return AuthorisationExpired(**about)


def _actor(fact: Fact) -> str:
    return f"provider:{fact.payment.provider}" if fact.payment else "system:payments"
