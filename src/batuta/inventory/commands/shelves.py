"""Lots that somebody holds in their hands, though others may have been claimed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.inventory.commands.rows import LockedRows, write_rows
from batuta.inventory.domain import Condition, Issue, StockKey, StockRefusal, not_enough
from batuta.inventory.domain.lots import LotCalledBack, LotFacts, LotPast, LotPromised
from batuta.inventory.queries.lots import lot_facts, unclaimed
from batuta.plumbing.database import Connection


class Shelf:
    """How many units of lots are promised to nobody, under lock, and what is known of the lots."""

    def __init__(
        self, free: Mapping[StockKey, int], facts: Mapping[tuple[UUID, UUID, str], LotFacts], now: datetime
    ) -> None:
        self._free = Counter(free)
        self._facts = facts
        self._now = now

    def refuse(self, one: Issue, *, swapped: int, rows: LockedRows) -> StockRefusal | None:
        """Say why the units of a lot cannot leave. swapped: of them, those that stand for units of other lots."""
        key = _key(one)
        known = self._facts.get((one.sku_id, one.location_id, key.lot))
        told = {"key": one.key, "sku_id": str(one.sku_id), "lot": key.lot}
        if known and known.recalled_at is not None:
            return LotCalledBack("the lot is called back", recalled_at=known.recalled_at.isoformat(), **told)
        if known and known.ends_at is not None and known.ends_at <= self._now:
            return LotPast("the lot is past its date", ended_at=known.ends_at.isoformat(), **told)
        there = rows.on_hand(key) if key in rows else 0
        if there < one.quantity:
            return not_enough(key, one.key, asked=one.quantity, on_hand=there)
        if self._free[key] < swapped:
            return LotPromised(
                "the units of this lot are promised to others: take those that were reserved",
                asked=swapped,
                free=max(0, self._free[key]),
                **told,
            )
        return None

    def swap(self, taken: StockKey, claimed: StockKey, units: int) -> None:
        """Units of one lot go for a claim on another, whose units are free thereby."""
        self._free[taken] -= units
        self._free[claimed] += units


async def look_at_lots(db: Connection, rows: LockedRows, issues: Sequence[Issue], *, now: datetime) -> Shelf:
    """What is free of the lots that issues name; nothing is asked where none does."""
    if not issues:
        return Shelf({}, {}, now)
    # Claims that ended a moment ago are released in the rows, and then in the table that is read.
    await write_rows(db, rows)
    free = await unclaimed(db, {_key(one) for one in issues})
    facts = await lot_facts(db, {(one.sku_id, one.location_id, one.lot or "") for one in issues})
    return Shelf(free, facts, now)


def _key(one: Issue) -> StockKey:
    return StockKey(one.sku_id, one.location_id, Condition.SELLABLE.value, one.lot or "")
