"""What rooms keep in memory: things that are read at every turn and seldom change.

One small table says which transactions changed each subject last. It is read once a transaction, and what is kept is as
true as that look, in every process. Whoever changes a subject marks it in the same transaction, and waits for nobody.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Column, Named, Table, Text, TypedColumns, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from batuta.plumbing.database import Connection, Engine, Xid8, metadata

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")
Changes = frozenset[int]
"""The transactions whose marks are there. Each adds one that never was before, so that equal sets are the same age."""

NEVER: Changes = frozenset()
THINGS_MAX = 50_000

SEEN = "changes_seen"
"""Under this name a connection notes the changes that it saw, for the time of its transaction."""
LOOKS_ONCE = "looks_once"


class ChangeColumns(TypedColumns):
    """changed_by: the transaction; a moment would not do, since two transactions may share one."""

    subject: Named[str] = Column(Text, primary_key=True)
    changed_by: Named[int] = Column(Xid8, primary_key=True, autoincrement=False)


change = Table("change", metadata, ChangeColumns, schema="plumbing")

_subject = bindparam("subject", type_=Text())
_ours = func.pg_current_xact_id()
_NEW = insert(change).values(subject=_subject, changed_by=_ours).on_conflict_do_nothing()
_older = (
    select(change.c.changed_by)
    .where(change.c.subject == _subject, change.c.changed_by != _ours)
    .with_for_update(skip_locked=True)
)
_FORGET = delete(change).where(change.c.subject == _subject, change.c.changed_by.in_(_older))
CHANGES = select(
    change.c.subject,
    change.c.changed_by,
    func.coalesce(change.c.changed_by == func.pg_current_xact_id_if_assigned(), False),
)


async def mark_changed(db: Connection, subject: str) -> None:
    """Tell those who keep things of a subject that they are old."""
    await db.execute(_FORGET, {"subject": subject})
    await db.execute(_NEW, {"subject": subject})
    db.info.pop(SEEN, None)


class Known(Generic[Key, Thing]):
    """Things of a subject by their keys, each read when it is first asked for.

    read: those of the keys that there are, also under other keys by which they will be asked for. What is not there is
    not kept, and asked for again.
    """

    def __init__(
        self, subject: str, read: Callable[[Connection, Collection[Key]], Awaitable[Mapping[Key, Thing]]]
    ) -> None:
        self._subject = subject
        self._read = read
        self._kept: WeakKeyDictionary[Engine, _Kept[Key, Thing]] = WeakKeyDictionary()

    async def of(self, db: Connection, keys: Collection[Key]) -> dict[Key, Thing]:
        """The things of these keys that there are."""
        if not keys:
            return {}
        changes = (await _changes(db)).get(self._subject, NEVER)
        if changes is None:
            found = await self._read(db, keys)
            return {key: found[key] for key in keys if key in found}
        kept = self._kept.get(db.engine)
        if kept is None or kept.changes != changes or len(kept.things) > THINGS_MAX:
            kept = self._kept[db.engine] = _Kept(changes, {})
        things = kept.things
        missing = {key for key in keys if key not in things}
        if missing:
            # Read after the look, so that it is never older than the change under which it is kept.
            things.update(await self._read(db, missing))
        return {key: things[key] for key in keys if key in things}


class KnownWhole(Generic[Thing]):
    """All that a subject is about, read as one thing."""

    def __init__(self, subject: str, read: Callable[[Connection], Awaitable[Thing]]) -> None:
        async def read_whole(db: Connection, keys: Collection[None]) -> dict[None, Thing]:
            return {key: await read(db) for key in keys}

        self._known: Known[None, Thing] = Known(subject, read_whole)

    async def of(self, db: Connection) -> Thing:
        """The thing as it is; the same one until the subject changes."""
        return (await self._known.of(db, (None,)))[None]


def look_once(db: Connection) -> None:
    """Let all that follows on this connection hold by one look, transaction or not: it is for one answer."""
    db.info[LOOKS_ONCE] = True


class _Kept(msgspec.Struct, Generic[Key, Thing], frozen=True):
    changes: Changes
    things: dict[Key, Thing]


async def _changes(db: Connection) -> Mapping[str, Changes | None]:
    """Who changed each subject last, as this transaction saw it first.

    None where it was this very transaction: what may yet be undone is read, and not kept.
    """
    if not (db.session.is_in_transaction() or LOOKS_ONCE in db.info):
        return await _look(db)
    seen: Mapping[str, Changes | None] | None = db.info.get(SEEN)
    if seen is None:
        seen = db.info[SEEN] = await _look(db)
    return seen


def note_changes(db: Connection, rows: Iterable[tuple[str, int, bool]]) -> None:
    """Take these rows of `CHANGES`, which were read along with something else, for the transaction's look."""
    db.info[SEEN] = _by_subject(rows)


async def _look(db: Connection) -> Mapping[str, Changes | None]:
    return _by_subject((row[0], row[1], row[2]) for row in await db.execute(CHANGES))


def _by_subject(rows: Iterable[tuple[str, int, bool]]) -> Mapping[str, Changes | None]:
    found: dict[str, Changes | None] = {}
    for subject, changed_by, is_ours in rows:
        others = found.get(subject, NEVER)
        found[subject] = None if is_ours or others is None else others | {changed_by}
    return found
