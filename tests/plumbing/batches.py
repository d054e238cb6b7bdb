"""A command under test, and what it is asked."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import bindparam, text

from batuta.kernel.errors import BatutaError, Refused, Unavailable
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.keys import Kept, Key

WRITE = text("INSERT INTO batching_test.done (id) VALUES (:id)")
WRITTEN = text("SELECT count(*) FROM batching_test.done WHERE id = ANY (:ids)").bindparams(bindparam("ids"))

GROUND = """
CREATE SCHEMA IF NOT EXISTS batching_test;
CREATE TABLE IF NOT EXISTS batching_test.done (id uuid NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE IF NOT EXISTS batching_test.row (id uuid PRIMARY KEY);
"""

AT_COMMIT = """
CREATE OR REPLACE FUNCTION batching_test.at_commit() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN {does} RETURN NULL; END $$;
DROP TRIGGER IF EXISTS at_commit ON batching_test.done;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON batching_test.done DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION batching_test.at_commit();
"""


class NoSuchThing(Refused):
    """The thing cannot be had."""


class InTheWay(Unavailable):
    """Somebody else is at it."""


class Wish(msgspec.Struct, frozen=True):
    """One item. It is written, unless it is refused or breaks."""

    id: UUID
    refused: bool = False
    broken: bool = False


class Command:
    """A command under test, which remembers its batches. Held, it waits inside its transaction."""

    def __init__(self) -> None:
        self.batches: list[list[Wish]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.running = 0
        self.running_most = 0

    async def __call__(self, db: Connection, items: Sequence[Wish], _: datetime) -> list[UUID | BatutaError]:
        self.batches.append(list(items))
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        try:
            await self.free.wait()
            return [await self.one(db, item) for item in items]
        finally:
            self.running -= 1

    async def one(self, db: Connection, item: Wish) -> UUID | BatutaError:
        if item.refused:
            return NoSuchThing("there is none", id=item.id)
        await db.execute(WRITE, {"id": item.id})
        if item.broken:
            await db.execute(text("SELECT 1 / 0"))
        return item.id


def wishes(count: int) -> list[Wish]:
    return [Wish(uuid4()) for _ in range(count)]


def key_for(name: str | None = None, *, body: bytes = b"", scope: UUID | None = None) -> Key:
    return Key(scope or UUID(int=7), name or uuid4().hex, "POST /wishes", body)


def encode(outcome: UUID | BatutaError) -> Kept:
    if isinstance(outcome, BatutaError):
        return Kept(409, outcome.code.encode())
    return Kept(201, str(outcome).encode())


async def written(engine: Engine, items: Sequence[Wish]) -> int:
    async with engine.connect() as db:
        return int(await db.scalar(WRITTEN, {"ids": [item.id for item in items]}))


async def all_of(batcher: Batcher[Wish, UUID], items: Sequence[Wish]) -> list[UUID | BaseException]:
    return await asyncio.gather(*(batcher.submit(item) for item in items), return_exceptions=True)


async def do_at_commit(engine: Engine, does: str) -> None:
    async with engine.begin() as db:
        await db.run_script("DROP SEQUENCE IF EXISTS batching_test.commits; CREATE SEQUENCE batching_test.commits")
        await db.run_script(AT_COMMIT.format(does=does))
