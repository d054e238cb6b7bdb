"""What can be done with suppliers, purchase orders and invoices."""

from batuta.purchasing.commands.answering import acknowledge, refuse, ship
from batuta.purchasing.commands.following import follow_work
from batuta.purchasing.commands.invoicing import accept_invoices, record_invoices
from batuta.purchasing.commands.requesting import approve, order_from_suppliers
from batuta.purchasing.commands.terms import save_suppliers, set_costs

__all__ = [
    "accept_invoices",
    "acknowledge",
    "approve",
    "follow_work",
    "order_from_suppliers",
    "record_invoices",
    "refuse",
    "save_suppliers",
    "set_costs",
    "ship",
]
