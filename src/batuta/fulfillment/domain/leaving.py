"""Goods on their way: to the carrier, over the counter, to the door, and back home."""

import hmac
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.changes import Change, gained, nothing, stage_moves
from batuta.fulfillment.domain.orders import FulfillmentOrder, Package
from batuta.fulfillment.domain.picking import refuse_while_cancelling
from batuta.fulfillment.domain.requests import (
    Collect,
    ConfirmDelivery,
    ExtendPickup,
    HandOver,
    MakeReady,
    TakeBack,
    WriteOff,
)
from batuta.fulfillment.domain.statuses import FULFILLMENT_MOVES, FulfillmentStatus, Method, Stage
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.states import move
from batuta.ordering.domain import Hold

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8


class UnknownPackage(NotFound):
    """No such parcel was packed for this."""


class WrongMethod(Refused):
    """A pickup is collected, a shipment handed over."""


class WrongCode(Refused):
    """The customer was given another code."""


class NotReady(Refused):
    """Nothing waits at the counter yet."""


class PickupLapsed(Refused):
    """The time to collect is over; it may be extended while the goods are still here."""


class BadTime(Refused):
    """The time to collect ends before it begins."""


class NotPacked(Refused):
    """It is not packed, or not any more."""


class OrderHeld(Refused):
    """Nothing leaves while the order is held, unless somebody says why it does all the same (PAY-04)."""


class AlreadyReady(Refused):
    """The goods wait already, under another code."""


class NotHandedOver(Refused):
    """The parcel has not left, as far as is known here."""


class AlreadyTakenBack(Refused):
    """The parcel came home."""


class AlreadyWrittenOff(Refused):
    """The parcel was given up as lost; what turns up after all is booked as found."""


class AlreadyDelivered(Refused):
    """The parcel has been delivered; what comes back now is a return."""


def pickup_code(fulfillment_order_id: UUID, secret: bytes) -> str:
    """Derive the code of a pickup, the same each time, which nobody can guess who does not know the secret.

    Its letters cannot be taken for one another when read aloud or typed.
    """
    number = int.from_bytes(blake2b(fulfillment_order_id.bytes, key=secret, digest_size=16).digest(), "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, at = divmod(number, len(CODE_LETTERS))
        letters.append(CODE_LETTERS[at])
    return "".join(letters)


def decide_hand_over(
    fulfillment: FulfillmentOrder, request: HandOver, *, now: datetime, holds: Sequence[Hold] = ()
) -> Change:
    """The carrier took parcels, all that are here unless named. A cancellation still open is thereby too late.

    Raises:
        UnknownPackage. WrongMethod. OrderHeld. IllegalMove: not packed, or over.
    """
    if fulfillment.method is Method.PICKUP:
        raise WrongMethod("a pickup is collected, not handed to a carrier", fulfillment_order_id=str(fulfillment.id))
    named = _named(fulfillment, request.parcel_ids)
    here = [package for package in named if package.is_here]
    if not here:
        if any(package.handed_over_at is not None for package in named):
            return nothing(fulfillment, request.actor)
        raise NotPacked("nothing is packed that could be handed over", fulfillment_order_id=str(fulfillment.id))
    _refuse_while_held(fulfillment, holds, request.despite_hold)
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.HANDED_OVER)
    gone = {package.parcel_id: msgspec.structs.replace(package, handed_over_at=now) for package in here}
    after = _with(fulfillment, "handed_over", gone)
    after = msgspec.structs.replace(after, status=status if after.is_whole("handed_over") else fulfillment.status)
    units = gained(fulfillment, after, "handed_over")
    return Change(
        before=fulfillment,
        after=after,
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.PACKED, Stage.SHIPPED),
        handed_over=tuple(gone.values()),
        because=(request.despite_hold or "") if holds else "",
    )


