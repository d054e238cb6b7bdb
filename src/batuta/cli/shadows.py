"""`batuta sourcing shadow`: a draft beside the live strategies, put there, stopped, and read."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich_click as click

from batuta.cli import running
from batuta.cli.rehearsing import CHANGED_TOLD_MAX, tell_changed, tell_figures, tell_load

if TYPE_CHECKING:
    from batuta.plumbing.database import Connection
    from batuta.rehearsal.domain import Changed, Shadow
    from batuta.rehearsal.queries import ShadowReport

ACTOR = "system:cli"


@click.command()
@click.argument("code")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--stop", "is_stopped", is_flag=True, help="Let the strategy's draft go out of the shadow.")
@click.option("--report", "is_read", is_flag=True, help="Say what its last draft in shadow would have changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def shadow(code: str, number: int | None, *, is_stopped: bool, is_read: bool, as_json: bool) -> None:
    """Put draft NUMBER of the strategy CODE in shadow: each order that is planned is planned with it too.

    Nothing follows from that but what --report tells.
    """
    if (number is None) == (not is_stopped and not is_read) or (is_stopped and is_read):
        raise click.UsageError("say the NUMBER of a draft, or --stop, or --report")
    if is_read:
        _read(code, as_json=as_json)
        return
    found = running.run(_stop(code) if number is None else _begin(code, number))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        where = "in shadow" if found.ended_at is None else "no longer in shadow"
        click.echo(f"{found.strategy_code}@{found.number} is {where}")


def _read(code: str, *, as_json: bool) -> None:
    report, changed = running.run(_report(code))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({**msgspec.to_builtins(report), "changed": changed}))
        return
    one = report.shadow
    until = f" until {one.ended_at:%Y-%m-%d %H:%M}" if one.ended_at else ""
    click.echo(f"{one.strategy_code}@{one.number}, in shadow since {one.begun_at:%Y-%m-%d %H:%M}{until}")
    left_out = f", {one.left_out} left out" if one.left_out else ""
    waiting = f", {report.waiting} waiting" if report.waiting else ""
    click.echo(f"{report.orders} orders{left_out}{waiting}; {report.reproduced} as the live strategies plan them alone")
    for comparison in report.comparisons:
        tell_figures(comparison)
    for load in report.loads:
        tell_load(load)
    click.echo(f"{report.differing} orders would ship from elsewhere")
    for order in changed:
        tell_changed(order)
    if report.differing > len(changed):
        click.echo("  … and more; GET /api/sourcing/shadows tells all")


async def _begin(code: str, number: int) -> "Shadow":
    import random

    from batuta.kernel.ids import new_id
    from batuta.kernel.outcomes import only
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.rehearsal.commands import begin_shadows
    from batuta.rehearsal.domain import NewShadow

    now = datetime.now(UTC)
    wish = NewShadow(id=new_id(now, random.SystemRandom()), strategy_code=code, number=number, actor=ACTOR)
    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        return only(await begin_shadows(db, wishes=[wish], now=now))


async def _stop(code: str) -> "Shadow":
    from batuta.kernel.outcomes import only
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.rehearsal.commands import end_shadows

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        last = await _last(db, code)
        return only(await end_shadows(db, ids=[last.id], actor=ACTOR, now=datetime.now(UTC)))


async def _report(code: str) -> "tuple[ShadowReport, list[Changed]]":
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.rehearsal.queries import Differing, list_differences, report_of

    async with join_database(running.loaded().settings) as database, database.engine.snapshot() as db:
        await expect_newest(db)
        one = await _last(db, code)
        changed = await list_differences(db, Differing(shadow_id=one.id, limit=CHANGED_TOLD_MAX))
        return await report_of(db, one), changed


async def _last(db: "Connection", code: str) -> "Shadow":
    """The strategy's last draft in shadow."""
    from batuta.rehearsal.domain import UnknownShadow
    from batuta.rehearsal.queries import last_shadow_of

    found = await last_shadow_of(db, code)
    if found is None:
        raise UnknownShadow("no draft of this strategy was ever in shadow", strategy_code=code)
    return found
