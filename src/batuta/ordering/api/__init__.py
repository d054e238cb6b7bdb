"""The routes of ordering."""

from batuta.ordering.api import carts, orders, placing

ROUTES = [*placing.ROUTES, *orders.ROUTES, *carts.ROUTES]
