"""Reading conditions: what is wrong with one is said with the path of the clause and the reason."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from batuta.kernel.rules.clauses import (
    AllOf,
    AnyLine,
    AnyOf,
    Compare,
    Condition,
    EveryLine,
    Not,
    SumOfLines,
    Value,
)
from batuta.kernel.rules.contradictions import contradictions
from batuta.kernel.rules.fields import LISTS, OPERATORS, Catalogue, Field, FieldType, Operator

DEPTH_MAX = 20
CLAUSES_MAX = 500
VALUES_MAX = 1_000
TEXT_MAX = 200
NUMBER_MAX = 10**15
TWO = 2
NAMES_TOLD_MAX = 50

_JOINED: Mapping[str, Any] = {"all": AllOf, "any": AnyOf}
_WRAPPED: Mapping[str, Any] = {"not": Not, "any_line": AnyLine, "every_line": EveryLine}
_SUMMED = {FieldType.NUMBER, FieldType.MONEY}
_TYPES: Mapping[FieldType, Any] = {
    FieldType.TEXT: str,
    FieldType.WORDS: str,
    FieldType.NUMBER: int,
    FieldType.MONEY: int,
    FieldType.FLAG: bool,
    FieldType.DAY: date,
    FieldType.MOMENT: datetime,
}


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a clause. path: as `all[2].not`; empty is the whole."""

    path: str
    reason: str
    facts: dict[str, Any] = {}


