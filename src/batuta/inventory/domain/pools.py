"""Ring-fenced pools: units of a place that only some may have, from the channel down to the customer group (INV-07).

Pure. A fence is what one batch sees of rules and pools, and counts what its requests take from them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.inventory.domain.withholding import NOTHING_KEPT, Asker, BufferRule, Kept, Withholding
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code

POOLS_MAX = 2_000
DEPTH_MAX = 8

Place = tuple[UUID, UUID]
"""A SKU and a location."""

StockOfPool = tuple[UUID, UUID, UUID]
"""A pool, a SKU and a location."""


class OnEmpty(StrEnum):
    """What its own get of a place when the pool there is used up: units from what is common to all, or nothing."""

    COMMON = "common"
    REFUSE = "refuse"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """Whose units these are: all that is named must fit, the parent's too. From until_at on they are everybody's."""

    id: UUID
    code: Code
    parent_id: UUID | None = None
    channel_id: UUID | None = None
    region: Code | None = None
    customer_group: Code | None = None
    on_empty: OnEmpty = OnEmpty.COMMON
    until_at: datetime | None = None

    def is_for(self, asker: Asker) -> bool:
        return (
            self.channel_id in (None, asker.channel_id)
            and self.region in (None, asker.region)
            and self.customer_group in (None, asker.customer_group)
        )


class PoolStock(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a pool at a place: those given to it, and those of them that were claimed."""

    pool_id: UUID
    sku_id: UUID
    location_id: UUID
    allocated: int
    used: int

    @property
    def left(self) -> int:
        return self.allocated - self.used


class Allocate(msgspec.Struct, frozen=True, kw_only=True):
    """Give a pool units of a place, out of its parent's or of what is free; fewer than none gives them back there.

    source_id: another pool that the units come from, or go to.
    """

    pool_id: UUID
    sku_id: UUID
    location_id: UUID
    units: int
    source_id: UUID | None = None


class PoolRefusal(Refused):
    """Pools do not allow that."""


class UnknownPool(NotFound):
    """There is no such pool."""


class BadPool(Refused):
    """A pool belongs to a pool that is there, and not to itself."""


class Pools:
    """Every pool that may hold; never changed once made."""

    __slots__ = ("_by_id", "_paths")

    def __init__(self, pools: Iterable[Pool]) -> None:
        self._by_id = {one.id: one for one in pools}
        self._paths = {one.id: self._path(one) for one in self._by_id.values()}

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def of(self, asker: Asker, now: datetime) -> list[UUID]:
        """The pools that are open to who asks, the narrowest first."""
        mine = [
            (-len(path), path[0].code, pool_id)
            for pool_id, path in self._paths.items()
            if all(one.is_for(asker) for one in path) and self._is_open(path, now)
        ]
        return [pool_id for *_, pool_id in sorted(mine)]

    def __contains__(self, pool_id: UUID) -> bool:
        return pool_id in self._by_id

    def parent_of(self, pool_id: UUID) -> UUID | None:
        one = self._by_id.get(pool_id)
        return one.parent_id if one else None

    def is_open(self, pool_id: UUID, now: datetime) -> bool:
        path = self._paths.get(pool_id)
        return path is not None and self._is_open(path, now)

    def refuses(self, pool_id: UUID) -> bool:
        return self._by_id[pool_id].on_empty is OnEmpty.REFUSE

    def _is_open(self, path: Sequence[Pool], now: datetime) -> bool:
        return all(one.until_at is None or now < one.until_at for one in path)

    def _path(self, one: Pool) -> list[Pool]:
        """The pool and those above it."""
        path = [one]
        while (parent := self._by_id.get(path[-1].parent_id) if path[-1].parent_id else None) and len(path) < DEPTH_MAX:
            path.append(parent)
        return path


