"""What must be true of stock, claims and the ledger."""

from batuta.inventory.queries.feed_audit import FEED_LAWS
from batuta.inventory.queries.lots_audit import LOT_LAWS
from batuta.inventory.queries.pool_audit import POOL_LAWS
from batuta.inventory.queries.supply_audit import SUPPLY_LAWS
from batuta.inventory.queries.transfer_audit import COUNT_LAWS, TRANSFER_LAWS
from batuta.plumbing.audit import Law

AUDIT = (
    Law(
        "every stock row is the sum of its movements",
        """
        SELECT sku_id, location_id, condition, lot, coalesce(s.on_hand, 0) AS on_hand, coalesce(m.moved, 0) AS moved
        FROM inventory.stock s
        FULL JOIN (
            SELECT sku_id, location_id, condition, lot, sum(quantity) AS moved
            FROM (
                SELECT sku_id, target_location_id AS location_id, target_condition AS condition, lot, quantity
                FROM inventory.movement WHERE target_kind = 'location'
                UNION ALL
                SELECT sku_id, source_location_id, source_condition, lot, -quantity
                FROM inventory.movement WHERE source_kind = 'location'
            ) AS sides
            GROUP BY sku_id, location_id, condition, lot
        ) AS m USING (sku_id, location_id, condition, lot)
        WHERE coalesce(s.on_hand, 0) <> coalesce(m.moved, 0)
        """,
    ),
    Law(
        "reserved is the sum of held claims",
        """
        SELECT sku_id, location_id, condition, lot, coalesce(s.reserved, 0) AS reserved, coalesce(c.held, 0) AS held
        FROM inventory.stock s
        FULL JOIN (
            SELECT sku_id, location_id, condition, lot, sum(held) AS held
            FROM inventory.reservation WHERE held <> 0
            GROUP BY sku_id, location_id, condition, lot
        ) AS c USING (sku_id, location_id, condition, lot)
        WHERE coalesce(s.reserved, 0) <> coalesce(c.held, 0)
        """,
    ),
    Law(
        "what claims gave back is noted",
        """
        SELECT id, r.holder_id, r.quantity - r.held - r.consumed AS released, coalesce(n.units, 0) AS noted
        FROM inventory.reservation r
        FULL JOIN (
            SELECT reservation_id AS id, sum(units) AS units FROM inventory.release GROUP BY reservation_id
        ) AS n USING (id)
        WHERE coalesce(r.quantity - r.held - r.consumed, 0) <> coalesce(n.units, 0)
        """,
    ),
    Law(
        "no soft claim ends before its stock row says",
        """
        SELECT r.id, r.holder_id, r.expires_at, s.first_expiry_at
        FROM inventory.reservation r
        JOIN inventory.stock s USING (sku_id, location_id, condition, lot)
        WHERE r.expires_at < coalesce(s.first_expiry_at, 'infinity')
        """,
    ),
    Law(
        "nothing left a parcel that was not in it",
        """
        SELECT parcel_id, sku_id, lot, sum(quantity) AS units
        FROM (
            SELECT target_parcel_id AS parcel_id, sku_id, lot, quantity
            FROM inventory.movement WHERE target_kind = 'parcel'
            UNION ALL
            SELECT source_parcel_id, sku_id, lot, -quantity FROM inventory.movement WHERE source_kind = 'parcel'
        ) AS sides
        GROUP BY parcel_id, sku_id, lot HAVING sum(quantity) < 0
        """,
    ),
    *LOT_LAWS,
    *SUPPLY_LAWS,
    *FEED_LAWS,
    *POOL_LAWS,
    *COUNT_LAWS,
    *TRANSFER_LAWS,
)
