"""Endpoints: where to, and what of."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.connectors.webhooks.domain.breaker import Breaker
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Prose, Text

ENDPOINTS_MAX = 200
OVERLAP_HOURS_MAX = 168
TESTED = "webhooks.endpoint_tested"
"""The one fact of this room that is delivered: to the endpoint it is about, whatever else that one wants."""

Wanted = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^(\*|[a-z_]+\.(\*|[a-z0-9_]+))$")]
"""The name of a fact (`ordering.order_placed`), all facts of a room (`ordering.*`), or all (`*`)."""


class UnknownEndpoint(NotFound):
    """No endpoint of that id, or none that the asker may see."""


class UnknownEventType(Refused):
    """No fact has that name; `near` are those that look like it."""


class Format(StrEnum):
    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"


class Content(StrEnum):
    """Whether a message says all of the fact, or only the ids by which to ask for it."""

    FULL = "full"
    THIN = "thin"


class EndpointStatus(StrEnum):
    """paused: by a person; deliveries wait. gone: it said so (410). unreachable: it failed for days."""

    ENABLED = "enabled"
    PAUSED = "paused"
    GONE = "gone"
    UNREACHABLE = "unreachable"
    DELETED = "deleted"


ENDPOINT_MOVES = {
    EndpointStatus.ENABLED: set(EndpointStatus),
    EndpointStatus.PAUSED: {EndpointStatus.ENABLED, EndpointStatus.DELETED},
    EndpointStatus.GONE: {EndpointStatus.ENABLED, EndpointStatus.PAUSED, EndpointStatus.DELETED},
    EndpointStatus.UNREACHABLE: {EndpointStatus.ENABLED, EndpointStatus.PAUSED, EndpointStatus.DELETED},
    EndpointStatus.DELETED: set[EndpointStatus](),
}

LISTENING = (EndpointStatus.ENABLED, EndpointStatus.PAUSED)
"""For these, facts become deliveries; what the others missed is sent by a replay."""


class EndpointTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent where. channel_id: only facts about orders of this channel; without it, all."""

    url: Text
    event_types: Annotated[tuple[Wanted, ...], msgspec.Meta(min_length=1, max_length=100)]
    description: Prose = ""
    channel_id: UUID | None = None
    format: Format = Format.STANDARD
    content: Content = Content.FULL


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it stands. reason: why it is no longer enabled."""

    id: UUID
    url: str
    event_types: tuple[str, ...]
    description: str
    channel_id: UUID | None
    format: Format
    content: Content
    status: EndpointStatus
    reason: str
    version: int
    created_at: datetime
    updated_at: datetime
    breaker: Breaker = Breaker()

    def wants(self, type_: str) -> bool:
        """Whether facts of this name are sent here."""
        room = type_.partition(".")[0]
        if room == "webhooks":
            return False
        return not {"*", f"{room}.*", type_}.isdisjoint(self.event_types)
