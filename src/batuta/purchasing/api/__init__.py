"""The JSON routes of purchasing: suppliers' terms, purchase orders, what suppliers answer, and their invoices."""

from batuta.purchasing.api import answering, invoices, purchases, suppliers

ROUTES = [*suppliers.ROUTES, *purchases.ROUTES, *answering.ROUTES, *invoices.ROUTES]

__all__ = ["ROUTES"]
