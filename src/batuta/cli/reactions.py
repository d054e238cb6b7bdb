"""`batuta events`: where reactions stand, and what a person does about those that cannot go on."""

import getpass
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from batuta.cli import running
from batuta.cli.held_jobs import tell_held
from batuta.kernel.errors import BatutaError, NotFound, Refused

if TYPE_CHECKING:
    from batuta.plumbing.database import Engine
    from batuta.plumbing.events import Reaction
    from batuta.plumbing.events.parked import ParkedStream, Standing
    from batuta.plumbing.settings import Settings


HOLDER_SHOWN_S = 1


class NoSuchReaction(NotFound):
    """Nobody reads the log under that name."""


class StillFails(Refused):
    """What parked the stream has not been mended."""


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def events(context: click.Context, *, as_json: bool) -> None:
    """Show where every reaction stands, what it waits for, parked streams, failed sweeps and held jobs."""
    if context.invoked_subcommand is not None:
        return
    told = running.run(_with_database(_look))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(told, enc_hook=str))
        return
    _tell(told)


@events.command()
@click.argument("reaction")
@click.argument("stream", type=click.UUID)
def retry(reaction: str, stream: UUID) -> None:
    """Do what REACTION left undone on a parked STREAM, all of it or nothing."""
    from batuta.plumbing.events import parked

    async def work(engine: "Engine", settings: "Settings") -> int:
        named = _reaction(settings, reaction)
        return await _trying(parked.retry(engine, named, stream, now=datetime.now(UTC)), reaction, stream)

    click.echo(f"done: {_facts(running.run(_with_database(work)))} of stream {stream}")


@events.command()
@click.argument("reaction")
@click.argument("stream", type=click.UUID)
@click.option("--reason", required=True, help="Why the fact may be left out; it is kept for ever.")
def skip(reaction: str, stream: UUID, reason: str) -> None:
    """Leave out the fact that parked STREAM, and do those behind it."""
    from batuta.plumbing.events import parked

    async def work(engine: "Engine", settings: "Settings") -> int:
        named = _reaction(settings, reaction)
        skipping = parked.skip(engine, named, stream, reason=reason, actor=_actor(), now=datetime.now(UTC))
        return await _trying(skipping, reaction, stream)

    click.echo(f"left out 1 fact, done: {_facts(running.run(_with_database(work)))} behind it, of stream {stream}")


@events.command()
def rebase() -> None:
    """Say that this restored copy of the database is the one that acts from now on. End the other first."""
    from batuta.plumbing.events import parked

    async def work(engine: "Engine", _: "Settings") -> tuple[bool, int]:
        async with engine.begin() as db:
            was_waiting = await parked.waits_for_rebase(db)
            return was_waiting, await parked.rebase(db)

    was_waiting, epoch = running.run(_with_database(work))
    click.echo(f"this copy acts from now on, in epoch {epoch}" if was_waiting else "this database acts already")


async def _with_database(work: "Callable[[Engine, Settings], Awaitable[Any]]") -> Any:
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    settings = running.loaded().settings
    async with join_database(settings) as database:
        async with database.engine.connect() as db:
            await expect_newest(db)
        return await work(database.engine, settings)


async def _look(engine: "Engine", _: "Settings") -> dict[str, Any]:
    from batuta.plumbing.events import parked
    from batuta.plumbing.jobs import held_jobs
    from batuta.plumbing.sweeps import failed_sweeps

    async with engine.connect() as db:
        return {
            "waits_for_rebase": await parked.waits_for_rebase(db),
            "reactions": await parked.standings(db, now=datetime.now(UTC)),
            "holder": await parked.holder(db),
            "parked": await parked.parked_streams(db),
            "failed_sweeps": await failed_sweeps(db),
            "held_jobs": await held_jobs(db),
        }


def _tell(told: dict[str, Any]) -> None:
    if told["waits_for_rebase"]:
        click.echo("this database was restored from another one: nothing reacts until `batuta events rebase`")
    _tell_reactions(told["reactions"])
    if (found := told["holder"]) and found.seconds >= HOLDER_SHOWN_S:
        who = f"process {found.pid} ({found.application})"
        click.echo(f"all wait for the transaction of {who}, open for {found.seconds:.1f} s")
        click.echo(f"    {' '.join(found.query.split())}")
    _tell_parked(told["parked"])
    for one in told["failed_sweeps"]:
        click.echo(f"sweep failed: {one.name}, {one.failures} times since {one.since_at:%Y-%m-%d %H:%M:%S}Z")
        click.echo(f"    {one.error}")
        click.echo(f"    tried again from {one.again_at:%Y-%m-%d %H:%M:%S}Z")
    tell_held(told["held_jobs"])


def _tell_reactions(reactions: "Sequence[Standing]") -> None:
    for one in reactions:
        place = ":".join(map(str, one.position))
        click.echo(f"{one.name}  at {place}, {_facts(one.behind)} behind, lag {one.lag_seconds:.1f} s")
        if one.failures:
            click.echo(f"    its next fact has failed {one.failures} times")
    if not reactions:
        click.echo("no reaction has read anything yet: batuta up does")


def _tell_parked(streams: "Sequence[ParkedStream]") -> None:
    if not streams:
        click.echo("no stream is parked")
    for one in streams:
        click.echo(f"parked {one.stream}  {one.fact}, {_facts(one.facts)} since {one.parked_at:%Y-%m-%d %H:%M:%S}Z")
        click.echo(f"    {one.error}")
        click.echo(f"    batuta events retry {one.reaction} {one.stream}")
        click.echo(f'    batuta events skip {one.reaction} {one.stream} --reason "…"')


def _facts(count: int) -> str:
    return "1 fact" if count == 1 else f"{count} facts"


def _reaction(settings: "Settings", name: str) -> "Reaction":
    from batuta.worker import clockwork

    known = {one.name: one for one in clockwork(settings).reactions}
    if name not in known:
        raise NoSuchReaction(f"there is no reaction {name}", known=sorted(known))
    return known[name]


async def _trying(work: Awaitable[int], reaction: str, stream: UUID) -> int:
    """The facts of a parked stream failed before; that they fail again is an answer, not an accident."""
    from batuta.plumbing.outage import outage

    try:
        return await work
    except NotFound:
        raise
    except Exception as error:
        if outage(error):
            raise
        told = error.sentence if isinstance(error, BatutaError) else str(error)
        raise StillFails(
            "it fails still, and the stream stays parked: mend the cause and retry, or skip the fact with a reason",
            reaction=reaction,
            stream=str(stream),
            error=f"{type(error).__name__}: {told}",
        ) from error


def _actor() -> str:
    with suppress(KeyError, OSError):
        return f"cli:{getpass.getuser()}"
    return f"cli:{os.getuid()}"