def decide_ready(fulfillment: FulfillmentOrder, request: MakeReady, *, now: datetime) -> Change:
    """The goods wait at the counter for whoever has the code.

    Raises:
        BadTime. WrongMethod. CancellationOpen. IllegalMove: not packed, or over.
    """
    if fulfillment.pickup_code is not None and fulfillment.pickup_code == request.code:
        return nothing(fulfillment, request.actor)
    if fulfillment.method is Method.SHIP:
        raise WrongMethod("a shipment is handed to its carrier", fulfillment_order_id=str(fulfillment.id))
    if request.until_at <= now:
        raise BadTime("the time to collect ends before it begins", until_at=request.until_at.isoformat())
    refuse_while_cancelling(fulfillment)
    if fulfillment.pickup_code is not None:
        raise AlreadyReady("the goods wait under another code", fulfillment_order_id=str(fulfillment.id))
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.READY)
    if not fulfillment.is_whole("packed"):
        raise NotPacked("not everything is packed", fulfillment_order_id=str(fulfillment.id))
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(
            fulfillment,
            status=status,
            pickup_code=request.code,
            collect_until_at=request.until_at,
        ),
        actor=request.actor,
        units=fulfillment.live_units(),
    )


def decide_extension(fulfillment: FulfillmentOrder, request: ExtendPickup, *, now: datetime) -> Change:
    """Give the customer more time, also after it was over, as long as the goods wait.

    Raises:
        BadTime. NotReady. IllegalMove: no longer waiting at the counter.
    """
    if request.until_at <= now:
        raise BadTime("the time to collect ends before it begins", until_at=request.until_at.isoformat())
    if fulfillment.collect_until_at is None:
        raise NotReady("nothing waits at the counter", fulfillment_order_id=str(fulfillment.id))
    move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.HANDED_OVER)
    if request.until_at <= fulfillment.collect_until_at:
        return nothing(fulfillment, request.actor)
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(fulfillment, collect_until_at=request.until_at),
        actor=request.actor,
    )


def decide_collect(
    fulfillment: FulfillmentOrder, request: Collect, *, now: datetime, holds: Sequence[Hold] = ()
) -> Change:
    """Hand the goods over the counter to whoever has the code; the same code again changes nothing.

    Raises:
        NotReady. WrongCode. PickupLapsed. CancellationOpen. OrderHeld. IllegalMove: over.
    """
    if fulfillment.pickup_code is None:
        raise NotReady("nothing waits at the counter", fulfillment_order_id=str(fulfillment.id))
    if not hmac.compare_digest(fulfillment.pickup_code.encode(), request.code.strip().upper().encode()):
        raise WrongCode("the pickup has another code", fulfillment_order_id=str(fulfillment.id))
    if fulfillment.status is FulfillmentStatus.CLOSED:
        return nothing(fulfillment, request.actor)
    refuse_while_cancelling(fulfillment)
    if fulfillment.collect_until_at is not None and fulfillment.collect_until_at <= now:
        raise PickupLapsed("the time to collect is over", collect_until_at=fulfillment.collect_until_at.isoformat())
    _refuse_while_held(fulfillment, holds, request.despite_hold)
    given = {
        package.parcel_id: msgspec.structs.replace(package, handed_over_at=now, delivered_at=now)
        for package in fulfillment.packages
        if package.is_here
    }
    units = fulfillment.live_units()
    gone = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.HANDED_OVER)
    return Change(
        before=fulfillment,
        after=msgspec.structs.replace(
            fulfillment,
            status=move(FULFILLMENT_MOVES, gone, FulfillmentStatus.CLOSED),
            lines=tuple(
                msgspec.structs.replace(line, handed_over=line.live, delivered=line.live) for line in fulfillment.lines
            ),
            packages=tuple(given.get(package.parcel_id, package) for package in fulfillment.packages),
            collected_by=request.collected_by,
        ),
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.PACKED, Stage.DELIVERED),
        delivered=tuple(given.values()),
        because=(request.despite_hold or "") if holds else "",
    )


def decide_delivery(fulfillment: FulfillmentOrder, request: ConfirmDelivery) -> Change:
    """The carrier delivered a parcel; with the last one the fulfillment order is closed.

    Raises:
        UnknownPackage. NotHandedOver. AlreadyTakenBack. AlreadyWrittenOff.
    """
    package = _package(fulfillment, request.parcel_id)
    if package.delivered_at is not None:
        return nothing(fulfillment, request.actor)
    _refuse_ended(package)
    delivered = msgspec.structs.replace(package, delivered_at=request.delivered_at)
    after = closed_when_settled(_with(fulfillment, "delivered", {package.parcel_id: delivered}))
    units = gained(fulfillment, after, "delivered")
    return Change(
        before=fulfillment,
        after=after,
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.SHIPPED, Stage.DELIVERED),
        delivered=(delivered,),
    )


