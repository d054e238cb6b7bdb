"""Clauses that no facts can fulfil together, as far as comparisons of one field tell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batuta.kernel.rules.clauses import WRAPS, AllOf, AnyLine, AnyOf, Compare, Condition, EveryLine, Not, SumOfLines
from batuta.kernel.rules.fields import FieldType, Operator

_LOW, _HIGH = 0, 1

_OPPOSITES: Mapping[Operator, Operator] = {
    Operator.EQUALS: Operator.IS_NOT,
    Operator.IS_NOT: Operator.EQUALS,
    Operator.ONE_OF: Operator.NONE_OF,
    Operator.NONE_OF: Operator.ONE_OF,
    Operator.AT_LEAST: Operator.LESS_THAN,
    Operator.LESS_THAN: Operator.AT_LEAST,
    Operator.AT_MOST: Operator.MORE_THAN,
    Operator.MORE_THAN: Operator.AT_MOST,
}
"""What holds of a value that is known when the other does not."""


class _Possible:
    """The values that a field may still have. only: None is any."""

    def __init__(self) -> None:
        self.only: frozenset[Any] | None = None
        self.never: set[Any] = set()
        self.bounds: list[Any] = [None, None]
        self.is_open = [False, False]

    def narrow(self, operator: Operator, value: Any) -> None:
        if operator is Operator.EQUALS:
            self._keep({value})
        elif operator is Operator.ONE_OF:
            self._keep(value)
        elif operator is Operator.IS_NOT:
            self.never.add(value)
        elif operator is Operator.NONE_OF:
            self.never.update(value)
        elif operator is Operator.BETWEEN:
            self._bound(_LOW, value[0], is_open=False)
            self._bound(_HIGH, value[1], is_open=False)
        elif operator in {Operator.AT_LEAST, Operator.MORE_THAN}:
            self._bound(_LOW, value, is_open=operator is Operator.MORE_THAN)
        elif operator in {Operator.AT_MOST, Operator.LESS_THAN}:
            self._bound(_HIGH, value, is_open=operator is Operator.LESS_THAN)

    def is_empty(self, kind: FieldType) -> bool:
        if self.only is not None:
            return not any(self._fits(one) for one in self.only - self.never)
        low, high = self.bounds
        if low is None or high is None:
            return False
        if low > high or (low == high and any(self.is_open)):
            return True
        is_whole = kind in {FieldType.NUMBER, FieldType.MONEY}
        if low == high:
            return low in self.never
        return is_whole and all(self.is_open) and high - low == 1

    def _keep(self, values: Any) -> None:
        self.only = frozenset(values) if self.only is None else self.only & frozenset(values)

    def _bound(self, side: int, value: Any, *, is_open: bool) -> None:
        present = self.bounds[side]
        if present is None or (value > present if side == _LOW else value < present):
            self.bounds[side], self.is_open[side] = value, is_open
        elif value == present:
            self.is_open[side] = self.is_open[side] or is_open

    def _fits(self, value: Any) -> bool:
        low, high = self.bounds
        if low is not None and (value < low or (value == low and self.is_open[_LOW])):
            return False
        return high is None or not (value > high or (value == high and self.is_open[_HIGH]))


def contradictions(condition: Condition, path: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, reason and facts of every `all` whose comparisons of a field no value fulfils."""
    if isinstance(condition, AllOf):
        by_field: dict[str, list[tuple[str, Compare, bool]]] = {}
        for at, clause, is_fulfilled in _together(condition, path):
            by_field.setdefault(clause.field.name, []).append((at, clause, is_fulfilled))
        for name, clauses in by_field.items():
            if _contradict([(clause, is_fulfilled) for _, clause, is_fulfilled in clauses]):
                facts = {"field": name, "clauses": [at for at, _, _ in clauses]}
                yield _at(path, "all"), "no value fulfils these clauses together", facts
    for at, inner in _inside(condition, path):
        yield from contradictions(inner, at)


def _together(condition: Condition, path: str, *, is_fulfilled: bool = True) -> Iterator[tuple[str, Compare, bool]]:
    """The comparisons of which each has to be fulfilled, or not to be, for the condition to be so."""
    if isinstance(condition, Compare):
        yield path, condition, is_fulfilled
    elif isinstance(condition, Not):
        yield from _together(condition.clause, _at(path, "not"), is_fulfilled=not is_fulfilled)
    elif isinstance(condition, AllOf if is_fulfilled else AnyOf):
        for at, clause in _inside(condition, path):
            yield from _together(clause, at, is_fulfilled=is_fulfilled)


def _contradict(clauses: Sequence[tuple[Compare, bool]]) -> bool:
    """Whether nothing that their field may be fulfils the clauses that shall be, and none of the others."""
    known = [(one.value is is_fulfilled) for one, is_fulfilled in clauses if one.operator is Operator.IS_KNOWN]
    others = [one for one in clauses if one[0].operator is not Operator.IS_KNOWN]
    must_be_known = any(known) or any(is_fulfilled for _, is_fulfilled in others)
    if must_be_known and not all(known):
        return True
    possible = _Possible()
    for clause, is_fulfilled in others:
        operator = clause.operator if is_fulfilled else _OPPOSITES.get(clause.operator)
        if operator:
            possible.narrow(operator, clause.value)
    return must_be_known and possible.is_empty(clauses[0][0].field.type)


def _inside(condition: Condition, path: str) -> Iterator[tuple[str, Condition]]:
    if isinstance(condition, AllOf | AnyOf):
        word = "all" if isinstance(condition, AllOf) else "any"
        yield from ((f"{_at(path, word)}[{i}]", one) for i, one in enumerate(condition.clauses))
    elif isinstance(condition, Not | AnyLine | EveryLine):
        yield _at(path, WRAPS[type(condition)]), condition.clause
    elif isinstance(condition, SumOfLines) and condition.where:
        yield _at(path, "sum_of_lines.where"), condition.where


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
