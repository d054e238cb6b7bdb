"""Putting drafts in shadow, and hearing what they have to plan (SRC-13).

What is heard is only noted: an order is planned again with no transaction of the house waiting for it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, select, text, update

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.plumbing.database import Connection, Instant, Text, Uuid, insert_new, insert_rows
from batuta.plumbing.events import Fact, Reaction
from batuta.rehearsal.domain import NewShadow, Shadow, UnknownShadow, begun
from batuta.rehearsal.queries import LISTENERS, shadows_in_force, shadows_of
from batuta.rehearsal.tables import shadow, shadow_pending
from batuta.sourcing.domain.strategies import VersionStatus
from batuta.sourcing.events import LinesPlanned, LinesUnfillable
from batuta.sourcing.queries import strategy_versions

_FIRST = 1
_SERIALISE = text("SELECT pg_advisory_xact_lock(hashtextextended('rehearsal.shadows', 0))")
_of_id = shadow.c.id == bindparam("shadow_id", type_=Uuid())
_LOCK = select(shadow.c.id).where(_of_id).with_for_update()
_END = (
    update(shadow)
    .where(_of_id, shadow.c.ended_at.is_(None))
    .values(ended_at=bindparam("at", type_=Instant), ended_by=bindparam("by", type_=Text()))
)
_DROP = delete(shadow_pending).where(shadow_pending.c.shadow_id == bindparam("shadow_id", type_=Uuid()))
# So that no order is noted for a draft whose shadow is just being ended.
_HEAR = (
    select(shadow.c.id, shadow.c.begun_at)
    .where(shadow.c.ended_at.is_(None))
    .order_by(shadow.c.id)
    .with_for_update(read=True, key_share=True)
)


async def begin_shadows(db: Connection, *, wishes: Sequence[NewShadow], now: datetime) -> list[Shadow | BatutaError]:
    """Put drafts in shadow, as they are written now; each answer is the shadow, or why not.

    The same wish again, by its id, is answered again.
    """
    await db.execute(_SERIALISE)
    versions = {(one.code, one.number): one for one in await strategy_versions(db)}
    drafts = {key: (one.id, one.document) for key, one in versions.items() if one.status is VersionStatus.DRAFT}
    live = {one.strategy_code: one for one in await shadows_in_force(db)}
    known = await shadows_of(db, [one.id for one in wishes])
    new: list[Shadow] = []

    def decide(wish: NewShadow) -> Shadow:
        if wish.id in known:
            return known[wish.id]
        made = begun(wish, drafts, live, now)
        known[wish.id] = live[made.strategy_code] = made
        new.append(made)
        return made

    outcomes = each(wishes, decide)
    await insert_rows(db, shadow, [{name: getattr(one, name) for name in Shadow.__struct_fields__} for one in new])
    return outcomes


async def end_shadows(db: Connection, *, ids: Sequence[UUID], actor: str, now: datetime) -> list[Shadow | BatutaError]:
    """Let drafts go out of the shadow; what they would have changed stays. One that ended is answered again."""
    for id_ in sorted(set(ids)):
        await db.execute(_LOCK, {"shadow_id": id_})
        await db.execute(_END, {"shadow_id": id_, "at": now, "by": actor})
        await db.execute(_DROP, {"shadow_id": id_})
    found = await shadows_of(db, ids)
    return [found.get(id_) or UnknownShadow("there is no such shadow", shadow_id=str(id_)) for id_ in ids]


def shadowing() -> Reaction:
    """The reaction that hears of orders that were planned, or could not be, while a draft is in shadow."""
    return Reaction("shadow", {LinesPlanned: (), LinesUnfillable: ()}, follow=hear, listeners=LISTENERS)


async def hear(db: Connection, facts: Sequence[Fact], now: datetime) -> None:
    """Note orders that were planned for the first time for each draft in shadow; what it held before is known of them.

    now: is not looked at; the order was planned at the moment of its fact.
    """
    del now
    rows = [
        {"shadow_id": live.id, "order_id": fact.stream, "at": fact.happened_at}
        for live in await db.execute(_HEAR)
        for fact in facts
        if fact.data["attempt"] == _FIRST and fact.happened_at >= live.begun_at
    ]
    rows.sort(key=lambda row: (row["shadow_id"], row["order_id"]))
    await insert_new(db, shadow_pending, rows, returning=["order_id"])
