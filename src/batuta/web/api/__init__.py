"""The routes of the pages. They are for browsers: each answers a whole page, or sends the browser on to one."""

from batuta.web.api import cancelling, frame, orders, proofing, rerouting, sessions

ROUTES = [*frame.ROUTES, *sessions.ROUTES, *orders.ROUTES, *cancelling.ROUTES, *rerouting.ROUTES, *proofing.ROUTES]

__all__ = ["ROUTES"]
