"""`python -m examples.olist --from FOLDER`: see the package."""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.plumbing.database import DatabaseError, Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.events import facts_of, publish
from batuta.plumbing.memory import settle_in
from batuta.plumbing.migrate import migrate
from batuta.plumbing.settings import Settings
from batuta.plumbing.telemetry import configure_logs
from batuta.worker import clockwork
from examples.olist.building import ACTOR, BEGINNING, build, id_of
from examples.olist.events import HourBegun, ReplayEnded
from examples.olist.reading import Data, read
from examples.olist.replaying import Replay, Step, steps_by_time
from examples.olist.reporting import report

DATABASE = "olist"
STREAM = id_of("replay", "progress")
AWAY_S_MAX = 60
HOURS_PER_MARK = 24

Advance = Callable[[int], None]


def main() -> None:
    """Read the arguments, replay, report."""
    arguments = _arguments()
    configure_logs(level="error", form="console")
    data = read(arguments.source, limit=arguments.limit)
    settle_in()
    figures = uvloop.run(
        _run(
            data,
            arguments.folder,
            step_hours=max(1, arguments.step_hours),
            is_quiet=arguments.json or not sys.stderr.isatty(),
        )
    )
    print(json.dumps(figures, ensure_ascii=False, default=str) if arguments.json else _told(figures))
    sys.exit(0 if figures["ledger_ok"] else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.olist", description="Real orders through the whole house."
    )
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the folder with the data")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--step-hours", type=int, default=1, help="how much simulated time one step takes")
    parser.add_argument("--limit", type=int, help="only so many orders, the first ones")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".batuta-olist"),
        help="where the database lives; an interrupted replay there goes on, a finished one begins anew",
    )
    arguments = parser.parse_args()
    if not (arguments.source / "orders.parquet").exists():
        parser.error(f"{arguments.source} has no orders.parquet: name the folder of the marketplace's data with --from")
    if arguments.limit is not None and arguments.limit < 1:
        parser.error("--limit takes at least one order")
    return arguments


async def _run(data: Data, folder: Path, *, step_hours: int, is_quiet: bool) -> dict[str, Any]:
    started = time.monotonic()
    async with EmbeddedServer(folder) as server:
        engine = await _opened(server.url)
        try:
            hours = steps_by_time(data.orders, step=timedelta(hours=step_hours))
            with _progress(is_quiet=is_quiet) as progress:
                bar = progress.add_task("hours", total=len(hours))
                await _replay(engine, data, hours, lambda hours_played: progress.update(bar, completed=hours_played))
            async with engine.connect() as db:
                figures = await report(db, data)
        finally:
            await engine.dispose()
    return {**figures, "seconds": round(time.monotonic() - started, 1)}


async def _opened(server_url: str) -> Engine:
    """The example's own database: as an interrupted replay left it, or new."""
    url = make_url(server_url).set(database=DATABASE).render_as_string(hide_password=False)
    administrator = create_engine(server_url, settings={"statement_timeout": "60000"})
    async with administrator.connect() as db:
        exists = await db.scalar(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": DATABASE})
        if exists and await _is_finished(url):
            await db.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
            exists = 0
        if not exists:
            await db.execute(text(f"CREATE DATABASE {DATABASE}"))
    await administrator.dispose()
    # A replay waits for no disk: what a crash takes is played again, from the last mark that is there.
    engine = create_engine(url, pool_size=6, settings={"synchronous_commit": "off"})
    await migrate(engine)
    return engine


async def _is_finished(url: str) -> bool:
    engine = create_engine(url)
    try:
        async with engine.connect() as db:
            there = await db.scalar(text("SELECT to_regclass('plumbing.event')"))
            facts = (await facts_of(db, [STREAM]))[STREAM] if there else []
            return any(fact.name == "olist.replay_ended" for fact in facts)
    finally:
        await engine.dispose()


async def _replay(engine: Engine, data: Data, hours: list[tuple[datetime, list[Step]]], advance: Advance) -> None:
    replay = Replay(engine, clockwork(Settings()))
    i = await _where(engine, hours)
    if i is None:
        async with engine.begin() as db:
            await db.execute(text("SET LOCAL synchronous_commit TO on"))
            await build(db, data)
            await publish(db, [HourBegun(stream=STREAM, happened_at=BEGINNING, actor=ACTOR)])
        i = 0
    furthest, deadline = i, float("inf")
    while i < len(hours):
        try:
            await _hour(engine, replay, *hours[i], is_marked=i % HOURS_PER_MARK == 0)
            i += 1
        except (*DatabaseError, OSError) as problem:
            if i >= furthest:
                furthest, deadline = i + 1, time.monotonic() + AWAY_S_MAX
            i = await _back(engine, hours, problem, deadline=deadline)
        advance(i)
    async with engine.begin() as db:
        await publish(db, [ReplayEnded(stream=STREAM, happened_at=hours[-1][0], actor=ACTOR)])


async def _hour(engine: Engine, replay: Replay, now: datetime, steps: list[Step], *, is_marked: bool) -> None:
    if is_marked:
        async with engine.begin() as db:
            await publish(db, [HourBegun(stream=STREAM, happened_at=now, actor=ACTOR)])
    await replay.hour(now, steps)


async def _where(engine: Engine, hours: list[tuple[datetime, list[Step]]]) -> int | None:
    """The hour of the last mark that the database has; None before the beginning."""
    async with engine.connect() as db:
        told = (await facts_of(db, [STREAM]))[STREAM]
    begun = max((fact.happened_at for fact in told), default=None)
    if begun is None:
        return None
    return next((i for i, (now, _) in enumerate(hours) if now >= begun), len(hours))


async def _back(
    engine: Engine, hours: list[tuple[datetime, list[Step]]], problem: Exception, *, deadline: float
) -> int:
    """Wait for a database that went away, and go back to its last mark: it may have lost the last moments."""
    while time.monotonic() < deadline:
        print(f"the database is away, waiting: {type(problem).__name__}", file=sys.stderr)
        await asyncio.sleep(1)
        with contextlib.suppress(*DatabaseError, OSError):
            return await _where(engine, hours) or 0
    raise problem


def _progress(*, is_quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=is_quiet,
        transient=True,
    )


def _told(figures: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in figures.items())


if __name__ == "__main__":
    main()
