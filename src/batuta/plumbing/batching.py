"""Group commit: requests that arrive while a transaction runs share the next one.

A hot command takes many; a request brings one. While one batch is in its transaction, arriving requests queue, and the
next batch takes all of them: never a timer. Answers are given after commit, and are kept under the requests' keys in
that same transaction.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

import asyncpg
import structlog

from batuta.kernel.errors import BatutaError, Unavailable
from batuta.plumbing.database import Connection, DatabaseError, Engine
from batuta.plumbing.keys import Kept, Key, check_same, keep, keep_if_new, kept_under, look_first
from batuta.plumbing.outage import DatabaseAway, outage
from batuta.plumbing.telemetry import batch_items, batches_run_again

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

BESIDE_MIN = 16
TRIES_AFTER_CLASH = 3
CLASH_PAUSE_S = 0.02
LOCK_WAIT_IN_HALVES_MS = 250
ANSWER_WITHIN_S = 15.0
SETTLE_WITHIN_S = 20.0
SETTLE_PAUSE_S = 0.1

BATCHES = UUID(int=0)
"""The scope of the marks that batches leave, one each."""
DONE = 1
UNDONE = 2

CLASHES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
LOST = (*DatabaseError, OSError)

Run = Callable[[Connection, Sequence[Item], datetime], Awaitable[Sequence[Outcome | BatutaError]]]

log = structlog.get_logger("batuta.batching")


class QueueFull(Unavailable):
    """More requests wait than can be carried out soon."""


class OutcomeUnknown(Unavailable):
    """The database went away while it committed, and did not come back in time to say whether it did."""


class NotCommitted(Unavailable):
    """The connection was lost while it committed, and it is certain now that nothing was."""


class _Asked(Generic[Item, Outcome]):
    """One request, and all who wait for its answer: whoever sends it again under the same key waits here too."""

    __slots__ = ("encode", "entered_at", "futures", "item", "key", "weight")

    def __init__(self, item: Item, weight: int, key: Key | None, encode: "Encode[Outcome] | None") -> None:
        self.item = item
        self.weight = weight
        self.key = key
        self.encode = encode
        loop = asyncio.get_running_loop()
        self.entered_at = loop.time()
        self.futures: list[asyncio.Future[Any]] = [loop.create_future()]

    def answer(self, outcome: Outcome | BatutaError) -> Any:
        return self.encode(outcome) if self.encode else outcome

    def tell(self, answer: Any) -> None:
        for future in self.futures:
            if not future.done():
                future.set_result(answer)

    def fail(self, error: BaseException) -> None:
        for future in self.futures:
            if not future.done():
                future.set_exception(error)


Encode = Callable[[Outcome | BatutaError], Kept]


class Batcher(Generic[Item, Outcome]):
    """Carries out one command for many requests.

    run: the command; it answers one outcome an item, in their order. weight: how much an item counts against
    `weight_max` of a batch (an order's lines). in_flight: how many transactions of the command run at once.
    """

    def __init__(
        self,
        engine: Engine,
        run: Run[Item, Outcome],
        *,
        name: str,
        items_max: int = 100,
        weight: Callable[[Item], int] = lambda _: 1,
        weight_max: int = 2_000,
        queue_max: int = 1_000,
        in_flight: int = 2,
    ) -> None:
        self.name = name
        self._engine = engine
        self._run = run
        self._items_max = items_max
        self._weight = weight
        self._weight_max = weight_max
        self._queue_max = queue_max
        self._in_flight = in_flight
        self._queue: deque[_Asked[Item, Outcome]] = deque()
        self._by_key: dict[tuple[UUID, str], _Asked[Item, Outcome]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._items = batch_items.labels(name)
        self._again = batches_run_again.labels(name)

    async def submit(self, item: Item) -> Outcome:
        """Carry out one item with the next batch.

        Raises:
            BatutaError: the item's own. QueueFull, OutcomeUnknown, DatabaseAway, DatabaseBusy.
        """
        outcome: Outcome | BatutaError = await self._enter(item, None, None)
        if isinstance(outcome, BatutaError):
            raise outcome
        return outcome

    async def answer(self, item: Item, *, key: Key | None, encode: Encode[Outcome]) -> Kept:
        """Carry out one item and return its encoded answer, which a refusal has too; the same key: the same answer.

        Raises:
            IdempotencyKeyReused: the key was used for another request. QueueFull, OutcomeUnknown, DatabaseAway,
            DatabaseBusy: none of them is kept.
        """
        same = self._by_key.get((key.scope, key.key)) if key else None
        if key and same and same.key:
            check_same(key, same.key.request_hash)
            future = asyncio.get_running_loop().create_future()
            same.futures.append(future)
        else:
            future = self._enter(item, key, encode)
        answer: Kept = await future
        return answer

    async def close(self) -> None:
        """Wait until all that was asked is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _enter(self, item: Item, key: Key | None, encode: Encode[Outcome] | None) -> asyncio.Future[Any]:
        if len(self._queue) >= self._queue_max:
            raise QueueFull("too many requests wait: try again in a moment", waiting=len(self._queue))
        asked: _Asked[Item, Outcome] = _Asked(item, self._weight(item), key, encode)
        self._queue.append(asked)
        if key:
            self._by_key[key.scope, key.key] = asked
        # A second transaction beside the first pays only for many; few are better off in the first one's successor.
        running = self._running
        if not running or (running < self._in_flight and len(self._queue) >= BESIDE_MIN):
            self._running += 1
            # A batch belongs to no request: nothing of the first one's context goes with it.
            task = asyncio.get_running_loop().create_task(self._carry_out_all(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return asked.futures[0]

    def _next_batch(self) -> list[_Asked[Item, Outcome]]:
        batch: list[_Asked[Item, Outcome]] = []
        weight = 0
        while self._queue and len(batch) < self._items_max:
            weight += self._queue[0].weight
            if batch and weight > self._weight_max:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _carry_out_all(self) -> None:
        try:
            # Whatever has arrived by now is read first, so that the first request does not travel alone.
            await asyncio.sleep(0)
            await self._carry_out_batches()
        finally:
            # At once, not when the task is seen to be done: a request that comes in between must find nobody running.
            self._running -= 1

    async def _carry_out_batches(self) -> None:
        while batch := self._next_batch():
            self._items.observe(len(batch))
            try:
                await self._carry_out(batch)
            except BaseException:
                for asked in batch:
                    asked.fail(OutcomeUnknown("batuta is ending: ask again"))
                raise
            finally:
                for asked in batch:
                    if asked.key:
                        del self._by_key[asked.key.scope, asked.key.key]

    async def _carry_out(self, batch: list[_Asked[Item, Outcome]]) -> None:
        """Answer every request of a batch: what fails together is run again in halves, down to the one that fails."""
        groups = [batch]
        lock_wait_ms: int | None = None
        while groups:
            group = groups.pop()
            try:
                groups += [[asked] for asked in await self._until_no_clash(group, lock_wait_ms)]
            except Exception as error:  # noqa: BLE001 whatever it is, it is the answer of the one that fails alone
                if isinstance(error, asyncpg.LockNotAvailableError):
                    # Somebody keeps a row. Whose it is, is found without waiting as long at each step.
                    lock_wait_ms = LOCK_WAIT_IN_HALVES_MS
                if len(group) > 1 and not _concerns_all(error) and not _is_late(group):
                    middle = len(group) // 2
                    groups += [group[middle:], group[:middle]]
                elif len(group) == 1 and isinstance(error, BatutaError) and not isinstance(error, Unavailable):
                    await self._refuse(group[0], error)
                else:
                    for asked in group:
                        asked.fail(outage(error) or error)

    async def _refuse(self, asked: _Asked[Item, Outcome], refusal: BatutaError) -> None:
        """Answer a refusal that undid its transaction, and keep it under its key."""
        try:
            await self._in_one_transaction([asked], refusal=refusal)
        except Exception as error:  # noqa: BLE001 the edge: it is this request's answer
            asked.fail(outage(error) or error)

    async def _until_no_clash(
        self, group: list[_Asked[Item, Outcome]], lock_wait_ms: int | None
    ) -> list[_Asked[Item, Outcome]]:
        """Carry out a group in one transaction; return those that met others' work and are to run again, alone."""
        for tries in range(TRIES_AFTER_CLASH):
            try:
                return await self._in_one_transaction(group, lock_wait_ms=lock_wait_ms)
            except Exception as error:
                if not _may_pass(error) or _is_late(group):
                    raise
                self._again.inc()
                log.info("batch_runs_again", batch=self.name, items=len(group), reason=type(error).__name__)
            await asyncio.sleep(random.uniform(0.5, 1.5) * CLASH_PAUSE_S * 2**tries)  # noqa: S311 jitter is no secret
        return await self._in_one_transaction(group, lock_wait_ms=lock_wait_ms)

    async def _in_one_transaction(
        self,
        group: list[_Asked[Item, Outcome]],
        *,
        refusal: BatutaError | None = None,
        lock_wait_ms: int | None = None,
    ) -> list[_Asked[Item, Outcome]]:
        """Decide, keep and commit; tell the answers; return the requests whose outcome may pass when they run alone."""
        now = datetime.now(UTC)
        mark = Key(BATCHES, uuid4().hex, self.name, b"")
        lost: Exception | None = None
        async with self._engine.connect() as db:
            await db.begin()
            try:
                if lock_wait_ms is not None:
                    await db.run_script(f"SET LOCAL lock_timeout = {lock_wait_ms}")
                known = await look_first(db, [asked.key for asked in group if asked.key])
                fresh = [asked for asked in group if not _known(asked, known)] if known else group
                answers, again = await self._decided(db, fresh, refusal, now=now)
                rows = [(asked.key, answer) for asked, answer in answers if asked.key]
                await keep(db, [*rows, (mark, Kept(DONE, b""))], now=now)
            except BaseException:
                with contextlib.suppress(*LOST):
                    await db.rollback()
                raise
            try:
                await db.commit()
            except LOST as error:
                lost = error
        # Whatever a COMMIT says but yes, it may have happened.
        if lost and not await self._is_committed(mark):
            raise NotCommitted("the database went away before it committed") if outage(lost) else lost
        for asked, answer in answers:
            asked.tell(answer)
        if known:
            _tell_known(group, known)
        return again

    async def _decided(
        self, db: Connection, group: list[_Asked[Item, Outcome]], refusal: BatutaError | None, *, now: datetime
    ) -> tuple[list[tuple[_Asked[Item, Outcome], Any]], list[_Asked[Item, Outcome]]]:
        """The answers to requests nobody has answered yet, and the requests that are to run again."""
        if refusal:
            return [(asked, asked.answer(refusal)) for asked in group], []
        if not group:
            return [], []
        outcomes = await self._run(db, [asked.item for asked in group], now)
        answers, again = [], []
        for asked, outcome in zip(group, outcomes, strict=True):
            if not isinstance(outcome, Unavailable):
                answers.append((asked, asked.answer(outcome)))
            elif len(group) == 1:
                raise outcome
            else:
                again.append(asked)
        return answers, again

    async def _is_committed(self, mark: Key) -> bool:
        """Find out what became of a transaction, and see to it that it does not change any more.

        Its mark is written once more: whoever still commits it is waited for, and whoever has not, cannot.

        Raises:
            OutcomeUnknown: the database did not come back in time.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_WITHIN_S
        while loop.time() < until:
            try:
                async with self._engine.connect() as db:
                    await keep_if_new(db, mark, Kept(UNDONE, b""), now=datetime.now(UTC))
                    (kept,) = (await kept_under(db, [mark])).values()
                    return kept.status == DONE
            except LOST as error:
                log.warning("commit_unsettled", batch=self.name, reason=str(error))
            await asyncio.sleep(SETTLE_PAUSE_S)
        raise OutcomeUnknown("the database went away while it committed: ask again under the same key")


def _known(asked: _Asked[Item, Outcome], known: dict[tuple[UUID, str], Kept]) -> bool:
    return asked.key is not None and (asked.key.scope, asked.key.key) in known


def _tell_known(group: list[_Asked[Item, Outcome]], known: dict[tuple[UUID, str], Kept]) -> None:
    for asked in group:
        if asked.key and (kept := known.get((asked.key.scope, asked.key.key))):
            try:
                check_same(asked.key, kept.request_hash)
            except BatutaError as problem:
                asked.fail(problem)
            else:
                asked.tell(kept)


def _may_pass(error: Exception) -> bool:
    """Whether the same transaction may succeed now: it met others', or lost its connection before it committed."""
    if isinstance(error, Unavailable):
        return not isinstance(error, OutcomeUnknown)
    return isinstance(error, CLASHES) or isinstance(outage(error), DatabaseAway)


def _concerns_all(error: Exception) -> bool:
    return isinstance(error, OutcomeUnknown | NotCommitted) or isinstance(outage(error), DatabaseAway)


def _is_late(group: Sequence[_Asked[Item, Outcome]]) -> bool:
    return asyncio.get_running_loop().time() - group[0].entered_at > ANSWER_WITHIN_S
