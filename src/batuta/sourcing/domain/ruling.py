"""What the strategies in force say of one order: its facts, the rules it is under, and what they say of locations."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from batuta.kernel.rules import LINES
from batuta.kernel.zones import zone_of
from batuta.sourcing.domain.known import Good, Known
from batuta.sourcing.domain.requests import SourcingLine, SourcingRequest
from batuta.sourcing.domain.search.candidates import Terms
from batuta.sourcing.domain.sites import DISTANCE_UNKNOWN_M, Rule, Site, distance_of
from batuta.sourcing.domain.strategies import NO_TIER, WEEKDAYS, Narrowed, Ruling, StrategyUsed

_NO_RULES = Narrowed(hard=(), soft=())


class Ruled(msgspec.Struct, frozen=True, kw_only=True):
    """An order under its strategy; under none it is as the channel says. request: with the strategy's own terms."""

    request: SourcingRequest
    ruling: Ruling | None = None
    rules: Narrowed = _NO_RULES
    facts: Mapping[str, Any] = {}

    @property
    def used(self) -> StrategyUsed | None:
        return self.ruling.used if self.ruling else None

    @property
    def splits_per_line(self) -> int | None:
        return self.ruling.strategy.max_splits_per_line if self.ruling else None

    @property
    def tier(self) -> int:
        """In which turn it is served; the lowest first."""
        return self.ruling.strategy.tiers.get(self.request.about.customer_group, NO_TIER) if self.ruling else NO_TIER

    def terms(self) -> Terms:
        terms = Terms(split_penalty_minor=self.request.split_penalty_minor, max_splits=self.request.max_splits)
        if self.ruling is None:
            return terms
        strategy = self.ruling.strategy
        return msgspec.structs.replace(
            terms,
            weights=strategy.weights,
            ties=strategy.ties,
            shipment_value_least_minor=strategy.shipment_value_least_minor,
        )

    def rule_against(self, site: Site) -> tuple[Rule, str] | None:
        """The first rule of the strategy that shuts the location out, and its code."""
        if self.ruling is None:
            return None
        if self.ruling.network is not None and site.code not in self.ruling.network:
            return Rule.OUTSIDE_NETWORK, ""
        broken = self.rules.broken(self._with(site)) if self.rules.hard else None
        return (Rule.STRATEGY, broken) if broken is not None else None

    def preference_minor(self, site: Site) -> int:
        """How much dearer the location counts for rules that it breaks but may break."""
        return self.rules.penalty_minor(self._with(site)) if self.rules.soft else 0

    def _with(self, site: Site) -> dict[str, Any]:
        far_m = distance_of(site, self.request)
        return {
            **self.facts,
            "location.code": site.code,
            "location.kind": site.kind or None,
            "location.abilities": site.abilities,
            "location.country": site.country or None,
            "location.region": site.region or None,
            "location.postal_code": site.postal_code or None,
            "location.distance_km": None if far_m == DISTANCE_UNKNOWN_M else far_m // 1000,
        }


def ruled(request: SourcingRequest, known: Known) -> Ruled:
    """The order under the strategy that speaks of it, if one does."""
    if not known.strategies:
        return Ruled(request=request)
    facts = facts_of(request, known)
    ruling = known.strategies.ruling_for(facts, currency=request.currency, now=known.now)
    if ruling is None:
        return Ruled(request=request)
    strategy = ruling.strategy
    max_splits = 0 if strategy.ship_complete else strategy.max_splits
    limits = [one for one in (max_splits, request.buyer_max_splits) if one is not None]
    penalty_minor = strategy.split_penalty_minor
    changed = msgspec.structs.replace(
        request,
        max_splits=min(limits, default=request.max_splits),
        split_penalty_minor=request.split_penalty_minor if penalty_minor is None else penalty_minor,
    )
    return Ruled(request=changed, ruling=ruling, rules=ruling.narrowed(facts), facts=facts)


def in_turn(requests: Sequence[SourcingRequest], known: Known) -> list[SourcingRequest]:
    """The orders as they are served: in the order asked, but those first whom a strategy serves first."""
    return sorted(requests, key=lambda one: ruled(one, known).tier) if known.strategies else list(requests)


def facts_of(request: SourcingRequest, known: Known) -> dict[str, Any]:
    """What is known of an order, by the names of fields; what is empty is not known."""
    to, about = request.destination, request.about
    there = known.now.astimezone(zone_of(to.country, to.latitude, to.longitude))
    value_minor = about.value_minor
    if value_minor is None:
        value_minor = sum(line.unit_value_minor * line.quantity for line in request.lines)
    return {
        "order.channel": about.channel_code or None,
        "order.method": request.method.value,
        "order.service_kind": request.service_kind,
        "order.value_minor": value_minor,
        "order.units": sum(line.quantity for line in request.lines),
        "order.lines": len(request.lines),
        "order.attempt": known.attempts.get(request.order_id, 0) + 1,
        "order.country": to.country or None,
        "order.region": to.region or None,
        "order.postal_code": to.postal_code or None,
        "order.placed_at": about.placed_at,
        "customer.group": about.customer_group or None,
        "customer.kind": about.customer_kind or None,
        "time.now": known.now,
        "time.day": there.date(),
        "time.weekday": WEEKDAYS[there.weekday()],
        "time.hour": there.hour,
        LINES: [_line(line, known.goods) for line in request.lines],
    }


def _line(line: SourcingLine, goods: Mapping[UUID, Good]) -> dict[str, Any]:
    found = [(goods[sku_id], units) for sku_id, units in line.components if sku_id in goods]
    return {
        "line.quantity": line.quantity,
        "line.value_minor": line.unit_value_minor * line.quantity,
        "item.skus": frozenset(good.code for good, _ in found if good.code),
        "item.categories": frozenset(good.category for good, _ in found if good.category),
        "item.weight_g": sum(good.weight_g * units for good, units in found),
        "item.length_mm": max((good.length_mm for good, _ in found), default=0),
    }
