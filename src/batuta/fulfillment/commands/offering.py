"""Offers to locations, and their answers."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, select

from batuta.fulfillment.commands.carrying import Task, about, carry, carry_from
from batuta.fulfillment.domain import (
    REJECTION_EFFECTS,
    Accept,
    Change,
    FulfillmentOrder,
    FulfillmentStatus,
    Offer,
    Reject,
    RejectionReason,
    decide_accept,
    decide_escalation,
    decide_expiry,
    decide_offer,
    decide_reject,
    planned,
)
from batuta.fulfillment.events import Accepted, Offered, OfferEscalated, OfferExpired, Rejected
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.fulfillment.tables import fulfillment_line, fulfillment_order
from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.events import Event
from batuta.locations.queries import all_locations
from batuta.ordering.commands.moving import lock_orders
from batuta.plumbing.database import Connection, arrays, params


class UnknownLocation(NotFound):
    """No location has this id."""


class PullOffers(msgspec.Struct, frozen=True, kw_only=True):
    """A location turned out to have nothing of a SKU, so what it has not accepted yet cannot be served either."""

    location_id: UUID
    sku_id: UUID
    actor: str


async def offer(db: Connection, *, offers: Sequence[Offer], now: datetime) -> list[FulfillmentOrder | BatutaError]:
    """Offer reserved units of orders to locations: the units are allocated from then on.

    An id that was offered before is answered as it stands. Refused: units that are not reserved (`NotEnoughUnits`),
    an unknown location, an offer whose lines do not fit (`BadOffer`).
    """
    await lock_orders(db, (one.order_id for one in offers))
    found = await fulfillment_orders_by_id(db, [one.id for one in offers])
    places = (await all_locations(db)).by_id
    for one in offers:
        found.setdefault(one.id, planned(one))
    tasks = [Task(one.id, partial(_offered, offer=one, is_known=one.location_id in places)) for one in offers]
    return await carry_from(db, found=found, tasks=tasks, tell=_tell_offered, now=now)


def _offered(fulfillment: FulfillmentOrder, *, offer: Offer, is_known: bool) -> Change:
    if not is_known:
        raise UnknownLocation("no location has this id", location_id=str(offer.location_id))
    return decide_offer(fulfillment, offer)


async def accept(
    db: Connection, *, acceptances: Sequence[Accept], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """The locations take the work on: its units are released to them."""
    tasks = [Task(one.fulfillment_order_id, partial(decide_accept, request=one, now=now)) for one in acceptances]
    return await carry(db, tasks=tasks, tell=tell_accepted, now=now)


async def reject(
    db: Connection, *, rejections: Sequence[Reject], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """The locations say no: the units wait to be sourced elsewhere, in one transaction with who, where and why.

    The reason says what becomes of the location's stock, how long it is not asked for the SKU again, and whether its
    other offers of the SKU fall too (SRC-08): then `Rejected.shared_sku_ids` names it, for `pull_offers`.
    """
    tasks = [Task(one.fulfillment_order_id, partial(decide_reject, request=one)) for one in rejections]
    return await carry(db, tasks=tasks, tell=_tell_rejected, now=now)


async def pull_offers(
    db: Connection, *, pulls: Sequence[PullOffers], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Take back what was offered and not accepted of SKUs that locations turned out not to have."""
    actors = {(one.location_id, one.sku_id): one.actor for one in pulls}
    given = arrays("given", location_id=Uuid(), sku_id=Uuid())
    rows = await db.execute(
        select(fulfillment_order.c.id, given.c.location_id, given.c.sku_id)
        .distinct()
        .select_from(given)
        .join(fulfillment_order, fulfillment_order.c.location_id == given.c.location_id)
        .join(
            fulfillment_line,
            (fulfillment_line.c.fulfillment_order_id == fulfillment_order.c.id)
            & (fulfillment_line.c.sku_id == given.c.sku_id),
        )
        .where(fulfillment_order.c.status == FulfillmentStatus.OFFERED.value),
        params("given", location_id=[at for at, _ in actors], sku_id=[sku_id for _, sku_id in actors]),
    )
    rejections = [
        Reject(
            fulfillment_order_id=row.id,
            reason=RejectionReason.OUT_OF_STOCK,
            sku_ids=(row.sku_id,),
            actor=actors[row.location_id, row.sku_id],
        )
        for row in rows
    ]
    return await reject(db, rejections=rejections, now=now)


async def expire_offers(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: take back offers that no location answered in time (SRC-09)."""
    due = await db.scalars(
        select(fulfillment_order.c.id)
        .where(fulfillment_order.c.status == FulfillmentStatus.OFFERED.value, fulfillment_order.c.expires_at <= now)
        .order_by(fulfillment_order.c.expires_at, fulfillment_order.c.id)
        .limit(limit)
    )
    tasks = [Task(id_, partial(decide_expiry, now=now)) for id_ in due]
    await carry(db, tasks=tasks, tell=_tell_expired, now=now)
    return len(tasks)


async def escalate_offers(db: Connection, *, now: datetime, limit: int) -> int:
    """Sweep: tell of offers that wait for an answer for so long that their promise is at risk (SRC-09)."""
    due = await db.scalars(
        select(fulfillment_order.c.id)
        .where(
            fulfillment_order.c.status == FulfillmentStatus.OFFERED.value,
            fulfillment_order.c.escalated_at.is_(None),
            fulfillment_order.c.escalate_at <= now,
        )
        .order_by(fulfillment_order.c.escalate_at, fulfillment_order.c.id)
        .limit(limit)
    )
    tasks = [Task(id_, partial(decide_escalation, now=now)) for id_ in due]
    await carry(db, tasks=tasks, tell=_tell_escalated, now=now)
    return len(tasks)


def _tell_offered(change: Change, now: datetime) -> list[Event]:
    return [Offered(**about(change, now), lines=change.units, expires_at=change.after.expires_at)]


def tell_accepted(change: Change, now: datetime) -> list[Event]:
    return [Accepted(**about(change, now), lines=change.units)]


def _tell_rejected(change: Change, now: datetime) -> list[Event]:
    assert change.reason is not None
    is_shared = REJECTION_EFFECTS[change.reason].is_shared
    return [
        Rejected(
            **about(change, now),
            lines=change.units,
            reason=change.reason,
            is_over=change.after.status is FulfillmentStatus.REJECTED,
            shared_sku_ids=tuple(dict.fromkeys(one.sku_id for one in change.lost)) if is_shared else (),
        )
    ]


def _tell_expired(change: Change, now: datetime) -> list[Event]:
    return [OfferExpired(**about(change, now), lines=change.units)]


def _tell_escalated(change: Change, now: datetime) -> list[Event]:
    return [OfferEscalated(**about(change, now), lines=change.units, expires_at=change.after.expires_at)]
