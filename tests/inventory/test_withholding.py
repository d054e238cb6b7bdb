"""What is kept back from whom: buffers, exclusions, pools, silence, and lots that end (INV-05 to INV-08, INV-11)."""

import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from batuta.inventory.commands import (
    allocate,
    delete_pools,
    delete_rules,
    issue,
    recompute_safety,
    release,
    relocate,
    reserve,
    save_pools,
    save_rules,
    set_safety_policies,
    set_silences,
)
from batuta.inventory.domain import (
    NOBODY,
    Allocate,
    Asker,
    BufferRule,
    Label,
    OnEmpty,
    OutOfStock,
    Pool,
    PoolRefusal,
    PoolStock,
    Release,
    Relocate,
    Relocated,
    Reserved,
    ReserveRequest,
    RuleKind,
    Thresholds,
    label_of,
)
from batuta.inventory.domain.safety import SafetyPolicy, SafetyTerms, Season, safety_units
from batuta.inventory.queries import availability
from batuta.plumbing.database import Connection, Engine
from tests.inventory.making import (
    assert_laws_hold,
    given_locations,
    given_skus,
    given_stock,
    issuing,
    receive,
    wish,
)
from tests.making import NOW, fresh_code, fresh_id
from tests.world import build_shop

ACTOR = "test:ana"
GOODS = {"chair": {"north": 1}, "table": {"north": 1}}


def rule(**said: object) -> BufferRule:
    given = {"id": fresh_id(), "code": fresh_code("R"), "priority": fresh_id().int % 900_000, "kind": RuleKind.BUFFER}
    return BufferRule(**given | said)  # type: ignore[arg-type]


def asking(*wanted: tuple[UUID, int], asker: Asker = NOBODY, good_until_at: datetime | None = None) -> ReserveRequest:
    return msgspec.structs.replace(
        wish(*wanted),
        channel_id=asker.channel_id,
        region=asker.region,
        customer_group=asker.customer_group,
        good_until_at=good_until_at,
    )


async def left_for(db: Connection, sku_id: UUID, asker: Asker = NOBODY) -> int:
    return sum(one.available for one in await availability(db, sku_ids=[sku_id], asker=asker, now=NOW))


async def channels(db: Connection) -> tuple[Asker, Asker]:
    """Two channels, as they ask."""
    first, second = await build_shop(db, stock=GOODS), await build_shop(db, stock=GOODS)
    return Asker(channel_id=first.channel.id), Asker(channel_id=second.channel.id)


async def test_a_buffer_is_kept_from_the_channel_it_names_and_from_no_other(db: Connection) -> None:
    web, store = await channels(db)
    sku_id, _ = await given_stock(db, units=10)
    named = rule(units=4, channel_id=web.channel_id)
    await save_rules(db, rules=[named], actor=ACTOR, now=NOW)

    (seen,) = await availability(db, sku_ids=[sku_id], asker=web, now=NOW)
    assert (seen.available, seen.kept, seen.rule) == (6, 4, named.code)
    assert await left_for(db, sku_id, store) == 10

    too_many, enough = await reserve(
        db, requests=[asking((sku_id, 7), asker=web), asking((sku_id, 6), asker=web)], now=NOW
    )
    assert isinstance(too_many, OutOfStock)
    assert isinstance(enough, Reserved)
    (of_store,) = await reserve(db, requests=[asking((sku_id, 4), asker=store)], now=NOW)
    assert isinstance(of_store, Reserved)
    assert await left_for(db, sku_id, store) == 0
    await assert_laws_hold(db)


async def test_the_highest_priority_wins_and_only_stacked_rules_are_added(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=100)
    weak, strong = (
        rule(units=50, priority=1, sku_id=sku_id),
        rule(share_bp=1_000, priority=2, location_ids=[location_id]),
    )
    await save_rules(db, rules=[weak, strong], actor=ACTOR, now=NOW)
    (seen,) = await availability(db, sku_ids=[sku_id], now=NOW)
    assert (seen.kept, seen.rule) == (10, strong.code)

    await save_rules(db, rules=[rule(units=3, priority=3, sku_id=sku_id, is_stacked=True)], actor=ACTOR, now=NOW)
    (seen,) = await availability(db, sku_ids=[sku_id], now=NOW)
    assert (seen.kept, seen.rule, seen.available) == (13, strong.code, 87)

    await delete_rules(db, ids=[strong.id], now=NOW)
    (seen,) = await availability(db, sku_ids=[sku_id], now=NOW)
    assert (seen.kept, seen.rule) == (53, weak.code)


