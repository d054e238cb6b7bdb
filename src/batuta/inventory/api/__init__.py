"""Routes of the inventory."""

from batuta.inventory.api import (
    ahead,
    availability,
    counts,
    feeds,
    imports,
    kits,
    lots,
    pools,
    replenishing,
    reservations,
    stock,
    supply,
    transfers,
    withholding,
    worth,
)

ROUTES = [
    *supply.ROUTES,
    *ahead.ROUTES,
    *availability.ROUTES,
    *withholding.ROUTES,
    *pools.ROUTES,
    *stock.ROUTES,
    *reservations.ROUTES,
    *counts.ROUTES,
    *transfers.ROUTES,
    *replenishing.ROUTES,
    *feeds.ROUTES,
    *imports.ROUTES,
    *lots.ROUTES,
    *kits.ROUTES,
    *worth.ROUTES,
]
