"""Statements of SQLAlchemy Core as the driver takes them: their text, and their arguments in order.

SQLAlchemy composes and compiles; it does not carry (see decision 0018). A statement that is kept (a constant of
its module) is compiled once; one that is composed for each call finds its text by its shape.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Executable, Insert, Update
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache

SHAPES_MAX = 2_000

Adapt = Callable[[Any], Any]
Given = Mapping[str, Any]

dialect: Final = PGDialect_asyncpg(json_serializer=msgspec.json.encode)  # type: ignore[no-untyped-call]


class _Missing:
    """No value: the caller has to give one."""


class ParameterMissing(AssertionError):
    """A statement was run without a value for one of its parameters."""


class Prepared(msgspec.Struct, frozen=True):
    """The text of a statement and where its arguments come from: (name, what stands there unless given, adapter)."""

    sql: str
    slots: tuple[tuple[str, Any, Adapt | None], ...]

    def arguments(self, given: Given) -> list[Any]:
        """The values in the order of `$1, $2, …`."""
        found = []
        for name, value, adapt in self.slots:
            if name in given:
                value = given[name]  # noqa: PLW2901 the value that stands there unless given
            elif value is _Missing:
                raise ParameterMissing(f"no value for {name} in {self.sql}")
            found.append(adapt(value) if adapt else value)
        return found


_kept: WeakKeyDictionary[Executable, dict[tuple[str, ...], Prepared]] = WeakKeyDictionary()
_by_shape: LRUCache[Any, Any] = LRUCache(SHAPES_MAX)
_NO_KEYS: tuple[str, ...] = ()


def prepare(statement: Executable, given: Given) -> Prepared:
    """Compile a statement, or remember it. given: for an insert or update without values, its columns."""
    keys = tuple(given) if isinstance(statement, Insert | Update) else _NO_KEYS
    known = _kept.get(statement)
    if known is None:
        known = _kept[statement] = {}
    found = known.get(keys)
    if found is None:
        prepared = _compile(statement, keys or tuple(given), given)
        if not prepared[1]:
            return prepared[0]
        found = known[keys] = prepared[0]
    return found


def adapter(kind: Any) -> Adapt | None:
    """What SQLAlchemy does to a value of a column's type before the driver takes it; None: nothing."""
    found: Adapt | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return found


def _compile(statement: Any, keys: Sequence[str], given: Given) -> tuple[Prepared, bool]:
    """The prepared statement, and whether it is the same whatever values are given."""
    compiled, extracted, *_ = statement._compile_w_cache(  # noqa: SLF001 its public twin does not remember shapes
        dialect, compiled_cache=_by_shape, column_keys=sorted(keys), for_executemany=False, schema_translate_map=None
    )
    assert isinstance(compiled, SQLCompiler)
    if compiled.post_compile_params:
        return _expanded(compiled, extracted, given), False
    values = compiled.construct_params(None, extracted_parameters=extracted, _check=False)
    slots = []
    by_name = {name: bind for bind, name in compiled.bind_names.items()}
    for name in compiled.positiontup or ():
        bind = by_name[name]
        slots.append((bind.key, _Missing if bind.required else values[name], adapter(bind.type)))
    return Prepared(compiled.string, tuple(slots)), True


def _expanded(compiled: SQLCompiler, extracted: Any, given: Given) -> Prepared:
    """A statement whose text depends on its values, as `IN` with a list does."""
    values = compiled.construct_params(dict(given), extracted_parameters=extracted, _check=False)
    state = compiled.construct_expanded_state({**values})
    by_name = {name: bind for bind, name in compiled.bind_names.items()}
    slots = []
    for name in state.positiontup or ():
        of = name
        while of not in by_name:
            # The driver's name of an item of a list is the list's name and the item's place.
            of = of.rpartition("_")[0]
        slots.append((f"\0{name}", state.parameters[name], adapter(by_name[of].type)))
    return Prepared(state.statement, tuple(slots))
