"""What the database holds at the end, held against the file."""

from typing import Any

from sqlalchemy import text

from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.worker import LAWS
from examples.online_retail.reading import Data

COUNTS = {
    "orders": 'SELECT count(*) FROM ordering."order"',
    "order_lines": "SELECT count(*) FROM ordering.line",
    "returns": "SELECT count(*) FROM returns.return",
    "return_lines": "SELECT count(*) FROM returns.return_line",
    "units_sold": "SELECT sum(quantity)::bigint FROM inventory.movement WHERE reason = 'ship'",
    "units_returned": "SELECT coalesce(sum(quantity), 0)::bigint FROM inventory.movement"
    " WHERE reason = 'return_receive'",
    "units_left": "SELECT sum(on_hand)::bigint FROM inventory.stock WHERE condition = 'sellable'",
    "paid_minor": "SELECT sum(amount_minor)::bigint FROM payments.entry WHERE kind = 'capture'",
    "credited_minor": "SELECT coalesce(sum(amount_minor), 0)::bigint FROM returns.refund",
}


async def report(db: Connection, data: Data) -> dict[str, Any]:
    """The figures of an import; what was stored is counted in the database, what was refused in the file."""
    counts = {name: await db.scalar(text(query)) for name, query in COUNTS.items()}
    verdicts = await examine(db, LAWS)
    accepted = counts["order_lines"] + counts["return_lines"]
    return {
        "lines_in": data.lines_in,
        "lines_accepted": accepted,
        "lines_refused": sum(data.refused.values()),
        "invoices_in": data.invoices_in,
        "orders": counts["orders"],
        "returns": counts["returns"],
        "refused_invoices": sum(data.refused_invoices.values()),
        "refused": {str(reason): count for reason, count in sorted(data.refused.items())},
        "refused_invoices_by_reason": {str(reason): count for reason, count in sorted(data.refused_invoices.items())},
        "units_sold": counts["units_sold"],
        "units_returned": counts["units_returned"],
        "units_left": counts["units_left"],
        "paid_minor": counts["paid_minor"],
        "paid_as_expected": counts["paid_minor"] == _worth(data, is_cancellation=False),
        "credited_minor": counts["credited_minor"],
        "credited_as_expected": counts["credited_minor"] == _worth(data, is_cancellation=True),
        "ledger_ok": not any(verdict.broken for verdict in verdicts),
        "laws_broken": {verdict.law: verdict.rows[:3] for verdict in verdicts if verdict.broken},
    }


def _worth(data: Data, *, is_cancellation: bool) -> int:
    return sum(
        line.price_minor * line.quantity for invoice, line in data.lines if invoice.is_cancellation is is_cancellation
    )
