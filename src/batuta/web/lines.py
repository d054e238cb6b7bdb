"""The lines of an order: what each is worth, where its units are, and why they ship from there."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.catalog.domain import name_in
from batuta.locations.domain import Location
from batuta.ordering.domain import Bucket, Line, MadeLine, Order, Route
from batuta.sourcing.domain import Considered, Decision, Outcome, Verdict, components_of, explain
from batuta.web.catalogue import Speech

ATTEMPTS_SHOWN = 5
_SHOWN = (
    Bucket.DELIVERED,
    Bucket.SHIPPED,
    Bucket.PACKED,
    Bucket.PICKED,
    Bucket.RELEASED,
    Bucket.ALLOCATED,
    Bucket.RESERVED,
    Bucket.OPEN,
    Bucket.PREORDERED,
    Bucket.BACKORDERED,
    Bucket.CANCELLED,
)


class Part(msgspec.Struct, frozen=True):
    """Units of a line in one bucket, those nearest the customer first. start, width: in thousandths of the line."""

    bucket: str
    units: int
    words: str
    start: int
    width: int


class ConsideredView(msgspec.Struct, frozen=True, kw_only=True):
    """A location that could have been. parts: what the cost is made of."""

    name: str
    have: str
    cost: str
    parts: str
    result: str
    is_chosen: bool


class WhyView(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: in sentences, and location by location."""

    title: str
    attempt: str
    sentence: str
    is_planned: bool
    considered: Sequence[ConsideredView]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line. wishes: what its buyer said of what is made to order."""

    id: str
    name: str
    sku: str
    quantity: str
    each: str
    amount: str
    discount: str
    parts: Sequence[Part]
    returned: str
    route: str
    why: Sequence[WhyView]
    wishes: Sequence[str] = ()


def lines_of(
    order: Order,
    decisions: Sequence[Decision],
    names: Mapping[UUID, str],
    places: Mapping[UUID, Location],
    speech: Speech,
    *,
    made: Mapping[UUID, MadeLine],
) -> list[LineView]:
    """The lines as they were ordered.

    places: where lines go that their customer has another way. made: those that are made to order.
    """
    by_line: dict[UUID, list[Decision]] = {}
    for decision in decisions:
        by_line.setdefault(decision.line_id, []).append(decision)
    lines = [
        _line(order, line, names[line.id], by_line.get(line.id, ()), places=places, speech=speech)
        for line in order.lines
    ]
    return [
        msgspec.structs.replace(view, wishes=_wishes(made[line.id], speech)) if line.id in made else view
        for view, line in zip(lines, order.lines, strict=True)
    ]


def _wishes(made: MadeLine, speech: Speech) -> list[str]:
    """What the buyer said, by the names of what was asked."""
    return [
        f"{name_in(field.name, speech.language, field.code)}: {made.personalisation[field.code]}"
        for field in made.recipe.fields
        if field.code in made.personalisation
    ]


def _line(
    order: Order,
    line: Line,
    name: str,
    decisions: Sequence[Decision],
    *,
    places: Mapping[UUID, Location],
    speech: Speech,
) -> LineView:
    newest = list(reversed(decisions))[:ATTEMPTS_SHOWN]
    return LineView(
        id=str(line.id),
        name=name,
        sku=line.sku_code,
        quantity=speech.number(line.quantity),
        each=speech.money(line.unit_gross_minor, order.currency),
        amount=speech.money(line.gross_minor, order.currency),
        discount=speech.money(line.discount_minor, order.currency) if line.discount_minor else "",
        parts=parts_of(line, speech),
        returned=speech.count("bucket.returned", line.buckets.returned) if line.buckets.returned else "",
        route=_route(line.route, places, speech) if line.route else "",
        why=[_why(one, speech) for one in newest],
    )


def _route(route: Route, places: Mapping[UUID, Location], speech: Speech) -> str:
    if route.pickup_location_id is not None:
        return speech("order.rerouted_to", place=places[route.pickup_location_id].name)
    return speech("order.rerouted_to", place=", ".join([*route.ship_to.street, route.ship_to.city]))


def parts_of(line: Line, speech: Speech) -> list[Part]:
    """Where a line's units are, as shares of a bar that is full."""
    parts, start = [], 0
    shares = [(bucket, units) for bucket in _SHOWN if (units := line.buckets.of(bucket))]
    for bucket, units in shares:
        end = 1_000 * sum(u for b, u in shares[: shares.index((bucket, units)) + 1]) // line.quantity
        words = speech.count(f"bucket.{bucket}", units)
        parts.append(Part(str(bucket), units, words, start, end - start))
        start = end
    return parts


def _why(one: Decision, speech: Speech) -> WhyView:
    is_planned = one.outcome is Outcome.PLANNED
    return WhyView(
        title=speech("order.why" if is_planned else "order.why_not"),
        attempt=speech("order.attempt", attempt=one.attempt, at=speech.moment(one.at)),
        sentence=explain(one, speech.language),
        is_planned=is_planned,
        considered=[_considered(each, one, speech) for each in one.considered],
    )


def _considered(each: Considered, decision: Decision, speech: Speech) -> ConsideredView:
    is_chosen = each.verdict is Verdict.CHOSEN
    costs = decision.costs if is_chosen else each.costs
    return ConsideredView(
        name=each.name,
        have=speech.number(each.have),
        cost=speech.money(costs.total_minor, decision.currency) if costs else speech("page.none"),
        parts=components_of(costs, decision.currency, speech.language) if costs else "",
        result=_result(each, decision, speech),
        is_chosen=is_chosen,
    )


def _result(each: Considered, decision: Decision, speech: Speech) -> str:
    if each.verdict is Verdict.CHOSEN:
        return speech("order.chosen")
    if each.rule is not None:
        rule = speech(f"rule.{each.rule}")
        return f"{rule}: {each.because}" if each.because else rule
    difference = each.difference_minor or 0
    if not difference:
        return speech("order.equal")
    word = "order.dearer" if difference > 0 else "order.cheaper"
    return speech(word, difference=speech.money(abs(difference), decision.currency))
