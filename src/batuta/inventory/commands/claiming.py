"""Claims under lock: the one way in which this room reads claims that it is going to change, and writes them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import IntegrityConstraintViolationError
from sqlalchemy import Uuid, update

from batuta.inventory.domain import Claim, ClaimKind, ClaimStatus, Overtaken, StockKey, claim_id
from batuta.inventory.queries import claim_from, claims_by_holder
from batuta.inventory.tables import pool_stock, release, reservation
from batuta.plumbing.database import Connection, Instant, Integer, Text, arrays, insert_rows, params

PoolKey = tuple[UUID, UUID, UUID]
"""A pool, a SKU and a location."""


class LockedClaims:
    """Every claim that some holders ever had, as it will be once `write_claims` has written what is changed or new."""

    def __init__(self, claims: Iterable[Claim], *, now: datetime) -> None:
        self._now = now
        self._claims: dict[UUID, Claim] = {}
        self._of_line: dict[UUID, dict[UUID, list[UUID]]] = defaultdict(lambda: defaultdict(list))
        self._changed: set[UUID] = set()
        self._made: list[Claim] = []
        self._released: list[dict[str, object]] = []
        self._of_pools: dict[PoolKey, int] = defaultdict(int)
        for claim in claims:
            self._add(claim)

    def of(self, holder_id: UUID, line_id: UUID | None = None) -> list[Claim]:
        """The claims of a holder, or of one of its lines, the oldest grant first."""
        lines = self._of_line[holder_id]
        found = lines[line_id] if line_id else [id_ for ids in lines.values() for id_ in ids]
        return [self._claims[id_] for id_ in found]

    def change(self, claim: Claim) -> None:
        """Replace a claim by what becomes of it; it may have gone to another holder or line."""
        old = self._claims[claim.id]
        released = old.held + old.consumed - claim.held - claim.consumed
        if released:
            self._released.append(release_row(claim, units=released, at=self._now))
        if claim.pool_id is not None:
            self._pooled(claim, claim.held + claim.consumed - old.held - old.consumed)
        if (old.holder_id, old.line_id) != (claim.holder_id, claim.line_id):
            self._of_line[old.holder_id][old.line_id].remove(claim.id)
            self._of_line[claim.holder_id][claim.line_id].append(claim.id)
        self._claims[claim.id] = claim
        self._changed.add(claim.id)

    def make(
        self,
        holder_id: UUID,
        line_id: UUID,
        row: StockKey,
        quantity: int,
        *,
        until_at: datetime | None,
        pool_id: UUID | None = None,
        good_until_at: datetime | None = None,
    ) -> Claim:
        """Make a line's next claim; its position is part of its id."""
        ids = self._of_line[holder_id][line_id]
        position = sum(self._claims[id_].sku_id == row.sku_id for id_ in ids)
        claim = Claim(
            id=claim_id(holder_id, line_id, row.sku_id, position),
            holder_id=holder_id,
            line_id=line_id,
            sku_id=row.sku_id,
            location_id=row.location_id,
            condition=row.condition,
            lot=row.lot,
            quantity=quantity,
            held=quantity,
            consumed=0,
            kind=ClaimKind.SOFT if until_at else ClaimKind.HARD,
            status=ClaimStatus.HELD,
            expires_at=until_at,
            created_at=self._now,
            pool_id=pool_id,
            good_until_at=good_until_at,
        )
        if pool_id is not None:
            self._pooled(claim, quantity)
        self._claims[claim.id] = claim
        ids.append(claim.id)
        self._made.append(claim)
        return claim

    def used_of_pools(self) -> dict[PoolKey, int]:
        """By how much more of each pool is claimed than when the claims were read."""
        return {key: units for key, units in self._of_pools.items() if units}

    def changed(self) -> list[Claim]:
        """The claims, new ones too, that are no longer as they were read or made."""
        return [self._claims[id_] for id_ in sorted(self._changed)]

    def released(self) -> list[dict[str, object]]:
        """What was given back, as rows."""
        return self._released

    def made(self) -> list[Claim]:
        """New claims as they were granted."""
        return sorted(self._made, key=lambda claim: claim.id)

    def _pooled(self, claim: Claim, units: int) -> None:
        assert claim.pool_id
        self._of_pools[claim.pool_id, claim.sku_id, claim.location_id] += units

    def _add(self, claim: Claim) -> None:
        self._claims[claim.id] = claim
        self._of_line[claim.holder_id][claim.line_id].append(claim.id)


