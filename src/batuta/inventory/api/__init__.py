"""Routes of the inventory."""

from batuta.inventory.api import reservations, stock

ROUTES = [*stock.ROUTES, *reservations.ROUTES]
