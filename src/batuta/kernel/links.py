"""Links that let whoever has them in for one thing and for a while: what they are about and until when, signed."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

from batuta.kernel.errors import NotFound, Refused

SIGNATURE_BYTES, ID_BYTES, MOMENT_BYTES = 16, 16, 5


class UnknownLink(NotFound):
    """The link is none that this house has made."""


class LinkHasEnded(Refused):
    """The link was not used in time."""


def write_link(kind: bytes, subject: UUID, *, until_at: datetime, secret: bytes) -> str:
    """The end of an address. kind: what the link is for; one of another kind with the same subject is another link."""
    written = subject.bytes + int(until_at.timestamp()).to_bytes(MOMENT_BYTES, "big")
    return urlsafe_b64encode(_signature(kind, written, secret) + written).rstrip(b"=").decode()


def read_link(kind: bytes, link: str, *, secret: bytes, now: datetime) -> UUID:
    """What a link is about.

    Raises:
        UnknownLink: it is none of ours. LinkHasEnded: it is too late.
    """
    try:
        whole = urlsafe_b64decode(link.encode("ascii") + b"=" * (-len(link) % 4))
    except ValueError:
        whole = b""
    signature, written = whole[:SIGNATURE_BYTES], whole[SIGNATURE_BYTES:]
    is_whole = len(written) == ID_BYTES + MOMENT_BYTES
    if not is_whole or not hmac.compare_digest(signature, _signature(kind, written, secret)):
        raise UnknownLink("this is no link of ours")
    ended_at = datetime.fromtimestamp(int.from_bytes(written[ID_BYTES:], "big"), UTC)
    if now >= ended_at:
        raise LinkHasEnded("the link has ended", ended_at=ended_at.isoformat())
    return UUID(bytes=written[:ID_BYTES])


def _signature(kind: bytes, written: bytes, secret: bytes) -> bytes:
    return blake2b(written, key=secret, digest_size=SIGNATURE_BYTES, person=kind).digest()