async def test_a_rule_holds_from_its_beginning_until_its_end(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    days = timedelta(days=1)
    await save_rules(
        db,
        rules=[rule(kind=RuleKind.EXCLUSION, sku_id=sku_id, from_at=NOW + days, until_at=NOW + 2 * days)],
        actor=ACTOR,
        now=NOW,
    )
    for at, available in ((NOW, 5), (NOW + days, 0), (NOW + 2 * days, 5)):
        (seen,) = await availability(db, sku_ids=[sku_id], now=at)
        assert seen.available == available


async def test_two_rules_of_one_priority_are_refused_for_one_must_win(db: Connection) -> None:
    first, second = rule(units=1, priority=7), rule(units=2, priority=7)
    outcomes = await save_rules(db, rules=[first, second, rule(units=1, share_bp=2)], actor=ACTOR, now=NOW)
    assert [getattr(one, "code", "") for one in outcomes] == [first.code, "bad_rule", "bad_rule"]


async def test_a_silent_location_keeps_its_share_and_at_last_all(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=9)
    await set_silences(db, shares={location_id: 2_500}, now=NOW)
    (seen,) = await availability(db, sku_ids=[sku_id], now=NOW)
    assert (seen.kept, seen.silent_bp, seen.available) == (3, 2_500, 6)
    await set_silences(db, shares={location_id: 10_000}, now=NOW)
    (outcome,) = await reserve(db, requests=[wish((sku_id, 1))], now=NOW)
    assert isinstance(outcome, OutOfStock)
    await set_silences(db, shares={location_id: 0}, now=NOW)
    assert await left_for(db, sku_id) == 9


async def test_ring_fenced_units_are_for_their_own_and_come_before_what_is_common(db: Connection) -> None:
    web, store = await channels(db)
    sku_id, at = await given_stock(db, units=10)
    pool = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id)
    await save_pools(db, given=[pool], actor=ACTOR, now=NOW)
    (given,) = await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=6)], now=NOW)
    assert isinstance(given, PoolStock)

    assert (await left_for(db, sku_id, web), await left_for(db, sku_id, store)) == (10, 4)
    taken = asking((sku_id, 7), asker=web)
    (outcome,) = await reserve(db, requests=[taken], now=NOW)
    assert isinstance(outcome, Reserved)
    assert sorted(one.quantity for one in outcome.grants) == [1, 6]
    assert (await left_for(db, sku_id, web), await left_for(db, sku_id, store)) == (3, 3)
    await assert_laws_hold(db)

    await release(db, releases=[Release(holder_id=taken.holder_id)], now=NOW)
    assert (await left_for(db, sku_id, web), await left_for(db, sku_id, store)) == (10, 4)
    await assert_laws_hold(db)


async def test_units_of_a_pool_that_were_handed_out_stay_used(db: Connection) -> None:
    web, store = await channels(db)
    sku_id, at = await given_stock(db, units=4)
    pool = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id)
    await save_pools(db, given=[pool], actor=ACTOR, now=NOW)
    await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=2)], now=NOW)
    taken = asking((sku_id, 2), asker=web)
    await reserve(db, requests=[taken], now=NOW)
    await issue(db, issues=[issuing(taken, at, 2)], now=NOW)
    assert (await left_for(db, sku_id, web), await left_for(db, sku_id, store)) == (2, 2)
    await assert_laws_hold(db)


async def test_beyond_a_pool_its_own_get_what_is_common_or_nothing_as_it_says(db: Connection) -> None:
    web, _ = await channels(db)
    sku_id, at = await given_stock(db, units=10)
    pool = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id, on_empty=OnEmpty.REFUSE)
    await save_pools(db, given=[pool], actor=ACTOR, now=NOW)
    await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=3)], now=NOW)
    outcome, fits = await reserve(
        db, requests=[asking((sku_id, 4), asker=web), asking((sku_id, 3), asker=web)], now=NOW
    )
    assert isinstance(outcome, OutOfStock)
    assert isinstance(fits, Reserved)


