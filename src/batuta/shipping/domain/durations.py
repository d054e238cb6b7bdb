"""How long things take, learned from how long they took: a regression with shrinkage, its errors, and their drift.

Of a case a table says when half are done and when nine of ten. What is learned is by which factor reality differs.
With s a small number of days, so that nothing takes no time, the logarithm of (days + s) / (usual days + s) is

    effect of all + effects of traits + effects of numbers + effect of the fine key + shift + error

- The effects of all, traits and numbers are a ridge regression: each lesson weighs exp(-age / memory), each effect is
  held to 0 as if so many lessons had said 0 of it (Hoerl and Kennard 1970; as a prior, the mean of a normal posterior).
  Few lessons of a trait leave it near 0, so the table holds until much is known.
- The effect of the fine key is what is left, by weight / (weight + k): credibility (Bühlmann 1967).
- The shift is how the last days differ from the memory. Who looks only at what has arrived sees the quick ones of the
  last days and the slow ones of long ago, and learns too late in both directions. So each lesson counts by the
  likelihood of its error given that it had to be known by now (right truncation: Lagakos, Barraj and De Gruttola 1988),
  with a logistic error, by the age of its beginning.
- Errors are those of forecasts: the lesson itself is left out of the effects it is compared with (by its leverage, as
  in PRESS, Allen 1974), and it is compared with the shift that was known on the day it began. Their quantiles are the
  forecast's (split conformal prediction, weighted for drift: Barber, Candès, Ramdas and Tibshirani 2023), with the mass
  that Lynden-Bell's estimator (1971) gives them for what began as lately and is not known yet; the mean of several
  memories, since nobody knows how fast the world will change.
- Where few lessons weigh W, the logarithm of each quantile is W / (W + k) of that and the rest what the table says.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Clock = Callable[[Floats], Floats]
"""Reads instants as days that count: of two instants, the days between them."""

LEVELS = tuple(level / 200 for level in range(1, 200))
"""The chances whose errors are kept."""

_Z = tuple(NormalDist().inv_cdf(level) / NormalDist().inv_cdf(0.9) for level in LEVELS)
_SHIFTS = np.linspace(-1.0, 1.0, 81)
_LEVERAGE_MAX = 0.9
_LATELY = 0.01
_SHIFTS_KEPT_DAYS = 1_000
_SMOOTHED = 4
_LOGISTIC = math.sqrt(3) / math.pi
"""The scale of a logistic distribution of variance 1."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beforehand. usual_*: days within which one, five and nine of ten are done, by the table.

    traits: coarse words, few of each kind, as `to:ES-29`. numbers: about 0 in the middle, all cases alike in length.
    fine: a word of which there are many, as a seller or a lane; empty is none.
    """

    usual_p10: float
    usual_p50: float
    usual_p90: float
    traits: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    fine: str = ""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """A case that began and ended, and was known to have ended, at these instants: days since any day, and parts.

    of: what it is a lesson of, so that lessons of the same thing in two memories stand at the same place.
    """

    of: str
    case: Case
    began: float
    ended: float
    known: float


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How to learn. *memor*_days: after which a lesson weighs a third; *_weight: lessons it takes to believe half."""

    floor_days: float = 0.4
    memory_days: float = 180.0
    error_memories_days: tuple[float, ...] = (30.0, 60.0, 120.0)
    shift_memory_days: float = 14.0
    common_weight: float = 4.0
    trait_weight: float = 8.0
    number_weight: float = 2.0
    fine_weight: float = 5.0
    shift_weight: float = 3.0
    table_weight: float = 10.0


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at an instant: effects, the shift, and the errors at `LEVELS`.

    shifts: the shift as it was known on each day, for the errors of later fittings. lessons: how many have ever
    counted. weight: what they weigh together, each from 1 down as it ages.
    """

    floor_days: float
    table_weight: float
    common: float = 0.0
    traits: dict[str, float] = {}
    numbers: list[float] = []
    fine: dict[str, float] = {}
    shift: float = 0.0
    shifts: dict[int, float] = {}
    errors: list[float] = []
    lessons: int = 0
    weight: float = 0.0

    def effect(self, case: Case) -> float:
        """By the logarithm of which factor half of such cases differ from the table, but for errors."""
        known = self.common + self.shift + self.fine.get(case.fine, 0.0)
        known += sum(self.traits.get(trait, 0.0) for trait in case.traits)
        return known + sum(slope * number for slope, number in zip(self.numbers, case.numbers, strict=False))

    def days(self, case: Case, levels: Sequence[float]) -> list[float]:
        """Within how many days such a case is done with each of these chances; never fewer for a greater chance."""
        belief = self.weight / (self.weight + self.table_weight) if self.errors else 0.0
        least, usual, most = (
            math.log(days + self.floor_days) for days in (case.usual_p10, case.usual_p50, case.usual_p90)
        )
        middle = usual + self.effect(case)
        answers = []
        for level in levels:
            z = _at(_Z, level)
            told = z * (most - usual if z > 0 else usual - least)
            learned = _at(self.errors, level) if self.errors else 0.0
            answers.append(max(0.0, math.exp(middle + belief * learned + (1 - belief) * told) - self.floor_days))
        return answers


def least_cost(days: Sequence[float] | Floats, ends: Sequence[float] | Floats, late_days: float) -> tuple[int, float]:
    """Which of the windows that end after so many days to promise, and the chance that it is kept.

    days: those at `LEVELS`. ends: ascending. It is the one that costs least if a late one costs as much as so many
    promised days. With one price of lateness for all, the least days are promised for as many late ones as there are
    in all: where a day more saves few, it is not spent. Errors are few, so neighbouring levels are smoothed.
    """
    padded = np.pad(np.asarray(days, dtype=np.float64), _SMOOTHED, mode="edge")
    smooth = np.convolve(padded, np.full(2 * _SMOOTHED + 1, 1.0 / (2 * _SMOOTHED + 1)), mode="valid")
    kept = np.interp(ends, smooth, LEVELS)
    best = int(np.argmin(np.asarray(ends) + late_days * (1.0 - kept)))
    return best, float(kept[best])


def _at(values: Sequence[float], level: float) -> float:
    """The value at a level between those of `LEVELS`; beyond them, the outermost."""
    place = min(max(level * (len(LEVELS) + 1) - 1, 0.0), len(values) - 1.0)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


class Taught(NamedTuple):
    """errors, weights: of each lesson in the order in which they were known, of what they are lessons."""

    learned: Learned
    errors: Floats
    weights: Floats

    def draws(self, case: Case) -> Floats:
        """In how many days such a case would be done if each lesson's error came again."""
        middle = math.log(case.usual_p50 + self.learned.floor_days) + self.learned.effect(case)
        return np.asarray(np.maximum(np.exp(middle + self.errors) - self.learned.floor_days, 0.0))

    def quantiles(self, drawn: Floats) -> list[float]:
        """What was drawn for each lesson, at `LEVELS`."""
        return _quantiles(drawn, self.weights)


