"""Conditions as functions: built once, asked often."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from batuta.kernel.rules.clauses import AllOf, AnyLine, AnyOf, Compare, Condition, Not, SumOfLines
from batuta.kernel.rules.fields import Operator

LINES = "lines"
"""Under this name the facts hold those of the lines, a mapping each."""

Facts: TypeAlias = Mapping[str, Any]
"""Values by the names of their fields; one that is missing, or None, is not known."""

Predicate: TypeAlias = Callable[[Facts], bool]
Test: TypeAlias = Callable[[Any], bool]


def compile_condition(condition: Condition) -> Predicate:
    """A function that says whether facts fulfil the condition."""
    if isinstance(condition, Compare):
        return _of_field(condition.field.name, test_of(condition.operator, condition.value))
    if isinstance(condition, SumOfLines):
        return _of_sum(condition)
    if isinstance(condition, AllOf | AnyOf):
        clauses = [compile_condition(one) for one in condition.clauses]
        judge = all if isinstance(condition, AllOf) else any
        return lambda facts: judge(clause(facts) for clause in clauses)
    clause = compile_condition(condition.clause)
    if isinstance(condition, Not):
        return lambda facts: not clause(facts)
    return _any_line(clause) if isinstance(condition, AnyLine) else _every_line(clause)


def lines_of(facts: Facts) -> Sequence[Facts]:
    lines: Sequence[Facts] = facts.get(LINES) or ()
    return lines


def sum_of(condition: SumOfLines, facts: Facts) -> int:
    """The field added up over the lines that count; a line of which it is not known adds nothing."""
    where = compile_condition(condition.where) if condition.where else None
    return _sum(condition.field.name, where, facts)


def test_of(operator: Operator, value: Any) -> Test:
    """Whether a value fulfils a comparison; one that is not known fulfils none but that it is not."""
    return _TESTS[operator](value)


def _any_line(clause: Predicate) -> Predicate:
    return lambda facts: any(clause(line) for line in lines_of(facts))


def _every_line(clause: Predicate) -> Predicate:
    return lambda facts: bool(lines := lines_of(facts)) and all(clause(line) for line in lines)


def _among(values: Any) -> Test:
    among = frozenset(values)
    return lambda found: found is not None and found in among


def _not_among(values: Any) -> Test:
    among = frozenset(values)
    return lambda found: found is not None and found not in among


def _of_field(name: str, test: Test) -> Predicate:
    return lambda facts: test(facts.get(name))


def _of_sum(condition: SumOfLines) -> Predicate:
    where = compile_condition(condition.where) if condition.where else None
    name, test = condition.field.name, test_of(condition.operator, condition.value)
    return lambda facts: test(_sum(name, where, facts))


def _sum(name: str, where: Predicate | None, facts: Facts) -> int:
    return sum(line.get(name) or 0 for line in lines_of(facts) if where is None or where(line))


_TESTS: Mapping[Operator, Callable[[Any], Test]] = {
    Operator.EQUALS: lambda value: lambda found: found is not None and found == value,
    Operator.IS_NOT: lambda value: lambda found: found is not None and found != value,
    Operator.ONE_OF: _among,
    Operator.NONE_OF: _not_among,
    Operator.BEGINS_WITH: lambda value: lambda found: found is not None and found.startswith(value),
    Operator.AT_LEAST: lambda value: lambda found: found is not None and found >= value,
    Operator.AT_MOST: lambda value: lambda found: found is not None and found <= value,
    Operator.MORE_THAN: lambda value: lambda found: found is not None and found > value,
    Operator.LESS_THAN: lambda value: lambda found: found is not None and found < value,
    Operator.BETWEEN: lambda pair: lambda found: found is not None and pair[0] <= found <= pair[1],
    Operator.HAS: lambda value: lambda found: found is not None and value in found,
    Operator.HAS_ANY: lambda values: lambda found: found is not None and not set(values).isdisjoint(found),
    Operator.HAS_ALL: lambda values: lambda found: found is not None and set(values) <= set(found),
    Operator.HAS_NONE: lambda values: lambda found: found is not None and set(values).isdisjoint(found),
    Operator.IS_KNOWN: lambda value: lambda found: (found is not None) is value,
}
