"""What must be true of feeds: what they corrected is in the ledger, and their silence is kept back."""

from batuta.plumbing.audit import Law

FEED_LAWS = (
    Law(
        "what a feed's counts corrected is what the ledger moved for them",
        """
        SELECT document_id, sku_id, location_id, condition, d.units, coalesce(m.moved, 0) AS moved
        FROM (
            SELECT document_id, sku_id, location_id, condition, sum(units) AS units
            FROM inventory.feed_difference WHERE is_corrected
            GROUP BY document_id, sku_id, location_id, condition
        ) AS d
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN target_kind = 'location' THEN quantity ELSE -quantity END) AS moved
            FROM inventory.movement m
            WHERE m.document_id = d.document_id AND m.sku_id = d.sku_id
                AND d.location_id IN (m.target_location_id, m.source_location_id)
                AND d.condition IN (m.target_condition, m.source_condition)
        ) AS m ON true
        WHERE d.units <> coalesce(m.moved, 0)
        """,
    ),
    Law(
        "a location keeps back for silence what the most silent of its feeds says",
        """
        SELECT location_id, coalesce(s.share_bp, 0) AS share_bp, coalesce(f.silent_bp, 0) AS silent_bp
        FROM inventory.silence s
        FULL JOIN (
            SELECT l.location_id, max(f.silent_bp) AS silent_bp
            FROM inventory.feed f JOIN inventory.feed_location l ON l.feed_id = f.id
            WHERE f.silent_bp > 0 GROUP BY l.location_id
        ) AS f USING (location_id)
        WHERE coalesce(s.share_bp, 0) <> coalesce(f.silent_bp, 0)
        """,
    ),
)