async def test_a_pool_within_a_pool_is_for_those_whom_both_mean(db: Connection) -> None:
    web, _ = await channels(db)
    sku_id, at = await given_stock(db, units=10)
    of_web = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id)
    of_trade = Pool(id=fresh_id(), code=fresh_code("trade"), parent_id=of_web.id, customer_group="trade")
    await save_pools(db, given=[of_web, of_trade], actor=ACTOR, now=NOW)
    place = {"sku_id": sku_id, "location_id": at}
    outcomes = await allocate(
        db,
        asked=[
            Allocate(pool_id=of_web.id, units=6, **place),
            Allocate(pool_id=of_trade.id, units=4, **place),
            Allocate(pool_id=of_trade.id, units=3, **place),
            Allocate(pool_id=of_web.id, units=5, **place),
        ],
        now=NOW,
    )
    assert [getattr(one, "allocated", None) for one in outcomes] == [6, 4, None, None]
    assert all(isinstance(one, PoolRefusal) for one in outcomes[2:])
    trade = msgspec.structs.replace(web, customer_group="trade")
    assert [await left_for(db, sku_id, one) for one in (NOBODY, web, trade)] == [4, 6, 10]


async def test_what_is_left_in_a_pool_is_everybodys_again_when_it_ends(db: Connection) -> None:
    web, store = await channels(db)
    sku_id, at = await given_stock(db, units=5)
    end = NOW + timedelta(hours=1)
    pool = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id, until_at=end)
    await save_pools(db, given=[pool], actor=ACTOR, now=NOW)
    await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=5)], now=NOW)
    assert await left_for(db, sku_id, store) == 0
    (seen,) = await availability(db, sku_ids=[sku_id], asker=store, now=end)
    assert seen.available == 5


async def test_claims_are_moved_only_to_where_their_channel_may_sell(db: Connection) -> None:
    web, _ = await channels(db)
    (sku_id,) = await given_skus(db)
    source, target = await given_locations(db, 2)
    await receive(db, sku_id, source, 2)
    await receive(db, sku_id, target, 2)
    await save_rules(
        db,
        rules=[rule(kind=RuleKind.EXCLUSION, channel_id=web.channel_id, location_ids=[target])],
        actor=ACTOR,
        now=NOW,
    )
    held = asking((sku_id, 2), asker=web)
    await reserve(db, requests=[held], now=NOW)
    move = Relocate(
        holder_id=held.holder_id,
        line_id=held.lines[0].line_id,
        sku_id=sku_id,
        source_location_id=source,
        target_location_id=target,
        quantity=1,
        asker=web,
    )
    refused, moved = await relocate(db, moves=[move, msgspec.structs.replace(move, asker=NOBODY)], now=NOW)
    assert isinstance(refused, OutOfStock)
    assert isinstance(moved, Relocated)


async def test_a_rule_made_in_a_transaction_that_is_undone_never_holds(engine: Engine) -> None:
    async with engine.begin() as db:
        sku_id, _ = await given_stock(db, units=3)
    async with engine.connect() as db:
        await db.begin()
        await save_rules(db, rules=[rule(kind=RuleKind.EXCLUSION, sku_id=sku_id)], actor=ACTOR, now=NOW)
        assert await left_for(db, sku_id) == 0
        await db.rollback()
    async with engine.begin() as db:
        assert await left_for(db, sku_id) == 3


async def test_buyers_of_two_channels_at_once_never_get_what_is_kept_for_the_other(engine: Engine) -> None:
    """RES-08: sixty buyers, a pool for one channel and a buffer against the other; exactly as many as may win do."""
    async with engine.begin() as db:
        web, store = await channels(db)
        sku_id, at = await given_stock(db, units=20)
        pool = Pool(id=fresh_id(), code=fresh_code("web"), channel_id=web.channel_id)
        await save_pools(db, given=[pool], actor=ACTOR, now=NOW)
        await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=8)], now=NOW)
        kept = rule(units=2, channel_id=store.channel_id, sku_id=sku_id)
        await save_rules(db, rules=[kept], actor=ACTOR, now=NOW)

    async def buy(wanted: ReserveRequest) -> bool:
        async with engine.begin() as db:
            (outcome,) = await reserve(db, requests=[wanted], now=NOW)
            return isinstance(outcome, Reserved)

    wishes = [asking((sku_id, 1), asker=asker) for _ in range(30) for asker in (web, store)]
    won = await asyncio.gather(*(buy(one) for one in wishes))
    of_web, of_store = sum(won[::2]), sum(won[1::2])
    assert of_store <= 10
    assert of_web + of_store == 20
    async with engine.begin() as db:
        await assert_laws_hold(db)
        # Nothing is kept back from other tests.
        await release(db, releases=[Release(holder_id=one.holder_id) for one in wishes], now=NOW)
        await delete_rules(db, ids=[kept.id], now=NOW)
        (refused,) = await delete_pools(db, ids=[pool.id], now=NOW)
        assert isinstance(refused, PoolRefusal)
        await allocate(db, asked=[Allocate(pool_id=pool.id, sku_id=sku_id, location_id=at, units=-8)], now=NOW)
        assert await delete_pools(db, ids=[pool.id], now=NOW) == [pool.id]


