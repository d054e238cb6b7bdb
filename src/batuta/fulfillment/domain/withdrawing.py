"""Taking units out of a fulfillment order: rejected, short, expired or cancelled."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.changes import StageMove, waiting_stage
from batuta.fulfillment.domain.orders import FulfillmentLine, FulfillmentOrder, Package, SkuUnits
from batuta.fulfillment.domain.statuses import FulfillmentStatus, Stage


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of the lines, how the order's buckets move, and which units of SKUs are no longer wanted here."""

    lines: tuple[FulfillmentLine, ...]
    moves: tuple[StageMove, ...]
    goods: tuple[SkuUnits, ...]


def withdraw(
    fulfillment: FulfillmentOrder,
    units: Mapping[UUID, int],
    *,
    count: Literal["short", "cancelled"],
) -> Withdrawal:
    """Take that many units of each order line out, those furthest from the door first.

    What is short here waits to be sourced elsewhere; what is cancelled nobody wants. No more is taken than is live and
    not handed over; the caller says no before if that is not enough.
    """
    waiting = Stage.ALLOCATED if fulfillment.status is FulfillmentStatus.OFFERED else Stage.RELEASED
    live, picked, packed, gone = (fulfillment.units(name) for name in ("live", "picked", "packed", "handed_over"))
    taken: dict[UUID, tuple[int, int, int]] = {}
    moves: list[StageMove] = []
    for line_id, wanted in units.items():
        target = Stage.CANCELLED if count == "cancelled" else waiting_stage(fulfillment, line_id)
        shares: list[int] = []
        for there in (
            live[line_id] - picked[line_id],
            picked[line_id] - packed[line_id],
            packed[line_id] - gone[line_id],
        ):
            share = min(wanted - sum(shares), there)
            shares.append(share)
        taken[line_id] = (shares[0], shares[1], shares[2])
        moves += [
            StageMove(line_id=line_id, source=source, target=target, quantity=share)
            for source, share in zip((waiting, Stage.PICKED, Stage.PACKED), shares, strict=True)
            if share
        ]
    return Withdrawal(
        lines=tuple(_without(line, taken.get(line.line_id, (0, 0, 0)), count) for line in fulfillment.lines),
        moves=tuple(moves),
        goods=tuple(
            SkuUnits(line.line_id, line.sku_id, sum(taken[line.line_id]) * line.per_unit)
            for line in fulfillment.lines
            if sum(taken.get(line.line_id, (0,)))
        ),
    )


def _without(line: FulfillmentLine, taken: tuple[int, int, int], count: str) -> FulfillmentLine:
    waiting, picked, packed = (share * line.per_unit for share in taken)
    return msgspec.structs.replace(
        line,
        picked=line.picked - picked - packed,
        packed=line.packed - packed,
        **{count: getattr(line, count) + waiting + picked + packed},
    )


def unpacked(fulfillment: FulfillmentOrder, *, now: datetime) -> tuple[Package, ...]:
    """The packages, those that are still here opened again."""
    return tuple(
        msgspec.structs.replace(package, unpacked_at=now) if package.is_here else package
        for package in fulfillment.packages
    )


def stands_at(fulfillment: FulfillmentOrder) -> FulfillmentStatus:
    """The status that the counts of a fulfillment order in work amount to."""
    if not any(line.live for line in fulfillment.lines):
        return FulfillmentStatus.CANCELLED
    if fulfillment.is_whole("handed_over"):
        return FulfillmentStatus.HANDED_OVER
    if fulfillment.is_whole("packed"):
        return FulfillmentStatus.READY if fulfillment.collect_until_at is not None else FulfillmentStatus.PACKED
    return FulfillmentStatus.PICKED if fulfillment.is_whole("picked") else FulfillmentStatus.PICKING
