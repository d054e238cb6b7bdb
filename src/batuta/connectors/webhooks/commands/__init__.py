"""What is done to endpoints and deliveries."""

from batuta.connectors.webhooks.commands.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    lock_endpoint,
    move_endpoint,
    rotate_secret,
    try_out,
)
from batuta.connectors.webhooks.commands.hearing import following
from batuta.connectors.webhooks.commands.replaying import replay_deliveries, replay_stream, replay_time
from batuta.connectors.webhooks.commands.sending import book, forget_deliveries, take

__all__ = [
    "book",
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "following",
    "forget_deliveries",
    "lock_endpoint",
    "move_endpoint",
    "replay_deliveries",
    "replay_stream",
    "replay_time",
    "rotate_secret",
    "take",
    "try_out",
]
