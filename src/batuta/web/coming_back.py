"""What comes back of an order."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.locations.domain import Location
from batuta.returns.domain import Return, ReturnLine, ReturnStatus
from batuta.web.catalogue import Speech
from batuta.web.pills import Pill, pill

_AWAITED = {ReturnStatus.REQUESTED, ReturnStatus.APPROVED, ReturnStatus.LABEL_SENT, ReturnStatus.IN_TRANSIT}


class ReturnView(msgspec.Struct, frozen=True, kw_only=True):
    """One return. below: where it is or how long it is waited for, and what was given back."""

    items: Sequence[str]
    below: str
    tracking: str
    status: Pill


def returns_seen(
    returns: Sequence[Return], names: Mapping[UUID, str], locations: Mapping[UUID, Location], speech: Speech
) -> list[ReturnView]:
    """The returns, the newest first. names: of the order's lines."""
    return [
        ReturnView(
            items=[
                speech(
                    "order.times",
                    count=speech.number(line.quantity or line.received),
                    name=_name(line, names) or speech("page.none"),
                )
                for line in one.lines
            ],
            below=" · ".join(_below(one, locations, speech)),
            tracking=one.tracking_number or "",
            status=pill(speech, "return", one.status),
        )
        for one in reversed(returns)
    ]


def _name(line: ReturnLine, names: Mapping[UUID, str]) -> str:
    """What came unannounced may be a thing that nobody could name."""
    return names.get(line.order_line_id, line.note) if line.order_line_id else line.note


def _below(one: Return, locations: Mapping[UUID, Location], speech: Speech) -> list[str]:
    told: list[str] = []
    if one.location_id:
        told.append(speech("order.came_to", location=locations[one.location_id].name))
    if one.expires_at and one.status in _AWAITED:
        told.append(speech("order.awaited_until", day=speech.date(speech.local(one.expires_at).date())))
    if refunded := sum(line.refund_minor for line in one.lines):
        told.append(speech("order.given_back", amount=speech.money(refunded, one.currency)))
    if one.is_kept:
        told.append(speech("order.kept"))
    return told
