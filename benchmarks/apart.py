"""Run a coroutine in a process of its own, so that the load does not slow what is measured in ours."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


class LoadFailed(RuntimeError):
    """The load generator ended without a result."""


async def apart(act: Callable[..., Awaitable[Result]], *arguments: Any) -> tuple[Result, float]:
    """Run `act(*arguments)`, a function of a module, in a fresh process; return its result and its CPU seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, act, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        return await asyncio.to_thread(_received, ours)
    finally:
        if process.is_alive():
            process.terminate()
        await asyncio.to_thread(process.join)


def _received(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        raise LoadFailed("the load generator ended without a result; what it said stands above") from None


def _run(pipe: Connection, act: Callable[..., Awaitable[object]], arguments: tuple[object, ...]) -> None:
    # Ctrl-C is for the benchmark, which then ends its generator.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def run() -> tuple[object, float]:
        begun = time.process_time()
        result = await act(*arguments)
        return result, time.process_time() - begun

    pipe.send(uvloop.run(run()))
    pipe.close()
