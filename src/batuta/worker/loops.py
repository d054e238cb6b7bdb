"""What happens by itself, again and again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog

from batuta.connectors.webhooks.adapters.http import Sender
from batuta.connectors.webhooks.commands import following
from batuta.connectors.webhooks.jobs import deliver, look_for_due
from batuta.kernel.errors import Unavailable
from batuta.kernel.ids import new_id
from batuta.notifications.jobs import send
from batuta.orchestration.commands.pooling import PLAN_POOLS
from batuta.orchestration.jobs import plan_pools
from batuta.orchestration.score import score
from batuta.payments.jobs import carry_out
from batuta.plumbing import jobs
from batuta.plumbing.database import Engine
from batuta.plumbing.jobs import Handler
from batuta.plumbing.outage import outage
from batuta.plumbing.settings import Settings
from batuta.plumbing.stepping import Clockwork, settle
from batuta.plumbing.sweeps import forget_absent
from batuta.plumbing.watching import begin_watching, watch
from batuta.rehearsal.commands import shadowing
from batuta.rehearsal.jobs import compare_pending
from batuta.worker.sweeps import SWEEPS

STEP_EVERY_S = 1.0
PAUSE_AFTER_TROUBLE_S = 2.0
WATCH_EVERY_S = 5.0
TIDY_EVERY_S = 3_600.0
DELIVER_EVERY_S = 1.0
COMPARE_EVERY_S = 1.0
ENDPOINTS_AT_ONCE_MAX = 50

_log = structlog.get_logger("batuta.worker")


def clockwork(settings: Settings) -> Clockwork:
    """The score, the sweeps, and the jobs of an installation; without a mail server, mail waits."""
    handlers: dict[str, Handler] = {"payments.carry_out": carry_out, PLAN_POOLS: plan_pools}
    if settings.smtp_url:
        handlers["notifications.send"] = partial(send, smtp_url=settings.smtp_url, sender=settings.mail_sender)
    return Clockwork(reactions=(score(), following(), shadowing()), sweeps=SWEEPS, handlers=handlers)


async def work_on(engine: Engine, works: Clockwork) -> None:
    """Take a step each second until cancelled. A database that is away is waited for; nothing depends on a wake-up."""
    worker = new_id(datetime.now(UTC), random.SystemRandom())

    async def step(_: datetime) -> None:
        await settle(engine, works, clock=_clock, worker=worker)

    await _again_and_again(step, every_s=STEP_EVERY_S)


async def watch_on(engine: Engine, works: Clockwork) -> None:
    """Keep the metrics up to date until cancelled, also while a step takes long or fails."""
    begin_watching([one.name for one in works.reactions])

    async def look(now: datetime) -> None:
        await watch(engine, now=now)

    await _again_and_again(look, every_s=WATCH_EVERY_S)


async def tidy_on(engine: Engine, works: Clockwork) -> None:
    """Forget the log of jobs that ended long ago, and failures of sweeps that are no more, until cancelled."""
    sweeps = [one.name for one in works.sweeps]

    async def tidy(now: datetime) -> None:
        async with engine.begin() as db:
            await jobs.prune(db, before=now - jobs.LOG_KEPT)
            await forget_absent(db, present=sweeps)

    await _again_and_again(tidy, every_s=TIDY_EVERY_S)


async def deliver_on(engine: Engine, sender: Sender) -> None:
    """Send webhooks that are due until cancelled: to each endpoint by itself, so that a slow one keeps nobody waiting.

    They are no part of a step, since what follows what in the house must not wait for strangers either.
    """
    busy: dict[UUID, asyncio.Task[None]] = {}

    async def serve(endpoint_id: UUID) -> None:
        try:
            async with sender.open() as post:
                while await deliver(engine, endpoint_ids=[endpoint_id], post=post, now=datetime.now(UTC)):
                    pass
        except Exception as error:  # noqa: BLE001 the edge of the worker
            # What was taken is free again when its time is over.
            if not outage(error):
                _log.exception("delivery_broke", endpoint_id=str(endpoint_id))
        finally:
            del busy[endpoint_id]

    async def look(now: datetime) -> None:
        due = await look_for_due(engine, busy=busy, now=now)
        for endpoint_id in due[: ENDPOINTS_AT_ONCE_MAX - len(busy)]:
            busy[endpoint_id] = asyncio.create_task(serve(endpoint_id))

    try:
        await _again_and_again(look, every_s=DELIVER_EVERY_S)
    finally:
        ending = list(busy.values())
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def compare_on(engine: Engine) -> None:
    """Plan orders again with drafts in shadow until cancelled; beside the step, which waits for none of it."""

    async def compare(now: datetime) -> None:
        await compare_pending(engine, now=now)

    await _again_and_again(compare, every_s=COMPARE_EVERY_S)


@contextlib.asynccontextmanager
async def working(engine: Engine, works: Clockwork, *, sender: Sender | None = None) -> AsyncIterator[None]:
    """A worker beside the block, ended with it; an unfinished transaction rolls back and is done again later.

    sender: by which webhooks go out; without it, they wait.
    """
    loops = (work_on(engine, works), watch_on(engine, works), compare_on(engine), tidy_on(engine, works))
    tasks = [asyncio.create_task(one) for one in loops]
    if sender:
        tasks.append(asyncio.create_task(deliver_on(engine, sender)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(act: Callable[[datetime], Awaitable[None]], *, every_s: float) -> None:
    told: str | None = None
    while True:
        pause_s = every_s
        try:
            await act(_clock())
            told = None
        except Exception as error:  # noqa: BLE001 the edge of the worker
            pause_s = max(every_s, PAUSE_AFTER_TROUBLE_S)
            problem = error if isinstance(error, Unavailable) else outage(error)
            if problem is None:
                # A bug in one step must not end all steps; it is logged, and shows in the lag.
                _log.exception("step_broke")
            elif problem.code != told:
                told = problem.code
                _log.warning("step_waits", code=problem.code, problem=problem.sentence, **problem.facts)
        await asyncio.sleep(pause_s)


def _clock() -> datetime:
    return datetime.now(UTC)
