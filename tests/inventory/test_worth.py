"""What units are worth to their locations: learned from what these sell themselves, and from dates (SRC-03)."""

from datetime import timedelta
from math import exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.api import ROUTES
from batuta.inventory.commands import record_movements
from batuta.inventory.commands.worth import learn_counter_sales, set_stock_worths
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.inventory.domain.worth import StockWorth, StockWorths, UnknownWorth, chance_bp
from batuta.inventory.queries.worth import all_stock_worths, stock_worths_of
from batuta.plumbing.database import Connection, Engine
from tests.asking import House, a_caller, at, problem
from tests.making import NOW, fresh_code, fresh_id
from tests.world import Shop, build_shop, sound

DAY = timedelta(days=1)
CHAIR, NORTH = fresh_id(), fresh_id()


def worths(said: StockWorth, *, sold: int = 0, expires_in: int | None = None) -> StockWorths:
    expiry = {} if expires_in is None else {(CHAIR, NORTH): NOW + expires_in * DAY}
    return StockWorths([said], sold={(CHAIR, NORTH): sold} if sold else {}, expiry=expiry)


@given(expected=st.floats(0.01, 30), units=st.integers(1, 60))
def test_the_chance_is_that_of_poisson(expected: float, units: int) -> None:
    """SRC-03."""
    fewer = sum(exp(-expected) * expected**k / factorial(k) for k in range(units))

    assert abs(chance_bp(expected, units) - 10_000 * (1 - fewer)) <= 1


@given(expected=st.floats(0, 2_000), units=st.integers(1, 3_000))
def test_the_more_there_are_the_less_each_is_worth(expected: float, units: int) -> None:
    """SRC-03."""
    assert 0 <= chance_bp(expected, units + 1) <= chance_bp(expected, units) <= 10_000


def test_a_unit_that_the_store_would_sell_itself_is_scarce() -> None:
    """SRC-03: a unit a day, for a week."""
    said = worths(StockWorth(horizon_days=7), sold=28)

    assert said.scarcity_bp(CHAIR, NORTH, free=1, units=1) > 9_900
    assert said.scarcity_bp(CHAIR, NORTH, free=30, units=1) == 0
    assert worths(StockWorth(horizon_days=7)).scarcity_bp(CHAIR, NORTH, free=1, units=1) == 0


@pytest.mark.parametrize(("free", "sold", "lost_bp"), [(30, 28, 0), (40, 28, 500), (10, 0, 10_000), (31, 28, 50)])
def test_what_lasts_longer_than_it_should_loses_worth_day_by_day(free: int, sold: int, lost_bp: int) -> None:
    """SRC-03: beyond thirty days of supply, half a hundredth of the cost a day."""
    said = worths(StockWorth(target_days=30, markdown_day_bp=50), sold=sold)

    assert said.markdown_bp(CHAIR, NORTH, free=free, now=NOW) == lost_bp


@pytest.mark.parametrize(("days", "lost_bp"), [(20, 0), (10, 0), (5, 5_000), (0, 10_000), (-1, 10_000)])
def test_a_lot_near_its_date_loses_its_worth(days: int, lost_bp: int) -> None:
    """SRC-03."""
    said = worths(StockWorth(expiry_days=10), expires_in=days)

    assert said.markdown_bp(CHAIR, NORTH, free=5, now=NOW) == lost_bp


def test_what_is_said_of_just_this_goes_before_what_is_said_of_all() -> None:
    """SRC-03."""
    said = StockWorths(
        [
            StockWorth(target_days=1, markdown_day_bp=10),
            StockWorth(location_id=NORTH, target_days=1, markdown_day_bp=20),
            StockWorth(location_id=NORTH, sku_id=CHAIR, target_days=1, markdown_day_bp=1),
        ],
        sold={},
        expiry={},
    )

    assert said.markdown_bp(CHAIR, NORTH, free=1, now=NOW) == 364
    assert said.markdown_bp(fresh_id(), NORTH, free=1, now=NOW) == 7_280
    assert said.markdown_bp(CHAIR, fresh_id(), free=1, now=NOW) == 3_640


async def sell(db: Connection, shop: Shop, units: int, *, days_ago: int, is_sent: bool = False) -> None:
    one = Movement(
        key=fresh_code("sale"),
        sku_id=shop.skus["chair"].id,
        quantity=units,
        source=Account.location(shop.locations["north"].id),
        target=Account.parcel(fresh_id()) if is_sent else Account.customer(),
        reason=MovementReason.PACK if is_sent else MovementReason.SALE_POS,
        document_id=fresh_id(),
        actor="test:till",
        effective_at=NOW - days_ago * DAY,
    )
    sound(await record_movements(db, movements=[one], now=NOW - days_ago * DAY))


async def test_what_was_sold_over_the_counter_is_learned_once_a_day(db: Connection) -> None:
    """SRC-03: what was sent in parcels is no demand of the location itself, nor what was sold long ago."""
    shop = await build_shop(db, stock={"chair": {"north": 50}})
    chair, north = shop.skus["chair"].id, shop.locations["north"].id
    said = StockWorth(location_id=north, horizon_days=7)
    await sell(db, shop, 9, days_ago=40)
    await sell(db, shop, 3, days_ago=20)
    await sell(db, shop, 4, days_ago=2)
    await sell(db, shop, 8, days_ago=2, is_sent=True)
    await set_stock_worths(db, worths=[said], now=NOW)

    learned = [await learn_counter_sales(db, now=at_, limit=100) for at_ in (NOW, NOW + DAY / 2)]
    found = await stock_worths_of(db, [said], [chair], now=NOW)
    expected = StockWorths([said], sold={(chair, north): 7}, expiry={})

    assert learned == [1, 0]
    assert found.scarcity_bp(chair, north, free=2, units=1) == expected.scarcity_bp(chair, north, free=2, units=1)
    await set_stock_worths(db, worths=[], now=NOW)


async def test_what_is_not_there_is_worth_nothing(db: Connection) -> None:
    with pytest.raises(UnknownWorth):
        await set_stock_worths(db, worths=[StockWorth(location_id=fresh_id())], now=NOW)


async def test_worths_are_said_and_read_by_the_api(engine: Engine) -> None:
    """SRC-03."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 1}})
    house, north = House(engine, ROUTES), shop.locations["north"]
    manager = house.asked_by(a_caller("inventory.read", "sourcing.manage"))
    one = {"location_code": north.code, "sku_code": shop.skus["chair"].code, "horizon_days": 7, "target_days": 30}

    saved = await manager.put("/api/stock-worths", json={"worths": [one]})
    told = (await manager.get("/api/stock-worths")).json()["worths"]
    twice = await manager.put("/api/stock-worths", json={"worths": [one, one]})
    strange = await manager.put("/api/stock-worths", json={"worths": [{"location_code": "nowhere"}]})
    clerk = house.asked_by(a_caller("inventory.read", "sourcing.manage", **at(fresh_id())))

    assert saved.status_code == 200
    assert [(row["location_id"], row["horizon_days"]) for row in told] == [(str(north.id), 7)]
    assert problem(twice) == (409, "said_twice")
    assert problem(strange) == (409, "unknown_worth")
    assert problem(await clerk.put("/api/stock-worths", json={"worths": []})) == (409, "only_yours")
    assert (await clerk.get("/api/stock-worths")).json()["worths"] == []
    assert (await manager.put("/api/stock-worths", json={"worths": []})).json() == {"worths": []}
    async with engine.connect() as db:
        assert await all_stock_worths(db) == []
