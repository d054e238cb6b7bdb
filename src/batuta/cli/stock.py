"""`batuta stock`: files of counts and changes."""

import random
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.inventory.domain.feeds import FeedAnswer, RowAnswer

ACTOR = "system:cli"
REFUSED_EXIT = 1
MOMENTS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]

_chance = random.SystemRandom()


@click.group()
def stock() -> None:
    """Stock: what lies where."""


@stock.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--feed", metavar="CODE", help="Whose file it is; one of nobody in particular unless said.")
@click.option("--sequence", type=click.IntRange(1), help="The feed's own count; the next one unless said.")
@click.option("--kind", type=click.Choice(["snapshot", "delta"]), default="snapshot", show_default=True)
@click.option("--counts", type=click.Choice(["on_hand", "available"]), default="on_hand", show_default=True)
@click.option(
    "--cut-at",
    type=click.DateTime(MOMENTS),
    metavar="MOMENT",
    help="Until when the file knows what happened, as 2026-03-02T10:00:00Z; now unless said.",
)
@click.option("--complete", is_flag=True, help="What it does not name does not lie at the locations that it names.")
@click.option("--all-or-nothing", is_flag=True, help="Change nothing if one row is bad.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_file(file: Path, *, as_json: bool, **given: Any) -> None:
    """Import a file of counts or changes, CSV or Parquet; exit 1 if a row is refused.

    Columns: sku_code, location_code, quantity, and perhaps condition, lot, reason. The same file again goes on where
    it stopped, and changes nothing once it is done.
    """
    answer = running.run(_import(file.read_bytes(), **given))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(answer))
    else:
        _tell(answer)
    if answer.refused:
        sys.exit(REFUSED_EXIT)


def _tell(answer: "FeedAnswer") -> None:
    for line in _rows(answer.rows):
        click.echo(line)
    if answer.has_more_rows:
        click.echo("… and more")
    done = "would change" if answer.is_trial else "changed"
    told = [f"{answer.changed} {done}", f"{answer.unchanged} as they were"]
    told += [
        f"{count} {name}"
        for name, count in (
            ("superseded by newer counts", answer.superseded),
            ("in newer counts already", answer.contained),
            ("refused", answer.refused),
        )
        if count
    ]
    click.echo(
        f"{answer.lines_done} of {answer.lines} rows (feed {answer.feed_code}, message {answer.sequence}): "
        + ", ".join(told)
    )


def _rows(rows: "Iterable[RowAnswer]") -> Iterable[str]:
    for row in rows:
        place = " ".join(part for part in (row.sku_code, row.location_code, row.condition, row.lot) if part)
        if row.code:
            yield f"row {row.line}: {place}  {click.style('refused', fg='red')}: {row.detail} ({row.code})"
        else:
            short = f", {row.missing} reserved units are missing" if row.missing else ""
            yield f"row {row.line}: {place}  {row.status}: {row.difference:+d}, on hand {row.on_hand}{short}"


async def _import(content: bytes, *, feed: str | None, cut_at: datetime | None, **given: Any) -> "FeedAnswer":
    from batuta.inventory.commands.importing import digest_of, import_lines, open_files_feed, read_file
    from batuta.inventory.domain.feeds import Counts, MessageKind, Part, Telling
    from batuta.kernel.ids import new_id
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    now = datetime.now(UTC)
    kind, counts = MessageKind(given["kind"]), Counts(given["counts"])
    if cut_at is not None and cut_at.tzinfo is None:
        cut_at = cut_at.replace(tzinfo=UTC)
    moment = b"" if cut_at is None else cut_at.isoformat().encode()
    said = (kind.encode(), counts.encode(), moment, b"%d" % given["complete"])
    lines = read_file(content)
    async with join_database(running.loaded().settings) as database:
        async with database.engine.begin() as db:
            await expect_newest(db)
            if feed is None:
                feed = (await open_files_feed(db, id_=new_id(now, _chance), actor=ACTOR, now=now)).code
        telling = Telling(
            sequence=given["sequence"],
            kind=kind,
            counts=counts,
            cut_at=cut_at or now,
            digest=digest_of(content, *said),
        )
        part = Part(
            feed_code=feed,
            telling=telling,
            content=lines,
            actor=ACTOR,
            is_whole=given["all_or_nothing"],
            is_complete=given["complete"],
            is_trial=given["dry_run"],
        )
        return await import_lines(database.engine, whole=part, now=now)
