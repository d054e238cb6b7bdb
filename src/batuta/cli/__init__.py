"""The command line. Every verb imports what it needs when it runs, so that `batuta --help` is instant."""

import os
import sys
from typing import TYPE_CHECKING

import rich_click as click

from batuta.cli import running
from batuta.cli.auditing import audit
from batuta.cli.callers import apikey, tell_shown, user
from batuta.cli.geo import geo
from batuta.cli.held_jobs import jobs
from batuta.cli.reactions import events
from batuta.cli.rehearsing import rehearse
from batuta.cli.sourcing import sourcing
from batuta.cli.stock import stock
from batuta.plumbing.settings import load_settings

if TYPE_CHECKING:
    from batuta.identity.queries import Shown

PROBLEM_EXIT = 1


def main() -> None:
    """Run the command line; a problem is told in a sentence with its code and facts, a bug with its trace."""
    try:
        commands()
    except Exception as error:
        problem = running.problem_of(error)
        if problem is None:
            raise
        click.echo(f"batuta: {problem.sentence}", err=True)
        click.echo(f"  code: {problem.code}", err=True)
        for name, fact in problem.facts.items():
            click.echo(f"  {name}: {fact}", err=True)
        sys.exit(PROBLEM_EXIT)


@click.group(name="batuta")
@click.version_option(package_name="batuta")
def commands() -> None:
    """Order management: from the cart to the customer's door and back."""


commands.add_command(audit)
commands.add_command(events)
commands.add_command(geo)
commands.add_command(jobs)
commands.add_command(user)
commands.add_command(apikey)
commands.add_command(stock)
commands.add_command(sourcing)
commands.add_command(rehearse)


@commands.command()
def up() -> None:
    """Start batuta, with its own database unless BATUTA_DATABASE_URL names one, and serve until Ctrl-C.

    An empty database of its own begins with the demo company, unless BATUTA_DEMO_COMPANY says no.
    """
    loaded = running.loaded()
    from batuta.app import serve

    def announce(address: str, shown: "Shown") -> None:
        click.echo(f"batuta is at {address}  (Ctrl-C ends it)")
        click.echo(f"  {address}/api/docs      what can be asked of it; as OpenAPI at /api/openapi.json")
        click.echo("  batuta audit, batuta events  whether all is sound and nothing waits, from another terminal here")
        tell_shown(shown)

    running.run(serve(loaded.settings, announce=announce))


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def settings(*, as_json: bool) -> None:
    """Show every setting with its value, whence the value came and what it does."""
    import msgspec

    loaded = load_settings()
    if as_json:
        for one in loaded.described():
            click.echo(msgspec.json.encode(one))
        return

    for one in loaded.described():
        click.echo(f"{click.style(one.name, bold=True)} = {one.shown}  ({one.origin}; {one.variable})")
        click.echo(f"    {one.description}")
    click.echo(f"\nfile: {loaded.file or 'none (batuta.toml in the working directory, or BATUTA_SETTINGS)'}")


@commands.command()
def migrate() -> None:
    """Bring the database to the newest version. `batuta up` does this by itself."""
    loaded = running.loaded()
    from batuta.plumbing.embedded import holds_cluster
    from batuta.plumbing.migrate import migrate as run_due
    from batuta.plumbing.opening import join_database, open_database

    opened = join_database if holds_cluster(loaded.settings.data_folder) else open_database

    async def run() -> list[str]:
        async with opened(loaded.settings) as database:
            return await run_due(database.engine)

    done = running.run(run())
    click.echo(f"migrated: {', '.join(done)}" if done else "nothing to migrate")


@commands.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database of a running batuta; further arguments are psql's own."""
    loaded = running.loaded()
    from sqlalchemy.engine import make_url

    from batuta.plumbing.opening import url_to_join

    url = make_url(url_to_join(loaded.settings))
    query = {"sslmode" if name == "ssl" else name: given for name, given in url.query.items()}
    plain = url.set(drivername="postgresql", query=query)._replace(password=None)
    # The password goes by the environment: arguments are seen by every user of the machine.
    environment = {**os.environ, "PGPASSWORD": url.password or ""}
    os.execve(_psql(), ["psql", plain.render_as_string(), *arguments], environment)  # noqa: S606 - no shell wanted


def _psql() -> str:
    from batuta.plumbing.embedded.binaries import own_binaries

    return str(own_binaries() / "psql")
