"""What we do with parcels: open, close, hand over, void."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, Uuid, any_, bindparam, func, select, update

from batuta.kernel.states import IllegalMove, move
from batuta.plumbing.database import Connection, Instant, Row, arrays, insert_new, insert_rows, params
from batuta.plumbing.events import publish
from batuta.shipping.domain import (
    PARCEL_MOVES,
    PRECEDENCE,
    AlreadyHandedOver,
    Closed,
    Closing,
    HandedOver,
    HandOver,
    NewParcel,
    NotLabelled,
    Opened,
    ParcelNotFound,
    ParcelStatus,
    ParcelTooBig,
    Service,
    UnknownService,
    Void,
    Voided,
    check_size,
    higher,
)
from batuta.shipping.events import ParcelHandedOver, ParcelVoided
from batuta.shipping.queries import services_by_id
from batuta.shipping.tables import content, parcel

Found = Row


async def open_parcels(
    db: Connection, *, parcels: Sequence[NewParcel], now: datetime
) -> list[Opened | UnknownService | ParcelTooBig]:
    """Open a parcel for each; the same id again is the same parcel and changes nothing."""
    services = await services_by_id(db, {one.service_id for one in parcels if one.service_id})
    answers = [_opened(one, services) for one in parcels]
    accepted = {one.id: one for one, answer in zip(parcels, answers, strict=True) if isinstance(answer, Opened)}
    ordered = sorted(accepted.values(), key=lambda one: one.id)
    new = await insert_new(db, parcel, [_row(one, services, now) for one in ordered], returning=["id"])
    fresh = {row[0] for row in new}
    await insert_rows(db, content, (row for one in ordered if one.id in fresh for row in _contents(one)))
    return answers


async def close_parcels(
    db: Connection, *, closings: Sequence[Closing], now: datetime
) -> list[Closed | ParcelNotFound | IllegalMove | ParcelTooBig]:
    """Record the weight and the sides of packed parcels, before a label says them."""
    found = await lock_parcels(db, (one.parcel_id for one in closings))
    services = await services_by_id(db, {row.service_id for row in found.values() if row.service_id})
    answers = [_closed(one, found.get(one.parcel_id), services) for one in closings]
    done = {one.parcel_id: one for one, answer in zip(closings, answers, strict=True) if isinstance(answer, Closed)}
    given = arrays("given", id=Uuid(), weight=Integer(), length=Integer(), width=Integer(), height=Integer())
    if done:
        await db.execute(
            update(parcel)
            .where(parcel.c.id == given.c.id)
            .values(
                our_status=ParcelStatus.CLOSED,
                status=ParcelStatus.CLOSED,
                weight_g=given.c.weight,
                length_mm=given.c.length,
                width_mm=given.c.width,
                height_mm=given.c.height,
                closed_at=now,
            ),
            params(
                "given",
                id=list(done),
                weight=[one.weight_g for one in done.values()],
                length=[one.length_mm for one in done.values()],
                width=[one.width_mm for one in done.values()],
                height=[one.height_mm for one in done.values()],
            ),
        )
    return answers


async def hand_over(
    db: Connection,
    *,
    handovers: Sequence[HandOver],
    now: datetime,  # noqa: ARG001, as every command
) -> list[HandedOver | ParcelNotFound | NotLabelled | IllegalMove]:
    """Give parcels to their carriers. One that was handed over keeps its first time."""
    found = await lock_parcels(db, (one.parcel_id for one in handovers))
    answers: list[HandedOver | ParcelNotFound | NotLabelled | IllegalMove] = []
    done: dict[UUID, HandOver] = {}
    for one in handovers:
        answer = _handed_over(one, found.get(one.parcel_id), done.get(one.parcel_id))
        answers.append(answer)
        if isinstance(answer, HandedOver) and found[one.parcel_id].handed_over_at is None:
            done.setdefault(one.parcel_id, one)
    await _move(db, ParcelStatus.MANIFESTED, [(found[key], one.at) for key, one in done.items()])
    await publish(
        db,
        [
            ParcelHandedOver(stream=found[key].owner_id, happened_at=one.at, actor=one.actor, parcel_id=key)
            for key, one in done.items()
        ],
    )
    return answers


async def void_parcels(
    db: Connection, *, voids: Sequence[Void], now: datetime
) -> list[Voided | ParcelNotFound | AlreadyHandedOver]:
    """Take parcels out of the world before a carrier has them."""
    found = await lock_parcels(db, (one.parcel_id for one in voids))
    answers = [_voided(one, found.get(one.parcel_id)) for one in voids]
    done = {
        one.parcel_id: one
        for one, answer in zip(voids, answers, strict=True)
        if isinstance(answer, Voided) and found[one.parcel_id].our_status != ParcelStatus.VOIDED
    }
    await _move(db, ParcelStatus.VOIDED, [(found[key], None) for key in done])
    await publish(
        db,
        [
            ParcelVoided(stream=found[key].owner_id, happened_at=now, actor=one.actor, parcel_id=key)
            for key, one in done.items()
            if found[key].status != ParcelStatus.VOIDED
        ],
    )
    return answers


_locked = (
    select(
        parcel.c.id,
        parcel.c.owner_id,
        parcel.c.service_id,
        parcel.c.carrier_id,
        parcel.c.our_status,
        parcel.c.status,
        parcel.c.tracking_number,
        parcel.c.handed_over_at,
    )
    .where(parcel.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
    .order_by(parcel.c.id)
    .with_for_update(key_share=True)
)


async def lock_parcels(db: Connection, ids: Iterable[UUID]) -> dict[UUID, Found]:
    """Lock parcels in the order of their ids and return what decisions need of them."""
    return {row.id: row for row in await db.execute(_locked, {"ids": sorted(set(ids))})}


_moved = arrays("given", id=Uuid(), status=Text(), handed_over_at=Instant)
_write_move = (
    update(parcel)
    .where(parcel.c.id == _moved.c.id)
    .values(
        our_status=bindparam("wanted"),
        status=_moved.c.status,
        handed_over_at=func.coalesce(parcel.c.handed_over_at, _moved.c.handed_over_at),
    )
)


async def _move(db: Connection, wanted: ParcelStatus, moved: Sequence[tuple[Found, datetime | None]]) -> None:
    """Write what we did; the status follows unless the carrier has already said more."""
    if not moved:
        return
    await db.execute(
        _write_move,
        {"wanted": wanted}
        | params(
            "given",
            id=[row.id for row, _ in moved],
            status=[higher(ParcelStatus(row.status), wanted) for row, _ in moved],
            handed_over_at=[at for _, at in moved],
        ),
    )


def _opened(one: NewParcel, services: dict[UUID, Service]) -> Opened | UnknownService | ParcelTooBig:
    if one.service_id is None:
        return Opened(one.id)
    service = services.get(one.service_id)
    if service is None:
        return UnknownService("no service has this id", service_id=str(one.service_id))
    try:
        check_size(
            service, parcel_id=one.id, weight_g=one.weight_g, sides_mm=(one.length_mm, one.width_mm, one.height_mm)
        )
    except ParcelTooBig as problem:
        return problem
    return Opened(one.id)


def _row(one: NewParcel, services: dict[UUID, Service], now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "owner_id": one.owner_id,
        "reference": one.reference,
        "service_id": one.service_id,
        "carrier_id": services[one.service_id].carrier_id if one.service_id else None,
        "our_status": ParcelStatus.OPEN,
        "status": ParcelStatus.OPEN,
        "carrier_status": "",
        "carrier_detail": "",
        "exception_code": "",
        "origin": one.origin,
        "destination": one.destination,
        "weight_g": one.weight_g,
        "length_mm": one.length_mm,
        "width_mm": one.width_mm,
        "height_mm": one.height_mm,
        "created_at": now,
    }


def _contents(one: NewParcel) -> list[dict[str, Any]]:
    units: dict[tuple[UUID, UUID], int] = {}
    for each in one.contents:
        key = (each.line_id, each.sku_id)
        units[key] = units.get(key, 0) + each.quantity
    return [
        {"parcel_id": one.id, "line_id": line_id, "sku_id": sku_id, "quantity": quantity}
        for (line_id, sku_id), quantity in units.items()
    ]


def _closed(
    one: Closing, row: Found | None, services: dict[UUID, Service]
) -> Closed | ParcelNotFound | IllegalMove | ParcelTooBig:
    if row is None:
        return not_found(one.parcel_id)
    sides = (one.length_mm, one.width_mm, one.height_mm)
    try:
        move(PARCEL_MOVES, ParcelStatus(row.status), ParcelStatus.CLOSED)
        if row.service_id:
            check_size(services[row.service_id], parcel_id=one.parcel_id, weight_g=one.weight_g, sides_mm=sides)
    except (IllegalMove, ParcelTooBig) as problem:
        return problem
    return Closed(one.parcel_id)


def _handed_over(
    one: HandOver, row: Found | None, earlier: HandOver | None
) -> HandedOver | ParcelNotFound | NotLabelled | IllegalMove:
    if row is None:
        return not_found(one.parcel_id)
    if row.handed_over_at or earlier:
        return HandedOver(one.parcel_id, row.handed_over_at or (earlier.at if earlier else one.at))
    if row.service_id and row.tracking_number is None:
        return NotLabelled("the parcel has no label yet", parcel_id=str(one.parcel_id))
    present = ParcelStatus.VOIDED if row.status == ParcelStatus.VOIDED else ParcelStatus(row.our_status)
    try:
        move(PARCEL_MOVES, present, ParcelStatus.MANIFESTED)
    except IllegalMove as problem:
        return problem
    return HandedOver(one.parcel_id, one.at)


def _voided(one: Void, row: Found | None) -> Voided | ParcelNotFound | AlreadyHandedOver:
    if row is None:
        return not_found(one.parcel_id)
    is_away = row.handed_over_at or PRECEDENCE[ParcelStatus(row.status)] > PRECEDENCE[ParcelStatus.VOIDED]
    if is_away and row.our_status != ParcelStatus.VOIDED:
        return AlreadyHandedOver(
            "the parcel has left the house",
            parcel_id=str(one.parcel_id),
            status=row.status,
            can="ask_carrier_to_return",
        )
    return Voided(one.parcel_id)


def not_found(parcel_id: UUID) -> ParcelNotFound:
    """Answer for an id that no parcel has."""
    return ParcelNotFound("no parcel has this id", parcel_id=str(parcel_id))
