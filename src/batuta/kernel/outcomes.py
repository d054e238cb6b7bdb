"""Outcomes: a command that takes many answers each, in order; one refusal is a value, and its neighbours go on."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from batuta.kernel.errors import BatutaError, Refused

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class SomeRefused(Refused):
    """Nothing was changed, because of `refused`: the position of each that was refused, and why."""


def each(items: Iterable[Item], decide: Callable[[Item], Outcome]) -> list[Outcome | BatutaError]:
    """Decide every item by itself; where `decide` raises one of our errors, that error is the outcome."""
    return [_one(item, decide) for item in items]


def good(outcomes: Iterable[Outcome | BatutaError]) -> list[Outcome]:
    """Return the outcomes that are no refusals."""
    return [outcome for outcome in outcomes if not isinstance(outcome, BatutaError)]


def only(outcomes: Iterable[Outcome | BatutaError]) -> Outcome:
    """Return the outcome of a command that was given one item, for an edge.

    Raises:
        BatutaError: the item was refused.
    """
    (outcome,) = outcomes
    if isinstance(outcome, BatutaError):
        raise outcome
    return outcome


def whole(outcomes: Iterable[Outcome | BatutaError]) -> list[Outcome]:
    """All outcomes, when none was refused, for an edge.

    Raises:
        SomeRefused: with each that was.
    """
    every = list(outcomes)
    refused: list[dict[str, Any]] = [
        {"position": position, "code": one.code, "detail": one.sentence, **one.facts}
        for position, one in enumerate(every)
        if isinstance(one, BatutaError)
    ]
    if refused:
        raise SomeRefused("nothing was changed, because some of it cannot be", refused=refused)
    return good(every)


def _one(item: Item, decide: Callable[[Item], Outcome]) -> Outcome | BatutaError:
    try:
        return decide(item)
    except BatutaError as problem:
        return problem
