"""Everything in one go: a small shop accepts, picks, packs and hands over at one counter (FUL-10)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from batuta.fulfillment.commands.cancelling import refuse_open
from batuta.fulfillment.commands.carrying import Task, carry_from, lock_fulfillments
from batuta.fulfillment.commands.leaving import holds_to_ship, tell_handed_over
from batuta.fulfillment.commands.offering import tell_accepted
from batuta.fulfillment.commands.parcels import cartons_for
from batuta.fulfillment.commands.working import tell_packed, tell_picked, tell_started
from batuta.fulfillment.domain import (
    Accept,
    Cartons,
    Dispatch,
    FulfillmentOrder,
    HandOver,
    Pack,
    Pick,
    StartPicking,
    decide_accept,
    decide_hand_over,
    decide_pack,
    decide_pick,
    decide_start,
)
from batuta.kernel.errors import BatutaError
from batuta.ordering.domain import Hold
from batuta.plumbing.database import Connection

VERBS = 5


async def dispatch(
    db: Connection, *, dispatches: Sequence[Dispatch], now: datetime
) -> list[FulfillmentOrder | BatutaError]:
    """Take fulfillment orders from offered, or from wherever they stand, into their carriers' hands.

    The same facts are told as by the verbs one by one. What is refused on the way stays as far as it came.
    """
    found = await lock_fulfillments(db, (one.fulfillment_order_id for one in dispatches))
    cartons = await cartons_for(db, found)
    holds = await holds_to_ship(db, found)
    tasks = [task for one in dispatches for task in _tasks(one, cartons, holds.get(one.fulfillment_order_id, ()), now)]
    outcomes = await carry_from(db, found=found, tasks=tasks, tell=tell_handed_over, now=now)
    await refuse_open(db, [one for one in outcomes if isinstance(one, FulfillmentOrder)], now=now)
    return [_outcome(outcomes[i : i + VERBS]) for i in range(0, len(outcomes), VERBS)]


def _tasks(one: Dispatch, cartons: Mapping[UUID, Cartons], holds: Sequence[Hold], now: datetime) -> list[Task]:
    id_, actor = one.fulfillment_order_id, one.actor
    accepting = Accept(fulfillment_order_id=id_, actor=actor)
    packing = Pack(
        fulfillment_order_id=id_, actor=actor, label_format=one.label_format, tracking_number=one.tracking_number
    )
    leaving = HandOver(fulfillment_order_id=id_, actor=actor)
    return [
        Task(id_, partial(decide_accept, request=accepting, now=now), tell_accepted),
        Task(id_, partial(decide_start, request=StartPicking(fulfillment_order_id=id_, actor=actor)), tell_started),
        Task(id_, partial(decide_pick, request=Pick(fulfillment_order_id=id_, actor=actor)), tell_picked),
        Task(id_, partial(decide_pack, request=packing, cartons=cartons.get(id_, Cartons(goods={}))), tell_packed),
        Task(id_, partial(decide_hand_over, request=leaving, now=now, holds=holds), tell_handed_over),
    ]


def _outcome(outcomes: Sequence[FulfillmentOrder | BatutaError]) -> FulfillmentOrder | BatutaError:
    """How far it came: the last verb's answer, or the first refusal if that one was refused too."""
    if not isinstance(outcomes[-1], BatutaError):
        return outcomes[-1]
    return next(one for one in outcomes if isinstance(one, BatutaError))