class Memory:
    """Lessons that may be asked at any instant what they have taught until then.

    Nothing that is known at the instant or later has any part in the answer, so it may lie in the memory already.
    """

    def __init__(self, habits: Habits, clock: Clock, lessons: Iterable[Lesson]) -> None:
        given = sorted(lessons, key=lambda lesson: (lesson.known, lesson.of))
        self._habits = habits
        self._clock = clock
        self._began, self._ended, self._known = (
            np.array([getattr(lesson, name) for lesson in given], dtype=np.float64)
            for name in ("began", "ended", "known")
        )
        self._start = clock(self._began)
        self._usual = _logs([lesson.case.usual_p50 for lesson in given], habits)
        self._reality = _logs(clock(self._ended) - self._start, habits) - self._usual
        self._traits = sorted({trait for lesson in given for trait in lesson.case.traits})
        self._numbers = max((len(lesson.case.numbers) for lesson in given), default=0)
        self._fine = sorted({lesson.case.fine for lesson in given})
        self._facts, self._hold = self._design(given)
        places = {fine: place for place, fine in enumerate(self._fine)}
        self._fine_of = np.array([places[lesson.case.fine] for lesson in given], dtype=np.int64)

    def _design(self, lessons: Sequence[Lesson]) -> tuple[Floats, Floats]:
        habits, columns = self._habits, {trait: 1 + self._numbers + at for at, trait in enumerate(self._traits)}
        facts = np.zeros((len(lessons), 1 + self._numbers + len(self._traits)))
        facts[:, 0] = 1.0
        for row, lesson in enumerate(lessons):
            facts[row, 1 : 1 + len(lesson.case.numbers)] = lesson.case.numbers
            for trait in lesson.case.traits:
                facts[row, columns[trait]] = 1.0
        hold = np.full(facts.shape[1], habits.trait_weight)
        hold[: 1 + self._numbers] = habits.number_weight
        hold[0] = habits.common_weight
        return facts, hold

    def learned(self, at: float, before: Learned | None = None) -> Learned:
        """What is known at an instant. before: what was known at an earlier one, which keeps the shifts of its days."""
        return self.taught(at, before).learned

    def taught(self, at: float, before: Learned | None = None) -> "Taught":
        """What is known at an instant, with the error of each lesson that was known by then."""
        habits, count = self._habits, int(np.searchsorted(self._known, at, side="left"))
        kept = at - _SHIFTS_KEPT_DAYS
        shifts = {day: shift for day, shift in before.shifts.items() if day > kept} if before else {}
        learned = Learned(floor_days=habits.floor_days, table_weight=habits.table_weight, shifts=shifts)
        if count == 0:
            return Taught(learned, np.zeros(0), np.zeros(0))
        weight = np.exp((self._known[:count] - at) / habits.memory_days)
        effects, errors = self._regression(count, weight)
        fine, errors = self._credible(count, weight, errors)
        bounds = self._bounds(count, errors, at)
        shift = self._shift(count, errors, bounds, weight, at)
        shifts[int(at)] = shift
        then = _shifts_on(self._began[:count], shifts)
        errors = errors - then
        age = at - self._began[:count]
        masses = [_untruncated(errors, bounds - then, np.exp(-age / days)) for days in habits.error_memories_days]
        mass = np.asarray(np.mean([one / one.sum() for one in masses], axis=0))
        traits = zip(self._traits, effects[1 + self._numbers :], strict=True)
        learned = msgspec.structs.replace(
            learned,
            common=float(effects[0]),
            numbers=[float(slope) for slope in effects[1 : 1 + self._numbers]],
            traits={trait: float(effect) for trait, effect in traits if effect},
            fine={name: float(effect) for name, effect in zip(self._fine, fine, strict=True) if effect},
            shift=shift,
            errors=_quantiles(errors, mass),
            lessons=count,
            weight=float(weight.sum()),
        )
        return Taught(learned, errors, mass)

    def _regression(self, count: int, weight: Floats) -> tuple[Floats, Floats]:
        """The effects, and of each lesson the error of a regression without it."""
        facts, reality = self._facts[:count], self._reality[:count]
        weighed = facts * weight[:, None]
        inverse = np.linalg.inv(weighed.T @ facts + np.diag(self._hold))
        effects = inverse @ (weighed.T @ reality)
        leverage = np.minimum((facts @ inverse * facts).sum(axis=1) * weight, _LEVERAGE_MAX)
        return effects, (reality - facts @ effects) / (1.0 - leverage)

    def _credible(self, count: int, weight: Floats, errors: Floats) -> tuple[Floats, Floats]:
        """The effects of the fine keys, and the errors that the other lessons of the same key leave."""
        places, size = self._fine_of[:count], len(self._fine)
        heavy = np.bincount(places, weights=weight, minlength=size)
        told = np.bincount(places, weights=weight * errors, minlength=size)
        if self._fine and not self._fine[0]:
            told[0] = 0.0
        k = self._habits.fine_weight
        others = (told[places] - weight * errors * (told[places] != 0.0)) / (heavy[places] - weight + k)
        return told / (heavy + k), errors - others

    def _bounds(self, count: int, errors: Floats, at: float) -> Floats:
        """The greatest error each lesson could have had and still be known by now."""
        delay = self._known[:count] - self._ended[:count]
        possible = _logs(self._clock(at - delay) - self._start[:count], self._habits) - self._usual[:count]
        return np.asarray(np.maximum(possible - self._reality[:count] + errors, errors))

    def _shift(self, count: int, errors: Floats, bounds: Floats, weight: Floats, at: float) -> float:
        """The likeliest shift of what began lately, given that of it only what was quick enough is known."""
        habits = self._habits
        recent = np.exp((self._began[:count] - at) / habits.shift_memory_days)
        lately = recent > _LATELY
        if not lately.any():
            return 0.0
        scale = _LOGISTIC * max(0.1, math.sqrt(float(np.average(errors**2, weights=weight))))
        seen = (errors[lately][None, :] - _SHIFTS[:, None]) / scale
        room = (bounds[lately][None, :] - _SHIFTS[:, None]) / scale
        likelihood = -seen - 2.0 * np.logaddexp(0.0, -seen) + np.logaddexp(0.0, -room)
        total = likelihood @ recent[lately] - habits.shift_weight * (_SHIFTS / scale) ** 2 / 2.0
        return float(_SHIFTS[int(np.argmax(total))])


