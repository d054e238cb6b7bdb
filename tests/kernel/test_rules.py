"""Conditions that merchants write: checked, compiled, explained (SRC-07)."""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.rules import (
    CLAUSES_MAX,
    LINES,
    Catalogue,
    Explained,
    Field,
    FieldType,
    Problem,
    check,
    compile_condition,
    explain,
    read_condition,
    written,
)

CATALOGUE = Catalogue(
    [
        Field(
            name="order.value_minor",
            type=FieldType.MONEY,
            label={"es": "el valor del pedido", "en": "the order's value"},
        ),
        Field(name="order.country", type=FieldType.TEXT, label={"es": "el país", "en": "the country"}),
        Field(
            name="order.segment",
            type=FieldType.TEXT,
            label={"en": "the segment"},
            words=frozenset({"retail", "trade"}),
        ),
        Field(name="order.is_gift", type=FieldType.FLAG, label={"en": "it is a gift"}),
        Field(name="order.placed_on", type=FieldType.DAY, label={"en": "the day"}),
        Field(name="order.placed_at", type=FieldType.MOMENT, label={"en": "the moment"}),
        Field(name="location.abilities", type=FieldType.WORDS, label={"en": "what it can do"}),
        Field(name="line.quantity", type=FieldType.NUMBER, label={"en": "the quantity"}, is_of_line=True),
        Field(name="line.category", type=FieldType.TEXT, label={"en": "the category"}, is_of_line=True),
    ]
)
FACTS = {
    "order.value_minor": 6_200,
    "order.country": "ES",
    "order.is_gift": False,
    "order.placed_on": date(2026, 11, 22),
    "order.placed_at": datetime(2026, 11, 22, 9, tzinfo=UTC),
    "location.abilities": frozenset({"ship", "engrave"}),
    LINES: [{"line.quantity": 2, "line.category": "chairs"}, {"line.quantity": 3, "line.category": "lamps"}],
}


def value(of: str, says: str, value: Any) -> dict[str, Any]:
    return {"field": of, "is": says, "value": value}


