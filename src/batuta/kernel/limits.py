"""Limits: up to which amount somebody may do what they may do (PLT-07)."""

from batuta.kernel.errors import Forbidden


class BeyondLimit(Forbidden):
    """The amount, with what was given in the same matter before, is more than the asker may give; somebody else may."""


def check_limit(limit_minor: int | None, amount_minor: int, *, before_minor: int = 0, **facts: object) -> None:
    """Refuse an amount beyond a limit; many small amounts in one matter are one large amount.

    before_minor: given before in the same matter, by whomever.

    Raises:
        BeyondLimit: with limit and amounts.
    """
    if limit_minor is not None and before_minor + amount_minor > limit_minor:
        raise BeyondLimit(
            "this is beyond your limit: ask somebody who may give more",
            limit_minor=limit_minor,
            asked_minor=amount_minor,
            given_before_minor=before_minor,
            **facts,
        )
