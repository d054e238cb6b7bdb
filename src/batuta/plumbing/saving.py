"""Saving what operators set, by its code: the same again changes nothing, and what is otherwise is told (PLT-06)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Column, Table

from batuta.kernel.codes import Coded
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import Changed, Saved, differences
from batuta.kernel.outcomes import good
from batuta.plumbing.database import Connection, locked_rows, rows_with, upsert_rows
from batuta.plumbing.events import publish
from batuta.plumbing.knowledge import mark_changed

Thing = TypeVar("Thing", bound=Coded)
Known = TypeVar("Known")


class Saving(Generic[Thing]):
    """How things of one kind are saved, each by its code.

    told: the fact of one that is there, or is otherwise. subject: under which they are kept in memory. row: the columns
    of one, without those that say when it was saved.
    """

    def __init__(
        self,
        kind: type[Thing],
        table: Table,
        *,
        told: type[Saved],
        subject: str | None = None,
        row: Callable[[Any], dict[str, Any]] = msgspec.structs.asdict,
    ) -> None:
        self._kind = kind
        self._table = table
        self._told = told
        self._subject = subject
        self._row = row
        self._when = [name for name in ("created_at", "updated_at") if name in table.c]

    async def lock(self, db: Connection, *, code: str) -> int:
        """Lock a thing that is going to be saved and return its version; 0 when there is none yet."""
        rows = await locked_rows(db, self._table.c.code, [code])
        return int(rows[0]["version"]) if rows else 0

    async def locked(self, db: Connection, things: Iterable[Thing]) -> dict[str, Thing]:
        """Lock those of the things that are there, and return them by code as they are."""
        return self._by_code(await locked_rows(db, self._table.c.code, sorted({one.code for one in things})))

    async def save(
        self,
        db: Connection,
        checked: Sequence[Thing | BatutaError],
        present: Mapping[str, Thing],
        *,
        now: datetime,
        actor: str,
    ) -> list[Thing | BatutaError]:
        """Write the things, of a code given twice the last; answer with what is stored, and tell what is otherwise.

        present: the things as they were, by code, and locked.
        """
        when = dict.fromkeys(self._when, now)
        rows = {one.code: self._row(one) | when for one in good(checked)}
        await upsert_rows(db, self._table, rows.values(), key=("code",))
        stored = self._by_code(await rows_with(db, self._table.c.code, rows.keys()))
        changes = {code: differences(present.get(code), one) for code, one in sorted(stored.items())}
        if self._subject and any(changes.values()):
            await mark_changed(db, self._subject)
        await tell(db, self._told, stored, changes, now=now, actor=actor)
        return [one if isinstance(one, BatutaError) else stored[one.code] for one in checked]

    def _by_code(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Thing]:
        return {row["code"]: msgspec.convert(row, self._kind) for row in rows}


async def tell(
    db: Connection,
    told: type[Saved],
    things: Mapping[Any, Coded],
    changes: Mapping[Any, Mapping[str, Changed]],
    *,
    now: datetime,
    actor: str,
) -> None:
    """Tell what is otherwise of things, each in its own stream. changes: by the keys of `things`."""
    facts = [
        told(stream=things[key].id, happened_at=now, actor=actor, code=things[key].code, changes=dict(changed))
        for key, changed in changes.items()
        if changed
    ]
    await publish(db, facts)


async def with_version(db: Connection, column: Column[UUID], kind: type[Known], id_: UUID) -> tuple[Known, int] | None:
    """The thing of an id, and how often it was saved (PLT-02)."""
    for row in await rows_with(db, column, [id_]):
        return msgspec.convert(row, kind), row["version"]
    return None
