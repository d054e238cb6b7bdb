"""Reading a draft."""

from collections.abc import Sequence

import msgspec

from batuta.kernel.rules import Problem
from batuta.sourcing.domain.strategies import BadStrategy, Place, Strategy, read_strategy, read_text


def draft_of(content: bytes, places: Sequence[Place]) -> Strategy:
    """Read a draft as it is written in JSON.

    Raises:
        BadStrategy: it cannot be; with every clause and its reason.
    """
    raw = read_text(content)
    found = [raw] if isinstance(raw, Problem) else read_strategy(raw, places)
    if isinstance(found, list):
        problems = [msgspec.to_builtins(one) for one in found]
        raise BadStrategy("the strategy says what cannot be", problems=problems)
    return found
