"""What must be true of supply to come and of those who wait for it."""

from batuta.plumbing.audit import Law

SUPPLY_LAWS = (
    Law(
        "no receipt is promised beyond the units that it still brings",
        """
        SELECT e.id, e.status, e.quantity - e.received AS units, sum(p.units) AS pegged
        FROM inventory.expected e JOIN inventory.peg p ON p.expected_id = e.id
        GROUP BY e.id
        HAVING sum(p.units) > CASE WHEN e.status = 'open' THEN e.quantity - e.received ELSE 0 END
        """,
    ),
    Law(
        "no line is pegged to more units than it waits for",
        """
        SELECT p.line_id, p.sku_id, coalesce(w.units, 0) AS units, sum(p.units) AS pegged
        FROM inventory.peg p LEFT JOIN inventory.waiting w USING (line_id, sku_id)
        GROUP BY p.line_id, p.sku_id, w.units HAVING sum(p.units) > coalesce(w.units, 0)
        """,
    ),
    Law(
        "what is used of every limit is what waits under it",
        """
        SELECT sku_id, channel_id, l.used, coalesce(w.units, 0) AS waiting
        FROM inventory.backorder_limit l
        FULL JOIN (
            SELECT sku_id, channel_id, sum(units) AS units FROM inventory.waiting WHERE units > 0
            GROUP BY sku_id, channel_id
        ) AS w USING (sku_id, channel_id)
        WHERE coalesce(l.used, 0) <> coalesce(w.units, 0)
        """,
    ),
    Law(
        "every expected receipt has received what its documents say",
        """
        SELECT e.id, e.received, coalesce(r.came, 0) AS came
        FROM inventory.expected e
        LEFT JOIN (
            SELECT expected_id, sum(came) AS came FROM inventory.supply_run GROUP BY expected_id
        ) AS r ON r.expected_id = e.id
        WHERE e.received <> coalesce(r.came, 0)
        """,
    ),
)