class Fence:
    """What a batch sees of rules and pools at some places, and what its requests have taken of the pools.

    on_hand: sellable units by SKU and location. stocks: of the pools there. lots: free units by the moment at which
    they can no longer be sold.
    """

    def __init__(
        self,
        withholding: Withholding,
        pools: Pools,
        *,
        on_hand: Mapping[Place, int],
        stocks: Iterable[PoolStock] = (),
        categories: Mapping[UUID, str] | None = None,
        lots: Mapping[Place, Sequence[tuple[datetime, int]]] | None = None,
        now: datetime,
    ) -> None:
        self._withholding, self._pools, self._now = withholding, pools, now
        self._on_hand = on_hand
        self._categories = categories or {}
        self._lots = {place: sorted(several) for place, several in (lots or {}).items()}
        self._left: dict[Place, dict[UUID, int]] = {}
        for one in stocks:
            if pools.is_open(one.pool_id, now) and one.allocated:
                self._left.setdefault((one.sku_id, one.location_id), {})[one.pool_id] = one.allocated - one.used
        self._rules: dict[tuple[Asker, UUID], list[BufferRule]] = {}
        self._mine: dict[Asker, list[UUID]] = {}

    def kept(self, asker: Asker, place: Place) -> Kept:
        """What rules and silence keep back there."""
        if self._withholding.is_empty():
            return NOTHING_KEPT
        sku_id, location_id = place
        rules = self._rules.get((asker, sku_id))
        if rules is None:
            category = self._categories.get(sku_id)
            rules = self._rules[asker, sku_id] = self._withholding.rules_for(asker, sku_id, category, self._now)
        return self._withholding.kept(rules, location_id, self._on_hand.get(place, 0))

    def fenced(self, asker: Asker, place: Place) -> int:
        """Units there that are in pools of others."""
        left = self._left.get(place)
        if not left:
            return 0
        mine = set(self._mine_of(asker))
        return sum(units for pool_id, units in left.items() if pool_id not in mine)

    def usable(self, asker: Asker, place: Place, free: int, *, good_until_at: datetime | None = None) -> int:
        """How many of the free units who asks may have."""
        usable = free - self.kept(asker, place).units - self.fenced(asker, place)
        if good_until_at is not None:
            usable -= sum(units for expires_at, units in self._lots.get(place, ()) if expires_at < good_until_at)
        left = self._left.get(place)
        if left:
            own = [pool_id for pool_id in self._mine_of(asker) if pool_id in left]
            if any(self._pools.refuses(pool_id) for pool_id in own):
                usable = min(usable, sum(left[pool_id] for pool_id in own))
        return max(0, usable)

    def take(
        self, asker: Asker, place: Place, units: int, *, good_until_at: datetime | None = None
    ) -> list[tuple[UUID | None, int]]:
        """Take units, of the asker's own pools first, the narrowest before all; say how many from which pool."""
        self._take_of_lots(place, units, good_until_at)
        taken: list[tuple[UUID | None, int]] = []
        left = self._left.get(place)
        for pool_id in self._mine_of(asker) if left else ():
            assert left is not None
            part = min(units, left.get(pool_id, 0))
            if part:
                left[pool_id] -= part
                units -= part
                taken.append((pool_id, part))
        return [*taken, (None, units)] if units else taken

    def _take_of_lots(self, place: Place, units: int, good_until_at: datetime | None) -> None:
        """The first to end goes first, of those that last."""
        lots = self._lots.get(place, [])
        for i, (expires_at, left) in enumerate(lots):
            if good_until_at is None or expires_at >= good_until_at:
                part = min(units, left)
                lots[i] = (expires_at, left - part)
                units -= part

    def _mine_of(self, asker: Asker) -> list[UUID]:
        mine = self._mine.get(asker)
        if mine is None:
            mine = self._mine[asker] = self._pools.of(asker, self._now)
        return mine


def allocate_all(
    asked: Sequence[Allocate], stocks: Iterable[PoolStock], pools: Pools, *, free: Mapping[Place, int], now: datetime
) -> tuple[list[PoolStock | PoolRefusal | UnknownPool], dict[StockOfPool, PoolStock]]:
    """Give units to pools and take them back, in order; answer how each pool stands then, and which changed.

    stocks: all pools' at these places. free: units there that nobody holds, in pools or not.
    """
    standing = {(one.pool_id, one.sku_id, one.location_id): one for one in stocks}
    changed: dict[StockOfPool, PoolStock] = {}
    outcomes: list[PoolStock | PoolRefusal | UnknownPool] = []
    for one in asked:
        try:
            after = _allocate(one, standing, pools, free, now)
        except (PoolRefusal, UnknownPool) as refusal:
            outcomes.append(refusal)
            continue
        for stock in after:
            key = (stock.pool_id, stock.sku_id, stock.location_id)
            standing[key] = changed[key] = stock
        outcomes.append(after[0])
    return outcomes, changed


def _allocate(
    one: Allocate, standing: Mapping[StockOfPool, PoolStock], pools: Pools, free: Mapping[Place, int], now: datetime
) -> list[PoolStock]:
    """The pool after it got its units, and the one that gave or got them.

    Raises:
        UnknownPool: there is no such pool. PoolRefusal: units are not where they should come from.
    """
    place = (one.sku_id, one.location_id)
    other_id = one.source_id or pools.parent_of(one.pool_id)
    for pool_id in (one.pool_id, other_id):
        if pool_id is not None and pool_id not in pools:
            raise UnknownPool("there is no such pool", id=str(pool_id))
    if other_id == one.pool_id:
        raise PoolRefusal("units go from one pool to another", id=str(one.pool_id))
    given = _given(standing, one.pool_id, place, one.units)
    if other_id is not None:
        return [given, _given(standing, other_id, place, -one.units)]
    fenced = sum(
        max(0, stock.left)
        for (pool_id, *at), stock in standing.items()
        if tuple(at) == place and pools.is_open(pool_id, now)
    )
    left = max(0, free.get(place, 0) - fenced)
    if one.units > left:
        facts = {"sku_id": str(one.sku_id), "location_id": str(one.location_id)}
        raise PoolRefusal("fewer units are free there", **facts, asked=one.units, left=left)
    return [given]


def _given(standing: Mapping[StockOfPool, PoolStock], pool_id: UUID, place: Place, units: int) -> PoolStock:
    """The pool's units of a place after it was given some; fewer than none are taken from it.

    Raises:
        PoolRefusal: it has not so many left.
    """
    nothing = PoolStock(pool_id=pool_id, sku_id=place[0], location_id=place[1], allocated=0, used=0)
    stock = standing.get((pool_id, *place), nothing)
    if stock.left + units < 0:
        raise PoolRefusal("the pool has fewer units left", pool_id=str(pool_id), asked=-units, left=stock.left)
    return msgspec.structs.replace(stock, allocated=stock.allocated + units)
