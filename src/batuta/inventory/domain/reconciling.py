"""Reconciling counts with the ledger: what a count of earlier means for the units that are there now (INV-09).

A count is true for the moment of its cut. What the ledger moved since is added to it, so that a sale since the cut is
neither undone by the count nor made twice; what is then still different is what was lost or found.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.inventory.domain.accounts import Account, Condition, Movement, MovementReason, StockKey
from batuta.inventory.domain.feeds import Counts, DeltaReason

Place = tuple[UUID, UUID, str]
"""A SKU at a location in a condition, whatever the lot."""

_CUSTOMERS = frozenset({"sale_pos", "return_receive"})
LOTLESS = ""


class Level(msgspec.Struct, frozen=True):
    """A stock row as it is under lock."""

    on_hand: int
    reserved: int


class Since(msgspec.Struct, frozen=True):
    """What happened to a stock row after a cut.

    moved: units that came, less those that went. issued: units that went by consuming claims. held, consumed: units
    of claims made after the cut, as they are now.
    """

    moved: int = 0
    issued: int = 0
    held: int = 0
    consumed: int = 0


NOTHING = Since()


class Count(msgspec.Struct, frozen=True):
    """Units that somebody counted at a place, in one lot or, without a lot, in all."""

    place: Place
    lot: str
    units: int


class Known(msgspec.Struct, frozen=True):
    """An earlier count of a place."""

    lot: str
    cut_at: datetime


class Finding(msgspec.Struct, frozen=True):
    """What a count comes to. expected: what the ledger says; target: what it should say; shares: by how much each row
    is to change.
    """

    expected: int
    target: int
    shares: dict[StockKey, int]

    @property
    def difference(self) -> int:
        return self.target - self.expected


def rows_at(rows: Iterable[StockKey]) -> dict[Place, list[StockKey]]:
    """The stock rows of each place, lot by lot."""
    found: dict[Place, list[StockKey]] = {}
    for key in sorted(rows):
        found.setdefault(key[:3], []).append(key)
    return found


def covered(count: Count, rows: Mapping[Place, list[StockKey]], *, told_apart: bool) -> list[StockKey]:
    """The stock rows that a count speaks of: its lot's, or those of all lots where the sender tells none apart."""
    own = StockKey(*count.place, count.lot)
    if count.lot or told_apart:
        return [own]
    return rows.get(count.place) or [own]


def reconcile(
    count: Count,
    keys: Sequence[StockKey],
    rows: Mapping[StockKey, Level],
    since: Mapping[StockKey, Since],
    counts: Counts,
) -> Finding:
    """Say what a count means for the rows it covers, as they are now."""
    expected = sum(rows[key].on_hand for key in keys if key in rows)
    target = count.units + sum(since.get(key, NOTHING).moved for key in keys)
    if counts is Counts.AVAILABLE:
        target += sum(committed(rows[key], since.get(key, NOTHING)) for key in keys if key in rows)
    target = max(0, target)
    return Finding(expected, target, _shares(target - expected, keys, rows))


def committed(row: Level, since: Since) -> int:
    """Units of a row that were claimed at the cut: still held from before it, or handed out of it since.

    A claim that was given back since is not among them: nothing says when. Until the next count, that sells too few.
    """
    return max(0, row.reserved - since.held) + max(0, since.issued - since.consumed)


def _shares(units: int, keys: Sequence[StockKey], rows: Mapping[StockKey, Level]) -> dict[StockKey, int]:
    """Give found units to the only row, or to that without a lot; take missing ones from what nobody has claimed."""
    if not units:
        return {}
    if units > 0:
        return {keys[0] if len(keys) == 1 else StockKey(*keys[0][:3], LOTLESS): units}
    shares = dict.fromkeys(keys, 0)
    missing = -units
    for is_last in (False, True):
        for key in keys:
            row = rows.get(key, Level(0, 0))
            left = row.on_hand + shares[key]
            taken = min(missing, left if is_last else max(0, left - row.reserved))
            shares[key] -= taken
            missing -= taken
    assert not missing, "more is missing than there is"
    return {key: share for key, share in shares.items() if share}


def newest_cut(count_lot: str, known: Iterable[Known]) -> datetime | None:
    """When a place was last counted, as far as the lot is concerned."""
    return max((one.cut_at for one in known if one.lot in {count_lot, LOTLESS} or not count_lot), default=None)


class Told(msgspec.Struct, frozen=True):
    """By which document, by whom and for which moment units are told."""

    document_id: UUID
    actor: str
    at: datetime


def correction(told: Told, key: StockKey, units: int, *, movement_key: str) -> Movement:
    """The movement that puts a row right: lost units go to loss, found ones come from it."""
    return _movement(told, key, units, (Account.loss(), MovementReason.COUNT), movement_key)


def change(told: Told, key: StockKey, units: int, reason: DeltaReason, *, movement_key: str) -> Movement:
    """The movement that a delta tells."""
    outside = Account.loss()
    if reason == "receipt":
        outside = Account.supplier()
    elif reason in _CUSTOMERS:
        outside = Account.customer()
    return _movement(told, key, units, (outside, MovementReason(reason)), movement_key)


def _movement(
    told: Told, key: StockKey, units: int, why: tuple[Account, MovementReason], movement_key: str
) -> Movement:
    outside, reason = why
    here = Account.location(key.location_id, Condition(key.condition))
    return Movement(
        key=movement_key,
        sku_id=key.sku_id,
        quantity=abs(units),
        source=outside if units > 0 else here,
        target=here if units > 0 else outside,
        lot=key.lot,
        reason=reason,
        document_id=told.document_id,
        actor=told.actor,
        effective_at=told.at,
    )
