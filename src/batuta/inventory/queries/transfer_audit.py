"""What must be true of counts and transfers."""

from batuta.plumbing.audit import Law

COUNT_LAWS = (
    Law(
        "every line of a posted count has moved what it differed by",
        """
        SELECT l.id, l.count_id, coalesce(l.variance, 0) AS variance, coalesce(m.units, 0) AS moved
        FROM inventory.count_line l
        LEFT JOIN LATERAL (
            SELECT CASE WHEN target_kind = 'location' THEN quantity ELSE -quantity END AS units
            FROM inventory.movement WHERE key = 'count:' || replace(CAST(l.id AS text), '-', '')
        ) AS m ON true
        WHERE coalesce(l.variance, 0) <> coalesce(m.units, 0)
        """,
    ),
    Law(
        "a place stands still only for a count that goes on",
        """
        SELECT s.sku_id, s.location_id, s.count_id
        FROM inventory.standstill s
        LEFT JOIN inventory.stock_count c ON c.id = s.count_id
        WHERE c.freezes IS DISTINCT FROM true OR c.status NOT IN ('open', 'counted')
        """,
    ),
)

TRANSFER_LAWS = (
    Law(
        "what is under way in a transfer is what its lines lack",
        """
        SELECT transfer_id, sku_id, coalesce(l.missing, 0) AS missing, coalesce(m.units, 0) AS under_way
        FROM (
            SELECT transfer_id, sku_id, shipped - received - damaged - lost - sent_back AS missing
            FROM inventory.transfer_line
        ) AS l
        FULL JOIN (
            SELECT sides.transfer_id, sku_id, sum(quantity) AS units
            FROM (
                SELECT target_parcel_id AS transfer_id, sku_id, quantity
                FROM inventory.movement WHERE target_kind = 'parcel'
                UNION ALL
                SELECT source_parcel_id, sku_id, -quantity FROM inventory.movement WHERE source_kind = 'parcel'
            ) AS sides
            JOIN inventory.transfer t ON t.id = sides.transfer_id
            GROUP BY sides.transfer_id, sku_id
        ) AS m USING (transfer_id, sku_id)
        WHERE coalesce(l.missing, 0) <> coalesce(m.units, 0)
        """,
    ),
    Law(
        "a transfer claims what it has picked, until that is shipped",
        """
        SELECT l.id, l.transfer_id, l.picked, t.status, coalesce(r.held, 0) AS held
        FROM inventory.transfer_line l
        JOIN inventory.transfer t ON t.id = l.transfer_id
        LEFT JOIN LATERAL (
            SELECT sum(held) AS held FROM inventory.reservation WHERE holder_id = t.id AND line_id = l.id
        ) AS r ON true
        WHERE coalesce(r.held, 0) <> CASE
            WHEN t.status = 'picked' THEN l.picked WHEN t.status = 'approved' AND t.kind = 'order' THEN l.approved
            ELSE 0 END
        """,
    ),
    Law(
        "no more of a transfer is earmarked for orders than still comes of it",
        """
        SELECT l.id, l.transfer_id, t.status, sum(e.units) AS earmarked
        FROM inventory.earmark e
        JOIN inventory.transfer_line l ON l.id = e.transfer_line_id
        JOIN inventory.transfer t ON t.id = l.transfer_id
        GROUP BY l.id, t.id
        HAVING sum(e.units) > CASE
            WHEN t.status = 'approved' THEN l.approved WHEN t.status = 'picked' THEN l.picked
            WHEN t.status IN ('shipped', 'in_transit', 'received')
                THEN l.shipped - l.received - l.damaged - l.lost - l.sent_back
            ELSE 0 END
        """,
    ),
)
