"""Who asks: the guard of all routes, and the routes of sessions, staff and keys."""

from batuta.identity.api import keys, openid, sessions, staff
from batuta.identity.api.guard import guard_of
from batuta.identity.api.openid import PROVIDER

ROUTES = [*sessions.ROUTES, *openid.ROUTES, *staff.ROUTES, *keys.ROUTES]

__all__ = ["PROVIDER", "ROUTES", "guard_of"]
