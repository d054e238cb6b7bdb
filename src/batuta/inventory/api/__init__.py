"""Routes of the inventory."""

from batuta.inventory.api import availability, feeds, imports, reservations, stock, withholding

ROUTES = [*availability.ROUTES, *withholding.ROUTES, *stock.ROUTES, *reservations.ROUTES, *counts.ROUTES, *transfers.ROUTES, *feeds.ROUTES, *imports.ROUTES]
