"""What receivers read: a fact as Standard Webhooks or as CloudEvents write it."""

from datetime import datetime
from typing import Any

import msgspec

from batuta.connectors.webhooks.domain.deliveries import Posting, Taken, Told
from batuta.connectors.webhooks.domain.endpoints import Content, Format
from batuta.connectors.webhooks.domain.signing import headers_of

SCHEMA_VERSION = 1
"""Of the data of facts: fields are only ever added."""

SOURCE = "/batuta"
CONTENT_TYPES = {Format.STANDARD: "application/json", Format.CLOUDEVENTS: "application/cloudevents+json"}
WITHHELD = {"fulfillment.ready_for_pickup": frozenset({"code"})}
"""Fields that are told to nobody outside: whoever has the code gets the goods."""


def posting_of(taken: Taken, *, now: datetime) -> Posting:
    """The request that sends a delivery."""
    body = body_of(taken.told, format_=taken.format, content=taken.content)
    return Posting(
        url=taken.url,
        headers={
            "content-type": CONTENT_TYPES[taken.format],
            **headers_of(taken.told.id, body, secrets=taken.secrets, at=now),
        },
        body=body,
    )


def body_of(told: Told, *, format_: Format, content: Content) -> bytes:
    """A fact as JSON."""
    data = _data(told, content)
    if format_ is Format.CLOUDEVENTS:
        event = {
            "specversion": "1.0",
            "id": str(told.id),
            "source": SOURCE,
            "type": told.type,
            "subject": str(told.stream),
            "partitionkey": str(told.stream),
            "time": told.happened_at,
            "schemaversion": SCHEMA_VERSION,
            "datacontenttype": "application/json",
            "data": data,
        }
        return msgspec.json.encode(event)
    return msgspec.json.encode(
        {
            "type": told.type,
            "timestamp": told.happened_at,
            "id": str(told.id),
            "stream": str(told.stream),
            "schema_version": SCHEMA_VERSION,
            "data": data,
        }
    )


def _data(told: Told, content: Content) -> dict[str, Any]:
    withheld = WITHHELD.get(told.type, frozenset())
    data = {name: value for name, value in told.data.items() if name not in withheld}
    if content is Content.FULL:
        return data
    return {name: value for name, value in data.items() if name == "id" or name.endswith(("_id", "_ids"))}
