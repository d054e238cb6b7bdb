"""What merchants want of plans: read, checked, published, and obeyed (SRC-03, SRC-07, ORD-09)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import Draft, plan, publish_strategies, save_drafts, withdraw_strategies
from batuta.sourcing.domain import About, Rule, SourcingRequest, Unfillable, explain
from batuta.sourcing.domain.strategies import (
    BadStrategy,
    Place,
    PriorityTaken,
    PublishedIsFixed,
    Strategy,
    StrategyVersion,
    UnknownStrategy,
    differences,
    read_strategy,
    read_text,
    written_strategy,
)
from batuta.sourcing.queries import decisions_of, strategies
from tests.making import NOW, fresh_code, fresh_id
from tests.sourcing.making import an_order, broken_laws, given_shop, places_of
from tests.world import Shop

ACTOR = "staff:maria"
PLACES = [
    Place(code="north", facts={"location.code": "north", "location.kind": "warehouse"}),
    Place(code="south", facts={"location.code": "south", "location.kind": "store"}),
]


def a_document(**said: Any) -> dict[str, Any]:
    return {"code": "iberia", "name": "Península", "owner": "maria", "priority": 10, **said}


def reasons_of(document: Any, places: list[Place] | None = None) -> list[tuple[str, str]]:
    found = read_strategy(document, places)
    assert isinstance(found, list), found
    return [(one.path, one.reason) for one in found]


async def obeyed(db: Connection, shop: Shop, **said: Any) -> StrategyVersion:
    """A strategy for the orders of this shop alone, published."""
    code = fresh_code("strategy")
    when = {"field": "order.channel", "is": "equals", "value": shop.channel.code}
    document = a_document(code=code, priority=fresh_id().int % 1_000_000, **{"when": when, **said})
    draft = only(await save_drafts(db, drafts=[Draft(id=fresh_id(), document=document)], actor=ACTOR, now=NOW))
    return only(await publish_strategies(db, versions=[(draft.code, draft.number)], actor=ACTOR, now=NOW))


def of_shop(shop: Shop, request: SourcingRequest, **about: Any) -> SourcingRequest:
    return msgspec.structs.replace(request, about=About(channel_code=shop.channel.code, **about))


class TestReading:
    def test_a_strategy_is_read_and_written_the_same(self) -> None:
        """SRC-07: what is stored is what was said, in one way of saying it."""
        document = a_document(
            currency="EUR",
            valid_from="2026-12-01T00:00:00+01:00",
            when={"field": "order.value_minor", "is": "at_least", "value": 5_000},
            network=["north"],
            hard=[{"code": "near", "must": {"field": "location.distance_km", "is": "at_most", "value": 300}}],
            soft=[
                {
                    "code": "own",
                    "must": {"field": "location.kind", "is": "equals", "value": "warehouse"},
                    "penalty_minor": 90,
                }
            ],
            weights={"freight": 150},
            ties=["nearest"],
            tiers={"gold": 1},
        )
        found = read_strategy(document, PLACES)
        assert isinstance(found, Strategy)
        assert found.ties == ("nearest", "fewest_locations", "least_moved")
        assert read_strategy(written_strategy(found), PLACES) == found

    @pytest.mark.parametrize(
        ("said", "path", "reason"),
        [
            ({"priority": "high"}, "priority", "Expected `int`, got `str`"),
            ({"colour": "red"}, "", "Object contains unknown field `colour`"),
            ({"when": {"field": "order.colour", "is": "equals", "value": "red"}}, "when.field", "no such field"),
            ({"when": {"field": "time.day", "is": "at_least", "value": 3}}, "when.value", "another type"),
            ({"hard": [{"code": "x", "must": {"field": "time.day"}}]}, "hard[0].must.is", "cannot be compared"),
            ({"weights": {"luck": 1}}, "weights", "no such component"),
            ({"ship_complete": True, "max_splits": 2}, "ship_complete", "is not split"),
            ({"max_splits": 1, "max_splits_per_line": 2}, "max_splits_per_line", "more often than its order"),
            ({"split_penalty_minor": 5}, "split_penalty_minor", "amounts are in a currency"),
            ({"valid_from": "2026-12-01T00:00:00"}, "valid_from", "timezone component"),
            (
                {"valid_from": "2026-12-02T00:00:00Z", "valid_until": "2026-12-01T00:00:00Z"},
                "valid_until",
                "before it begins",
            ),
            ({"ties": ["nearest", "nearest"]}, "ties", "comes once"),
            ({"network": ["nowhere"]}, "network", "no such locations"),
        ],
    )
    def test_what_cannot_be_is_told_with_its_clause(self, said: dict[str, Any], path: str, reason: str) -> None:
        """Bad input: an unknown field, a date compared with a number, a number that is a text."""
        ((told_path, told),) = reasons_of(a_document(**said), PLACES)
        assert told_path == path
        assert reason in told

    def test_rules_that_exclude_every_location_are_refused(self) -> None:
        """Bad input: with the rule that leaves nobody."""
        hard = [
            {"code": "stores", "must": {"field": "location.kind", "is": "equals", "value": "store"}},
            {"code": "north", "must": {"field": "location.code", "is": "equals", "value": "north"}},
        ]
        assert reasons_of(a_document(hard=hard), PLACES) == [
            ("hard[1].must", "with this rule every location is excluded")
        ]

    def test_rules_that_contradict_each_other_are_refused(self) -> None:
        """Bad input: both clauses are named, though they stand in different rules."""
        hard = [
            {"code": "near", "must": {"field": "location.distance_km", "is": "at_most", "value": 10}},
            {"code": "far", "must": {"field": "location.distance_km", "is": "more_than", "value": 20}},
        ]
        found = read_strategy(a_document(hard=hard))
        assert isinstance(found, list)
        assert [(one.path, one.facts["clauses"]) for one in found] == [("hard", ["hard[0].must", "hard[1].must"])]

    def test_a_thousand_nested_clauses_are_refused(self) -> None:
        """Bad input: also where the text alone is too deep to be read."""
        for depth in (30, 1_000, 100_000):
            text = b'{"not":' * depth + b'{"field":"order.units","is":"at_least","value":1}' + b"}" * depth
            raw = read_text(b'{"code":"x","name":"x","owner":"x","priority":1,"when":' + text + b"}")
            told = raw.reason if not isinstance(raw, dict) else reasons_of(raw)[0][1]
            assert told == "clauses are nested too deep"

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda x: (
                st.lists(x)
                | st.dictionaries(
                    st.sampled_from(["all", "any", "not", "field", "is", "value", "hard", "when", "must", "code"]), x
                )
            ),
            max_leaves=30,
        )
    )
    def test_whatever_is_written_is_read_or_refused(self, raw: Any) -> None:
        """SRC-07: reading never fails otherwise."""
        document = {**a_document(), **(raw if isinstance(raw, dict) else {"when": raw})}
        assert isinstance(read_strategy(document, PLACES), Strategy | list)

    def test_a_difference_names_the_rule_by_its_code(self) -> None:
        """SRC-07: rules that only changed their places are the same."""
        a_rule = {"code": "a", "must": {"field": "location.code", "is": "equals", "value": "north"}}
        b_rule = {"code": "b", "must": {"field": "location.kind", "is": "equals", "value": "store"}}
        other = {**b_rule, "must": {**b_rule["must"], "value": "warehouse"}}  # type: ignore[dict-item]
        found = differences(a_document(hard=[a_rule, b_rule]), a_document(hard=[other, a_rule]))
        assert [(one.path, one.before, one.after) for one in found] == [("hard[b].must.value", "store", "warehouse")]


class TestVersions:
    async def test_what_is_published_is_never_changed(self, db: Connection) -> None:
        """SRC-07; bad input: a draft cannot be edited after publishing."""
        document = a_document(code=fresh_code("strategy"), priority=fresh_id().int % 1_000_000, when=NOBODY)
        draft = only(await save_drafts(db, drafts=[Draft(id=fresh_id(), document=document)], actor=ACTOR, now=NOW))
        changed = Draft(id=fresh_id(), document={**document, "name": "Otra"}, number=1)
        assert only(await save_drafts(db, drafts=[changed], actor=ACTOR, now=NOW)).document["name"] == "Otra"
        published = only(await publish_strategies(db, versions=[(draft.code, 1)], actor=ACTOR, now=NOW))
        assert (published.published_at, published.published_by) == (NOW, ACTOR)
        (refusal,) = await save_drafts(db, drafts=[changed], actor=ACTOR, now=NOW)
        assert isinstance(refusal, PublishedIsFixed)
        (again,) = await publish_strategies(db, versions=[(draft.code, 1)], actor="staff:other", now=NOW)
        assert again == published
        assert await broken_laws(db) == []

    async def test_no_two_strategies_in_force_have_the_same_priority(self, db: Connection) -> None:
        shop, _ = await given_shop(db, {"chair": {"north": 1}})
        first = await obeyed(db, shop)
        document = {**first.document, "code": fresh_code("strategy")}
        draft = only(await save_drafts(db, drafts=[Draft(id=fresh_id(), document=document)], actor=ACTOR, now=NOW))
        (refusal,) = await publish_strategies(db, versions=[(draft.code, draft.number)], actor=ACTOR, now=NOW)
        assert isinstance(refusal, PriorityTaken)
        assert refusal.facts["taken_by"] == first.code

    async def test_a_bad_draft_is_refused_with_its_problems_and_its_neighbour_is_kept(self, db: Connection) -> None:
        good = a_document(code=fresh_code("strategy"))
        drafts = [Draft(id=fresh_id(), document={"code": "x"}), Draft(id=fresh_id(), document=good)]
        refusal, kept = await save_drafts(db, drafts=drafts, actor=ACTOR, now=NOW)
        assert isinstance(refusal, BadStrategy)
        assert isinstance(kept, StrategyVersion)
        (unknown,) = await publish_strategies(db, versions=[(kept.code, 7)], actor=ACTOR, now=NOW)
        assert isinstance(unknown, UnknownStrategy)


NOBODY = {"field": "order.channel", "is": "equals", "value": "no such channel"}


class TestObeying:
    async def test_an_order_ships_from_the_network_and_the_record_says_by_which_rule(self, db: Connection) -> None:
        """SRC-02, SRC-12: each exclusion with its rule; the version used is kept with the decision (SRC-07)."""
        shop, _ = await given_shop(
            db,
            {"chair": {"north": 5, "south": 5, "east": 5}},
            postal_codes={"north": "28014", "south": "41001", "east": "46001"},
            prices={"28": 100, "41": 900, "46": 500},
        )
        codes = {name: one.code for name, one in shop.locations.items()}
        version = await obeyed(
            db,
            shop,
            network=[codes["south"], codes["east"]],
            hard=[{"code": "no-valencia", "must": {"field": "location.postal_code", "is": "is_not", "value": "46001"}}],
        )
        request = of_shop(shop, an_order(shop, ("chair", 1)))
        (answer,) = await plan(db, requests=[request], now=NOW)
        assert places_of(shop, answer) == {"south": 1}
        (decision,) = (await decisions_of(db, [request.order_id]))[request.order_id]
        assert decision.strategy is not None
        assert (decision.strategy.code, decision.strategy.number) == (version.code, 1)
        rules = {one.name: (one.rule, one.because) for one in decision.considered if one.rule}
        assert rules == {"north": (Rule.OUTSIDE_NETWORK, ""), "east": (Rule.STRATEGY, "no-valencia")}
        assert "east (a rule of the strategy: no-valencia)" in explain(decision, "en")
        assert "north (fuera de la red de la estrategia)" in explain(decision, "es")

    async def test_without_its_conditions_a_strategy_says_nothing(self, db: Connection) -> None:
        """SRC-03: orders of other customers are planned as the channel says."""
        shop, _ = await given_shop(db, {"chair": {"north": 5, "south": 5}})
        await obeyed(db, shop, when={"field": "customer.group", "is": "equals", "value": fresh_code("group")})
        request = of_shop(shop, an_order(shop, ("chair", 1)))
        (answer,) = await plan(db, requests=[request], now=NOW)
        assert not isinstance(answer, BatutaError)
        (decision,) = (await decisions_of(db, [request.order_id]))[request.order_id]
        assert decision.strategy is None

    async def test_what_nobody_may_send_is_told_and_not_raised(self, db: Connection) -> None:
        """Bad input: no location can serve it."""
        shop, _ = await given_shop(db, {"chair": {"north": 5}})
        near = {"code": "near", "must": {"field": "location.distance_km", "is": "at_most", "value": 1}}
        await obeyed(db, shop, hard=[near])
        (answer,) = await plan(db, requests=[of_shop(shop, an_order(shop, ("chair", 1)))], now=NOW)
        assert isinstance(answer, Unfillable)
        assert answer.facts["rules"] == ["strategy"]

    async def test_a_withdrawn_version_decides_no_more(self, db: Connection) -> None:
        shop, _ = await given_shop(db, {"chair": {"north": 5, "south": 5}})
        south = {
            "code": "south",
            "must": {"field": "location.code", "is": "equals", "value": shop.locations["south"].code},
        }
        version = await obeyed(db, shop, hard=[south])
        first = of_shop(shop, an_order(shop, ("chair", 1)))
        (answer,) = await plan(db, requests=[first], now=NOW)
        assert places_of(shop, answer) == {"south": 1}
        withdrawn = only(await withdraw_strategies(db, versions=[(version.code, 1)], actor=ACTOR, now=NOW))
        assert withdrawn.withdrawn_by == ACTOR
        second = of_shop(shop, an_order(shop, ("chair", 1)))
        await plan(db, requests=[second], now=NOW)
        (decision,) = (await decisions_of(db, [second.order_id]))[second.order_id]
        assert decision.strategy is None
        assert (await strategies(db)) is not None

    async def test_an_order_that_ships_complete_comes_from_one_location(self, db: Connection) -> None:
        """ORD-09: though two would be cheaper, or it is not sent at all."""
        shop, _ = await given_shop(db, {"chair": {"north": 1, "south": 1}})
        await obeyed(db, shop, ship_complete=True)
        (answer,) = await plan(db, requests=[of_shop(shop, an_order(shop, ("chair", 2)))], now=NOW)
        assert isinstance(answer, Unfillable)
        assert answer.facts["rules"] == ["not_enough"]

    async def test_a_line_that_may_not_be_split_is_sent_whole_while_its_order_is_split(self, db: Connection) -> None:
        """SRC-03: splits are limited by line and by order, each for itself."""
        shop, _ = await given_shop(db, {"chair": {"north": 1, "south": 2}, "lamp": {"north": 2, "south": 1}})
        await obeyed(db, shop, max_splits_per_line=0)
        request = of_shop(shop, an_order(shop, ("chair", 2), ("lamp", 2)))
        (answer,) = await plan(db, requests=[request], now=NOW)
        assert places_of(shop, answer) == {"south": 2, "north": 2}
        decisions = (await decisions_of(db, [request.order_id]))[request.order_id]
        assert sorted(source.quantity for one in decisions for source in one.sources) == [2, 2]
        (whole,) = await plan(db, requests=[of_shop(shop, an_order(shop, ("chair", 3)))], now=NOW)
        assert isinstance(whole, Unfillable)

    async def test_no_part_of_a_split_order_is_worth_less_than_the_least(self, db: Connection) -> None:
        """SRC-03: min shipment value for a split."""
        shop, _ = await given_shop(db, {"chair": {"north": 3, "south": 1}, "lamp": {"south": 1, "north": 0}})
        await obeyed(db, shop, currency="EUR", shipment_value_least_minor=2_000)
        order = of_shop(shop, an_order(shop, ("chair", 3), ("lamp", 1)))
        priced = [msgspec.structs.replace(line, unit_value_minor=1_000) for line in order.lines]
        order = msgspec.structs.replace(order, lines=tuple(priced))
        (answer,) = await plan(db, requests=[order], now=NOW)
        assert places_of(shop, answer) == {"north": 2, "south": 2}

    async def test_a_rule_that_may_be_broken_is_broken_where_it_costs_less(self, db: Connection) -> None:
        """SRC-03: soft constraints are money when plans are compared, and are in no total."""
        shop, _ = await given_shop(
            db,
            {"chair": {"north": 5, "south": 5}},
            postal_codes={"north": "28014", "south": "41001"},
            prices={"28": 100, "41": 150},
        )
        code = shop.locations["south"].code
        south = {"code": "south", "must": {"field": "location.code", "is": "equals", "value": code}}
        version = await obeyed(db, shop, currency="EUR", soft=[{**south, "penalty_minor": 60}])
        (dear,) = await plan(db, requests=[of_shop(shop, an_order(shop, ("chair", 1)))], now=NOW)
        assert places_of(shop, dear) == {"south": 1}
        document = {**version.document, "soft": [{**south, "penalty_minor": 40}]}
        draft = only(await save_drafts(db, drafts=[Draft(id=fresh_id(), document=document)], actor=ACTOR, now=NOW))
        assert draft.number == 2
        only(await publish_strategies(db, versions=[(draft.code, 2)], actor=ACTOR, now=NOW))
        (cheap,) = await plan(db, requests=[of_shop(shop, an_order(shop, ("chair", 1)))], now=NOW)
        assert places_of(shop, cheap) == {"north": 1}
        assert cheap.cost_minor == dear.cost_minor - 50  # type: ignore[union-attr]

    async def test_customers_of_the_better_tier_are_served_first(self, db: Connection) -> None:
        """SRC-03: priority for what is scarce, whoever asked first."""
        shop, _ = await given_shop(db, {"chair": {"north": 1}})
        await obeyed(db, shop, tiers={"gold": 1, "silver": 2})
        groups = ("", "silver", "gold")
        orders = [of_shop(shop, an_order(shop, ("chair", 1)), customer_group=group) for group in groups]
        nobody, silver, gold = await plan(db, requests=orders, now=NOW)
        assert places_of(shop, gold) == {"north": 1}
        assert isinstance(nobody, Unfillable)
        assert isinstance(silver, Unfillable)

    async def test_the_better_tier_is_served_first_of_a_whole_wave(self, db: Connection) -> None:
        """SRC-03: though more orders come before it than are decided at once."""
        shop, _ = await given_shop(db, {"chair": {"north": 1}})
        await obeyed(db, shop, tiers={"gold": 1})
        groups = [""] * 101 + ["gold"]
        orders = [of_shop(shop, an_order(shop, ("chair", 1)), customer_group=group) for group in groups]
        answers = await plan(db, requests=orders, now=NOW)
        assert [isinstance(one, Unfillable) for one in answers] == [True] * 101 + [False]
