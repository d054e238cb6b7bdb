"""`python -m examples.online_retail --from FOLDER`: see the package."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.plumbing.database import Engine, create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.memory import settle_in
from batuta.plumbing.migrate import migrate
from batuta.plumbing.telemetry import configure_logs
from examples.online_retail.importing import import_all, is_finished
from examples.online_retail.reading import Data, read
from examples.online_retail.reporting import report

DATABASE = "online_retail"
# A check of half a million lines is no request of a shopper.
LASTING = {"statement_timeout": "300000", "transaction_timeout": "300000", "work_mem": "64MB"}


def main() -> None:
    """Read the arguments, import, report."""
    arguments = _arguments()
    configure_logs(level="error", form="console")
    started = time.monotonic()
    data = read(arguments.source, limit=arguments.limit)
    settle_in()
    figures = uvloop.run(_run(data, arguments.folder, is_quiet=arguments.json or not sys.stderr.isatty()))
    figures |= {"seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(figures, ensure_ascii=False, default=str) if arguments.json else _told(figures))
    sys.exit(0 if figures["ledger_ok"] else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.online_retail", description="A year of real invoices taken over."
    )
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the folder with the data")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--limit", type=int, help="only so many invoices, the first ones")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".batuta-online-retail"),
        help="where the database lives; an interrupted import there goes on, a finished one begins anew",
    )
    return parser.parse_args()


async def _run(data: Data, folder: Path, *, is_quiet: bool) -> dict[str, Any]:
    async with EmbeddedServer(folder) as server:
        engine = await _opened(server.url)
        try:
            started = time.monotonic()
            with _progress(is_quiet=is_quiet) as progress:
                bar = progress.add_task("lines", total=data.lines_in - sum(data.refused.values()))
                stored = await import_all(engine, data, lambda lines: progress.advance(bar, lines))
            lines_per_s = round(stored / (time.monotonic() - started))
        finally:
            await engine.dispose()
        auditor = create_engine(_url(server.url), settings=LASTING)
        try:
            async with auditor.connect() as db:
                figures = await report(db, data)
        finally:
            await auditor.dispose()
    return {**figures, "lines_per_s": lines_per_s}


def _url(server_url: str) -> str:
    return make_url(server_url).set(database=DATABASE).render_as_string(hide_password=False)


async def _opened(server_url: str) -> Engine:
    """The example's own database: as an interrupted import left it, or new."""
    administrator = create_engine(server_url, settings={"statement_timeout": "60000"})
    async with administrator.connect() as db:
        exists = await db.scalar(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": DATABASE})
        if exists and await _is_finished(_url(server_url)):
            await db.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
            exists = 0
        if not exists:
            await db.execute(text(f"CREATE DATABASE {DATABASE}"))
    await administrator.dispose()
    engine = create_engine(_url(server_url), pool_size=6)
    await migrate(engine)
    return engine


async def _is_finished(url: str) -> bool:
    engine = create_engine(url)
    try:
        async with engine.connect() as db:
            there = await db.scalar(text("SELECT to_regclass('plumbing.event')"))
        return bool(there) and await is_finished(engine)
    finally:
        await engine.dispose()


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
