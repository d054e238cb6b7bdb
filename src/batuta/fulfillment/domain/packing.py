"""Packing everything that was picked."""

from collections import Counter
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.capturing import check_captured, units_of
from batuta.fulfillment.domain.cartons import Cartons, fill_parcels
from batuta.fulfillment.domain.changes import Change, gained, nothing, stage_moves
from batuta.fulfillment.domain.orders import FulfillmentOrder, Package, counted
from batuta.fulfillment.domain.picking import refuse_while_cancelling
from batuta.fulfillment.domain.requests import Pack, PackedContent, PackedParcel
from batuta.fulfillment.domain.statuses import FULFILLMENT_MOVES, FulfillmentStatus, Stage
from batuta.fulfillment.domain.work_orders import made, refuse_unmade
from batuta.kernel.errors import Refused
from batuta.kernel.states import move


class NotAllPicked(Refused):
    """Somebody has begun to pick and has not yet picked or reported short every unit."""


class AlreadyPacked(Refused):
    """It is packed, into other parcels than these."""


class WrongContents(Refused):
    """The parcels do not hold exactly what was picked."""


def decide_pack(
    fulfillment: FulfillmentOrder, request: Pack, cartons: Cartons, done: frozenset[UUID] = frozenset()
) -> Change:
    """Pack what was picked. Packing what nobody has begun to scan as picked counts as picking all of it.

    What is made to order is packed in the place of its parts. done: the lines of which it is made.

    Raises:
        AlreadyPacked: into other parcels. NotAllPicked. WrongContents. SerialsMissing. WeightMissing.
            WrongLots. NotMade. CancellationOpen. IllegalMove.
    """
    if fulfillment.is_whole("packed"):
        return _packed_before(fulfillment, request)
    refuse_while_cancelling(fulfillment)
    picked = _picked(fulfillment)
    refuse_unmade(picked, done)
    picked = msgspec.structs.replace(picked, lines=made(picked.lines))
    parcels = _parcels(picked, request, cartons)
    check_captured(parcels, cartons.goods)
    packed = msgspec.structs.replace(
        picked,
        status=move(FULFILLMENT_MOVES, picked.status, FulfillmentStatus.PACKED),
        lines=counted(picked.lines, "packed", picked.units("live")),
        packages=(*picked.packages, *(_package(parcel) for parcel in parcels)),
    )
    return Change(
        before=fulfillment,
        after=packed,
        actor=request.actor,
        units=gained(picked, packed, "packed"),
        moves=(
            *stage_moves(gained(fulfillment, picked, "picked"), Stage.RELEASED, Stage.PICKED),
            *stage_moves(gained(picked, packed, "packed"), Stage.PICKED, Stage.PACKED),
        ),
        packed=parcels,
        label_format=request.label_format,
    )


def _packed_before(fulfillment: FulfillmentOrder, request: Pack) -> Change:
    parcel_ids = {package.parcel_id for package in fulfillment.packages}
    if request.parcels is not None and {parcel.id for parcel in request.parcels} != parcel_ids:
        raise AlreadyPacked("packed into other parcels", parcel_ids=sorted(str(one) for one in parcel_ids))
    return nothing(fulfillment, request.actor)


def _picked(fulfillment: FulfillmentOrder) -> FulfillmentOrder:
    if fulfillment.is_whole("picked"):
        return fulfillment
    if fulfillment.status in {FulfillmentStatus.PICKING, FulfillmentStatus.CANCEL_REFUSED}:
        live, picked = fulfillment.units("live"), fulfillment.units("picked")
        raise NotAllPicked(
            "not every unit is picked or reported short",
            open={str(line_id): live[line_id] - picked[line_id] for line_id in live},
        )
    status = move(FULFILLMENT_MOVES, fulfillment.status, FulfillmentStatus.PICKED)
    lines = counted(fulfillment.lines, "picked", fulfillment.units("live"))
    return msgspec.structs.replace(fulfillment, status=status, lines=lines)


def _parcels(fulfillment: FulfillmentOrder, request: Pack, cartons: Cartons) -> tuple[PackedParcel, ...]:
    goods = Counter({(line.line_id, line.sku_id): line.live for line in fulfillment.lines if line.live})
    if request.parcels is None:
        filled = fill_parcels(fulfillment, cartons)
        return _as_one(filled, request.tracking_number) if request.tracking_number else filled
    packed: Counter[tuple[UUID, UUID]] = Counter()
    for parcel in request.parcels:
        for one in parcel.contents:
            packed[one.line_id, one.sku_id] += one.quantity
    if packed != goods or len({parcel.id for parcel in request.parcels}) < len(request.parcels):
        raise WrongContents(
            "the parcels do not hold exactly what was picked",
            missing=_told(goods - packed),
            extra=_told(packed - goods),
        )
    return request.parcels


def _as_one(parcels: tuple[PackedParcel, ...], tracking_number: str) -> tuple[PackedParcel, ...]:
    """All of it in the parcel that somebody else labelled."""
    units: Counter[tuple[UUID, UUID]] = Counter()
    for parcel in parcels:
        for one in parcel.contents:
            units[one.line_id, one.sku_id] += one.quantity
    contents = tuple(
        PackedContent(line_id=line_id, sku_id=sku_id, quantity=quantity)
        for (line_id, sku_id), quantity in units.items()
    )
    return (PackedParcel(id=parcels[0].id, contents=contents, tracking_number=tracking_number),)


def _told(goods: Counter[tuple[UUID, UUID]]) -> list[dict[str, object]]:
    return [
        {"line_id": str(line_id), "sku_id": str(sku_id), "quantity": quantity}
        for (line_id, sku_id), quantity in goods.items()
    ]


def _package(parcel: PackedParcel) -> Package:
    return Package(
        parcel_id=parcel.id,
        contents=tuple(units_of(one) for one in parcel.contents),
    )
