"""What was promised with an order, and what became of it (PRM-05)."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.ids import child_id
from batuta.sourcing.domain import LimitingStep, Promised, PromisedShipment


class PromiseKind(StrEnum):
    """The first promise of an order is the one it is measured by; what comes later stands beside it."""

    ORIGINAL = "original"
    LATEST = "latest"


class PromiseBasis(StrEnum):
    """told: the buyer saw it before they bought. planned: a plan was made. moved: supply comes at another time."""

    TOLD = "told"
    PLANNED = "planned"
    MOVED = "moved"


class PromiseDoesNotFit(Refused):
    """The promise was made for another order than this one; `differs` says in what."""


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One promise of an order. order_by_at: until when it could be had; plan: where its goods were to come from."""

    id: UUID
    order_id: UUID
    kind: PromiseKind
    basis: PromiseBasis
    service_kind: str
    earliest_at: datetime
    p50_at: datetime
    p90_at: datetime
    window_from_at: datetime
    order_by_at: datetime
    price_minor: int | None
    limiting_step: LimitingStep
    is_estimated: bool
    plan: tuple[PromisedShipment, ...]
    made_at: datetime


class MovePromise(msgspec.Struct, frozen=True, kw_only=True):
    """Some goods of an order come so much later than was known, or sooner. cause: what makes it one."""

    order_id: UUID
    cause: str
    by: timedelta


def moved(last: Promise, move: MovePromise, *, now: datetime) -> Promise:
    """The promise that takes the place of the last one, later by as much as its supply."""
    return msgspec.structs.replace(
        last,
        id=child_id(last.order_id, "promise", PromiseBasis.MOVED, move.cause),
        kind=PromiseKind.LATEST,
        basis=PromiseBasis.MOVED,
        earliest_at=last.earliest_at + move.by,
        p50_at=last.p50_at + move.by,
        p90_at=last.p90_at + move.by,
        window_from_at=last.window_from_at + move.by,
        limiting_step=LimitingStep.SUPPLY,
        made_at=now,
    )


class NewPromise(msgspec.Struct, frozen=True, kw_only=True):
    """A promise to keep with an order. cause: what makes it one; the same cause again changes nothing.

    is_part: it speaks of some of the goods, and the others come as they were promised last.
    """

    order_id: UUID
    basis: PromiseBasis
    cause: str
    promised: Promised
    made_at: datetime
    is_part: bool = False

    def as_kind(self, kind: PromiseKind) -> Promise:
        one = self.promised
        return Promise(
            id=child_id(self.order_id, "promise", self.basis, self.cause),
            order_id=self.order_id,
            kind=kind,
            basis=self.basis,
            service_kind=one.service_kind,
            earliest_at=one.earliest_at,
            p50_at=one.p50_at,
            p90_at=one.p90_at,
            window_from_at=one.window_from_at,
            order_by_at=one.order_by_at,
            price_minor=one.price_minor,
            limiting_step=one.limiting_step,
            is_estimated=one.is_estimated,
            plan=one.shipments,
            made_at=self.made_at,
        )
