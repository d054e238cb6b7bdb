"""Clauses, and how they are written."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeAlias, Union

import msgspec

from batuta.kernel.rules.fields import Field, Operator

Value: TypeAlias = str | int | bool | date | datetime | tuple[Any, ...] | None
"""What a field is compared with, in the field's own type; `between` has two, lists have many."""


class Compare(msgspec.Struct, frozen=True):
    """A field compared with a value."""

    field: Field
    operator: Operator
    value: Value


class AllOf(msgspec.Struct, frozen=True):
    """Every one of the clauses; nothing at all is fulfilled."""

    clauses: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True):
    """At least one of the clauses."""

    clauses: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True):
    """The clause is not fulfilled."""

    clause: "Condition"


class AnyLine(msgspec.Struct, frozen=True):
    """Some line fulfils the clause."""

    clause: "Condition"


class EveryLine(msgspec.Struct, frozen=True):
    """There are lines, and every one fulfils the clause."""

    clause: "Condition"


class SumOfLines(msgspec.Struct, frozen=True):
    """A field added up over the lines, or those that fulfil `where`, compared with a value."""

    field: Field
    operator: Operator
    value: Value
    where: Union["Condition", None] = None


Condition: TypeAlias = Compare | AllOf | AnyOf | Not | AnyLine | EveryLine | SumOfLines


WRAPS: Mapping[type[Any], str] = {Not: "not", AnyLine: "any_line", EveryLine: "every_line"}
"""How clauses are written that have one clause inside."""


def written(condition: Condition) -> dict[str, Any]:
    """The condition as it is written in JSON; read again, it is the same."""
    if isinstance(condition, AllOf | AnyOf):
        return {"all" if isinstance(condition, AllOf) else "any": [written(one) for one in condition.clauses]}
    if isinstance(condition, Not | AnyLine | EveryLine):
        return {WRAPS[type(condition)]: written(condition.clause)}
    value = msgspec.to_builtins(condition.value)
    said = {"is": condition.operator.value, "value": list(value) if isinstance(value, tuple) else value}
    if isinstance(condition, Compare):
        return {"field": condition.field.name, **said}
    where = {"where": written(condition.where)} if condition.where else {}
    return {"sum_of_lines": condition.field.name, **where, **said}


def fields_in(condition: Condition) -> dict[str, Field]:
    """Every field that the condition speaks of, by its name."""
    if isinstance(condition, AllOf | AnyOf):
        return {name: field for one in condition.clauses for name, field in fields_in(one).items()}
    if isinstance(condition, Not | AnyLine | EveryLine):
        return fields_in(condition.clause)
    where = fields_in(condition.where) if isinstance(condition, SumOfLines) and condition.where else {}
    return {condition.field.name: condition.field, **where}