class _Bad(Exception):
    def __init__(self, path: str, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.problem = Problem(path, reason, facts)


def read_condition(raw: Any, catalogue: Catalogue) -> Condition | Problem:
    """Read a condition as it is written in JSON; say what is wrong with its first clause that is none."""
    try:
        _check_size(raw)
        return _read(raw, catalogue, "", is_of_line=False)
    except _Bad as bad:
        return bad.problem


def check(raw: Any, catalogue: Catalogue) -> list[Problem]:
    """Say all that is wrong with a condition: a clause that is none, or clauses that no facts can fulfil together."""
    found = read_condition(raw, catalogue)
    if isinstance(found, Problem):
        return [found]
    return [Problem(path, reason, facts) for path, reason, facts in contradictions(found)]


def _check_size(raw: Any) -> None:
    """Refuse what is too deep or too large before anything descends into it.

    Raises:
        _Bad: it is.
    """
    waiting, clauses = [(raw, 1, "")], 0
    while waiting:
        one, depth, path = waiting.pop()
        clauses += 1
        if depth > DEPTH_MAX:
            raise _Bad(path[:TEXT_MAX], "clauses are nested too deep", depth_max=DEPTH_MAX)
        if clauses > CLAUSES_MAX:
            raise _Bad(path[:TEXT_MAX], "there are too many clauses", clauses_max=CLAUSES_MAX)
        waiting += ((inner, depth + 1, at) for inner, at in _within(one, path))


def _within(one: Any, path: str) -> Iterable[tuple[Any, str]]:
    """The clauses inside a clause, with their paths."""
    if not isinstance(one, dict):
        return
    for key, value in one.items():
        at = _join(path, str(key))
        if key in _JOINED and isinstance(value, list):
            yield from ((inner, f"{at}[{i}]") for i, inner in enumerate(value))
        elif key in {*_WRAPPED, "where"}:
            yield value, at


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _read(raw: Any, catalogue: Catalogue, path: str, *, is_of_line: bool) -> Condition:
    kind = _kind(raw, path)
    at = _join(path, kind)
    if kind in _JOINED:
        if not isinstance(raw[kind], list) or not raw[kind]:
            raise _Bad(at, "there is a list of clauses, and it is not empty")
        read = (_read(one, catalogue, f"{at}[{i}]", is_of_line=is_of_line) for i, one in enumerate(raw[kind]))
        joined: Condition = _JOINED[kind](tuple(read))
        return joined
    if kind in _WRAPPED:
        if kind != "not" and is_of_line:
            raise _Bad(at, "a line has no lines")
        inner = _read(raw[kind], catalogue, at, is_of_line=is_of_line or kind != "not")
        wrapped: Condition = _WRAPPED[kind](inner)
        return wrapped
    if kind == "sum_of_lines":
        return _sum(raw, catalogue, at, is_of_line=is_of_line)
    field = _field(raw["field"], catalogue, at)
    if field.is_of_line and not is_of_line:
        raise _Bad(at, "each line has its own: say any_line, every_line or sum_of_lines", field=field.name)
    return Compare(field, *_compared(raw, field, path))


def _kind(raw: Any, path: str) -> str:
    """The one thing that a clause says, as `any` or `field`."""
    if not isinstance(raw, dict) or not raw:
        raise _Bad(path, "a clause is an object with all, any, not, any_line, every_line, sum_of_lines or field")
    named = [key for key in (*_JOINED, *_WRAPPED, "sum_of_lines", "field") if key in raw]
    if len(named) != 1:
        raise _Bad(path, "a clause says one thing", found=sorted(map(str, raw))[:NAMES_TOLD_MAX])
    (kind,) = named
    known = {"field": {"field", "is", "value"}, "sum_of_lines": {"sum_of_lines", "where", "is", "value"}}
    if unknown := sorted(str(key) for key in raw if key not in known.get(kind, {kind})):
        raise _Bad(path, "the clause says what nobody understands", unknown=unknown[:NAMES_TOLD_MAX])
    return kind


def _sum(raw: dict[str, Any], catalogue: Catalogue, path: str, *, is_of_line: bool) -> SumOfLines:
    if is_of_line:
        raise _Bad(path, "a line has no lines")
    field = _field(raw["sum_of_lines"], catalogue, path)
    if not field.is_of_line or field.type not in _SUMMED:
        raise _Bad(path, "only numbers and money of lines are added up", field=field.name)
    where = _read(raw["where"], catalogue, _join(path, "where"), is_of_line=True) if "where" in raw else None
    return SumOfLines(field, *_compared(raw, field, path), where)


def _field(name: Any, catalogue: Catalogue, path: str) -> Field:
    field = catalogue.find(name) if isinstance(name, str) else None
    if field is None:
        raise _Bad(path, "there is no such field", field=str(name)[:TEXT_MAX], known=catalogue.names())
    return field


def _compared(raw: dict[str, Any], field: Field, path: str) -> tuple[Operator, Value]:
    allowed = OPERATORS[field.type]
    told = {"field": field.name, "type": field.type.value}
    said = raw.get("is")
    if not isinstance(said, str) or said not in allowed:
        known = sorted(one.value for one in allowed)
        raise _Bad(_join(path, "is"), "this field cannot be compared so", **told, got=str(said)[:TEXT_MAX], known=known)
    operator, at = Operator(said), _join(path, "value")
    if operator is Operator.IS_KNOWN:
        return operator, _of(raw.get("value", True), bool, at, told)
    value = raw.get("value")
    if operator in LISTS or operator is Operator.BETWEEN:
        if not isinstance(value, list) or not value or len(value) > VALUES_MAX:
            raise _Bad(at, "there is a list of values here, not empty and not endless", **told, values_max=VALUES_MAX)
        values = tuple(_one(one, field, at, told) for one in value)
        if operator is Operator.BETWEEN and (len(values) != TWO or values[0] > values[1]):
            raise _Bad(at, "between is two values, the lower first", **told)
        return operator, values
    return operator, _one(value, field, at, told)


def _one(value: Any, field: Field, path: str, told: dict[str, Any]) -> Any:
    """A value in the field's type."""
    found = _of(value, _TYPES[field.type], path, told)
    if isinstance(found, str) and not 0 < len(found) <= TEXT_MAX:
        raise _Bad(path, "a text is not empty, and not endless", **told, length_max=TEXT_MAX)
    if isinstance(found, str) and field.words is not None and found not in field.words:
        raise _Bad(path, "there is no such word", **told, got=found, known=sorted(field.words)[:NAMES_TOLD_MAX])
    if isinstance(found, int) and not -NUMBER_MAX <= found <= NUMBER_MAX:
        raise _Bad(path, "no number is so large", **told, number_max=NUMBER_MAX)
    if isinstance(found, datetime) and found.tzinfo is None:
        raise _Bad(path, "a moment says its distance from UTC, as 2026-11-22T09:00:00+01:00", **told)
    return found


def _of(value: Any, kind: Any, path: str, told: dict[str, Any]) -> Any:
    try:
        if isinstance(value, bool) and kind is not bool:
            raise msgspec.ValidationError  # noqa: TRY301 - a truth value is a number to Python, not to a merchant
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        raise _Bad(path, "the value is of another type than the field", **told, got=str(value)[:TEXT_MAX]) from None
