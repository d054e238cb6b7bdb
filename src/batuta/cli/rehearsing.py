"""`batuta rehearse`: a draft of a strategy, tried on orders that were."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.rehearsal.domain import Changed, Comparison, Load, Rehearsal

MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]
CHANGED_TOLD_MAX = 50


@click.command()
@click.option(
    "--rules",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A strategy as JSON, as `batuta sourcing check` takes it.",
)
@click.option("--from", "from_at", required=True, type=click.DateTime(MOMENTS), help="From then on, in UTC.")
@click.option("--to", "until_at", required=True, type=click.DateTime(MOMENTS), help="Until then, in UTC; not included.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every order that changed.")
def rehearse(file: Path, from_at: datetime, until_at: datetime, *, as_json: bool) -> None:
    """Plan the orders of a period again with a draft, on the stock as it was, and say what would have changed.

    Nothing is written.
    """
    found = running.run(_rehearse(file.read_bytes(), from_at=_utc(from_at), until_at=_utc(until_at)))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        _tell(found)


async def _rehearse(content: bytes, *, from_at: datetime, until_at: datetime) -> "Rehearsal":
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.rehearsal.commands import rehearse as tried
    from batuta.rehearsal.domain import draft_of
    from batuta.sourcing.queries import places_of_work

    async with join_database(running.loaded().settings) as database, database.engine.snapshot() as db:
        await expect_newest(db)
        draft = draft_of(content, await places_of_work(db))
        return await tried(db, draft=draft, from_at=from_at, until_at=until_at, now=datetime.now(UTC))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _tell(found: "Rehearsal") -> None:
    left_out = f", {found.left_out} left out" if found.left_out else ""
    click.echo(f"{found.orders} orders{left_out}; {found.reproduced} planned again as they were by the live rules")
    for one in found.comparisons:
        tell_figures(one)
    for load in found.loads:
        tell_load(load)
    click.echo(f"{len(found.changed)} orders would ship from elsewhere")
    for order in found.changed[:CHANGED_TOLD_MAX]:
        tell_changed(order)
    if len(found.changed) > CHANGED_TOLD_MAX:
        click.echo("  … and more; --json tells all")


def tell_load(load: "Load") -> None:
    """Say what a location has to do."""
    click.echo(
        f"  {load.location_code}: {load.live_orders} -> {load.draft_orders} orders,"
        f" {load.live_units} -> {load.draft_units} units"
    )


def tell_changed(order: "Changed") -> None:
    """Say from where an order would ship."""
    click.echo(
        f"  {order.number}: {' + '.join(order.live) or 'nowhere'} -> {' + '.join(order.draft) or 'nowhere'}"
        f"  ({_minor(order.live_cost_minor)} -> {_minor(order.draft_cost_minor)} {order.currency})"
    )


def tell_figures(one: "Comparison") -> None:
    """Say what all orders of a currency cost."""
    live, draft = one.live, one.draft
    click.echo(f"{one.currency}, in minor units: live -> draft")
    click.echo(f"  cost per order  {live.cost_per_order_minor:.1f} -> {draft.cost_per_order_minor:.1f}")
    click.echo(f"  split           {live.split_rate:.1%} -> {draft.split_rate:.1%}")
    if live.on_time_share is not None and draft.on_time_share is not None:
        click.echo(f"  on time         {live.on_time_share:.1%} -> {draft.on_time_share:.1%}")
    click.echo(f"  margin          {live.margin_minor} -> {draft.margin_minor}")
    click.echo(f"  not served      {live.orders - live.planned} -> {draft.orders - draft.planned}")


def _minor(amount_minor: int | None) -> str:
    return "-" if amount_minor is None else str(amount_minor)
