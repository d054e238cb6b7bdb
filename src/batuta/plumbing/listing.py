"""Lists that are read page by page: named filters, each used if its value is given, and one order (PLT-09)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, bindparam, func, text, tuple_

from batuta.plumbing.database import Connection, Integer, Row, Text

WORDS_MAX = 10
WORD_LENGTH_MAX = 100
NOTHING: Mapping[str, Any] = {}

_SIMPLE = text("'simple'::regconfig")


class Listing:
    """A list in one order; a page begins behind the row with which the page before it ended.

    order: columns that tell every row apart, served by an index. filters: by name, over parameters of that name.
    """

    def __init__(
        self,
        rows: Select[*tuple[Any, ...]],
        *,
        order: Sequence[Column[Any]],
        filters: Mapping[str, ColumnElement[bool]],
        is_newest_first: bool = False,
    ) -> None:
        self._rows = rows.order_by(*(column.desc() if is_newest_first else column for column in order))
        behind = tuple_(*(bindparam(f"behind_{i}", type_=column.type) for i, column in enumerate(order)))
        place = tuple_(*order)
        self._filters = {**filters, "behind": place < behind if is_newest_first else place > behind}
        self._statement = lru_cache(maxsize=200)(self._select)

    async def read(
        self,
        db: Connection,
        given: Mapping[str, Any],
        *,
        behind: Sequence[Any] | None,
        limit: int,
        always: Mapping[str, Any] = NOTHING,
    ) -> Sequence[Row]:
        """Read a page. A filter given as None is not used; `behind` are the order's columns of the last row.

        always: parameters of the rows themselves.
        """
        used = {name: value for name, value in given.items() if value is not None}
        names = frozenset(used) | ({"behind"} if behind is not None else set())
        place = {f"behind_{i}": value for i, value in enumerate(behind or ())}
        return (await db.execute(self._statement(names), {**used, **place, **always, "limit": limit})).all()

    def _select(self, names: frozenset[str]) -> Select[*tuple[Any, ...]]:
        used = (self._filters[name] for name in sorted(names))
        return self._rows.where(*used).limit(bindparam("limit", type_=Integer()))


def words_of(*texts: ColumnElement[Any]) -> ColumnElement[Any]:
    """The words in texts and in the values of JSON, for an index and for `has_words`."""
    words = [func.to_tsvector(_SIMPLE, one) for one in texts]
    found: ColumnElement[Any] = words[0]
    for more in words[1:]:
        found = found.op("||")(more)
    return found


def parts_of(code: ColumnElement[str]) -> ColumnElement[Any]:
    """A code with its separators as spaces, so that its parts are words."""
    return func.translate(code, text("'-_./'"), text("'    '"))


def has_words(words: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether words begin with all of what the parameter `name` says, which `to_words` has made."""
    return words.op("@@", is_comparison=True)(func.to_tsquery(_SIMPLE, bindparam(name, type_=Text())))


def to_words(search: str | None) -> str | None:
    """What a person typed, as a query for `has_words`: all of the words, each perhaps only begun."""
    words = [word[:WORD_LENGTH_MAX] for word in re.findall(r"[^\W_]+", search or "")[:WORDS_MAX]]
    return " & ".join(f"{word}:*" for word in words) if words else None
