"""The JSON routes of sourcing: why an order ships from where it ships, and what is promised before there is one."""

from batuta.sourcing.api import decisions, glances, promises, slot_keeping, slots

ROUTES = [*decisions.ROUTES, *promises.ROUTES, *glances.ROUTES, *slots.ROUTES, *slot_keeping.ROUTES]

__all__ = ["ROUTES"]
