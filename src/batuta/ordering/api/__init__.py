"""The routes of ordering."""

from batuta.ordering.api import carts, orders, placing, substituting

ROUTES = [*placing.ROUTES, *orders.ROUTES, *carts.ROUTES, *substituting.ROUTES]
