"""Reads of suppliers, purchase orders and invoices."""

from batuta.purchasing.queries.audit import AUDIT
from batuta.purchasing.queries.purchases import (
    PurchaseFilter,
    invoices_of,
    list_purchases,
    purchase_ids_of_work,
    purchases_by_id,
)
from batuta.purchasing.queries.suppliers import SUPPLIERS, all_suppliers, costs_at, list_costs, suppliers_by_id

__all__ = [
    "AUDIT",
    "SUPPLIERS",
    "PurchaseFilter",
    "all_suppliers",
    "costs_at",
    "invoices_of",
    "list_costs",
    "list_purchases",
    "purchase_ids_of_work",
    "purchases_by_id",
    "suppliers_by_id",
]
