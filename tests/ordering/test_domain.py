"""What is derived of an order; no I/O."""

import pytest

from batuta.ordering.domain import payment_status


@pytest.mark.parametrize(
    ("due", "authorised", "captured", "refunded", "said"),
    [
        (0, 0, 0, 0, "nothing_due"),
        (0, 900, 0, 0, "nothing_due"),
        (900, 0, 0, 0, "unpaid"),
        (900, 400, 0, 0, "partly_authorised"),
        (900, 900, 0, 0, "authorised"),
        (900, 900, 400, 0, "partly_captured"),
        (900, 900, 900, 0, "captured"),
        (500, 900, 900, 0, "refund_owed"),
        (500, 900, 900, 400, "partly_refunded"),
        (0, 900, 900, 900, "refunded"),
    ],
)
def test_how_far_the_money_is_says_what_was_taken_and_given_back(
    due: int, authorised: int, captured: int, refunded: int, said: str
) -> None:
    """ORD-02: what was cancelled before anything was taken is not captured."""
    assert payment_status(due=due, authorised=authorised, captured=captured, refunded=refunded) == said
