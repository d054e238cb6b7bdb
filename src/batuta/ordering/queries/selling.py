"""By whom and of what everything was sold: what the database itself does not check (see decision 0044)."""

from batuta.plumbing.audit import Law

SELLING_LAWS = (
    Law(
        "every order is of a channel, and every line of a SKU, that is there",
        """
        SELECT o.id FROM ordering."order" o
        WHERE NOT EXISTS (SELECT FROM company.channel c WHERE c.id = o.channel_id)
        UNION ALL
        SELECT l.id FROM ordering.line l WHERE NOT EXISTS (SELECT FROM catalog.sku s WHERE s.id = l.sku_id)
        """,
    ),
)
