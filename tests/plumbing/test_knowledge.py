from collections.abc import Collection, Mapping

from batuta.plumbing.database import Connection, Engine, create_engine
from batuta.plumbing.knowledge import Known, mark_changed
from tests.making import fresh_code


class Shelf:
    """Things by name, and how often each was read."""

    def __init__(self, **things: int) -> None:
        self.subject = fresh_code("shelf")
        self.things = things
        self.reads: list[str] = []
        self.known: Known[str, int] = Known(self.subject, self._read)

    async def _read(self, _: Connection, names: Collection[str]) -> Mapping[str, int]:
        self.reads += sorted(names)
        return {name: self.things[name] for name in names if name in self.things}


async def test_what_is_kept_is_read_once_until_its_subject_is_marked(engine: Engine) -> None:
    """PLT-12: what seldom changes costs one small look a transaction."""
    shelf = Shelf(tea=1, salt=2)
    for _ in range(2):
        async with engine.begin() as db:
            assert await shelf.known.of(db, ["tea", "salt", "gold"]) == {"tea": 1, "salt": 2}
    assert shelf.reads == ["gold", "salt", "tea", "gold"]

    shelf.things["tea"] = 3
    async with engine.begin() as db:
        await mark_changed(db, shelf.subject)
    async with engine.begin() as db:
        assert await shelf.known.of(db, ["tea"]) == {"tea": 3}


class Twins(Shelf):
    """Things that are told under a second name too."""

    async def _read(self, db: Connection, names: Collection[str]) -> Mapping[str, int]:
        found = await super()._read(db, [name.lower() for name in names])
        return {**found, **{name.upper(): thing for name, thing in found.items()}}


async def test_what_is_told_under_another_key_too_is_not_read_again_and_only_what_was_asked_is_answered(
    engine: Engine,
) -> None:
    shelf = Twins(tea=1)
    async with engine.begin() as db:
        assert await shelf.known.of(db, ["tea"]) == {"tea": 1}
        assert await shelf.known.of(db, ["TEA"]) == {"TEA": 1}
    assert shelf.reads == ["tea"]
    async with engine.begin() as db:
        await mark_changed(db, shelf.subject)
        assert await shelf.known.of(db, ["TEA"]) == {"TEA": 1}


async def test_every_process_hears_of_a_change_at_once(engine: Engine) -> None:
    shelf = Shelf(tea=1)
    other = create_engine(engine.url)
    for one in (engine, other):
        async with one.begin() as db:
            assert await shelf.known.of(db, ["tea"]) == {"tea": 1}
    shelf.things["tea"] = 2
    async with other.begin() as db:
        await mark_changed(db, shelf.subject)
    async with engine.connect() as db:
        assert await shelf.known.of(db, ["tea"]) == {"tea": 2}
    await other.dispose()


async def test_what_a_transaction_changed_itself_is_not_kept_for_it_may_be_undone(engine: Engine) -> None:
    shelf = Shelf(tea=1)
    async with engine.begin() as db:
        assert await shelf.known.of(db, ["tea"]) == {"tea": 1}
    async with engine.connect() as db:
        await db.begin()
        await mark_changed(db, shelf.subject)
        shelf.things["tea"] = 2
        assert await shelf.known.of(db, ["tea"]) == {"tea": 2}
        await db.rollback()
        shelf.things["tea"] = 1
        await db.begin()
        assert await shelf.known.of(db, ["tea"]) == {"tea": 1}
        await db.rollback()


async def test_two_who_change_one_subject_at_once_wait_for_nobody_and_both_are_heard(engine: Engine) -> None:
    shelf = Shelf(tea=1)
    async with engine.connect() as one, engine.connect() as two:
        await one.begin()
        await mark_changed(one, shelf.subject)
        await two.begin()
        await mark_changed(two, shelf.subject)
        await two.commit()
        async with engine.begin() as db:
            await shelf.known.of(db, ["tea"])
        shelf.things["tea"] = 2
        await one.commit()
    async with engine.begin() as db:
        assert await shelf.known.of(db, ["tea"]) == {"tea": 2}
