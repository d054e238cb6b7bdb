"""The money of an order: what it is worth, what is due, and what became of each payment."""

from collections.abc import Sequence

import msgspec

from batuta.ordering.domain import Order
from batuta.payments.domain import Balance, PaymentStatus, PaymentView
from batuta.web.catalogue import Speech
from batuta.web.pills import Pill, money_pill, pill


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A named amount; a strong one is a sum, a bad one asks for attention."""

    word: str
    amount: str
    is_strong: bool = False
    is_bad: bool = False


class PaidBy(msgspec.Struct, frozen=True, kw_only=True):
    """One payment."""

    method: str
    provider: str
    amount: str
    until: str
    status: Pill


class MoneyView(msgspec.Struct, frozen=True, kw_only=True):
    """worth: how the total comes about. standing: what is due, held, taken and given back. Empty: nothing is due."""

    status: Pill
    worth: Sequence[Amount]
    standing: Sequence[Amount]
    payments: Sequence[PaidBy]


def money_of(balance: Balance | None, payments: Sequence[PaymentView], order: Order, speech: Speech) -> MoneyView:
    """The amounts of an order; those that are nothing are left out where nobody asks for them."""
    return MoneyView(
        status=money_pill(speech, balance),
        worth=_worth(balance, order, speech),
        standing=_standing(balance, speech) if balance else [],
        payments=[_paid_by(one, speech) for one in payments],
    )


def _worth(balance: Balance | None, order: Order, speech: Speech) -> list[Amount]:
    def amount(word: str, minor: int, *, is_strong: bool = False) -> Amount:
        return Amount(word=speech(word), amount=speech.money(minor, order.currency), is_strong=is_strong)

    changed = balance.due_minor - order.gross_minor if balance else 0
    return [
        amount("order.goods_total", order.gross_minor - order.shipping_minor),
        amount("order.shipping", order.shipping_minor),
        amount("order.tax", order.tax_minor),
        amount("order.total", order.gross_minor, is_strong=True),
        *([amount("order.changed", changed)] if changed else []),
    ]


def _standing(balance: Balance, speech: Speech) -> list[Amount]:
    asked = [
        ("order.due", balance.due_minor, True),
        ("order.authorised", balance.held_minor, bool(balance.held_minor)),
        ("order.captured", balance.captured_minor, True),
        ("order.refunded", balance.refunded_minor, bool(balance.refunded_minor)),
        (
            "order.released",
            balance.voided_minor + balance.expired_minor,
            bool(balance.voided_minor + balance.expired_minor),
        ),
    ]
    amounts = [
        Amount(word=speech(word), amount=speech.money(minor, balance.currency))
        for word, minor, is_shown in asked
        if is_shown
    ]
    for word, minor in (("order.owed", balance.owed_minor), ("order.refund_owed", balance.refund_owed_minor)):
        if minor > 0:
            strong = speech.money(minor, balance.currency)
            amounts.append(Amount(word=speech(word), amount=strong, is_strong=True, is_bad=True))
    return amounts


def _paid_by(one: PaymentView, speech: Speech) -> PaidBy:
    payment = one.payment
    holds = one.status in {PaymentStatus.AUTHORISED, PaymentStatus.PARTIALLY_CAPTURED}
    until = (
        speech("order.until", at=speech.date(speech.local(payment.authorised_until).date()))
        if (holds and payment.authorised_until)
        else ""
    )
    return PaidBy(
        method=speech.of("method", payment.method),
        provider=payment.provider,
        amount=speech.money(payment.amount_minor, payment.currency),
        until=until,
        status=pill(speech, "payment", one.status),
    )
