"""Asking the locations of a plan, with the time they have to answer in their own opening hours (SRC-09)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.company.domain import Channel
from batuta.fulfillment.commands import offer
from batuta.fulfillment.domain import Method, Offer, OfferedLine
from batuta.kernel.ids import child_id
from batuta.locations.queries import AllLocations, all_locations
from batuta.orchestration.commands.transferring import send_plans_to_stores, store_of
from batuta.ordering.domain import Line, MadeLine, Order, Promise
from batuta.ordering.queries import made_lines_of, promises_of
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Plan, Promised, Unfillable
from batuta.sourcing.domain.capacity import answer_by

ACTOR = "system:score"


async def offer_plans(
    db: Connection,
    *,
    orders: Mapping[UUID, Order],
    channels: Mapping[UUID, Channel],
    plans: Sequence[Plan | Unfillable],
    promised: Mapping[UUID, Promised],
    now: datetime,
) -> None:
    """Ask each location of the plans; promised: when the goods of each order are there, if somebody begins now.

    What a store lacks of an order that is picked up there is sent to it first.
    """
    made = [one for one in plans if isinstance(one, Plan) and one.assignments]
    if not made:
        return
    await send_plans_to_stores(db, orders=orders, plans=made, promised=promised, now=now)
    clock = _Clock(await all_locations(db), now)
    told = await promises_of(db, [one.order_id for one in made])
    to_order = await made_lines_of(db, [orders[one.order_id] for one in made])
    offers = []
    for one in made:
        order = orders[one.order_id]
        minutes = channels[order.channel_id].policies.offer_minutes
        risk_at = _risk_at(told[order.id], promised.get(order.id), now)
        offers += _offers(order, one, clock, minutes, risk_at, made=to_order)
    await offer(db, offers=offers, now=now)


def components_of(line: Line) -> tuple[tuple[UUID, int], ...]:
    """The SKUs of a line, and how many make one of it."""
    return tuple((part.sku_id, part.quantity) for part in line.components) or ((line.sku_id, 1),)


def abilities_of(line: Line, made: Mapping[UUID, MadeLine]) -> frozenset[str]:
    """What a location must be able to do to make a line."""
    return frozenset(made[line.id].recipe.abilities) if line.id in made else frozenset()


class _Clock:
    """Until when each location may answer. A calendar is dear to read, and many offers go to few locations."""

    def __init__(self, every: AllLocations, now: datetime) -> None:
        self._every, self.now = every, now
        self._known: dict[tuple[UUID, int], datetime] = {}

    def answer_by(self, location_id: UUID, minutes: int) -> datetime:
        """When so many minutes of its opening hours are over; of one that never opens, of any hours."""
        key = (location_id, minutes)
        if key not in self._known:
            self._known[key] = answer_by(self._every.by_id.get(location_id), self.now, minutes)
        return self._known[key]


def _risk_at(told: Sequence[Promise], planned: Promised | None, now: datetime) -> datetime | None:
    """Until when the plan may wait to begin so that it mostly still keeps what the buyer was told first.

    Who begins before the cut-off (`order_by_at`) has the plan's own dates; what was promised beyond those is to spare.
    """
    if planned is None:
        return None
    promised_at = told[0].p90_at if told else planned.p90_at
    return max(now, max(now, planned.order_by_at) + (promised_at - planned.p50_at))


def _offers(
    order: Order,
    planned: Plan,
    clock: _Clock,
    minutes: int,
    risk_at: datetime | None,
    *,
    made: Mapping[UUID, MadeLine],
) -> list[Offer]:
    """One fulfillment order for each location and service of the plan."""
    per_unit = {(line.id, sku_id): units for line in order.lines for sku_id, units in components_of(line)}
    route = next(line.route for line in order.lines if line.id == planned.assignments[0].line_id) or order.route
    tracked = {line.id: line.is_tracked for line in order.lines}
    lines: dict[tuple[UUID, UUID | None], list[OfferedLine]] = defaultdict(list)
    for one in planned.assignments:
        if store_of(order, one):
            continue
        lines[one.location_id, one.service_id].append(
            OfferedLine(
                line_id=one.line_id,
                sku_id=one.sku_id,
                quantity=one.quantity,
                per_unit=per_unit[one.line_id, one.sku_id],
                is_tracked=tracked[one.line_id],
                makes=made[one.line_id].sku_id if one.line_id in made else None,
            )
        )
    return [
        Offer(
            id=child_id(order.id, "fulfillment", planned.attempt, location_id, service_id),
            order_id=order.id,
            order_number=order.number,
            location_id=location_id,
            method=Method(route.method),
            service_id=service_id,
            lines=tuple(offered),
            ship_to=route.ship_to,
            locale=order.locale,
            expires_at=(expires_at := clock.answer_by(location_id, minutes)),
            escalate_at=risk_at if risk_at is not None and risk_at < expires_at else None,
            actor=ACTOR,
        )
        for (location_id, service_id), offered in lines.items()
    ]
