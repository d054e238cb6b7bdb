"""Scopes: whose a thing is and where, as far as what people may see depends on it (PLT-07)."""

from uuid import UUID

import msgspec


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """channel_id: where it was sold. location_ids: where it is worked on. customer_id: who bought it."""

    channel_id: UUID | None = None
    location_ids: frozenset[UUID] = frozenset()
    customer_id: UUID | None = None
