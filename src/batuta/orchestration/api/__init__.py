"""The JSON routes of what follows what: orders that are parked, and what a person decides about them."""

from batuta.orchestration.api import parking

ROUTES = [*parking.ROUTES]

__all__ = ["ROUTES"]
