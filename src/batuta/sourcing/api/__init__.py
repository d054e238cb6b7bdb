"""The JSON routes of sourcing: why an order ships from where it ships, what is wanted of that, what is promised."""

from batuta.sourcing.api import decisions, glances, loads, overrides, pools, promises, slot_keeping, slots, strategies

ROUTES = [
    *decisions.ROUTES,
    *promises.ROUTES,
    *glances.ROUTES,
    *loads.ROUTES,
    *pools.ROUTES,
    *overrides.ROUTES,
    *slots.ROUTES,
    *slot_keeping.ROUTES,
    *strategies.ROUTES,
]

__all__ = ["ROUTES"]
