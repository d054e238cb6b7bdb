"""The JSON routes of pricing: what is asked for things, what they cost us, and setting both."""

from batuta.pricing.api import charges, lines, reading, setting

ROUTES = [*reading.ROUTES, *setting.ROUTES, *lines.ROUTES, *charges.ROUTES]

__all__ = ["ROUTES"]
