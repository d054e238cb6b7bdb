"""`batuta audit`: whether the laws of the house hold."""

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.plumbing.audit import Verdict
    from batuta.plumbing.settings import Settings

BROKEN_EXIT = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(*, as_json: bool) -> None:
    """Prove that every unit and every cent is accounted for; exit 1 if a law is broken, naming the rows.

    All laws are examined in one snapshot; it works beside a running batuta and disturbs nobody.
    """
    verdicts = running.run(_examine(running.loaded().settings))
    broken = [verdict for verdict in verdicts if verdict.broken]
    if as_json:
        import msgspec

        told = {"is_sound": not broken, "laws": len(verdicts), "broken": len(broken), "verdicts": verdicts}
        click.echo(msgspec.json.encode(told, enc_hook=str))
    else:
        _tell(verdicts)
    if broken:
        sys.exit(BROKEN_EXIT)


async def _examine(settings: "Settings") -> "list[Verdict]":
    from sqlalchemy import text

    from batuta.plumbing.audit import examine
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.worker import LAWS

    async with join_database(settings) as database, database.engine.snapshot() as db:
        await expect_newest(db)
        # A large house takes longer than a request may; an open snapshot without writes delays no reaction.
        await db.execute(text("SET LOCAL statement_timeout = 0"))
        await db.execute(text("SET LOCAL transaction_timeout = 0"))
        return await examine(db, LAWS)


def _tell(verdicts: "list[Verdict]") -> None:
    for verdict in verdicts:
        if not verdict.broken:
            click.echo(f"{click.style('ok', fg='green')}      {verdict.law}")
            continue
        rows = "1 row" if verdict.broken == 1 else f"{verdict.broken} rows"
        click.echo(f"{click.style('broken', fg='red', bold=True)}  {verdict.law}: {rows}")
        for row in verdict.rows:
            click.echo(f"          {_shown(row)}")
        if verdict.broken > len(verdict.rows):
            click.echo(f"          … and {verdict.broken - len(verdict.rows)} more")
    broken = sum(1 for verdict in verdicts if verdict.broken)
    click.echo(f"{len(verdicts)} laws: " + (f"{broken} broken" if broken else "all hold"))


def _shown(row: dict[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items())
