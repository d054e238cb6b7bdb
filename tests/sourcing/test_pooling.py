"""Pools of orders: planned together, their claims swapped, what became stale planned in turn (SRC-04, SRC-06)."""

import time
from datetime import timedelta

from sqlalchemy import text

from batuta.inventory.commands import rearrange, record_movements
from batuta.inventory.domain import Account, Movement, MovementReason, Relocate
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import Together, forget_pool_runs, plan, read_pools, settle_pools
from batuta.sourcing.domain import Plan, SourcingRequest
from batuta.sourcing.domain.pools.together import plan_together
from batuta.sourcing.queries import list_pool_runs
from tests.making import NOW, fresh_code, fresh_id
from tests.sourcing.making import an_order, broken_laws, claims_at, given_shop, hold_at, places_of
from tests.world import Shop

STOCK = {"chair": {"north": 1, "south": 1}, "lamp": {"north": 1}}


async def given_orders(db: Connection) -> tuple[Shop, SourcingRequest, SourcingRequest]:
    """One that wants a chair and holds that of the north; one that wants the lamp of the north too, and is split."""
    shop, _ = await given_shop(db, STOCK)
    first, second = an_order(shop, ("chair", 1)), an_order(shop, ("chair", 1), ("lamp", 1))
    await hold_at(db, first, shop.locations["north"].id)
    await hold_at(db, second)
    return shop, first, second


async def solved(db: Connection, *requests: SourcingRequest) -> list[Together]:
    waiting = await read_pools(db, requests=requests, now=NOW)
    until = time.monotonic() + 5
    return [
        Together(waiting=one, plan=plan_together(one.pool, lambda: until - time.monotonic()), milliseconds=1)
        for one in waiting
    ]


async def test_orders_that_were_placed_crosswise_swap_their_units(db: Connection) -> None:
    """Both chairs are taken: in turn the second order is split, together each ships whole."""
    shop, first, second = await given_orders(db)

    together = await solved(db, first, second)
    preset = await settle_pools(db, together=together, requests=[first, second], now=NOW)
    answers = await plan(db, requests=[first, second], now=NOW, preset=preset)

    assert [places_of(shop, one) for one in answers] == [{"south": 1}, {"north": 2}]
    assert await claims_at(db, shop, first.order_id) == {"south": 1}
    assert await claims_at(db, shop, second.order_id) == {"north": 2}
    assert await broken_laws(db) == []
    (run,) = (await db.execute(text("SELECT * FROM sourcing.pool_run WHERE id = :id"), {"id": first.order_id})).all()
    assert (run.orders, run.orders_stale) == (2, 0)
    assert run.bound_minor <= run.cost_minor < run.one_by_one_minor
    assert run.cost_minor == sum(one.cost_minor for one in answers if isinstance(one, Plan))


async def test_without_a_pool_the_same_orders_are_planned_in_turn(db: Connection) -> None:
    shop, first, second = await given_orders(db)

    answers = await plan(db, requests=[first, second], now=NOW)

    assert [places_of(shop, one) for one in answers] == [{"north": 1}, {"north": 1, "south": 1}]


async def test_what_others_took_while_the_pool_was_planned_is_planned_in_turn(db: Connection) -> None:
    """The chair of the south breaks between reading and carrying out."""
    shop, first, second = await given_orders(db)
    together = await solved(db, first, second)
    broke = Movement(
        key=fresh_code("broke"),
        sku_id=shop.skus["chair"].id,
        quantity=1,
        source=Account.location(shop.locations["south"].id),
        target=Account.loss(),
        reason=MovementReason.SCRAP,
        document_id=fresh_id(),
        actor="staff:eva",
        effective_at=NOW,
    )
    await record_movements(db, movements=[broke], now=NOW)

    preset = await settle_pools(db, together=together, requests=[first, second], now=NOW)
    answers = await plan(db, requests=[first, second], now=NOW, preset=preset)

    assert preset.keys() <= {second.order_id}
    assert sum(isinstance(one, Plan) for one in answers) == 1
    assert "south" not in {place for one in answers if isinstance(one, Plan) for place in places_of(shop, one)}
    assert await broken_laws(db) == []


async def test_a_pool_planned_twice_stands_as_it_was_planned_first(db: Connection) -> None:
    shop, first, second = await given_orders(db)
    together = await solved(db, first, second)
    preset = await settle_pools(db, together=together, requests=[first, second], now=NOW)
    answers = await plan(db, requests=[first, second], now=NOW, preset=preset)

    assert await plan(db, requests=[first, second], now=NOW) == answers
    assert await claims_at(db, shop, second.order_id) == {"north": 2}


async def test_claims_change_places_all_together_or_not_at_all(db: Connection) -> None:
    """RES-07: no unit is claimed where it is not."""
    shop, first, second = await given_orders(db)
    here, there = shop.locations["north"].id, shop.locations["south"].id

    def moving(request: SourcingRequest, source: str, units: int = 1) -> Relocate:
        return Relocate(
            holder_id=request.order_id,
            line_id=request.lines[0].line_id,
            sku_id=shop.skus["chair"].id,
            source_location_id=shop.locations[source].id,
            target_location_id=there if source == "north" else here,
            quantity=units,
        )

    assert not await rearrange(db, moves=[moving(first, "north")], now=NOW)
    assert not await rearrange(db, moves=[moving(first, "south"), moving(second, "south")], now=NOW)
    assert await claims_at(db, shop, first.order_id) == {"north": 1}
    assert await rearrange(db, moves=[moving(first, "north"), moving(second, "south")], now=NOW)
    assert await claims_at(db, shop, first.order_id) == {"south": 1}
    assert await claims_at(db, shop, second.order_id) == {"north": 2}
    assert await broken_laws(db) == []


async def test_what_a_pool_was_worth_is_listed_for_90_days(db: Connection) -> None:
    """SRC-06: its gap to the least there is, and what it saved."""
    _, first, second = await given_orders(db)
    await settle_pools(db, together=await solved(db, first, second), requests=[first, second], now=NOW)

    (run,) = [one for one in await list_pool_runs(db, after=None, limit=100) if one.id == first.order_id]
    assert (run.orders, run.stability, run.gap) == (2, None, 0)
    assert run.gain == (run.one_by_one_minor - run.cost_minor) / run.one_by_one_minor > 0
    assert [one.id for one in await list_pool_runs(db, after=(run.planned_at, run.id), limit=1)] != [run.id]

    for days, kept in ((89, True), (90, False)):
        await forget_pool_runs(db, now=NOW + timedelta(days=days), limit=10_000)
        assert (run in await list_pool_runs(db, after=None, limit=100)) is kept
