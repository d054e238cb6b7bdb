"""Numbers and labels."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, select, update

from batuta.kernel.states import IllegalMove, move
from batuta.plumbing.database import Connection, Instant, arrays, insert_new, params
from batuta.shipping.commands.parcels import Found, lock_parcels, not_found
from batuta.shipping.commands.tracking import adopt_scans
from batuta.shipping.domain import (
    PARCEL_MOVES,
    TABLE_RATE,
    AlreadyNumbered,
    Carrier,
    GivenNumber,
    LabelFacts,
    LabelFormat,
    Labelled,
    NoCarrier,
    NotOurLabel,
    Numbered,
    ParcelNotFound,
    ParcelStatus,
    TrackingNumberTaken,
    higher,
    sscc_of,
    tracking_number,
    zpl,
)
from batuta.shipping.tables import carrier, label, parcel, service

Refusal = ParcelNotFound | NoCarrier | NotOurLabel | IllegalMove
NumberRefusal = ParcelNotFound | NoCarrier | IllegalMove | AlreadyNumbered | TrackingNumberTaken


async def label_parcels(
    db: Connection, *, parcel_ids: Sequence[UUID], label_format: LabelFormat, now: datetime
) -> list[Labelled | Refusal]:
    """Issue tracking numbers and SSCCs, and write the labels; a labelled parcel keeps its numbers.

    ZPL is stored as it was printed. A PDF is drawn from the parcel when it is asked for (`queries.label_pdfs`).
    """
    found = await _lock(db, parcel_ids)
    answers = [_labelled(parcel_id, found.get(parcel_id), label_format) for parcel_id in parcel_ids]
    labels = {answer.parcel_id: answer for answer in answers if isinstance(answer, Labelled)}
    new = [one for one in labels.values() if found[one.parcel_id].sscc is None]
    await _number(db, found, new, now)
    if label_format is LabelFormat.ZPL:
        await _print(db, found, list(labels.values()), now)
    await adopt_scans(db, parcel_ids=[one.parcel_id for one in new], now=now)
    return answers


async def give_numbers(
    db: Connection, *, numbers: Sequence[GivenNumber], now: datetime
) -> list[Numbered | NumberRefusal]:
    """Record tracking numbers that carriers gave elsewhere: on imported parcels, or on labels bought by hand.

    Scans that came before their parcel are applied now.
    """
    found = await lock_parcels(db, (one.parcel_id for one in numbers))
    taken = await _taken(db, numbers)
    answers: list[Numbered | NumberRefusal] = []
    for one in numbers:
        answer = _numbered(one, found.get(one.parcel_id), taken)
        answers.append(answer)
        if isinstance(answer, Numbered):
            taken[found[one.parcel_id].carrier_id, one.tracking_number] = one.parcel_id
    new = {
        answer.parcel_id: answer
        for answer in answers
        if isinstance(answer, Numbered) and found[answer.parcel_id].tracking_number is None
    }
    await _write(db, found, {key: one.tracking_number for key, one in new.items()}, now)
    await adopt_scans(db, parcel_ids=list(new), now=now)
    return answers


_locked = (
    select(
        parcel.c.id,
        parcel.c.number,
        parcel.c.reference,
        parcel.c.our_status,
        parcel.c.status,
        parcel.c.tracking_number,
        parcel.c.sscc,
        parcel.c.label_format,
        parcel.c.weight_g,
        parcel.c.origin,
        parcel.c.destination,
        service.c.name.label("service_name"),
        service.c.kind.label("service_kind"),
        carrier.c.id.label("carrier_id"),
        carrier.c.code.label("carrier_code"),
        carrier.c.name.label("carrier_name"),
        carrier.c.adapter,
        carrier.c.gs1_prefix,
    )
    .outerjoin(service, service.c.id == parcel.c.service_id)
    .outerjoin(carrier, carrier.c.id == parcel.c.carrier_id)
    .where(parcel.c.id == any_(bindparam("ids", type_=ARRAY(Uuid, dimensions=1))))
    .order_by(parcel.c.id)
    .with_for_update(key_share=True, of=parcel)
)


async def _lock(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Found]:
    return {row.id: row for row in await db.execute(_locked, {"ids": sorted(set(ids))})}


def _labelled(parcel_id: UUID, row: Found | None, label_format: LabelFormat) -> Labelled | Refusal:
    if row is None:
        return not_found(parcel_id)
    if row.sscc is not None:
        return Labelled(parcel_id, row.tracking_number, row.sscc, LabelFormat(row.label_format))
    if row.carrier_id is None:
        return NoCarrier("the parcel travels without a carrier", parcel_id=str(parcel_id))
    if row.adapter != TABLE_RATE:
        return NotOurLabel("the carrier prints its own labels", parcel_id=str(parcel_id), carrier=row.carrier_code)
    try:
        move(PARCEL_MOVES, ParcelStatus(row.our_status), ParcelStatus.LABELLED)
    except IllegalMove as problem:
        return problem
    by = Carrier(
        id=row.carrier_id,
        code=row.carrier_code,
        name=row.carrier_name,
        adapter=row.adapter,
        gs1_prefix=row.gs1_prefix,
    )
    number = row.tracking_number or tracking_number(by, row.number)
    return Labelled(parcel_id, number, sscc_of(by, row.number), label_format)


_given = arrays("given", id=Uuid(), status=Text(), tracking_number=Text(), sscc=Text(), label_format=Text())
_give_number = (
    update(parcel)
    .where(parcel.c.id == _given.c.id)
    .values(
        our_status=ParcelStatus.LABELLED,
        status=_given.c.status,
        tracking_number=_given.c.tracking_number,
        sscc=_given.c.sscc,
        label_format=_given.c.label_format,
        labelled_at=bindparam("labelled_at", type_=Instant),
    )
)


async def _number(db: Connection, found: Mapping[UUID, Found], labels: Sequence[Labelled], now: datetime) -> None:
    if not labels:
        return
    await db.execute(
        _give_number,
        {"labelled_at": now}
        | params(
            "given",
            id=[one.parcel_id for one in labels],
            status=[higher(ParcelStatus(found[one.parcel_id].status), ParcelStatus.LABELLED) for one in labels],
            tracking_number=[one.tracking_number for one in labels],
            sscc=[one.sscc for one in labels],
            label_format=[one.label_format for one in labels],
        ),
    )


async def _print(db: Connection, found: Mapping[UUID, Found], labels: Sequence[Labelled], now: datetime) -> None:
    ordered = sorted(labels, key=lambda one: one.parcel_id)
    rows = [
        {"parcel_id": one.parcel_id, "zpl": zpl(_facts(found[one.parcel_id], one)), "created_at": now}
        for one in ordered
    ]
    await insert_new(db, label, rows, returning=["parcel_id"])


def _facts(row: Found, numbers: Labelled) -> LabelFacts:
    return msgspec.convert(
        {**row, "tracking_number": numbers.tracking_number, "sscc": numbers.sscc},
        LabelFacts,
    )


async def _taken(db: Connection, numbers: Sequence[GivenNumber]) -> dict[tuple[UUID | None, str | None], UUID]:
    rows = await db.execute(
        select(parcel.c.carrier_id, parcel.c.tracking_number, parcel.c.id).where(
            parcel.c.tracking_number == func.any([one.tracking_number for one in numbers])
        )
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _numbered(
    one: GivenNumber, row: Found | None, taken: Mapping[tuple[UUID | None, str | None], UUID]
) -> Numbered | NumberRefusal:
    facts = {"parcel_id": str(one.parcel_id), "tracking_number": one.tracking_number}
    if row is None:
        return not_found(one.parcel_id)
    if row.carrier_id is None:
        return NoCarrier("the parcel travels without a carrier", **facts)
    if row.tracking_number not in {None, one.tracking_number}:
        return AlreadyNumbered("the parcel has another tracking number", **facts, present=row.tracking_number)
    if taken.get((row.carrier_id, one.tracking_number), one.parcel_id) != one.parcel_id:
        return TrackingNumberTaken("another parcel of the carrier has this tracking number", **facts)
    try:
        move(PARCEL_MOVES, ParcelStatus(row.our_status), ParcelStatus.LABELLED)
    except IllegalMove as problem:
        return problem
    return Numbered(one.parcel_id, one.tracking_number)


async def _write(db: Connection, found: Mapping[UUID, Found], numbers: Mapping[UUID, str], now: datetime) -> None:
    if not numbers:
        return
    given = arrays("given", id=Uuid(), status=Text(), tracking_number=Text())
    await db.execute(
        update(parcel)
        .where(parcel.c.id == given.c.id)
        .values(
            our_status=ParcelStatus.LABELLED,
            status=given.c.status,
            tracking_number=given.c.tracking_number,
            labelled_at=now,
        ),
        params(
            "given",
            id=list(numbers),
            status=[higher(ParcelStatus(found[key].status), ParcelStatus.LABELLED) for key in numbers],
            tracking_number=list(numbers.values()),
        ),
    )
