"""What became of messages."""

from uuid import UUID

from batuta.kernel.events import Event


class MessageSent(Event, frozen=True, kw_only=True):
    """The mail server has taken it."""

    message_id: UUID
    template: str


class MessageFailed(Event, frozen=True, kw_only=True):
    """It will never be taken; `reason` is the server's."""

    message_id: UUID
    template: str
    reason: str
