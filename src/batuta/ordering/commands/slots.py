"""Places in slots, as carts and orders have them."""

from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.company.queries import channels_by_id
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.ordering.domain import SLOT_HELD_FOR, Cart, Method
from batuta.ordering.domain.drafts import Draft
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import confirm_slots, hold_slots, release_slots
from batuta.sourcing.domain import ConfirmSlot, Destination, HoldSlot, SlotHold
from batuta.sourcing.domain import Method as Way

GUEST = "guest"


async def choose_slots(
    db: Connection,
    before: Mapping[UUID, Cart],
    found: MutableMapping[UUID, Cart],
    *,
    named: Collection[UUID],
    now: datetime,
) -> dict[UUID, BatutaError]:
    """Hold the slots of the carts that named one, and give back those given up; return the carts refused, and why.

    A cart that was refused is had as it was before; `found` says so then. Locks the slots.
    """
    changed = [one for one in found.values() if one is not before[one.id]]
    await release_slots(db, holder_ids=[one.id for one in changed if before[one.id].slot_id and not one.slot_id])
    choosing = [one for one in changed if one.slot_id and one.id in named]
    if not choosing:
        return {}
    channels = await channels_by_id(db, {one.channel_id for one in choosing})
    wishes = [_wish(one, channels[one.channel_id].currency, now) for one in choosing]
    refused: dict[UUID, BatutaError] = {}
    for one, answer in zip(choosing, await hold_slots(db, wishes=wishes, now=now), strict=True):
        if isinstance(answer, BatutaError):
            refused[one.id] = answer
            found[one.id] = _as_it_was(one, before[one.id])
    return refused


async def take_slots(db: Connection, drafts: Mapping[int, Draft], *, now: datetime) -> dict[int, BatutaError]:
    """Make the held slots of orders theirs; return the orders that were refused, and why. Locks the slots."""
    having = {i: one for i, one in drafts.items() if one.asked.slot_hold_id is not None}
    if not having:
        return {}
    answers = await confirm_slots(db, confirmations=[_confirmation(one) for one in having.values()], now=now)
    return {i: answer for i, answer in zip(having, answers, strict=True) if not isinstance(answer, SlotHold)}


def _wish(cart: Cart, currency: str, now: datetime) -> HoldSlot:
    assert cart.slot_id
    return HoldSlot(
        slot_id=cart.slot_id,
        holder_id=cart.id,
        destination=_destination(cart.method, cart.ship_to, cart.pickup_location_id),
        until_at=now + SLOT_HELD_FOR,
        actor=f"customer:{cart.customer_id}" if cart.customer_id else GUEST,
        currency=currency,
    )


def _confirmation(one: Draft) -> ConfirmSlot:
    assert one.asked.slot_hold_id
    return ConfirmSlot(
        holder_id=one.asked.slot_hold_id,
        order_id=one.asked.id,
        destination=_destination(one.asked.method, one.ship_to, one.pickup_location_id),
        currency=one.channel.currency,
    )


def _destination(method: Method, ship_to: Address | None, location_id: UUID | None) -> Destination:
    if method is Method.PICKUP:
        return Destination(method=Way.PICKUP, location_id=location_id)
    if ship_to is None:
        return Destination(method=Way.SHIP)
    return Destination(method=Way.SHIP, country=ship_to.country, postal_code=ship_to.postal_code)


def _as_it_was(cart: Cart, before: Cart) -> Cart:
    """The cart without the slot and the way of delivery that it named with it."""
    return msgspec.structs.replace(
        cart,
        slot_id=before.slot_id,
        method=before.method,
        service_kind=before.service_kind,
        pickup_location_id=before.pickup_location_id,
    )
