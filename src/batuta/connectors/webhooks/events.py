"""What this room tells; the stream is the endpoint."""

from uuid import UUID

from batuta.kernel.events import Event


class EndpointSaved(Event, frozen=True, kw_only=True):
    """An endpoint was made or changed. version: which one this made."""

    version: int
    url: str
    status: str


class SecretRotated(Event, frozen=True, kw_only=True):
    """secret_id: the new one."""

    secret_id: UUID


class EndpointTested(Event, frozen=True, kw_only=True):
    """Somebody wants to see a message arrive; this fact is sent to its endpoint, whatever else that one wants."""

    url: str


class EndpointDisabled(Event, frozen=True, kw_only=True):
    """The endpoint said that it is gone, or failed for days; nothing more becomes a delivery until it is enabled."""

    status: str
    reason: str


class DeliveryFailed(Event, frozen=True, kw_only=True):
    """A delivery was given up; it waits for a replay."""

    delivery_id: UUID
    event_type: str
    about: UUID
    tries: int
    reason: str
