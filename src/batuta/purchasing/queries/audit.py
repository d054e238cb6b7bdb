"""What must be true of purchasing."""

from batuta.plumbing.audit import Law

AUDIT = (
    Law(
        "what a purchase order's line is invoiced for is the sum of the invoices that are to be paid",
        """
        SELECT l.id, l.purchase_id, l.invoiced, coalesce(i.units, 0) AS units
        FROM purchasing.purchase_line l
        LEFT JOIN (
            SELECT CAST(asked->>'purchase_line_id' AS uuid) AS line_id, sum(CAST(asked->>'quantity' AS bigint)) AS units
            FROM purchasing.invoice, jsonb_array_elements(lines) AS asked
            WHERE status IN ('matched', 'accepted') GROUP BY 1
        ) AS i ON i.line_id = l.id
        WHERE l.invoiced <> coalesce(i.units, 0)
        """,
    ),
    Law(
        "a purchase order came to its status by the last of its steps",
        """
        SELECT p.id, p.status FROM purchasing.purchase p
        WHERE NOT EXISTS (
            SELECT FROM purchasing.purchase_step s
            WHERE s.purchase_id = p.id AND s.status = p.status
              AND s.at = (SELECT max(at) FROM purchasing.purchase_step WHERE purchase_id = p.id)
        )
        """,
    ),
)
