"""Fields that conditions speak of, their types, and how values of a type are compared."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec


class FieldType(StrEnum):
    """What a field holds. money is in minor units of the facts' currency; day a local date; words a set of texts."""

    TEXT = "text"
    WORDS = "words"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    DAY = "day"
    MOMENT = "moment"


class Operator(StrEnum):
    EQUALS = "equals"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    NONE_OF = "none_of"
    BEGINS_WITH = "begins_with"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"
    BETWEEN = "between"
    HAS = "has"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"
    IS_KNOWN = "is_known"


_ORDERED = frozenset(
    {Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN, Operator.BETWEEN, Operator.IS_KNOWN}
)
_NAMED = frozenset({Operator.EQUALS, Operator.IS_NOT, Operator.ONE_OF, Operator.NONE_OF})
LISTS = frozenset({Operator.ONE_OF, Operator.NONE_OF, Operator.HAS_ANY, Operator.HAS_ALL, Operator.HAS_NONE})
"""Operators whose value is a list."""

OPERATORS: Mapping[FieldType, frozenset[Operator]] = {
    FieldType.TEXT: _NAMED | {Operator.BEGINS_WITH, Operator.IS_KNOWN},
    FieldType.WORDS: frozenset(
        {Operator.HAS, Operator.HAS_ANY, Operator.HAS_ALL, Operator.HAS_NONE, Operator.IS_KNOWN}
    ),
    FieldType.NUMBER: _NAMED | _ORDERED,
    FieldType.MONEY: _NAMED | _ORDERED,
    FieldType.FLAG: frozenset({Operator.EQUALS, Operator.IS_KNOWN}),
    FieldType.DAY: _NAMED | _ORDERED,
    FieldType.MOMENT: _ORDERED,
}
"""How each type can be compared."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is known. name: as `order.value_minor`. label: by locale, as it stands in a sentence.

    words: the only values of a text or of words, where they are few. is_of_line: each line has its own.
    """

    name: str
    type: FieldType
    label: Mapping[str, str]
    words: frozenset[str] | None = None
    is_of_line: bool = False


class Catalogue:
    """The fields that a room's conditions may speak of."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {one.name: one for one in fields}

    def find(self, name: str) -> Field | None:
        return self._fields.get(name)

    def names(self, *, is_of_line: bool | None = None) -> list[str]:
        """The names of the fields: of lines, of all but lines, or both."""
        return sorted(one.name for one in self._fields.values() if is_of_line is None or one.is_of_line is is_of_line)
