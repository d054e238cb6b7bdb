"""Drafting, publishing and withdrawing strategies. Every change is told to readers by the one row that counts them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text as SqlText
from sqlalchemy import Uuid, bindparam, func, text, update

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.kernel.states import move
from batuta.plumbing.database import Connection, Instant, upsert_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.sourcing.domain.strategies import (
    VERSION_MOVES,
    BadStrategy,
    Place,
    PriorityTaken,
    PublishedIsFixed,
    Strategy,
    StrategyVersion,
    UnknownStrategy,
    VersionStatus,
    read_strategy,
    written_strategy,
)
from batuta.sourcing.queries.strategies import STRATEGIES, places_of_work, strategy_versions
from batuta.sourcing.tables import strategy_version

VERSIONS_MAX = 10_000
PROBLEMS_TOLD_MAX = 50

_SERIALISE = text("SELECT pg_advisory_xact_lock(hashtextextended('sourcing.strategies', 0))")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it is written, to be the next version of its code; or to replace the draft of that number."""

    id: UUID
    document: Any
    number: int | None = None


async def save_drafts(
    db: Connection, *, drafts: Sequence[Draft], actor: str, now: datetime
) -> list[StrategyVersion | BatutaError]:
    """Keep drafts; each answer is the version, or all that is wrong with it. They decide nothing yet.

    The same draft again, by its id, is answered again.
    """
    await db.execute(_SERIALISE)
    places = await places_of_work(db)
    standing = {(one.code, one.number): one for one in await strategy_versions(db)}

    def decide(one: Draft) -> StrategyVersion:
        found = _drafted(one, places, standing, actor=actor, now=now)
        standing[found.code, found.number] = found
        return found

    outcomes = each(drafts, decide)
    await _write(db, good(outcomes))
    return outcomes


async def publish_strategies(
    db: Connection, *, versions: Sequence[tuple[str, int]], actor: str, now: datetime
) -> list[StrategyVersion | BatutaError]:
    """Let drafts decide from their beginning on, and never change again; each answer is the version, or why not.

    A version takes the place of those before it. What is published already is answered again.
    """
    await db.execute(_SERIALISE)
    places = await places_of_work(db)
    standing = {(one.code, one.number): one for one in await strategy_versions(db)}

    def decide(key: tuple[str, int]) -> StrategyVersion:
        found = _published(_found(key, standing), places, standing, actor=actor, now=now)
        standing[key] = found
        return found

    outcomes = each(versions, decide)
    for one in good(outcomes):
        await db.execute(_SEAL, {"version_id": one.id, "at": one.published_at, "by": one.published_by})
    await mark_changed(db, STRATEGIES)
    return outcomes


async def withdraw_strategies(
    db: Connection, *, versions: Sequence[tuple[str, int]], actor: str, now: datetime
) -> list[StrategyVersion | BatutaError]:
    """Let published versions decide no more; those before them stay over. Each answer is the version, or why not."""
    await db.execute(_SERIALISE)
    standing = {(one.code, one.number): one for one in await strategy_versions(db)}

    def decide(key: tuple[str, int]) -> StrategyVersion:
        one = _found(key, standing)
        if one.status is VersionStatus.WITHDRAWN:
            return one
        status = move(VERSION_MOVES, one.status, VersionStatus.WITHDRAWN)
        return msgspec.structs.replace(one, status=status, withdrawn_at=now, withdrawn_by=actor)

    outcomes = each(versions, decide)
    for one in good(outcomes):
        await db.execute(_WITHDRAW, {"version_id": one.id, "at": one.withdrawn_at, "by": one.withdrawn_by})
    await mark_changed(db, STRATEGIES)
    return outcomes


Standing = dict[tuple[str, int], StrategyVersion]