def fulfils(raw: Any, facts: Any = FACTS) -> bool:
    condition = read_condition(raw, CATALOGUE)
    assert not isinstance(condition, Problem), condition
    return compile_condition(condition)(facts)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (value("order.value_minor", "at_least", 6_200), True),
        (value("order.value_minor", "between", [6_201, 7_000]), False),
        (value("order.country", "one_of", ["PT", "ES"]), True),
        (value("order.country", "begins_with", "E"), True),
        (value("order.is_gift", "equals", False), True),
        (value("order.placed_on", "at_least", "2026-11-23"), False),
        (value("order.placed_at", "less_than", "2026-11-22T11:00:00+01:00"), True),
        (value("location.abilities", "has_all", ["ship", "engrave"]), True),
        (value("location.abilities", "has_none", ["cold"]), True),
        ({"any_line": value("line.category", "equals", "lamps")}, True),
        ({"every_line": value("line.quantity", "at_most", 2)}, False),
        ({"sum_of_lines": "line.quantity", "is": "equals", "value": 5}, True),
        (
            {
                "sum_of_lines": "line.quantity",
                "where": value("line.category", "equals", "lamps"),
                "is": "equals",
                "value": 3,
            },
            True,
        ),
        ({"not": {"any": [value("order.country", "equals", "FR"), value("order.is_gift", "equals", True)]}}, True),
        (value("order.segment", "is_known", False), True),
    ],
)
def test_a_condition_says_what_is_so(raw: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert fulfils(raw) is expected


def test_what_is_not_known_fulfils_no_comparison() -> None:
    for says, than in (("equals", "trade"), ("is_not", "trade"), ("one_of", ["trade"]), ("none_of", ["trade"])):
        assert not fulfils(value("order.segment", says, than))


def deep(levels: int) -> Any:
    raw: Any = value("order.country", "equals", "ES")
    for _ in range(levels):
        raw = {"not": raw}
    return raw


@pytest.mark.parametrize(
    ("raw", "path", "reason"),
    [
        ({}, "", "a clause is an object"),
        ([], "", "a clause is an object"),
        ({"all": []}, "all", "not empty"),
        ({"all": [{"any": []}]}, "all[0].any", "not empty"),
        ({"all": [value("order.weight", "equals", 1)]}, "all[0].field", "no such field"),
        (value("order.placed_on", "at_least", 5), "value", "another type"),
        (value("order.value_minor", "at_least", "2026-01-01"), "value", "another type"),
        (value("order.value_minor", "at_least", True), "value", "another type"),
        (value("order.value_minor", "at_least", 1.5), "value", "another type"),
        (value("order.value_minor", "begins_with", "1"), "is", "cannot be compared so"),
        (value("order.value_minor", "at_least", 10**30), "value", "another type|so large"),
        (value("order.segment", "equals", "wholesale"), "value", "no such word"),
        (value("order.country", "one_of", []), "value", "not empty"),
        (value("order.value_minor", "between", [5, 1]), "value", "the lower first"),
        (value("order.placed_at", "at_least", "2026-11-22T11:00:00"), "value", "distance from UTC"),
        (value("line.quantity", "at_least", 1), "field", "each line has its own"),
        ({"any_line": {"any_line": value("line.quantity", "at_least", 1)}}, "any_line.any_line", "no lines"),
        ({"sum_of_lines": "line.category", "is": "equals", "value": "x"}, "sum_of_lines", "only numbers"),
        ({"all": [value("order.country", "equals", "ES")], "any": []}, "", "one thing"),
        ({**value("order.country", "equals", "ES"), "then": 1}, "", "nobody understands"),
        (deep(1_000), None, "too deep"),
        ({"any": [value("order.country", "equals", "ES")] * (CLAUSES_MAX + 1)}, None, "too many"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_clause_and_the_reason(
    raw: Any, path: str | None, reason: str
) -> None:
    (problem,) = check(raw, CATALOGUE)
    assert any(one in problem.reason for one in reason.split("|")), problem
    assert path is None or problem.path == path


@pytest.mark.parametrize(
    "clauses",
    [
        [value("order.country", "equals", "ES"), value("order.country", "equals", "PT")],
        [value("order.country", "one_of", ["ES", "PT"]), value("order.country", "none_of", ["PT", "ES"])],
        [value("order.value_minor", "more_than", 5), value("order.value_minor", "less_than", 6)],
        [value("order.value_minor", "at_least", 9), {"all": [value("order.value_minor", "at_most", 8)]}],
        [value("order.placed_on", "less_than", "2026-01-01"), value("order.placed_on", "at_least", "2026-01-01")],
        [value("order.country", "equals", "ES"), {"not": value("order.country", "one_of", ["ES", "PT"])}],
        [
            value("order.value_minor", "more_than", 5),
            {"not": {"any": [value("order.value_minor", "at_least", 3), value("order.country", "equals", "ES")]}},
        ],
        [value("order.value_minor", "is_known", False), value("order.value_minor", "at_most", 8)],
    ],
)
def test_clauses_that_contradict_each_other_are_found(clauses: list[Any]) -> None:
    (problem,) = check({"any": [{"all": clauses}, value("order.country", "equals", "ES")]}, CATALOGUE)
    assert problem.path == "any[0].all"
    assert len(problem.facts["clauses"]) == 2


def test_what_only_denies_is_no_contradiction_since_what_is_not_known_fulfils_it() -> None:
    denials = [{"not": value("order.value_minor", says, 5)} for says in ("at_least", "less_than")]
    assert check({"all": denials}, CATALOGUE) == []


numbers = st.integers(-3, 3)
some_numbers = st.lists(numbers, min_size=1)
comparisons = st.one_of(
    st.builds(
        value,
        st.just("order.value_minor"),
        st.sampled_from(["equals", "is_not", "at_least", "at_most", "more_than", "less_than"]),
        numbers,
    ),
    st.builds(
        value, st.just("order.value_minor"), st.sampled_from(["one_of", "none_of"]), st.lists(numbers, min_size=1)
    ),
    st.builds(value, st.just("order.is_gift"), st.just("equals"), st.booleans()),
    st.builds(value, st.just("order.value_minor"), st.just("is_known"), st.booleans()),
    st.builds(
        lambda says, than: {"sum_of_lines": "line.quantity", "is": says, "value": than},
        st.sampled_from(["at_least", "less_than"]),
        numbers,
    ),
    st.builds(
        lambda of, than: {of: value("line.quantity", "more_than", than)},
        st.sampled_from(["any_line", "every_line"]),
        numbers,
    ),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(
            lambda of, clauses: {of: clauses}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
        ),
        st.builds(lambda clause: {"not": clause}, inner),
    ),
    max_leaves=8,
)
worlds = st.builds(
    lambda minor, gift, lines: {
        "order.value_minor": minor,
        "order.is_gift": gift,
        LINES: [{"line.quantity": one} for one in lines],
    },
    st.none() | numbers,
    st.none() | st.booleans(),
    st.lists(st.none() | numbers, max_size=3),
)
NAIVE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b,
    "is_not": lambda a, b: a != b,
    "at_least": lambda a, b: a >= b,
    "at_most": lambda a, b: a <= b,
    "more_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b,
    "one_of": lambda a, b: a in b,
    "none_of": lambda a, b: a not in b,
}


def naive(raw: dict[str, Any], facts: dict[str, Any]) -> bool:
    """What a condition means, read straight from how it is written."""
    (kind,) = (key for key in ("all", "any", "not", "any_line", "every_line", "sum_of_lines", "field") if key in raw)
    inner, lines = raw[kind], facts.get(LINES, [])
    if kind == "sum_of_lines":
        return bool(NAIVE[raw["is"]](sum(line[inner] or 0 for line in lines), raw["value"]))
    if kind == "field":
        found = facts[inner]
        if raw["is"] == "is_known":
            return (found is not None) is raw["value"]
        return found is not None and bool(NAIVE[raw["is"]](found, raw["value"]))
    return {
        "all": lambda: all(naive(one, facts) for one in inner),
        "any": lambda: any(naive(one, facts) for one in inner),
        "not": lambda: not naive(inner, facts),
        "any_line": lambda: any(naive(inner, line) for line in lines),
        "every_line": lambda: bool(lines) and all(naive(inner, line) for line in lines),
    }[kind]()


@given(raw=conditions, facts=worlds)
def test_a_compiled_condition_means_what_is_written(raw: dict[str, Any], facts: dict[str, Any]) -> None:
    condition = read_condition(raw, CATALOGUE)
    assert not isinstance(condition, Problem)
    assert compile_condition(condition)(facts) is naive(raw, facts)
    assert read_condition(json.loads(json.dumps(written(condition))), CATALOGUE) == condition
    for locale in ("es", "en-GB"):
        assert explain(condition, facts, locale=locale, currency="EUR").is_fulfilled is naive(raw, facts)


@given(raw=conditions, facts=worlds)
def test_what_is_called_a_contradiction_is_never_fulfilled(raw: dict[str, Any], facts: dict[str, Any]) -> None:
    for problem in check(raw, CATALOGUE):
        clause: Any = raw
        for step in problem.path.replace("[", ".").replace("]", "").split("."):
            clause = clause[int(step)] if step.isdigit() else clause[step]
        if not problem.path.startswith(("any_line", "every_line")):
            assert not naive({"all": clause}, facts)


def test_each_clause_explains_itself_in_both_languages() -> None:
    raw = {"all": [value("order.value_minor", "at_least", 5_000), value("order.segment", "equals", "trade")]}
    condition = read_condition(raw, CATALOGUE)
    assert not isinstance(condition, Problem)
    spanish, english = (explain(condition, FACTS, locale=locale, currency="EUR") for locale in ("es", "en"))
    assert [one.sentence.replace("\xa0", " ") for one in spanish.clauses] == [
        "el valor del pedido es 50,00 € o más: sí, 62,00 €",
        "the segment es trade: no, no se conoce",
    ]
    assert english == Explained(
        "all of these: no",
        False,
        (
            Explained("the order's value is €50.00 or more: yes, €62.00", True),
            Explained("the segment is trade: no, not known", False),
        ),
    )


def test_a_condition_is_asked_often_without_being_read_again() -> None:
    raw = {"all": [value("order.value_minor", "at_least", 5_000), {"any_line": value("line.quantity", "at_least", 3)}]}
    condition = read_condition(raw, CATALOGUE)
    assert not isinstance(condition, Problem)
    predicate = compile_condition(condition)
    begun = time.process_time()
    assert all(predicate(FACTS) for _ in range(20_000))
    print(f"{20_000 / (time.process_time() - begun):,.0f} a second")  # noqa: T201
