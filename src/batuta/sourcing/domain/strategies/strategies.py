"""Strategies: what merchants want of the plans of some orders, and the versions in which they say so."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import AmountMinor, Code, Text
from batuta.kernel.rules import Condition, written
from batuta.sourcing.domain.search.candidates import SPLITS_MAX, TIES, WEIGHTS, Tie, Weights

RULES_MAX = 100
NETWORK_MAX = 5_000
TIERS_MAX = 100
PRIORITY_MAX = 1_000_000
TIER_MAX = 1_000_000
NO_TIER = TIER_MAX + 1
"""Of orders whose customers no strategy names: they are served last."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Splits = Annotated[int, msgspec.Meta(ge=0, le=SPLITS_MAX)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=PRIORITY_MAX)]
Tier = Annotated[int, msgspec.Meta(ge=0, le=TIER_MAX)]


class HardRule(msgspec.Struct, frozen=True, kw_only=True):
    """A location that does not fulfil `must` is out, of orders that fulfil `when`."""

    code: str
    must: Condition
    when: Condition | None = None


class SoftRule(msgspec.Struct, frozen=True, kw_only=True):
    """A location that does not fulfil `must` counts as so much dearer, once an order."""

    code: str
    must: Condition
    penalty_minor: int
    when: Condition | None = None


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of the plans of orders that fulfil `when`, in the currency if one is named; all orders if neither.

    priority: the highest of those that speak of an order is its strategy. network: the only locations that are asked.
    ship_complete: from one location. shipment_value_least_minor: of each shipment of an order that is split.
    tiers: by customer group, whose orders are served first where stock is scarce; 0 before 1. What is None is as the
    channel says.
    """

    code: str
    name: str
    owner: str
    priority: int
    currency: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    when: Condition | None = None
    network: tuple[str, ...] | None = None
    hard: tuple[HardRule, ...] = ()
    soft: tuple[SoftRule, ...] = ()
    ship_complete: bool = False
    max_splits: int | None = None
    max_splits_per_line: int | None = None
    shipment_value_least_minor: int = 0
    split_penalty_minor: int | None = None
    weights: Weights = WEIGHTS
    ties: tuple[Tie, ...] = TIES
    tiers: dict[str, int] = {}


class WrittenRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule as it is written. when, must: conditions."""

    code: Code
    must: dict[str, Any]
    when: dict[str, Any] | None = None


class WrittenPenalty(WrittenRule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule that may be broken for so much."""

    penalty_minor: AmountMinor


class WrittenStrategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A strategy as it is written in JSON; see `Strategy`."""

    code: Code
    name: Text
    owner: Text
    priority: Priority
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    when: dict[str, Any] | None = None
    network: Annotated[list[Code], msgspec.Meta(min_length=1, max_length=NETWORK_MAX)] | None = None
    hard: Annotated[list[WrittenRule], msgspec.Meta(max_length=RULES_MAX)] = []
    soft: Annotated[list[WrittenPenalty], msgspec.Meta(max_length=RULES_MAX)] = []
    ship_complete: bool = False
    max_splits: Splits | None = None
    max_splits_per_line: Splits | None = None
    shipment_value_least_minor: AmountMinor = 0
    split_penalty_minor: AmountMinor | None = None
    weights: dict[str, Annotated[int, msgspec.Meta(ge=0, le=10_000)]] = {}
    ties: Annotated[list[Tie], msgspec.Meta(max_length=len(TIES))] = []
    tiers: Annotated[dict[Code, Tier], msgspec.Meta(max_length=TIERS_MAX)] = {}


def written_strategy(one: Strategy) -> dict[str, Any]:
    """The strategy as it is written; read again, it is the same."""
    weights = msgspec.structs.asdict(one.weights)
    said = WrittenStrategy(
        code=one.code,
        name=one.name,
        owner=one.owner,
        priority=one.priority,
        currency=one.currency,
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        when=written(one.when) if one.when else None,
        network=list(one.network) if one.network is not None else None,
        hard=[
            WrittenRule(code=rule.code, must=written(rule.must), when=written(rule.when) if rule.when else None)
            for rule in one.hard
        ],
        soft=[
            WrittenPenalty(
                code=rule.code,
                must=written(rule.must),
                when=written(rule.when) if rule.when else None,
                penalty_minor=rule.penalty_minor,
            )
            for rule in one.soft
        ],
        ship_complete=one.ship_complete,
        max_splits=one.max_splits,
        max_splits_per_line=one.max_splits_per_line,
        shipment_value_least_minor=one.shipment_value_least_minor,
        split_penalty_minor=one.split_penalty_minor,
        weights={name: weight for name, weight in weights.items() if weight != getattr(WEIGHTS, name)},
        ties=[] if one.ties == TIES else list(one.ties),
        tiers=dict(one.tiers),
    )
    found: dict[str, Any] = msgspec.to_builtins(said)
    return found


class VersionStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


VERSION_MOVES: Mapping[VersionStatus, frozenset[VersionStatus]] = {
    VersionStatus.DRAFT: frozenset({VersionStatus.PUBLISHED}),
    VersionStatus.PUBLISHED: frozenset({VersionStatus.WITHDRAWN}),
    VersionStatus.WITHDRAWN: frozenset(),
}


class StrategyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a strategy. document: as it is written; the same for ever once it is published."""

    id: UUID
    code: str
    number: int
    status: VersionStatus
    owner: str
    priority: int
    valid_from: datetime | None
    valid_until: datetime | None
    document: dict[str, Any]
    created_at: datetime
    created_by: str
    published_at: datetime | None = None
    published_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


class StrategyUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The version by which an order was planned."""

    code: str
    number: int


class BadStrategy(Invalid):
    """The strategy says what cannot be; `problems` tells every clause with its reason."""


class UnknownStrategy(NotFound):
    """There is no such strategy, or no such version of it."""


class PublishedIsFixed(Refused):
    """What is published is never changed: save a new draft."""


class PriorityTaken(Refused):
    """Another strategy in force has this priority, and one must win."""
