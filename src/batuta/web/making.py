"""What is made for an order, and what is brought to its store."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import WorkOrder
from batuta.inventory.domain.transfers import Transfer, TransferStatus
from batuta.locations.domain import Location
from batuta.web.catalogue import Speech
from batuta.web.pills import Pill, pill

_ARRIVED = {TransferStatus.CLOSED, TransferStatus.CANCELLED}


class MakingView(msgspec.Struct, frozen=True, kw_only=True):
    """Units that are made to order."""

    article: str
    location: str
    steps: str
    status: Pill


class BringingView(msgspec.Struct, frozen=True, kw_only=True):
    """Goods on their way to the store where the customer collects them."""

    way: str
    due: str
    status: Pill


def made_for(
    works: Sequence[WorkOrder], names: Mapping[UUID, str], locations: Mapping[UUID, Location], speech: Speech
) -> list[MakingView]:
    """What is made, the oldest first. names: of the order's lines."""
    return [
        MakingView(
            article=speech("order.times", count=speech.number(one.quantity), name=names[one.line_id]),
            location=locations[one.location_id].name,
            steps=_steps(one, speech),
            status=pill(speech, "making", one.status),
        )
        for one in works
    ]


def _steps(one: WorkOrder, speech: Speech) -> str:
    all_steps = len(one.recipe.steps)
    return speech("order.steps", signed=len(one.signed), all=all_steps) if all_steps else ""


def brought_for(
    transfers: Sequence[Transfer], locations: Mapping[UUID, Location], speech: Speech
) -> list[BringingView]:
    """What is brought, the newest first."""
    return [
        BringingView(
            way=f"{locations[one.source_location_id].name} → {locations[one.target_location_id].name}",
            due=_due(one, speech),
            status=pill(speech, "transfer", one.status),
        )
        for one in transfers
    ]


def _due(one: Transfer, speech: Speech) -> str:
    if one.due_at is None or one.status in _ARRIVED:
        return ""
    return speech("order.due_at", at=speech.date_and_time(one.due_at))
