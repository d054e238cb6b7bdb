"""Available to promise by date: what a new promise may still count on, and from when (INV-20). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec


class Flow(msgspec.Struct, frozen=True):
    """Units that come at a moment; a commitment's are negative."""

    at: datetime
    units: int


class AtpStep(msgspec.Struct, frozen=True):
    """From `at` on, until the next step, so many units may be promised anew."""

    at: datetime
    units: int


def atp_steps(free: int, flows: Iterable[Flow], *, now: datetime) -> list[AtpStep]:
    """Units that a new promise may count on, from now and from each later moment at which there are more.

    `ATP(t) = min over u >= t of (free + flows due until u)`, never below 0: the look-ahead minimum keeps a new promise
    from taking what a later commitment needs. Ascending; the first step is now; what is past counts as now.

    free: units that may be promised at once; negative when more is reserved than there is.
    """
    changes: dict[datetime, int] = defaultdict(int)
    for flow in flows:
        changes[max(flow.at, now)] += flow.units
    level = free + changes.pop(now, 0)
    levels = [AtpStep(now, level)]
    for at in sorted(changes):
        level += changes[at]
        levels.append(AtpStep(at, level))

    steps: list[AtpStep] = []
    lowest = level
    for step in reversed(levels):
        lowest = min(lowest, step.units)
        steps.append(AtpStep(step.at, max(0, lowest)))
    steps.reverse()
    return [step for i, step in enumerate(steps) if i == 0 or step.units > steps[i - 1].units]


def earliest(steps: Sequence[AtpStep], units: int) -> datetime | None:
    """The moment from which so many units may be promised; None when no step has them."""
    return next((step.at for step in steps if step.units >= units), None)


def together(several: Iterable[Sequence[AtpStep]]) -> list[AtpStep]:
    """The steps of several places as one: at each moment what all of them have. All begin at the same moment."""
    changes: dict[datetime, int] = defaultdict(int)
    for steps in several:
        before = 0
        for step in steps:
            changes[step.at] += step.units - before
            before = step.units
    added, level = [], 0
    for at in sorted(changes):
        level += changes[at]
        added.append(AtpStep(at, level))
    return added