def _untruncated(errors: Floats, bounds: Floats, weight: Floats) -> Floats:
    """The mass of each error, were those known too that are still on their way: Lynden-Bell's estimator (1971)."""
    order = np.argsort(errors, kind="stable")
    error, heavy = errors[order], weight[order]
    ends = np.argsort(bounds, kind="stable")
    ended = np.concatenate([[0.0], np.cumsum(weight[ends])])
    room = np.cumsum(heavy) - ended[np.searchsorted(bounds[ends], error, side="left")]
    part = np.minimum(heavy / np.maximum(room, heavy), 1.0)
    above = np.concatenate([np.cumprod((1.0 - part)[::-1])[::-1][1:], [1.0]])
    mass = np.empty_like(weight)
    mass[order] = above * part
    return mass


def _shifts_on(days: Floats, shifts: Mapping[int, float]) -> Floats:
    """The shift that was known on each of these days: the last one learned by then, 0 before the first."""
    asked = sorted(shifts)
    told = np.array([0.0, *(shifts[day] for day in asked)])
    return np.asarray(told[np.searchsorted(asked, np.floor(days), side="right")])


def _logs(days: Sequence[float] | Floats, habits: Habits) -> Floats:
    return np.log(np.maximum(np.asarray(days, dtype=np.float64), 0.0) + habits.floor_days)


def _quantiles(errors: Floats, weight: Floats) -> list[float]:
    order = np.argsort(errors, kind="stable")
    heavy = np.cumsum(weight[order])
    middles = (heavy - weight[order] / 2.0) / heavy[-1]
    return [float(error) for error in np.interp(LEVELS, middles, errors[order])]
