"""Stock as it was: what lay where at an earlier moment, and what of it was claimed, told back from how it is now.

On hand follows from the ledger; claims follow from when they were granted, handed out and given back.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text

from batuta.inventory.domain.past import Change, Level, PastClaim
from batuta.inventory.tables import release, reservation
from batuta.plumbing.database import Connection, Instant, rows_with

_LEVELS = text(
    """
    SELECT s.sku_id, s.location_id, s.lot, s.on_hand, s.reserved - coalesce(ended.held, 0) AS reserved, s.safety,
           s.expires_at
    FROM inventory.stock s
    LEFT JOIN LATERAL (
        SELECT sum(r.held)::integer AS held FROM inventory.reservation r
        WHERE (r.sku_id, r.location_id, r.condition, r.lot) = (s.sku_id, s.location_id, s.condition, s.lot)
          AND r.expires_at <= :now
    ) AS ended ON s.first_expiry_at <= :now
    WHERE s.sku_id = ANY(:sku_ids) AND s.condition = 'sellable'
    """
).bindparams(bindparam("sku_ids", type_=ARRAY(Uuid())), bindparam("now", type_=Instant))

_CHANGES = text(
    """
    SELECT recorded_at AS at, sku_id, target_location_id AS location_id, lot, quantity AS on_hand, 0 AS reserved,
           NULL::uuid AS holder_id
    FROM inventory.movement
    WHERE sku_id = ANY(:sku_ids) AND recorded_at >= :since AND target_condition = 'sellable'
    UNION ALL
    SELECT recorded_at, sku_id, source_location_id, lot, -quantity,
           CASE WHEN reason IN ('pack', 'transfer_out') AND target_kind IN ('parcel', 'customer')
                THEN -quantity ELSE 0 END, NULL
    FROM inventory.movement
    WHERE sku_id = ANY(:sku_ids) AND recorded_at >= :since AND source_condition = 'sellable'
    UNION ALL
    SELECT created_at, sku_id, location_id, lot, 0, quantity, holder_id
    FROM inventory.reservation
    WHERE sku_id = ANY(:sku_ids) AND created_at >= :since
    UNION ALL
    SELECT released_at, sku_id, location_id, lot, 0, -units, holder_id
    FROM inventory.release
    WHERE sku_id = ANY(:sku_ids) AND released_at >= :since
    UNION ALL
    SELECT expires_at, sku_id, location_id, lot, 0, -held, holder_id
    FROM inventory.reservation
    WHERE sku_id = ANY(:sku_ids) AND expires_at BETWEEN :since AND :now
    ORDER BY at
    """
).bindparams(
    bindparam("sku_ids", type_=ARRAY(Uuid())),
    bindparam("since", type_=Instant),
    bindparam("now", type_=Instant),
)

_CLAIMS = (
    select(
        reservation.c.id,
        reservation.c.holder_id,
        reservation.c.line_id,
        reservation.c.sku_id,
        reservation.c.location_id,
        reservation.c.quantity,
        reservation.c.created_at,
    )
    .where(reservation.c.holder_id == any_(bindparam("holder_ids", type_=ARRAY(Uuid(), dimensions=1))))
    .order_by(reservation.c.created_at, reservation.c.id)
)


async def levels_of(db: Connection, sku_ids: Collection[UUID], *, now: datetime) -> list[Level]:
    """Every sellable row of the SKUs as it stands; claims that have ended do not count."""
    return [Level(**row) for row in await db.execute(_LEVELS, {"sku_ids": list(sku_ids), "now": now})]


async def changes_since(
    db: Connection, sku_ids: Collection[UUID], *, since: datetime, now: datetime
) -> Sequence[Change]:
    """What happened to sellable rows of the SKUs from a moment on, in order of time."""
    given = {"sku_ids": list(sku_ids), "since": since, "now": now}
    return [Change(**row) for row in await db.execute(_CHANGES, given)]


async def past_claims_of(db: Connection, holder_ids: Collection[UUID]) -> dict[UUID, list[PastClaim]]:
    """Every claim the holders ever had, with its times."""
    found: dict[UUID, list[PastClaim]] = {holder_id: [] for holder_id in holder_ids}
    rows = (await db.execute(_CLAIMS, {"holder_ids": list(holder_ids)})).all()
    given_back: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
    for noted in await rows_with(db, release.c.reservation_id, [row.id for row in rows]):
        given_back[noted["reservation_id"]].append((noted["released_at"], noted["units"]))
    for row in rows:
        found[row.holder_id].append(
            PastClaim(
                holder_id=row.holder_id,
                line_id=row.line_id,
                sku_id=row.sku_id,
                location_id=row.location_id,
                quantity=row.quantity,
                created_at=row.created_at,
                releases=given_back.get(row.id, ()),
            )
        )
    return found
