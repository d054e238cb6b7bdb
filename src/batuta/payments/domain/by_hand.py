"""Money that people move by hand: given back, taken or let go because somebody says so."""

from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.limits import check_limit
from batuta.payments.domain.books import Book

GOODWILL = "goodwill"
"""The name of the adjustment by which an order is credited what is given back beyond what was owed back."""

Amount = Annotated[int, msgspec.Meta(ge=1, le=10**15)]


class OtherCurrency(Refused):
    """The order's money is of another currency."""


class NotCovered(Refused):
    """Less is held than shall be captured; nothing is captured."""


class NothingToCapture(Refused):
    """All that is due is captured already, or about to be."""


class NothingHeld(Refused):
    """No money is held that could be let go."""


class RefundByHand(msgspec.Struct, frozen=True, kw_only=True):
    """Give money back. id: the cause. limit_minor: the most that the actor may give back of one order."""

    id: UUID
    order_id: UUID
    amount_minor: Amount
    currency: str
    reason: str
    actor: str
    limit_minor: int | None = None


class CaptureByHand(msgspec.Struct, frozen=True, kw_only=True):
    """Take money that is held. amount_minor: None is all that is still due."""

    id: UUID
    order_id: UUID
    reason: str
    actor: str
    amount_minor: Amount | None = None
    currency: str | None = None


class VoidByHand(msgspec.Struct, frozen=True, kw_only=True):
    """Let held money go. amount_minor: None is all of it."""

    id: UUID
    order_id: UUID
    reason: str
    actor: str
    amount_minor: Amount | None = None
    currency: str | None = None


def credit_of(book: Book, wanted: RefundByHand, *, given_minor: int) -> int:
    """How much the order is to be credited so that the refund leaves it owing nothing.

    What was paid beyond what is due is owed back anyway. given_minor: credited by hand before.

    Raises:
        OtherCurrency. BeyondLimit.
    """
    check_currency(book, wanted.currency)
    surplus_minor = book.collected_minor() - book.returned_minor() - book.due_minor
    check_limit(
        wanted.limit_minor,
        wanted.amount_minor,
        before_minor=given_minor,
        currency=wanted.currency,
        order_id=str(wanted.order_id),
    )
    return max(0, wanted.amount_minor - max(0, surplus_minor))


def check_currency(book: Book, currency: str | None) -> None:
    """Refuse an amount of another currency than the payments'.

    Raises:
        OtherCurrency.
    """
    present = next(iter(book.payments.values())).currency
    if currency is not None and currency != present:
        raise OtherCurrency("the order's money is of another currency", present=present, wanted=currency)
