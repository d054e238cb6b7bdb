"""Webhooks for those who manage them."""

from batuta.connectors.webhooks.api import deliveries, endpoints
from batuta.connectors.webhooks.api.endpoints import ALLOW_PRIVATE

ROUTES = [
    endpoints.list_event_types,
    endpoints.list_endpoints,
    endpoints.add_endpoint,
    endpoints.get_endpoint,
    endpoints.put_endpoint,
    endpoints.remove_endpoint,
    endpoints.enable_endpoint,
    endpoints.pause_endpoint,
    endpoints.add_secret,
    endpoints.test_endpoint,
    deliveries.list_deliveries,
    deliveries.replay_of_time,
    deliveries.replay_of_stream,
    deliveries.get_delivery,
    deliveries.replay_of_delivery,
]

__all__ = ["ALLOW_PRIVATE", "ROUTES"]
