"""What a draft would have changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.rehearsal.domain.recorded import Recorded, Replayed
from batuta.sourcing.domain import Plan


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One set of rules over the orders of a currency.

    costs: by component, of all plans. margin_minor: what was bought, without tax, less what its plans cost; what the
    goods themselves cost is not among it, and orders that nobody could serve bring nothing.
    """

    orders: int
    planned: int
    split: int
    promised: int
    on_time: int
    cost_minor: int
    costs: dict[str, int]
    margin_minor: int

    def plus(self, other: "Figures") -> "Figures":
        """Of the orders of both."""
        mine, more = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        costs = {one: self.costs.get(one, 0) + other.costs.get(one, 0) for one in {**self.costs, **other.costs}}
        return Figures(**{name: mine[name] + more[name] for name in mine if name != "costs"}, costs=costs)

    @property
    def cost_per_order_minor(self) -> float:
        return self.cost_minor / self.planned if self.planned else 0.0

    @property
    def split_rate(self) -> float:
        return self.split / self.planned if self.planned else 0.0

    @property
    def on_time_share(self) -> float | None:
        return self.on_time / self.promised if self.promised else None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The same orders by the live rules, and by the draft."""

    currency: str
    live: Figures
    draft: Figures


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and units that a location would have had."""

    location_id: UUID
    location_code: str
    live_orders: int
    live_units: int
    draft_orders: int
    draft_units: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """An order that would ship from elsewhere. Costs, whole and by component, are None where nobody could serve it."""

    order_id: UUID
    number: str
    at: datetime
    currency: str
    live: list[str]
    draft: list[str]
    live_cost_minor: int | None
    draft_cost_minor: int | None
    live_costs: dict[str, int] | None = None
    draft_costs: dict[str, int] | None = None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would have changed.

    reproduced: orders that the live rules, replayed, send from where they were sent. left_out: orders that cannot be
    replayed, for it is not known what they held.
    """

    orders: int
    left_out: int
    reproduced: int
    comparisons: list[Comparison]
    loads: list[Load]
    changed: list[Changed]


def report(
    recorded: Sequence[Recorded],
    live: Sequence[Replayed],
    draft: Sequence[Replayed],
    codes: Mapping[UUID, str],
    *,
    left_out: int = 0,
) -> Rehearsal:
    """Compare two replays of the same orders. codes: of locations."""
    by_currency: dict[str, list[int]] = defaultdict(list)
    for n, one in enumerate(recorded):
        by_currency[one.request.currency].append(n)
    return Rehearsal(
        orders=len(recorded),
        left_out=left_out,
        reproduced=sum(one.placed == again.placed for one, again in zip(recorded, live, strict=True)),
        comparisons=[
            Comparison(
                currency=currency,
                live=_figures([(recorded[n], live[n]) for n in rows]),
                draft=_figures([(recorded[n], draft[n]) for n in rows]),
            )
            for currency, rows in sorted(by_currency.items())
        ],
        loads=_loads(live, draft, codes),
        changed=[
            _changed(one, before, after, codes)
            for one, before, after in zip(recorded, live, draft, strict=True)
            if before.placed != after.placed
        ],
    )


def _figures(orders: Sequence[tuple[Recorded, Replayed]]) -> Figures:
    plans = [(one, again, again.plan) for one, again in orders if again.plan is not None]
    costs: dict[str, int] = defaultdict(int)
    for _, _, plan in plans:
        for component, minor in _by_component(plan).items():
            costs[component] += minor
    return Figures(
        orders=len(orders),
        planned=len(plans),
        split=sum(len(again.location_ids) > 1 for _, again, _ in plans),
        promised=sum(again.is_on_time is not None for _, again in orders),
        on_time=sum(again.is_on_time is True for _, again in orders),
        cost_minor=sum(plan.cost_minor for _, _, plan in plans),
        costs={component: minor for component, minor in costs.items() if minor},
        margin_minor=sum(one.net_minor - plan.cost_minor for one, _, plan in plans),
    )


def _loads(live: Sequence[Replayed], draft: Sequence[Replayed], codes: Mapping[UUID, str]) -> list[Load]:
    orders: tuple[dict[UUID, int], ...] = (defaultdict(int), defaultdict(int))
    units: tuple[dict[UUID, int], ...] = (defaultdict(int), defaultdict(int))
    for n, replayed in enumerate((live, draft)):
        for one in replayed:
            for location_id in one.location_ids:
                orders[n][location_id] += 1
            for (_, location_id), count in one.placed.items():
                units[n][location_id] += count
    return [
        Load(
            location_id=location_id,
            location_code=codes[location_id],
            live_orders=orders[0][location_id],
            live_units=units[0][location_id],
            draft_orders=orders[1][location_id],
            draft_units=units[1][location_id],
        )
        for location_id in sorted({*orders[0], *orders[1]}, key=lambda id_: codes[id_])
    ]


def _changed(one: Recorded, before: Replayed, after: Replayed, codes: Mapping[UUID, str]) -> Changed:
    return Changed(
        order_id=one.request.order_id,
        number=one.number,
        at=one.at,
        currency=one.request.currency,
        live=sorted(codes[id_] for id_ in before.location_ids),
        draft=sorted(codes[id_] for id_ in after.location_ids),
        live_cost_minor=before.plan.cost_minor if before.plan else None,
        draft_cost_minor=after.plan.cost_minor if after.plan else None,
        live_costs=_by_component(before.plan) if before.plan else None,
        draft_costs=_by_component(after.plan) if after.plan else None,
    )


def _by_component(plan: Plan) -> dict[str, int]:
    """What a plan costs, but what costs nothing."""
    costs = msgspec.structs.asdict(plan.costs)
    return {component.removesuffix("_minor"): minor for component, minor in costs.items() if minor}
