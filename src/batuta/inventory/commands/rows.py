"""Stock rows under lock: the one way in which this room reads rows that it is going to change."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, select, update

from batuta.inventory.domain import Condition, StockKey
from batuta.inventory.tables import Key, stock
from batuta.plumbing.database import Connection, Instant, Integer, arrays, params


class Place(NamedTuple):
    """All lots of a SKU in one condition at one location."""

    sku_id: UUID
    location_id: UUID
    condition: str


_SELLABLE = Condition.SELLABLE.value


def sellable(sku_id: UUID, location_id: UUID) -> Place:
    return Place(sku_id, location_id, _SELLABLE)


class _Row(msgspec.Struct):
    key: StockKey
    on_hand: int
    reserved: int
    safety: int
    first_expiry_at: datetime | None
    expires_at: datetime | None = None
    moved: int = 0
    claimed: int = 0
    is_changed: bool = False


class LockedRows:
    """Rows that this transaction holds, as they will be once `write_rows` has written what is changed in them.

    now: lots that can no longer be sold then are not free; without it, no lot is out of date.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now
        self._rows: dict[StockKey, _Row] = {}
        self._lots: dict[Place, list[_Row]] = defaultdict(list)

    def add(self, row: _Row) -> None:
        self._rows[row.key] = row
        self._lots[Place(*row.key[:3])].append(row)

    def __contains__(self, key: StockKey) -> bool:
        return key in self._rows

    def on_hand(self, key: StockKey) -> int:
        return self._rows[key].on_hand

    def on_hands(self) -> dict[StockKey, int]:
        return {key: row.on_hand for key, row in self._rows.items()}

    def missing(self, key: StockKey) -> int:
        """By how many units more is reserved than there is."""
        row = self._rows[key]
        return max(0, row.reserved - row.on_hand)

    def free(self) -> dict[UUID, dict[UUID, int]]:
        """SKU to location to units that may be granted: lots and their shortages added up, safety kept back."""
        free: dict[UUID, dict[UUID, int]] = defaultdict(dict)
        for place in self._lots:
            if place.condition == _SELLABLE:
                free[place.sku_id][place.location_id] = self.free_at(place)
        return free

    def free_at(self, place: Place, *, good_until_at: datetime | None = None) -> int:
        """Units that may be granted. good_until_at: of lots alone that are good until then."""
        free = 0
        for row in self._lots.get(place, ()):
            if row.expires_at is None or self._now is None or row.expires_at > self._now:
                free += row.on_hand - row.reserved - row.safety
                if good_until_at and not self.is_good(row.key, good_until_at):
                    free -= max(0, row.on_hand - row.reserved)
        return max(0, free)

    def is_good(self, key: StockKey, until_at: datetime) -> bool:
        """Whether the lot of a row can still be sold then."""
        ends_at = self._rows[key].expires_at
        return ends_at is None or ends_at >= until_at

    def sellable_on_hand(self) -> dict[tuple[UUID, UUID], int]:
        """Sellable units by SKU and location, reserved or not."""
        return {
            place[:2]: sum(row.on_hand for row in rows)
            for place, rows in self._lots.items()
            if place.condition == _SELLABLE
        }

    def lots(self) -> dict[tuple[UUID, UUID], list[tuple[datetime, int]]]:
        """Free units of the lots that end, by SKU and location, with the moment from which they cannot be sold."""
        return {
            place[:2]: [
                (row.expires_at, max(0, row.on_hand - row.reserved))
                for row in rows
                if row.expires_at and (self._now is None or row.expires_at > self._now)
            ]
            for place, rows in self._lots.items()
            if place.condition == _SELLABLE
        }

    def claim(
        self, place: Place, units: int, *, until_at: datetime | None, good_until_at: datetime | None = None
    ) -> list[tuple[StockKey, int]]:
        """Reserve units that are free at a place; return from which rows how many.

        Of lots that end, the first to end goes out first, before those that never do (FEFO, INV-14); one that is out
        of date, or would be at `good_until_at`, stays.
        """
        taken = []
        least = good_until_at or self._now
        for row in sorted(self._lots[place], key=_fefo):
            if row.expires_at and ((least and row.expires_at < least) or (self._now and row.expires_at <= self._now)):
                continue
            part = min(units, max(0, row.on_hand - row.reserved))
            if part:
                row.reserved += part
                row.claimed += part
                row.is_changed = True
                if until_at and (row.first_expiry_at is None or until_at < row.first_expiry_at):
                    row.first_expiry_at = until_at
                taken.append((row.key, part))
                units -= part
            if not units:
                break
        assert not units, "more was granted than is free"
        return taken

    def change(self, key: StockKey, *, moved: int = 0, claimed: int = 0) -> None:
        row = self._rows[key]
        row.on_hand += moved
        row.reserved += claimed
        row.moved += moved
        row.claimed += claimed
        row.is_changed = True

    def keys_due(self, now: datetime) -> list[StockKey]:
        """Rows on which a soft claim may have ended."""
        return [key for key, row in self._rows.items() if row.first_expiry_at and row.first_expiry_at <= now]

    def set_first_expiry(self, key: StockKey, at: datetime | None) -> None:
        row = self._rows[key]
        row.first_expiry_at = at
        row.is_changed = True

    def changed(self) -> list[_Row]:
        return [row for row in self._rows.values() if row.is_changed]


