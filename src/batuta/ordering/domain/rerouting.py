"""What customers choose whose store cannot serve them (SRC-16): the question, the ways, and the link that asks."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.company.domain import RerouteKind
from batuta.kernel.errors import Refused
from batuta.kernel.links import write_link
from batuta.ordering.domain.orders import Route

LINK = b"reroute"

ChoiceId = Annotated[str, msgspec.Meta(min_length=1, max_length=250, pattern=r"^[^\x00]*$")]


class LinkIsUsed(Refused):
    """Something was chosen by this link already; `choice` says what."""


class NothingToChoose(Refused):
    """Nothing of the order waits for a choice any more: it is on its way, cancelled or found."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer may come. address: as on a letter."""

    location_id: UUID
    code: str
    name: str
    address: tuple[str, ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are had together. kind: store, delivery, wait or cancel; moments where something is promised."""

    kind: RerouteKind
    line_ids: tuple[UUID, ...]
    store: Store | None = None
    service_kind: str = ""
    p50_at: datetime | None = None
    p90_at: datetime | None = None
    p90_on: date | None = None
    time_zone: str = "UTC"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to go on. price_minor: what it costs more than was asked for; below zero comes back.

    p90_on: by when all of it is very likely there, on the calendar of the last part; None where nobody knows.
    """

    id: ChoiceId
    kind: RerouteKind
    parts: tuple[Part, ...]
    price_minor: int
    currency: str
    p90_on: date | None = None

    @property
    def needs_address(self) -> bool:
        return any(part.kind is RerouteKind.DELIVERY for part in self.parts)


class Reroute(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a customer. location_id: the store that cannot. line_ids: of which units wait.

    chosen: the answer, as it was shown; None until then.
    """

    id: UUID
    order_id: UUID
    location_id: UUID
    line_ids: tuple[UUID, ...]
    asked_at: datetime
    expires_at: datetime
    chosen_at: datetime | None = None
    chosen_by: str | None = None
    chosen: Choice | None = None


class Rerouting(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to be booked. routes: how lines are had from now on; lines that wait or are cancelled keep theirs."""

    reroute_id: UUID
    order_id: UUID
    choice: Choice
    routes: Sequence[tuple[UUID, Route]]
    actor: str


def choice_of(kind: RerouteKind, parts: Sequence[Part], *, currency: str, price_minor: int = 0) -> Choice:
    """A way of these parts; its id says what it is, so that the same way has the same id at another moment."""
    names = [f"{part.kind}:{part.store.code}" if part.store else str(part.kind) for part in parts]
    days = [part.p90_on for part in parts]
    return Choice(
        id="+".join(names),
        kind=kind,
        parts=tuple(parts),
        price_minor=price_minor,
        currency=currency,
        p90_on=None if None in days else max(day for day in days if day),
    )


def link_of(reroute: Reroute, secret: bytes) -> str:
    """The end of the address that asks: whose question it is and until when, signed."""
    return write_link(LINK, reroute.id, until_at=reroute.expires_at, secret=secret)
