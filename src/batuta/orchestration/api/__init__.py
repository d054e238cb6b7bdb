"""The JSON routes of what follows what: orders that are parked, and what a person decides about them."""

from batuta.orchestration.api import overriding, parking

ROUTES = [*parking.ROUTES, *overriding.ROUTES]

__all__ = ["ROUTES"]
