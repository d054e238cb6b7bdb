"""The JSON routes of what follows what: orders that are parked, what a person decides, what a customer chooses."""

from batuta.orchestration.api import overriding, parking, rerouting

ROUTES = [*parking.ROUTES, *overriding.ROUTES, *rerouting.ROUTES]

__all__ = ["ROUTES"]
