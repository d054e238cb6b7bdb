"""Shared reads: questions that come while one is being answered are answered together with the next.

The counterpart of group commit for reads: never a timer, and no answer is older than its question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.knowledge import look_once

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AT_ONCE_MAX = 64

Read = Callable[[Connection, Sequence[Question], datetime], Awaitable[Sequence[Answer | BatutaError]]]


class SharedRead(Generic[Question, Answer]):
    """Answers questions of one kind, as many at once as have come, one read after the other.

    A second read beside the first would share no more than its processors, and make the slowest answers slower.

    read: one answer for each question, in order; a failure of it is every asker's.
    """

    def __init__(self, engine: Engine, read: Read[Question, Answer]) -> None:
        self._engine = engine
        self._read = read
        self._waiting: list[tuple[Question, asyncio.Future[Any]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Answer one question.

        Raises:
            BatutaError: its own refusal.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:AT_ONCE_MAX], self._waiting[AT_ONCE_MAX:]
            try:
                async with self._engine.connect() as db:
                    look_once(db)
                    answers = await self._read(db, [question for question, _ in asked], datetime.now(UTC))
            except Exception as problem:  # noqa: BLE001 - told to everybody who asked
                answers = [problem] * len(asked)  # type: ignore[list-item]
            for (_, future), answer in zip(asked, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
