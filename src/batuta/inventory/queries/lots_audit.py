"""What must be true of lots, serial numbers, unique pieces and kits."""

from batuta.plumbing.audit import Law

LOT_LAWS = (
    Law(
        "every lot is sold until the day it says, and not when it is called back",
        """
        SELECT s.sku_id, s.location_id, s.condition, s.lot, s.expires_at, told.expires_at AS told_expires_at
        FROM inventory.stock s
        JOIN inventory.lot l ON l.sku_id = s.sku_id AND l.code = s.lot
        JOIN locations.location p ON p.id = s.location_id
        CROSS JOIN LATERAL (
            SELECT least((l.expires_on + 1 - l.min_remaining_days)::timestamp AT TIME ZONE p.time_zone, l.recalled_at)
                AS expires_at
        ) AS told
        WHERE s.condition = 'sellable' AND s.on_hand > 0
          AND (s.expires_at > told.expires_at OR (s.expires_at IS NULL) <> (told.expires_at IS NULL))
        """,
    ),
    Law(
        "a piece with a serial number is an order line's exactly while it is packed or sold",
        """
        SELECT s.sku_id, s.serial, s.status, u.line_id
        FROM inventory.serial s
        LEFT JOIN inventory.serial_use u ON u.sku_id = s.sku_id AND u.serial = s.serial AND u.ended_at IS NULL
        WHERE (s.status IN ('packed', 'sold')) <> (u.line_id IS NOT NULL)
        """,
    ),
    Law(
        "of a unique piece there is one",
        """
        SELECT s.sku_id, sum(s.on_hand) AS units
        FROM inventory.stock s JOIN catalog.sku k ON k.id = s.sku_id AND k.is_unique
        GROUP BY s.sku_id HAVING sum(s.on_hand) > 1
        """,
    ),
    Law(
        "kits and their parts went in and out of every work on kits as it says",
        """
        SELECT told.id, told.sku_id, told.units, moved.units AS moved
        FROM (
            SELECT id, kit_id AS sku_id, CASE verb WHEN 'build' THEN quantity ELSE -quantity END AS units
            FROM inventory.kit_work
            UNION ALL
            SELECT w.id, (part ->> 'sku_id')::uuid,
                   CASE w.verb WHEN 'build' THEN -1 ELSE 1 END * w.quantity * (part ->> 'quantity')::int
            FROM inventory.kit_work w CROSS JOIN LATERAL jsonb_array_elements(w.parts) AS part
        ) AS told
        FULL JOIN (
            SELECT document_id AS id, sku_id, sum(CASE source_kind WHEN 'kit' THEN quantity ELSE -quantity END) AS units
            FROM inventory.movement WHERE source_kind = 'kit' OR target_kind = 'kit' GROUP BY 1, 2
        ) AS moved USING (id, sku_id)
        WHERE told.units IS DISTINCT FROM moved.units
        """,
    ),
)
