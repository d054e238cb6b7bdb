"""What must be true of ring-fenced pools."""

from batuta.plumbing.audit import Law

POOL_LAWS = (
    Law(
        "what is used of a pool is what claims have of it",
        """
        SELECT pool_id, sku_id, location_id, coalesce(p.used, 0) AS used, coalesce(c.units, 0) AS claimed
        FROM inventory.pool_stock p
        FULL JOIN (
            SELECT pool_id, sku_id, location_id, sum(held + consumed) AS units
            FROM inventory.reservation WHERE pool_id IS NOT NULL AND held + consumed > 0
            GROUP BY pool_id, sku_id, location_id
        ) AS c USING (pool_id, sku_id, location_id)
        WHERE coalesce(p.used, 0) <> coalesce(c.units, 0)
        """,
    ),
)