def decide_take_back(fulfillment: FulfillmentOrder, request: TakeBack, *, now: datetime) -> Change:
    """A parcel came home undelivered: its goods are here again, and its units are cancelled.

    Raises:
        UnknownPackage. NotHandedOver. AlreadyDelivered. AlreadyWrittenOff.
    """
    package = _package(fulfillment, request.parcel_id)
    if package.taken_back_at is not None:
        return nothing(fulfillment, request.actor)
    _refuse_ended(package)
    back = msgspec.structs.replace(package, taken_back_at=now)
    change = _without(fulfillment, back, request)
    return msgspec.structs.replace(change, taken_back=(back,), taken_to=request.location_id or fulfillment.location_id)


def decide_write_off(fulfillment: FulfillmentOrder, request: WriteOff, *, now: datetime) -> Change:
    """A parcel is lost: its goods are a loss, and its units are cancelled.

    Raises:
        UnknownPackage. NotHandedOver. AlreadyDelivered. AlreadyTakenBack.
    """
    package = _package(fulfillment, request.parcel_id)
    if package.written_off_at is not None:
        return nothing(fulfillment, request.actor)
    _refuse_ended(package)
    lost = msgspec.structs.replace(package, written_off_at=now)
    return msgspec.structs.replace(_without(fulfillment, lost, request), written_off=(lost,))


def _without(fulfillment: FulfillmentOrder, package: Package, request: TakeBack | WriteOff) -> Change:
    """A parcel that left and that the customer will not have."""
    after = closed_when_settled(_with(fulfillment, "taken_back", {package.parcel_id: package}))
    units = gained(fulfillment, after, "taken_back")
    return Change(
        before=fulfillment,
        after=after,
        actor=request.actor,
        units=units,
        moves=stage_moves(units, Stage.SHIPPED, Stage.CANCELLED),
        because=request.reason,
    )


def _refuse_ended(package: Package) -> None:
    """Refuse what is not under way."""
    if package.handed_over_at is None:
        raise NotHandedOver("the parcel has not left", parcel_id=str(package.parcel_id))
    if package.delivered_at is not None:
        raise AlreadyDelivered("the parcel has been delivered", delivered_at=package.delivered_at.isoformat())
    if package.taken_back_at is not None:
        raise AlreadyTakenBack("the parcel came home", taken_back_at=package.taken_back_at.isoformat())
    if package.written_off_at is not None:
        raise AlreadyWrittenOff("the parcel was written off", written_off_at=package.written_off_at.isoformat())


def _refuse_while_held(fulfillment: FulfillmentOrder, holds: Sequence[Hold], despite: str | None) -> None:
    if holds and not despite:
        raise OrderHeld(
            "the order is held: release the hold first, or say why the goods leave despite it",
            order_id=str(fulfillment.order_id),
            fulfillment_order_id=str(fulfillment.id),
            holds=[{"hold_id": str(one.id), "kind": str(one.kind), "reason": one.reason} for one in holds],
        )


def _with(fulfillment: FulfillmentOrder, count: str, packages: dict[UUID, Package]) -> FulfillmentOrder:
    """The fulfillment order with these packages as they are now, and what they hold added to a count."""
    added: Counter[tuple[UUID, UUID]] = Counter()
    for package in packages.values():
        for one in package.contents:
            added[one.line_id, one.sku_id] += one.quantity
    return msgspec.structs.replace(
        fulfillment,
        packages=tuple(packages.get(package.parcel_id, package) for package in fulfillment.packages),
        lines=tuple(
            msgspec.structs.replace(line, **{count: getattr(line, count) + added[line.line_id, line.sku_id]})
            for line in fulfillment.lines
        ),
    )


def closed_when_settled(fulfillment: FulfillmentOrder) -> FulfillmentOrder:
    if any(package.is_here or package.is_under_way for package in fulfillment.packages):
        return fulfillment
    return msgspec.structs.replace(
        fulfillment, status=move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.CLOSED)
    )


def _named(fulfillment: FulfillmentOrder, parcel_ids: tuple[UUID, ...] | None) -> tuple[Package, ...]:
    if parcel_ids is None:
        return fulfillment.packages
    return tuple(_package(fulfillment, parcel_id) for parcel_id in dict.fromkeys(parcel_ids))


def _package(fulfillment: FulfillmentOrder, parcel_id: UUID) -> Package:
    for package in fulfillment.packages:
        if package.parcel_id == parcel_id:
            return package
    raise UnknownPackage("no such parcel was packed for this", parcel_id=str(parcel_id))
