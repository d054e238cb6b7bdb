"""What plans are worth: what is earned on units more at one location than at another, and what is left of it all."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.inventory.domain.worth import WHOLE_BP
from batuta.pricing.domain.costs import UnitCosts
from batuta.sourcing.domain.known import Known
from batuta.sourcing.domain.requests import Assignment, SourcingRequest
from batuta.sourcing.domain.search.candidates import Costs


class Profit(msgspec.Struct, frozen=True, kw_only=True):
    """What is earned on the units of an order as they were planned.

    net_minor: what they are sold for, without tax. goods_minor: what they cost us, None where that is not known of all.
    expenses_minor: what is paid to send them: freight, handling and packaging. profit_minor: what is left.
    """

    net_minor: int
    goods_minor: int | None
    expenses_minor: int
    profit_minor: int | None


def margins(costs: UnitCosts, sku_ids: Iterable[UUID], location_id: UUID, currency: str) -> dict[UUID, int]:
    """By how much less a unit of each SKU costs that comes from the location than it usually does."""
    found: dict[UUID, int] = {}
    for sku_id in sku_ids if costs else ():
        usual, here = costs.usual(sku_id, currency), costs.at(sku_id, location_id, currency)
        if usual is not None and here is not None and usual != here:
            found[sku_id] = usual - here
    return found


def profit_of(request: SourcingRequest, assignments: Sequence[Assignment], costs: Costs, known: UnitCosts) -> Profit:
    """What is left of what an order brings, once its goods are paid for and sent."""
    net_minor = sum(line.unit_net_minor * line.quantity for line in request.lines)
    expenses_minor = costs.freight_minor + costs.handling_minor + costs.packaging_minor
    goods_minor: int | None = 0
    for one in assignments:
        cost_minor = known.at(one.sku_id, one.location_id, request.currency)
        goods_minor = None if cost_minor is None or goods_minor is None else goods_minor + cost_minor * one.quantity
    return Profit(
        net_minor=net_minor,
        goods_minor=goods_minor,
        expenses_minor=expenses_minor,
        profit_minor=None if goods_minor is None else net_minor - goods_minor - expenses_minor,
    )


def earned_on(request: SourcingRequest, costs: UnitCosts) -> dict[UUID, int]:
    """What is earned on a unit of each SKU that the order buys by itself, where that is known."""
    found: dict[UUID, int] = {}
    for line in request.lines:
        if len(line.components) == 1:
            ((sku_id, per_unit),) = line.components
            cost_minor = costs.usual(sku_id, request.currency)
            if cost_minor is not None:
                found[sku_id] = max(found.get(sku_id, 0), line.unit_net_minor // per_unit - cost_minor)
    return found


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """What units of SKUs are worth to one location, and what it costs to keep them."""

    scarcity_minor: Mapping[UUID, int] = {}
    markdown_minor: Mapping[UUID, int] = {}


_NOTHING = Keeping()


def keeping_at(
    known: Known, request: SourcingRequest, location_id: UUID, *, totals: Mapping[UUID, int], stock: Mapping[UUID, int]
) -> Keeping:
    """What the location loses by sending what is asked, and what by not sending it. stock: what the order may have."""
    if not known.worths:
        return _NOTHING
    earned = earned_on(request, known.costs)
    scarcity, markdown = {}, {}
    for sku_id, units in totals.items():
        free = stock.get(sku_id, 0)
        if not free:
            continue
        if earned.get(sku_id, 0) > 0:
            chance_bp = known.worths.scarcity_bp(sku_id, location_id, free=free, units=min(units, free))
            scarcity[sku_id] = earned[sku_id] * chance_bp // WHOLE_BP
        cost_minor = known.costs.at(sku_id, location_id, request.currency)
        if cost_minor:
            lost_bp = known.worths.markdown_bp(sku_id, location_id, free=free, now=known.now)
            markdown[sku_id] = cost_minor * lost_bp // WHOLE_BP
    return Keeping(
        scarcity_minor={sku_id: minor for sku_id, minor in scarcity.items() if minor},
        markdown_minor={sku_id: minor for sku_id, minor in markdown.items() if minor},
    )
