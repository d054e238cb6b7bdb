"""Secrets and signatures, as Standard Webhooks has them (https://www.standardwebhooks.com)."""

import hmac
import random
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

PREFIX = "whsec_"
SECRET_BYTES = 32
SECRETS_MAX = 3


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret shared with an endpoint. expires_at: when it no longer signs, because a newer one took over."""

    id: UUID
    endpoint_id: UUID
    secret: str
    created_at: datetime
    expires_at: datetime | None = None


def new_secret(chance: random.Random) -> str:
    """Make a secret of 256 bits."""
    return PREFIX + b64encode(chance.randbytes(SECRET_BYTES)).decode()


def headers_of(message_id: UUID, body: bytes, *, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers by which a receiver knows a message: its id, when it was sent, and a signature for each secret."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((str(message_id).encode(), timestamp.encode(), body))
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
