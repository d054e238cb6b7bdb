"""`batuta sourcing`: strategies, checked, published and compared."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from batuta.cli import running
from batuta.cli.shadows import shadow

if TYPE_CHECKING:
    from batuta.kernel.rules import Problem
    from batuta.plumbing.database import Connection
    from batuta.sourcing.domain.strategies import StrategyVersion

ACTOR = "system:cli"
REFUSED_EXIT = 1

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def sourcing() -> None:
    """Sourcing: where orders ship from, and what is wanted of that."""


sourcing.add_command(shadow)


@sourcing.command()
@click.argument("file", type=_file)
@click.option("--alone", is_flag=True, help="Look at the file alone, not at the locations of the shop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, *, alone: bool, as_json: bool) -> None:
    """Say all that is wrong with a strategy, clause by clause; exit 1 if anything is."""
    problems = _problems(file.read_bytes(), []) if alone else running.run(_check(file.read_bytes()))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"problems": problems}))
    elif not problems:
        click.echo(f"{file}: nothing is wrong with it")
    else:
        _tell(problems)
    if problems:
        sys.exit(REFUSED_EXIT)


@sourcing.command()
@click.argument("file", type=_file)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def publish(file: Path, *, as_json: bool) -> None:
    """Let a strategy decide from its beginning on, as the next version of its code; it never changes again.

    What the newest version says already is not published again.
    """
    now = datetime.now(UTC)
    found = running.run(_publish(file.read_bytes(), now=now))
    if isinstance(found, list):
        _tell(found)
        sys.exit(REFUSED_EXIT)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        done = "published" if found.published_at == now else "nothing is new in"
        click.echo(f"{done} {found.code}@{found.number}, owned by {found.owner}")


@sourcing.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(before: str, after: str, *, as_json: bool) -> None:
    """Say what B says otherwise than A; each is a file, or a version as CODE@NUMBER."""
    from batuta.sourcing.domain.strategies import differences, told

    found = differences(_document(before), _document(after))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"differences": found}))
        return
    for one in found:
        click.echo(told(one))
    if not found:
        click.echo("they say the same")


def _tell(problems: "list[Problem]") -> None:
    for one in problems:
        facts = "".join(f"; {name}: {value}" for name, value in one.facts.items())
        click.echo(f"{click.style(one.path or 'the whole', fg='red')}: {one.reason}{facts}", err=True)


def _problems(content: bytes, places: list[Any]) -> "list[Problem]":
    from batuta.kernel.rules import Problem
    from batuta.sourcing.domain.strategies import read_strategy, read_text

    raw = read_text(content)
    if isinstance(raw, Problem):
        return [raw]
    found = read_strategy(raw, places)
    return found if isinstance(found, list) else []


async def _check(content: bytes) -> "list[Problem]":
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.sourcing.queries import places_of_work

    async with join_database(running.loaded().settings) as database, database.engine.connect() as db:
        await expect_newest(db)
        return _problems(content, await places_of_work(db))


async def _publish(content: bytes, *, now: datetime) -> "StrategyVersion | list[Problem]":
    import random

    from batuta.kernel.ids import new_id
    from batuta.kernel.outcomes import only
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.sourcing.commands import Draft, publish_strategies, save_drafts
    from batuta.sourcing.domain.strategies import read_text
    from batuta.sourcing.queries import places_of_work

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        if problems := _problems(content, await places_of_work(db)):
            return problems
        document = read_text(content)
        if same := await _in_force_already(db, document):
            return same
        draft = Draft(id=new_id(now, random.SystemRandom()), document=document)
        saved = only(await save_drafts(db, drafts=[draft], actor=ACTOR, now=now))
        return only(await publish_strategies(db, versions=[(saved.code, saved.number)], actor=ACTOR, now=now))


async def _in_force_already(db: "Connection", document: Any) -> "StrategyVersion | None":
    """The version that was published last, if it says the same."""
    from batuta.sourcing.domain.strategies import VersionStatus, differences, read_strategy, written_strategy
    from batuta.sourcing.queries import versions_of

    said = read_strategy(document)
    assert not isinstance(said, list), "it was checked"
    versions = (await versions_of(db, [said.code]))[said.code]
    last = next((one for one in reversed(versions) if one.status is VersionStatus.PUBLISHED), None)
    return last if last and not differences(last.document, written_strategy(said)) else None


def _document(name: str) -> dict[str, Any]:
    """What a file or a version says, as it would be stored."""
    from batuta.kernel.rules import Problem
    from batuta.sourcing.domain.strategies import read_strategy, read_text, written_strategy

    if not Path(name).is_file():
        return running.run(_stored(name))
    raw = read_text(Path(name).read_bytes())
    found = [raw] if isinstance(raw, Problem) else read_strategy(raw)
    if isinstance(found, list):
        _tell(found)
        sys.exit(REFUSED_EXIT)
    return written_strategy(found)


async def _stored(name: str) -> dict[str, Any]:
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database
    from batuta.sourcing.domain.strategies import UnknownStrategy
    from batuta.sourcing.queries import versions_of

    code, _, number = name.rpartition("@")
    async with join_database(running.loaded().settings) as database, database.engine.connect() as db:
        await expect_newest(db)
        for one in (await versions_of(db, [code]))[code]:
            if str(one.number) == number:
                return one.document
    sentence = "there is no such version" if code else "this is neither a file nor a version, as CODE@NUMBER"
    raise UnknownStrategy(sentence, given=name)
