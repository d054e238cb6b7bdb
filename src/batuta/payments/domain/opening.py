"""Payments: the ways in which one order is paid, opened when it is placed and authorised afterwards."""

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from stdnum import luhn

from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.ids import child_id
from batuta.kernel.quantities import Code, Text
from batuta.payments.domain.instructions import Instruction, InstructionKind, InstructionStatus

if TYPE_CHECKING:
    from batuta.payments.domain.books import Book


class Method(StrEnum):
    CARD = "card"
    BOLETO = "boleto"
    VOUCHER = "voucher"
    DEBIT = "debit"
    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"


class CaptureMoment(StrEnum):
    AT_HANDOVER = "at_handover"
    AT_APPROVAL = "at_approval"


class PaymentStatus(StrEnum):
    """Derived from entries and instructions, never stored."""

    PENDING = "pending"
    DECLINED = "declined"
    AUTHORISED = "authorised"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUND_FAILED = "refund_failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """One way of paying for an order; it has one authorisation in its life.

    token: what the provider gave for the card or account, never its number. position: captured in this order.
    renews_id: the payment whose authorisation this one takes over.
    """

    id: UUID
    order_id: UUID
    position: int
    method: Method
    provider: Code
    currency: str
    amount_minor: int
    token: Text
    capture_moment: CaptureMoment
    renews_id: UUID | None = None


class Payment(NewPayment, frozen=True, kw_only=True):
    """A payment as stored.

    authorised_until: end of its authorisation. watch_at: when a sweep must next look at it; none when nothing is held.
    provider_reference: the provider's own name for the authorisation.
    """

    provider_reference: str = ""
    authorised_until: datetime | None = None
    watch_at: datetime | None = None


class PaymentOpened(msgspec.Struct, frozen=True, kw_only=True):
    payment_id: UUID
    order_id: UUID


class CardNumberGiven(Invalid):
    """The token looks like a card number; only tokens of the provider are taken (PAY-10)."""


class EmptyPayment(Invalid):
    """A payment is of a positive amount and has a token."""


class PaymentDiffers(Refused):
    """A payment of this id exists with other contents."""


def check_payment(payment: NewPayment) -> CardNumberGiven | EmptyPayment | None:
    """Say what is wrong with a payment, without repeating a card number anywhere."""
    if is_like_card_number(payment.token):
        return CardNumberGiven(
            "a token is needed, this looks like a card number", order_id=payment.order_id, position=payment.position
        )
    if payment.amount_minor <= 0 or not payment.token:
        return EmptyPayment(
            "a payment has a positive amount and a token", order_id=payment.order_id, amount_minor=payment.amount_minor
        )
    return None


_SEPARATORS = re.compile(r"[\s\-._/]")
_NUMBERS = re.compile(r"[0-9]{12,19}")
_ONLY_DIGITS = re.compile(r"[0-9]{12,}")


def is_like_card_number(text: str) -> bool:
    """Whether the text is, or holds, something like a card number, written with any separators or digits.

    A card number has 12 to 19 digits and a Luhn check digit (ISO/IEC 7812); twelve digits and more with nothing
    else are refused even when the check digit is wrong, for a mistyped card number is card data too.
    """
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if _ONLY_DIGITS.fullmatch(digits):
        return True
    return any(luhn.is_valid(number) for number in _NUMBERS.findall(digits))


class AuthorisationRequested(msgspec.Struct, frozen=True, kw_only=True):
    """The instructions of an order's payments; none when the order owes nothing."""

    order_id: UUID
    instruction_ids: tuple[UUID, ...]


class NoPayment(Refused):
    """The order owes money and has no payment to take it from."""


def authorise(book: "Book") -> AuthorisationRequested:
    """Plan the one authorisation of each payment that has none yet; what is paid at approval is captured with it."""
    ids = []
    for payment in book.payments.values():
        instruction = book.authorisation_of(payment.id)
        if instruction is None:
            instruction = instruct_authorisation(book, payment)
        ids.append(instruction.id)
    return AuthorisationRequested(order_id=book.order_id, instruction_ids=tuple(ids))


def instruct_authorisation(book: "Book", payment: NewPayment) -> Instruction:
    """Add the instruction that authorises (or pays) the whole of a payment."""
    is_paid_now = payment.capture_moment is CaptureMoment.AT_APPROVAL
    return book.instruct(
        Instruction(
            id=child_id(payment.id, "authorise"),
            order_id=payment.order_id,
            payment_id=payment.id,
            request_id=None,
            kind=InstructionKind.PAY if is_paid_now else InstructionKind.AUTHORISE,
            amount_minor=payment.amount_minor,
            cause_id=payment.order_id,
            status=InstructionStatus.PENDING,
        )
    )
