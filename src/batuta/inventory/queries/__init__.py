"""Reads of stock, availability, claims and the ledger."""

from batuta.inventory.queries.audit import AUDIT
from batuta.inventory.queries.stock import (
    Available,
    StockLevel,
    all_claims_of,
    availability,
    claim_from,
    claims_by_holder,
    claims_of,
    free_places,
    holders_by_id,
    list_movements,
    list_stock,
    movement_from,
    movements_by_key,
    movements_of_document,
    stock_of,
)

__all__ = [
    "AUDIT",
    "Available",
    "StockLevel",
    "all_claims_of",
    "availability",
    "claim_from",
    "claims_by_holder",
    "claims_of",
    "free_places",
    "holders_by_id",
    "list_movements",
    "list_stock",
    "movement_from",
    "movements_by_key",
    "movements_of_document",
    "stock_of",
]
