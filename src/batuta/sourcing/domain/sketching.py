"""What would be planned for orders that nobody has placed: the same search, of which nothing is kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.sourcing.domain.by_transfer import without_services
from batuta.sourcing.domain.dealing import deal
from batuta.sourcing.domain.decisions import Facts
from batuta.sourcing.domain.known import Known
from batuta.sourcing.domain.planning import Ordered
from batuta.sourcing.domain.requests import Method, SourcingRequest
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import Candidate, Demand, Lane, Parts
from batuta.sourcing.domain.search.sufficing import alone
from batuta.sourcing.domain.sites import Rule


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one location would send, by which service."""

    location_id: UUID
    service_id: UUID | None
    units: tuple[tuple[Parts, int], ...]


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """What would be planned. dealt: units by line and location."""

    sent: tuple[Sent, ...]
    dealt: Mapping[tuple[UUID, UUID], int]


def sketch(request: SourcingRequest, known: Known) -> Sketch | Rule:
    """What would be planned for an order, or the rule that most stands against it.

    What is promised is what is planned; it takes nothing, and keeps no record (PRM-04).
    """
    order = Ordered(request, known)
    found = _sketch_whole(order)
    if isinstance(found, Rule) and (lanes := order.more_lanes()):
        return _sketch_whole(Ordered(request, known, by_transfer=lanes))
    return found


def _sketch_whole(order: Ordered) -> Sketch | Rule:
    facts = order.facts()
    return _sketch(order, order.asked, facts, list(facts.candidates.values()), order.demands())


def sketch_each(requests: Sequence[SourcingRequest], known: Known) -> list[Sketch | Rule]:
    """`sketch` of one order by several kinds of service, which share all facts but their lanes.

    Strategies may say something else of each kind of service; then each is looked at for itself.
    """
    if known.strategies or not requests:
        return [sketch(request, known) for request in requests]
    order = Ordered(requests[0], known)
    facts, demands = order.facts(), order.demands()
    return [_sketch(order, one, facts, _by_lanes_of(one, facts, known), demands) for one in requests]


def _by_lanes_of(request: SourcingRequest, facts: Facts, known: Known) -> list[Candidate]:
    """The candidates from which this kind of service goes there."""
    return [
        msgspec.structs.replace(one, lanes=lanes)
        for location_id, one in facts.candidates.items()
        if (lanes := known.lanes.get((request.order_id, location_id)))
    ]


def _sketch(
    order: Ordered, request: SourcingRequest, facts: Facts, candidates: Sequence[Candidate], demands: Sequence[Demand]
) -> Sketch | Rule:
    able = [one for one in candidates if one.lanes or one.lanes is None]
    if request.method is Method.SHIP and not able:
        return _most(facts.rules) if order.totals and not facts.candidates else Rule.NOT_SERVED
    terms = order.terms()
    if whole := alone(demands, able, terms) if able else None:
        return _from_one(order, whole[0], whole[1], demands)
    choice = order.choose(Board(demands, able, terms)) if able and _have_all(able, order.totals) else None
    if choice is not None:
        choice = choice if request.method is Method.SHIP else without_services(choice)
        sent = [
            Sent(location_id=one.location_id, service_id=one.service_id, units=one.units) for one in choice.shipments
        ]
        return Sketch(sent=tuple(sent), dealt=_in_units(order, deal(order.wanted, choice, order.claims)))
    if _have_all(facts.candidates.values(), order.totals):
        if facts.full:
            return Rule.AT_CAPACITY
        lanes = {id(one.lanes): one.lanes for one in able}.values()
        return Rule.TOO_MANY_SPLITS if any(_is_taken(demands, one) for one in lanes) else Rule.NOT_SERVED
    return _most(facts.rules)


def _have_all(candidates: Iterable[Candidate], totals: Mapping[UUID, int]) -> bool:
    """Whether the candidates have enough of everything between them."""
    have: dict[UUID, int] = defaultdict(int)
    for one in candidates:
        for sku_id, units in one.stock.items():
            have[sku_id] += units
    return all(have[sku_id] >= units for sku_id, units in totals.items())


def _from_one(order: Ordered, candidate: Candidate, lane: Lane | None, demands: Sequence[Demand]) -> Sketch:
    """All of it from one location."""
    at = candidate.location_id
    units = tuple((demand.parts, demand.quantity) for demand in demands)
    service_id = lane.service_id if lane and order.request.method is Method.SHIP else None
    return Sketch(
        sent=(Sent(location_id=at, service_id=service_id, units=units),),
        dealt=_in_units(order, {(line_id, at): quantity for line_id, (_, quantity) in order.wanted.items()}),
    )


def _in_units(order: Ordered, dealt: Mapping[tuple[UUID, UUID], int]) -> dict[tuple[UUID, UUID], int]:
    return {(line_id, at): count * order.lots[line_id] for (line_id, at), count in dealt.items()}


def _is_taken(demands: Sequence[Demand], lanes: Sequence[Lane] | None) -> bool:
    """Whether one of the lanes takes a unit of each line."""
    return lanes is None or all(
        any(
            (demand.heaviest_g or demand.weight_g) <= lane.steps[-1][0] and demand.length_mm <= lane.length_max_mm
            for lane in lanes
            if lane.steps
        )
        for demand in demands
    )


def _most(rules: Mapping[UUID, Rule]) -> Rule:
    """The rule that shuts out most locations; too little stock when none does."""
    counts = Counter(rules.values())
    return max(counts, key=lambda rule: counts[rule]) if counts else Rule.NO_STOCK