def _fefo(row: _Row) -> tuple[bool, float, str]:
    return (row.expires_at is None, row.expires_at.timestamp() if row.expires_at else 0, row.key.lot)


_places = arrays("place", sku_id=Uuid(), location_id=Uuid(), condition=Key)
_lock = (
    select(
        stock.c.sku_id,
        stock.c.location_id,
        stock.c.condition,
        stock.c.lot,
        stock.c.on_hand,
        stock.c.reserved,
        stock.c.safety,
        stock.c.first_expiry_at,
        stock.c.expires_at,
    )
    .join_from(
        _places,
        stock,
        (stock.c.sku_id == _places.c.sku_id)
        & (stock.c.location_id == _places.c.location_id)
        & (stock.c.condition == _places.c.condition),
    )
    .order_by(stock.c.sku_id, stock.c.location_id, stock.c.condition, stock.c.lot)
)
_lock_all = _lock.with_for_update(key_share=True, of=stock)
_lock_idle = _lock.with_for_update(key_share=True, of=stock, skip_locked=True)


async def lock_rows(db: Connection, places: Collection[Place], *, now: datetime | None = None) -> LockedRows:
    """Lock every row of the places, in ascending order, waiting for whoever holds one."""
    rows = LockedRows(now)
    if places:
        await _lock_into(db, rows, places, waiting=True)
    return rows


async def lock_idle_rows(db: Connection, rows: LockedRows, places: Collection[Place]) -> None:
    """Add those rows that nobody holds. Out of order, but without waiting, so never a deadlock."""
    await _lock_into(db, rows, places, waiting=False)


async def _lock_into(db: Connection, rows: LockedRows, places: Collection[Place], *, waiting: bool) -> None:
    distinct = list(set(places))
    given = params(
        "place",
        sku_id=[place.sku_id for place in distinct],
        location_id=[place.location_id for place in distinct],
        condition=[place.condition for place in distinct],
    )
    for sku_id, location_id, condition, lot, *numbers in await db.execute(_lock_all if waiting else _lock_idle, given):
        rows.add(_Row(StockKey(sku_id, location_id, condition, lot), *numbers))


_changes = arrays(
    "change",
    sku_id=Uuid(),
    location_id=Uuid(),
    condition=Key,
    lot=Key,
    moved=Integer(),
    claimed=Integer(),
    first_expiry_at=Instant,
)
_write = (
    update(stock)
    .where(
        stock.c.sku_id == _changes.c.sku_id,
        stock.c.location_id == _changes.c.location_id,
        stock.c.condition == _changes.c.condition,
        stock.c.lot == _changes.c.lot,
    )
    .values(
        on_hand=stock.c.on_hand + _changes.c.moved,
        reserved=stock.c.reserved + _changes.c.claimed,
        first_expiry_at=_changes.c.first_expiry_at,
    )
)


async def write_rows(db: Connection, rows: LockedRows) -> None:
    """Write what was changed in the rows, in one statement."""
    changed = rows.changed()
    if not changed:
        return
    await db.execute(
        _write,
        params(
            "change",
            sku_id=[row.key.sku_id for row in changed],
            location_id=[row.key.location_id for row in changed],
            condition=[row.key.condition for row in changed],
            lot=[row.key.lot for row in changed],
            moved=[row.moved for row in changed],
            claimed=[row.claimed for row in changed],
            first_expiry_at=[row.first_expiry_at for row in changed],
        ),
    )
    for row in changed:
        row.moved, row.claimed, row.is_changed = 0, 0, False


def places_of(keys: Iterable[StockKey]) -> set[Place]:
    return {Place(*key[:3]) for key in keys}
