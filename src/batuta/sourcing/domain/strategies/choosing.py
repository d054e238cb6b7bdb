"""The strategies in force: which one decides an order, and what it says of each location."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from batuta.kernel.rules import Condition, Facts, compile_condition, fields_in
from batuta.sourcing.domain.strategies.strategies import (
    HardRule,
    SoftRule,
    Strategy,
    StrategyUsed,
    VersionStatus,
)

CATEGORIES = "item.categories"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a strategy that was published, or that is tried as if it were."""

    number: int
    strategy: Strategy
    status: VersionStatus = VersionStatus.PUBLISHED


class Ruling:
    """A version as functions. Facts are of an order, or of an order and a location."""

    def __init__(self, version: Version) -> None:
        one = version.strategy
        self.strategy = one
        self.used = StrategyUsed(code=one.code, number=version.number)
        self.network = frozenset(one.network) if one.network is not None else None
        self._when = _compiled(one.when)
        self._hard = [(rule.code, _compiled(rule.when), compile_condition(rule.must)) for rule in one.hard]
        self._soft = [(rule.penalty_minor, _compiled(rule.when), compile_condition(rule.must)) for rule in one.soft]

    def speaks_of(self, facts: Facts, *, currency: str) -> bool:
        return self.strategy.currency in {None, currency} and self._when(facts)

    def narrowed(self, facts: Facts) -> "Narrowed":
        """The rules that hold for this order."""
        return Narrowed(
            hard=[(code, must) for code, when, must in self._hard if when(facts)],
            soft=[(penalty_minor, must) for penalty_minor, when, must in self._soft if when(facts)],
        )


class Narrowed(msgspec.Struct, frozen=True):
    """The rules of a version that hold for one order."""

    hard: Sequence[tuple[str, Callable[[Facts], bool]]]
    soft: Sequence[tuple[int, Callable[[Facts], bool]]]

    def broken(self, facts: Facts) -> str | None:
        """The code of the first hard rule that shuts the location out."""
        return next((code for code, must in self.hard if not must(facts)), None)

    def penalty_minor(self, facts: Facts) -> int:
        return sum(penalty_minor for penalty_minor, must in self.soft if not must(facts))


class Strategies:
    """Versions of strategies, of which at every moment one of each code may be in force.

    It is the latest that has begun: what came before it is over, also once it has ended or was withdrawn.
    """

    def __init__(self, versions: Sequence[Version] = ()) -> None:
        self._rulings = {(one.strategy.code, one.number): Ruling(one) for one in versions}
        self._versions = sorted(versions, key=lambda one: one.number)
        self.needs_categories = any(_speaks_of_categories(one.strategy) for one in versions)

    def __bool__(self) -> bool:
        return bool(self._versions)

    def in_force(self, now: datetime) -> list[Ruling]:
        """The rulings of the moment, the strongest first."""
        latest: dict[str, Version] = {}
        for one in self._versions:
            if one.strategy.valid_from is None or one.strategy.valid_from <= now:
                latest[one.strategy.code] = one
        found = [
            self._rulings[code, one.number]
            for code, one in latest.items()
            if one.status is VersionStatus.PUBLISHED
            and (one.strategy.valid_until is None or now < one.strategy.valid_until)
        ]
        return sorted(found, key=lambda ruling: (-ruling.strategy.priority, ruling.strategy.code))

    def ruling_for(self, facts: Facts, *, currency: str, now: datetime) -> Ruling | None:
        """The strategy of an order: of those in force that speak of it, the one of the highest priority."""
        return next((one for one in self.in_force(now) if one.speaks_of(facts, currency=currency)), None)


NO_STRATEGIES = Strategies()


def _always(_: Facts) -> bool:
    return True


def _compiled(condition: Condition | None) -> Callable[[Mapping[str, Any]], bool]:
    return compile_condition(condition) if condition is not None else _always


def _speaks_of_categories(one: Strategy) -> bool:
    rules: list[HardRule | SoftRule] = [*one.hard, *one.soft]
    conditions = [one.when, *(part for rule in rules for part in (rule.must, rule.when))]
    return any(CATEGORIES in fields_in(condition) for condition in conditions if condition is not None)
