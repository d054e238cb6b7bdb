"""What is kept back from whom: buffers and exclusions, of which one wins, and the share of a silent location (INV-06).

Pure. Units that are kept back are on hand and unreserved, and nobody who asks for that channel may have them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code, QuantityOrNone

WHOLE_BP = 10_000
RULES_MAX = 2_000
RULE_LOCATIONS_MAX = 1_000

ShareBp = Annotated[int, msgspec.Meta(ge=0, le=WHOLE_BP)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class RuleKind(StrEnum):
    """A buffer keeps some units back; an exclusion keeps all."""

    BUFFER = "buffer"
    EXCLUSION = "exclusion"


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """For whom units are wanted; pools and rules know no more of anybody."""

    channel_id: UUID | None = None
    region: str = ""
    customer_group: str = ""


NOBODY = Asker()
"""Who asks for no channel: rules of channels do not speak of them, and no pool is theirs."""


class BufferRule(msgspec.Struct, frozen=True, kw_only=True):
    """Which units are kept back where; None is any. The highest priority wins, and nothing is added to it but stacked.

    units, share_bp: how many, or hundredths of a percent of what is on hand, rounded up; an exclusion has neither.
    location_ids: a site or a group of sites. is_stacked: is added to the rule that wins. from_at, until_at: half-open.
    """

    id: UUID
    code: Code
    priority: Priority
    kind: RuleKind = RuleKind.BUFFER
    units: QuantityOrNone | None = None
    share_bp: ShareBp | None = None
    channel_id: UUID | None = None
    category: Code | None = None
    sku_id: UUID | None = None
    location_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=RULE_LOCATIONS_MAX)] | None = None
    is_stacked: bool = False
    from_at: datetime | None = None
    until_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return (self.from_at is None or self.from_at <= now) and (self.until_at is None or now < self.until_at)

    def keeps(self, on_hand: int) -> int:
        """How many of the units on hand it keeps back."""
        if self.kind is RuleKind.EXCLUSION:
            return on_hand
        if self.share_bp is not None:
            return -(-on_hand * self.share_bp // WHOLE_BP)
        return self.units or 0


class BadRule(Refused):
    """A buffer keeps units or a share, an exclusion neither; it begins before it ends."""


class UnknownRule(NotFound):
    """There is no such rule."""


class Kept(NamedTuple):
    """Units kept back at a place. rule: the code of the one that won. silent_bp: the share for the feed's silence."""

    units: int
    rule: str | None
    silent_bp: int


NOTHING_KEPT = Kept(0, None, 0)


def check_rule(rule: BufferRule) -> None:
    """Accept a rule that says one thing.

    Raises:
        BadRule: it keeps nothing or two things, or ends before it begins.
    """
    given = [one for one in (rule.units, rule.share_bp) if one is not None]
    if len(given) != (1 if rule.kind is RuleKind.BUFFER else 0):
        raise BadRule("a buffer keeps units or a share of them, an exclusion keeps everything", code=rule.code)
    if rule.from_at and rule.until_at and rule.from_at >= rule.until_at:
        raise BadRule("a rule begins before it ends", code=rule.code)


class Withholding:
    """All rules and silences that may hold; never changed once made, and asked often."""

    __slots__ = ("_by_sku", "_general", "needs_categories", "silences")

    def __init__(self, rules: Iterable[BufferRule], silences: Mapping[UUID, int]) -> None:
        ordered = sorted(rules, key=lambda rule: -rule.priority)
        self._general = [rule for rule in ordered if rule.sku_id is None]
        self._by_sku: dict[UUID, list[BufferRule]] = {}
        for rule in ordered:
            if rule.sku_id is not None:
                self._by_sku.setdefault(rule.sku_id, []).append(rule)
        self.silences = dict(silences)
        self.needs_categories = any(rule.category is not None for rule in ordered)

    def is_empty(self) -> bool:
        return not (self._general or self._by_sku or self.silences)

    def rules_for(self, asker: Asker, sku_id: UUID, category: str | None, now: datetime) -> list[BufferRule]:
        """The rules that speak of a SKU for who asks, the strongest first; where they hold is for each to say."""
        own = self._by_sku.get(sku_id)
        rules = self._general if own is None else sorted([*self._general, *own], key=lambda rule: -rule.priority)
        return [
            rule
            for rule in rules
            if rule.channel_id in (None, asker.channel_id)
            and (rule.category is None or rule.category == category)
            and rule.is_valid(now)
        ]

    def kept(self, rules: Iterable[BufferRule], location_id: UUID, on_hand: int) -> Kept:
        """What is kept back at a location with so many units: by the rule that wins, those stacked on it, silence.

        rules: as `rules_for` gave them.
        """
        units, winner = 0, None
        for rule in rules:
            if rule.location_ids is not None and location_id not in rule.location_ids:
                continue
            if rule.is_stacked:
                units += rule.keeps(on_hand)
            elif winner is None:
                winner = rule
                units += rule.keeps(on_hand)
        silent_bp = self.silences.get(location_id, 0)
        if silent_bp:
            units += -(-on_hand * silent_bp // WHOLE_BP)
        return Kept(min(units, on_hand), winner.code if winner else None, silent_bp)
