"""What people decided otherwise than the rules, for who reviews the rules (SRC-15)."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Integer, bindparam, literal_column, select, true

from batuta.plumbing.database import Connection, Row, Text
from batuta.plumbing.listing import Listing
from batuta.sourcing.domain import Decision, Outcome, Source
from batuta.sourcing.domain.search.candidates import Costs
from batuta.sourcing.domain.strategies import StrategyUsed
from batuta.sourcing.tables import decision


class Overridden(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a person let ship from elsewhere, and what had been planned of it before.

    costs, costs_before: of all that was planned with it then; None where nothing was. strategy: whose plan it was.
    """

    order_id: UUID
    line_id: UUID
    attempt: int
    at: datetime
    quantity: int
    location_id: UUID
    reason: str
    actor: str
    currency: str
    costs: Costs | None
    before: tuple[Source, ...]
    costs_before: Costs | None
    strategy: StrategyUsed | None


class OverriddenFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which to list; None is any. strategy_code: whose plans were overridden. location_id: where it went."""

    strategy_code: str | None = None
    location_id: UUID | None = None


_earlier = decision.alias("earlier")
_before = (
    select(_earlier.c.record)
    .where(
        _earlier.c.order_id == decision.c.order_id,
        _earlier.c.line_id == decision.c.line_id,
        _earlier.c.attempt < decision.c.attempt,
        _earlier.c.outcome == Outcome.PLANNED.value,
    )
    .order_by(_earlier.c.attempt.desc())
    .limit(literal_column("1", Integer))
    .lateral("before")
)
_LIST = Listing(
    select(decision.c.record, _before.c.record.label("before"))
    .join_from(decision, _before, true(), isouter=True)
    .where(decision.c.record.has_key("override")),
    order=(decision.c.at, decision.c.order_id, decision.c.line_id, decision.c.attempt),
    filters={
        "strategy_code": _before.c.record["strategy"]["code"].astext == bindparam("strategy_code", type_=Text()),
        "location_id": decision.c.record["override"]["location_id"].astext == bindparam("location_id", type_=Text()),
    },
    is_newest_first=True,
)


async def list_overridden(
    db: Connection, *, wanted: OverriddenFilter, behind: tuple[datetime, UUID, UUID, int] | None, limit: int
) -> list[Overridden]:
    """A page of what people decided otherwise, the newest first."""
    given = {
        "strategy_code": wanted.strategy_code,
        "location_id": str(wanted.location_id) if wanted.location_id else None,
    }
    return [_overridden(row) for row in await _LIST.read(db, given, behind=behind, limit=limit)]


def _overridden(row: Row) -> Overridden:
    one = msgspec.convert(row.record, Decision)
    before = msgspec.convert(row.before, Decision) if row.before else None
    assert one.override
    return Overridden(
        order_id=one.order_id,
        line_id=one.line_id,
        attempt=one.attempt,
        at=one.at,
        quantity=one.quantity,
        location_id=one.override.location_id,
        reason=one.override.reason,
        actor=one.override.actor,
        currency=one.currency,
        costs=one.costs,
        before=before.sources if before else (),
        costs_before=before.costs if before else None,
        strategy=before.strategy if before else None,
    )