async def test_the_lot_that_ends_first_goes_out_first_and_never_after_its_end(db: Connection) -> None:
    """INV-14: first to expire, first out; with enough life left where the request asks for it."""
    sku_id, at = await given_stock(db, units=5, lot="late")
    for lot in ("gone", "soon"):
        await receive(db, sku_id, at, 5, lot=lot)
    ends = {"gone": NOW - timedelta(days=1), "soon": NOW + timedelta(days=3), "late": NOW + timedelta(days=30)}
    for lot, end in ends.items():
        await db.execute(
            text("UPDATE inventory.stock SET expires_at = :end WHERE sku_id = :sku_id AND lot = :lot"),
            {"end": end, "sku_id": sku_id, "lot": lot},
        )
    assert await left_for(db, sku_id) == 10

    (first,) = await reserve(db, requests=[wish((sku_id, 3))], now=NOW)
    assert isinstance(first, Reserved)
    assert [(one.lot, one.quantity) for one in first.grants] == [("soon", 3)]
    fresh = asking((sku_id, 5), good_until_at=NOW + timedelta(days=10))
    more = asking((sku_id, 1), good_until_at=NOW + timedelta(days=10))
    kept, refused = await reserve(db, requests=[fresh, more], now=NOW)
    assert isinstance(kept, Reserved)
    assert [(one.lot, one.quantity) for one in kept.grants] == [("late", 5)]
    assert isinstance(refused, OutOfStock)
    (rest,) = await reserve(db, requests=[wish((sku_id, 2))], now=NOW)
    assert isinstance(rest, Reserved)
    assert await left_for(db, sku_id) == 0


async def test_safety_stock_follows_what_left_and_is_computed_each_day(db: Connection) -> None:
    """INV-08."""
    sku_id, at = await given_stock(db, units=500)
    for days_ago, units in ((1, 30), (3, 10), (5, 50)):
        sold = wish((sku_id, units))
        await reserve(db, requests=[sold], now=NOW)
        moment = NOW - timedelta(days=days_ago)
        await issue(db, issues=[msgspec.structs.replace(issuing(sold, at, units), effective_at=moment)], now=NOW)
    policy = SafetyPolicy(sku_id=sku_id, location_id=at, service_bp=9_500, lead_time_days=4, window_days=10)
    await set_safety_policies(db, policies=[policy], now=NOW)
    assert await recompute_safety(db, now=NOW, limit=10) == 1
    (seen,) = await availability(db, sku_ids=[sku_id], now=NOW)
    demand = [30 if ago == 1 else 10 if ago == 3 else 50 if ago == 5 else 0 for ago in range(10)]
    assert seen.safety == safety_units(policy, demand, today=NOW.date()) > 0
    assert await recompute_safety(db, now=NOW + timedelta(hours=23), limit=10) == 0
    assert await recompute_safety(db, now=NOW + timedelta(days=1), limit=10) == 1


def test_a_seasons_units_stand_over_what_demand_says() -> None:
    season = Season(from_day=date(2026, 11, 20), until_day=date(2026, 11, 30), units=40)
    terms = SafetyTerms(service_bp=9_000, lead_time_days=7, floor_units=2, ceiling_units=9, seasons=[season])
    assert safety_units(terms, [0, 100] * 10, today=date(2026, 11, 30)) == 40
    assert safety_units(terms, [0, 100] * 10, today=date(2026, 12, 1)) == 9
    assert safety_units(terms, [], today=date(2026, 12, 1)) == 2


@given(units=st.lists(st.integers(0, 12), min_size=2, max_size=40))
def test_a_label_changes_only_when_a_threshold_is_passed(units: list[int]) -> None:
    """INV-10: between the two thresholds it stays as it was, so that one unit to and fro never makes it flap."""
    terms = Thresholds(low_units=3, ample_units=8)
    before = label_of(units[0], terms, None)
    for count in units[1:]:
        label = label_of(count, terms, before)
        assert (label is Label.OUT) == (count == 0)
        if 3 < count < 8 and before is not Label.OUT:
            assert label is before
        before = label
