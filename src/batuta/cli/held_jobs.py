"""`batuta jobs`: outside calls that failed too often and wait for a person."""

from typing import TYPE_CHECKING

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.plumbing.jobs import HeldJob


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def jobs(context: click.Context, *, as_json: bool) -> None:
    """Show the outside calls (mail, captures, labels) that failed on their last try and are held."""
    if context.invoked_subcommand is not None:
        return
    held = running.run(_held())
    if as_json:
        import msgspec

        for job in held:
            click.echo(msgspec.json.encode(job))
        return
    tell_held(held)


@jobs.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=int)
def replay(ids: tuple[int, ...]) -> None:
    """Queue held jobs anew, with all their tries; `batuta jobs` shows their ids."""
    running.run(_replay(ids))
    click.echo(f"queued anew: {', '.join(map(str, ids))}")


def tell_held(held: "list[HeldJob]") -> None:
    """List held jobs with what to do about each."""
    if not held:
        click.echo("no job is held")
    for job in held:
        payload = (job.payload or b"").decode(errors="replace")
        click.echo(f"held job {job.id}  {job.entrypoint}  {job.attempts} tries  {payload[:80]}")
        if job.error:
            click.echo(f"    {job.error}")
        click.echo(f"    batuta jobs replay {job.id}")


async def _held() -> "list[HeldJob]":
    from batuta.plumbing.jobs import held_jobs
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.connect() as db:
        await expect_newest(db)
        return await held_jobs(db)


async def _replay(ids: tuple[int, ...]) -> None:
    from batuta.plumbing.jobs import replay as queue_anew
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        await queue_anew(db, ids)
