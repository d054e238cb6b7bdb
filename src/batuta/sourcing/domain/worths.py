"""What plans are worth: what is earned on units more at one location than at another, and what is left of it all."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from batuta.pricing.domain.costs import UnitCosts
from batuta.sourcing.domain.candidates import Costs
from batuta.sourcing.domain.requests import Assignment, SourcingRequest


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