# In the order of ids, so that two who lock one holder's claims never wait for each other.
_lock_claims = claims_by_holder.order_by(None).order_by(reservation.c.id).with_for_update()


async def lock_claims(db: Connection, holder_ids: Collection[UUID], *, now: datetime) -> LockedClaims:
    """Lock every claim the holders ever had."""
    if not holder_ids:
        return LockedClaims([], now=now)
    rows = await db.execute(_lock_claims, {"holder_ids": list(set(holder_ids))})
    claims = [claim_from(row) for row in rows]
    return LockedClaims(sorted(claims, key=lambda claim: (claim.created_at, claim.lot, claim.id)), now=now)


async def write_claims(db: Connection, claims: LockedClaims) -> None:
    """Write what was changed and made.

    Raises:
        Overtaken: somebody else has reserved for the same line since it was read. The ids are equal then, so a line
            is never reserved twice, whether or not callers lock it; run again, the other's claims are found.
    """
    await _insert(db, claims.made())
    changed = claims.changed()
    if changed:
        await _update(db, changed)
    await insert_rows(db, release, claims.released())
    await use_pools(db, claims.used_of_pools())


def release_row(claim: Claim, *, units: int, at: datetime) -> dict[str, object]:
    """Units that a claim gave back, as a row; the claim is as it is afterwards."""
    return {
        "reservation_id": claim.id,
        "held": claim.held,
        "units": units,
        "holder_id": claim.holder_id,
        "sku_id": claim.sku_id,
        "location_id": claim.location_id,
        "lot": claim.lot,
        "released_at": at,
    }


async def _insert(db: Connection, claims: Sequence[Claim]) -> None:
    """Insert claims in the order of their ids."""
    try:
        await insert_rows(db, reservation, [_row(claim) for claim in claims])
    except IntegrityConstraintViolationError as problem:
        raise Overtaken("someone else is reserving for the same line at this moment") from problem


def _row(claim: Claim) -> dict[str, object]:
    return {
        "id": claim.id,
        "holder_id": claim.holder_id,
        "line_id": claim.line_id,
        "sku_id": claim.sku_id,
        "location_id": claim.location_id,
        "condition": claim.condition,
        "lot": claim.lot,
        "quantity": claim.quantity,
        "held": claim.held,
        "consumed": claim.consumed,
        "kind": claim.kind,
        "status": claim.status,
        "expires_at": claim.expires_at,
        "created_at": claim.created_at,
        "pool_id": claim.pool_id,
        "good_until_at": claim.good_until_at,
    }


_given = arrays(
    "claim",
    id=Uuid(),
    holder_id=Uuid(),
    line_id=Uuid(),
    held=Integer(),
    consumed=Integer(),
    kind=Text(),
    status=Text(),
    expires_at=Instant,
    good_until_at=Instant,
)
_update_claims = (
    update(reservation)
    .where(reservation.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)


async def _update(db: Connection, claims: Sequence[Claim]) -> None:
    await db.execute(
        _update_claims,
        params(
            "claim",
            id=[claim.id for claim in claims],
            holder_id=[claim.holder_id for claim in claims],
            line_id=[claim.line_id for claim in claims],
            held=[claim.held for claim in claims],
            consumed=[claim.consumed for claim in claims],
            kind=[claim.kind.value for claim in claims],
            status=[claim.status.value for claim in claims],
            expires_at=[claim.expires_at for claim in claims],
            good_until_at=[claim.good_until_at for claim in claims],
        ),
    )


_used = arrays("used", pool_id=Uuid(), sku_id=Uuid(), location_id=Uuid(), units=Integer())
_use_pools = (
    update(pool_stock)
    .where(
        pool_stock.c.pool_id == _used.c.pool_id,
        pool_stock.c.sku_id == _used.c.sku_id,
        pool_stock.c.location_id == _used.c.location_id,
    )
    .values(used=pool_stock.c.used + _used.c.units)
)


async def use_pools(db: Connection, used: Mapping[PoolKey, int]) -> None:
    """Count units that are claimed from pools, or no longer. The places' stock rows are locked."""
    if used:
        pool_ids, sku_ids, location_ids = zip(*used, strict=True)
        given = params("used", pool_id=pool_ids, sku_id=sku_ids, location_id=location_ids, units=list(used.values()))
        await db.execute(_use_pools, given)
