"""Why facts fulfil a condition or not, clause by clause, in Spanish and in English."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal

from batuta.kernel.money import exponent_of
from batuta.kernel.rules.clauses import AllOf, AnyLine, AnyOf, Compare, Condition, EveryLine, Not, SumOfLines
from batuta.kernel.rules.compiling import Facts, compile_condition, lines_of, sum_of
from batuta.kernel.rules.fields import Field, FieldType, Operator

VALUES_TOLD_MAX = 8

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "equals": "{label} is {value}",
        "is_not": "{label} is not {value}",
        "one_of": "{label} is one of {value}",
        "none_of": "{label} is none of {value}",
        "begins_with": "{label} begins with {value}",
        "at_least": "{label} is {value} or more",
        "at_most": "{label} is {value} or less",
        "more_than": "{label} is more than {value}",
        "less_than": "{label} is less than {value}",
        "between": "{label} is between {low} and {high}",
        "has": "{label} has {value}",
        "has_any": "{label} has any of {value}",
        "has_all": "{label} has all of {value}",
        "has_none": "{label} has none of {value}",
        "is_known": "{label} is known",
        "is_unknown": "{label} is not known",
        "on_or_after": "{label} is {value} or later",
        "on_or_before": "{label} is {value} or earlier",
        "after": "{label} is after {value}",
        "before": "{label} is before {value}",
        "all": "all of these",
        "any": "any of these",
        "not": "none of this",
        "any_line": "some line",
        "every_line": "every line",
        "sum": "{label} of all lines together",
        "sum_where": "{label} of those lines together",
        "yes": "yes",
        "no": "no",
        "unknown": "not known",
        "more": "{count} more",
        "found": "{sentence}: {outcome}, {found}",
        "plain": "{sentence}: {outcome}",
    },
    "es": {
        "equals": "{label} es {value}",
        "is_not": "{label} no es {value}",
        "one_of": "{label} es uno de {value}",
        "none_of": "{label} no es ninguno de {value}",
        "begins_with": "{label} empieza por {value}",
        "at_least": "{label} es {value} o más",
        "at_most": "{label} es {value} o menos",
        "more_than": "{label} es más de {value}",
        "less_than": "{label} es menos de {value}",
        "between": "{label} está entre {low} y {high}",
        "has": "{label} incluye {value}",
        "has_any": "{label} incluye alguno de {value}",
        "has_all": "{label} incluye todos estos: {value}",
        "has_none": "{label} no incluye ninguno de {value}",
        "is_known": "{label} se conoce",
        "is_unknown": "{label} no se conoce",
        "on_or_after": "{label} es {value} o posterior",
        "on_or_before": "{label} es {value} o anterior",
        "after": "{label} es posterior a {value}",
        "before": "{label} es anterior a {value}",
        "all": "todo esto",
        "any": "algo de esto",
        "not": "nada de esto",
        "any_line": "alguna línea",
        "every_line": "todas las líneas",
        "sum": "{label} de todas las líneas juntas",
        "sum_where": "{label} de esas líneas juntas",
        "yes": "sí",
        "no": "no",
        "unknown": "no se conoce",
        "more": "{count} más",
        "found": "{sentence}: {outcome}, {found}",
        "plain": "{sentence}: {outcome}",
    },
}
_OF_TIME = {
    Operator.AT_LEAST: "on_or_after",
    Operator.AT_MOST: "on_or_before",
    Operator.MORE_THAN: "after",
    Operator.LESS_THAN: "before",
}


class Explained(msgspec.Struct, frozen=True):
    """A clause, whether the facts fulfil it, and the clauses inside it."""

    sentence: str
    is_fulfilled: bool
    clauses: tuple["Explained", ...] = ()


def explain(condition: Condition, facts: Facts, *, locale: str, currency: str) -> Explained:
    """Say of each clause whether the facts fulfil it, and what was found. Other locales than Spanish read English."""
    return _Told("es" if locale.startswith("es") else "en", currency).of(condition, facts)


class _Told:
    def __init__(self, locale: str, currency: str) -> None:
        self._locale, self._currency, self._words = locale, currency, _WORDS[locale]

    def of(self, condition: Condition, facts: Facts) -> Explained:
        is_fulfilled = compile_condition(condition)(facts)
        if isinstance(condition, Compare):
            sentence = self._sentence(
                condition.field, self._label(condition.field), condition.operator, condition.value
            )
            return self._found(sentence, condition.field, facts.get(condition.field.name), is_fulfilled=is_fulfilled)
        if isinstance(condition, SumOfLines):
            name = "sum_where" if condition.where else "sum"
            label = self._words[name].format(label=self._label(condition.field))
            sentence = self._sentence(condition.field, label, condition.operator, condition.value)
            told = self._found(sentence, condition.field, sum_of(condition, facts), is_fulfilled=is_fulfilled)
            where = condition.where
            parts = tuple(self.of(where, line) for line in lines_of(facts)) if where else ()
            return msgspec.structs.replace(told, clauses=parts)
        if isinstance(condition, AllOf | AnyOf):
            word = "all" if isinstance(condition, AllOf) else "any"
            return self._joined(word, tuple(self.of(one, facts) for one in condition.clauses), is_fulfilled)
        if isinstance(condition, Not):
            return self._joined("not", (self.of(condition.clause, facts),), is_fulfilled)
        assert isinstance(condition, AnyLine | EveryLine)
        word = "any_line" if isinstance(condition, AnyLine) else "every_line"
        return self._joined(word, tuple(self.of(condition.clause, line) for line in lines_of(facts)), is_fulfilled)

    def _joined(self, word: str, parts: tuple[Explained, ...], is_fulfilled: bool) -> Explained:  # noqa: FBT001
        sentence = self._words["plain"].format(sentence=self._words[word], outcome=self._yes(is_fulfilled=is_fulfilled))
        return Explained(sentence, is_fulfilled, parts)

    def _found(self, sentence: str, field: Field, found: Any, *, is_fulfilled: bool) -> Explained:
        told = self._words["unknown"] if found is None else self._value(field, found)
        outcome = self._yes(is_fulfilled=is_fulfilled)
        return Explained(self._words["found"].format(sentence=sentence, outcome=outcome, found=told), is_fulfilled)

    def _sentence(self, field: Field, label: str, operator: Operator, value: Any) -> str:
        if operator is Operator.IS_KNOWN:
            return self._words["is_known" if value else "is_unknown"].format(label=label)
        if operator is Operator.BETWEEN:
            low, high = (self._value(field, one) for one in value)
            return self._words["between"].format(label=label, low=low, high=high)
        is_of_time = field.type in {FieldType.DAY, FieldType.MOMENT}
        word = _OF_TIME.get(operator, operator.value) if is_of_time else operator.value
        return self._words[word].format(label=label, value=self._value(field, value))

    def _label(self, field: Field) -> str:
        return field.label.get(self._locale) or field.label.get("en") or field.name

    def _yes(self, *, is_fulfilled: bool) -> str:
        return self._words["yes" if is_fulfilled else "no"]

    def _value(self, field: Field, value: Any) -> str:
        if isinstance(value, (tuple, list, set, frozenset)):
            told = [self._value(field, one) for one in sorted(value)[:VALUES_TOLD_MAX]]
            if len(value) > VALUES_TOLD_MAX:
                told.append(self._words["more"].format(count=len(value) - VALUES_TOLD_MAX))
            return format_list(told, style="standard", locale=self._locale)
        if isinstance(value, bool):
            return self._yes(is_fulfilled=value)
        if field.type is FieldType.MONEY:
            amount = Decimal(value).scaleb(-exponent_of(self._currency))
            return format_currency(amount, self._currency, locale=self._locale)
        if isinstance(value, datetime):
            return format_datetime(value, format="short", tzinfo=value.tzinfo, locale=self._locale)
        if isinstance(value, date):
            return format_date(value, format="medium", locale=self._locale)
        return format_decimal(value, locale=self._locale) if isinstance(value, int) else str(value)