def _drafted(one: Draft, places: Sequence[Place], standing: Standing, *, actor: str, now: datetime) -> StrategyVersion:
    found = _read(one.document, places)
    again = next((each_ for each_ in standing.values() if each_.id == one.id), None)
    if again is not None and one.number is None:
        return again
    numbers = [number for code, number in standing if code == found.code]
    number = one.number or max(numbers, default=0) + 1
    present = standing.get((found.code, number))
    if one.number is not None and present is None:
        raise UnknownStrategy("there is no such version of this strategy", strategy_code=found.code, number=number)
    if present is not None and present.status is not VersionStatus.DRAFT:
        raise PublishedIsFixed(
            "what is published is never changed: save a new draft", strategy_code=found.code, number=number
        )
    if len(numbers) >= VERSIONS_MAX:
        raise BadStrategy("there are too many versions", strategy_code=found.code, versions_max=VERSIONS_MAX)
    return StrategyVersion(
        id=present.id if present else one.id,
        code=found.code,
        number=number,
        status=VersionStatus.DRAFT,
        owner=found.owner,
        priority=found.priority,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        document=written_strategy(found),
        created_at=now,
        created_by=actor,
    )


def _published(
    one: StrategyVersion, places: Sequence[Place], standing: Standing, *, actor: str, now: datetime
) -> StrategyVersion:
    if one.status is VersionStatus.PUBLISHED:
        return one
    status = move(VERSION_MOVES, one.status, VersionStatus.PUBLISHED)
    _read(one.document, places)
    if one.valid_until is not None and one.valid_until <= now:
        raise BadStrategy("it is over already", strategy_code=one.code, valid_until=one.valid_until.isoformat())
    later = [n for (code, n), each_ in standing.items() if code == one.code and n > one.number and _counts(each_)]
    if later:
        raise PublishedIsFixed(
            "a later version was published: save this one as a new draft",
            strategy_code=one.code,
            number=one.number,
            published=later,
        )
    for other in standing.values():
        if other.code != one.code and other.priority == one.priority and _counts(other) and _overlap(one, other):
            raise PriorityTaken(
                "another strategy has this priority, and one must win",
                strategy_code=one.code,
                priority=one.priority,
                taken_by=other.code,
                number=other.number,
            )
    return msgspec.structs.replace(one, status=status, published_at=now, published_by=actor)


def _read(document: Any, places: Sequence[Place]) -> Strategy:
    found = read_strategy(document, places)
    if isinstance(found, list):
        told = msgspec.to_builtins(found[:PROBLEMS_TOLD_MAX])
        raise BadStrategy("the strategy says what cannot be", problems=told)
    return found


def _found(key: tuple[str, int], standing: Standing) -> StrategyVersion:
    one = standing.get(key)
    if one is None:
        raise UnknownStrategy("there is no such version of this strategy", strategy_code=key[0], number=key[1])
    return one


def _counts(one: StrategyVersion) -> bool:
    return one.status is VersionStatus.PUBLISHED


def _overlap(one: StrategyVersion, other: StrategyVersion) -> bool:
    """Whether both are in force at some moment, later versions of them apart."""
    return _ends_after(one, other.valid_from) and _ends_after(other, one.valid_from)


def _ends_after(one: StrategyVersion, moment: datetime | None) -> bool:
    return one.valid_until is None or moment is None or moment < one.valid_until


async def _write(db: Connection, versions: Sequence[StrategyVersion]) -> None:
    """Keep drafts; of what is published nothing is written here."""
    drafts = [one for one in versions if one.status is VersionStatus.DRAFT]
    rows = {one.id: {**msgspec.structs.asdict(one), "status": one.status.value, "digest": None} for one in drafts}
    await upsert_rows(db, strategy_version, rows.values(), key=("id",), keep=("created_at", "created_by"))


_of_id = strategy_version.c.id == bindparam("version_id", type_=Uuid())
_SEAL = (
    update(strategy_version)
    .where(_of_id, strategy_version.c.status == VersionStatus.DRAFT.value)
    .values(
        status=VersionStatus.PUBLISHED.value,
        digest=func.md5(strategy_version.c.document.cast(SqlText)),
        published_at=bindparam("at", type_=Instant),
        published_by=bindparam("by", type_=SqlText()),
    )
)
_WITHDRAW = (
    update(strategy_version)
    .where(_of_id, strategy_version.c.status == VersionStatus.PUBLISHED.value)
    .values(
        status=VersionStatus.WITHDRAWN.value,
        withdrawn_at=bindparam("at", type_=Instant),
        withdrawn_by=bindparam("by", type_=SqlText()),
    )
)
