"""The JSON routes of the catalog."""

from batuta.catalog.api import lists, skus

ROUTES = [*skus.ROUTES, *lists.ROUTES]

__all__ = ["ROUTES"]
