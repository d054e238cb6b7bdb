"""The decision record: for each line where it ships from, what every other location would have cost, or why it is out.

What another location would have cost is the cheaper of two whole plans: all of the order from there, or the plan
that was chosen with as many of this line's units as it has coming from there. Both could have been
chosen, so against an exact plan neither is cheaper, as the weights of the components count (SRC-12).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.sourcing.domain.alternatives import Alternatives
from batuta.sourcing.domain.capacity import Full
from batuta.sourcing.domain.requests import Override
from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import Candidate, Costs, Parts, units_in
from batuta.sourcing.domain.sites import Rule, Site
from batuta.sourcing.domain.strategies import StrategyUsed
from batuta.sourcing.domain.worths import Profit


class Verdict(StrEnum):
    CHOSEN = "chosen"
    DEARER = "dearer"
    EXCLUDED = "excluded"


class Outcome(StrEnum):
    PLANNED = "planned"
    UNFILLABLE = "unfillable"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Units of the line that ship from a location. by_transfer: to the store first where they are picked up."""

    location_id: UUID
    quantity: int
    service_id: UUID | None = None
    by_transfer: bool = False


class Considered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A location that had stock of the order, or was named by it.

    have: units of the line it could give, 0 where none. costs: of the plan with it; difference_minor: how much
    dearer that is than the chosen plan. rule: why it is out; because: the strategy's own name of
    the rule; full: the limit that leaves it too little room, where that is why, or was overridden.
    """

    location_id: UUID
    code: str
    name: str
    verdict: Verdict
    have: int = 0
    rule: Rule | None = None
    because: str = ""
    full: Full | None = None
    costs: Costs | None = None
    difference_minor: int | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """What sharing an order costs. penalty_minor: as it counts for itself.

    whole_id: the location from which all of it would have been cheapest, None where none could; difference_minor: how
    much dearer that would have been, as the weights of the components count.
    """

    locations: int
    penalty_minor: int
    whole_id: UUID | None = None
    difference_minor: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one line ships from where it ships.

    quantity: units of the line. costs: of the whole plan of the order. elsewhere: how many active locations more
    have no stock of the order at all. difference_minor: how much dearer the runner-up's plan is. split: of an order
    that several locations share. profit: of all that was planned with it.
    """

    order_id: UUID
    line_id: UUID
    attempt: int
    at: datetime
    outcome: Outcome
    quantity: int
    currency: str
    sources: tuple[Source, ...] = ()
    considered: tuple[Considered, ...] = ()
    elsewhere: int = 0
    costs: Costs | None = None
    runner_up_id: UUID | None = None
    difference_minor: int | None = None
    is_greedy: bool = False
    strategy: StrategyUsed | None = None
    split: Split | None = None
    profit: Profit | None = None
    override: Override | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the candidates of one order are known by, those that the rules shut out included.

    stock: units by location and SKU, whatever the rules say. unable: what a location cannot do, by the SKUs of which
    it would have to make something. full: of locations that could not do all of the order.
    """

    sites: Mapping[UUID, Site]
    rules: Mapping[UUID, Rule]
    stock: Mapping[UUID, Mapping[UUID, int]]
    candidates: Mapping[UUID, Candidate]
    because: Mapping[UUID, str] = {}
    unable: Mapping[UUID, Mapping[UUID, str]] = {}
    full: Mapping[UUID, Full] = {}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what a unit is made of, how many it wants, and where the chosen plan takes them from.

    is_forced: a person wants it from there, whatever its capacity.
    """

    parts: Parts
    quantity: int
    sources: Sequence[Source]
    is_forced: bool = False


def split_of(others: Alternatives) -> Split | None:
    """What it costs that several locations share the order; None where one sends it."""
    choice = others.choice
    if len(choice.shipments) <= 1:
        return None
    whole_id, difference_minor = others.cheapest_whole() or (None, None)
    return Split(
        locations=len(choice.shipments),
        penalty_minor=choice.split_minor,
        whole_id=whole_id,
        difference_minor=difference_minor,
    )


def consider(board: Board, facts: Facts, others: Alternatives | None, asked: Asked) -> list[Considered]:
    """Say of every known location what became of it for one line; the chosen first, then the cheaper, then the rest.

    others: the plans that lost; None when there is no plan.
    """
    found = [_consider(board, facts, others, asked, site) for site in facts.sites.values()]
    order = list(Verdict)
    return sorted(found, key=lambda one: (order.index(one.verdict), one.difference_minor or 0, one.code))


def runner_up(considered: Sequence[Considered]) -> Considered | None:
    return next((one for one in considered if one.verdict is Verdict.DEARER), None)


def _consider(board: Board, facts: Facts, others: Alternatives | None, asked: Asked, site: Site) -> Considered:
    stock = facts.stock.get(site.location_id, {})
    one = Considered(
        location_id=site.location_id,
        code=site.code,
        name=site.name,
        verdict=Verdict.EXCLUDED,
        have=min(asked.quantity, units_in(stock, asked.parts)),
    )
    full = facts.full.get(site.location_id)
    if any(source.location_id == site.location_id for source in asked.sources):
        return msgspec.structs.replace(one, verdict=Verdict.CHOSEN, full=full if asked.is_forced else None)
    rule = facts.rules.get(site.location_id) or _rule_for(board, facts, asked.parts, one)
    if rule is None and others is None:
        rule = Rule.NOT_ENOUGH if one.have < asked.quantity else _why_apart(full)
    if rule is not None or others is None:
        because = facts.because.get(site.location_id, "")
        if rule is Rule.LACKS_ABILITY and not because:
            because = _unable(facts, site.location_id, asked.parts)
        return msgspec.structs.replace(one, rule=rule, because=because, full=full if rule is Rule.AT_CAPACITY else None)
    sources = [(source.location_id, source.quantity) for source in asked.sources]
    found = others.cheapest_with(asked.parts, sources, facts.candidates[site.location_id])
    if found is None:
        return msgspec.structs.replace(one, rule=_why_apart(full), full=full)
    costs, difference_minor = found
    return msgspec.structs.replace(one, verdict=Verdict.DEARER, costs=costs, difference_minor=difference_minor)


def _why_apart(full: Full | None) -> Rule:
    """Why a location that has what is asked cannot be in a plan: it has no hands for it, or they would be too many."""
    return Rule.AT_CAPACITY if full else Rule.TOO_MANY_SPLITS


def _rule_for(board: Board, facts: Facts, parts: Parts, one: Considered) -> Rule | None:
    """The rule that shuts the location out of this line, though not out of the order."""
    if not one.have:
        return Rule.NO_STOCK
    candidate = facts.candidates[one.location_id]
    if _unable(facts, one.location_id, parts):
        return Rule.LACKS_ABILITY
    if not units_in(candidate.stock, parts):
        return Rule.BANNED
    if candidate.pieces_max < sum(per_unit for _, per_unit in parts):
        return Rule.AT_CAPACITY
    i = board.by_location.get(one.location_id)
    stock = zip(board.demands, board.places[i].stock, strict=True) if i is not None else ()
    return None if any(units and demand.parts == parts for demand, units in stock) else Rule.NOT_SERVED


def _unable(facts: Facts, location_id: UUID, parts: Parts) -> str:
    """What the location would have to be able to do to make something of the parts."""
    unable = facts.unable.get(location_id, {})
    return next((unable[sku_id] for sku_id, _ in parts if sku_id in unable), "")
