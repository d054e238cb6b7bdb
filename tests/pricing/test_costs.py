"""What units cost us: wherever they come from, and from one location."""

import httpx
import pytest

from batuta.plumbing.database import Connection, Engine
from batuta.pricing.api import ROUTES
from batuta.pricing.commands import set_unit_costs
from batuta.pricing.domain.costs import NoSuchPlace, OtherCostCurrency, UnitCost, UnitCosts
from batuta.pricing.queries import unit_costs_of
from tests.asking import House, a_caller, at, problem, told
from tests.making import NOW, fresh_id
from tests.world import build_shop, sound


def buyer_of(house: House, **scope: object) -> httpx.AsyncClient:
    return house.asked_by(a_caller("purchasing.read", "purchasing.manage", **scope))


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


async def test_what_is_known_of_a_location_goes_before_what_is_known_of_all(db: Connection) -> None:
    """SRC-03."""
    shop = await build_shop(db, stock={"chair": {"north": 1, "maker": 1}})
    chair, maker = shop.skus["chair"].id, shop.locations["maker"].id
    costs = [
        UnitCost(sku_id=chair, currency="EUR", cost_minor=900),
        UnitCost(sku_id=chair, currency="EUR", cost_minor=700, location_id=maker),
        UnitCost(sku_id=chair, currency="USD", cost_minor=990),
    ]
    sound(await set_unit_costs(db, costs=costs, now=NOW))
    sound(await set_unit_costs(db, costs=[UnitCost(sku_id=chair, currency="EUR", cost_minor=800)], now=NOW))

    found = await unit_costs_of(db, [chair])

    assert found.at(chair, maker, "EUR") == 700
    assert found.at(chair, shop.locations["north"].id, "EUR") == found.usual(chair, "EUR") == 800
    assert found.at(chair, maker, "USD") == 990
    assert found.at(chair, maker, "GBP") is None


def test_where_nothing_is_known_of_all_the_least_is_usual() -> None:
    """SRC-03."""
    chair, one, other = fresh_id(), fresh_id(), fresh_id()
    found = UnitCosts(
        [
            UnitCost(sku_id=chair, currency="EUR", cost_minor=900, location_id=one),
            UnitCost(sku_id=chair, currency="EUR", cost_minor=700, location_id=other),
        ]
    )

    assert found.usual(chair, "EUR") == 700
    assert found.at(chair, one, "EUR") == 900


async def test_what_comes_from_a_location_costs_in_its_currency(db: Connection) -> None:
    """SRC-03."""
    shop = await build_shop(db, stock={"chair": {"north": 1}})
    chair, north = shop.skus["chair"].id, shop.locations["north"].id
    wrong = [
        UnitCost(sku_id=chair, currency="USD", cost_minor=1, location_id=north),
        UnitCost(sku_id=chair, currency="EUR", cost_minor=1, location_id=fresh_id()),
    ]

    currency, place = await set_unit_costs(db, costs=wrong, now=NOW)

    assert isinstance(currency, OtherCostCurrency)
    assert isinstance(place, NoSuchPlace)


async def test_costs_are_set_and_read_by_the_api(house: House, engine: Engine) -> None:
    """SRC-03: all of them or none, and nobody learns what others' goods cost."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 1}})
    chair, north = shop.skus["chair"], shop.locations["north"]
    costs = [
        {"sku_code": chair.code, "currency": "EUR", "cost_minor": 900},
        {"sku_code": chair.code, "currency": "EUR", "cost_minor": 700, "location_code": north.code},
    ]

    answer = await buyer_of(house).put("/api/costs", json={"costs": costs})
    refused = await buyer_of(house).put("/api/costs", json={"costs": [costs[0], {**costs[0], "sku_code": "no-such"}]})
    elsewhere = buyer_of(house, **at(fresh_id()))
    there = (await elsewhere.get("/api/costs", params={"sku_code": chair.code})).json()["costs"]

    assert answer.status_code == 200
    assert [one["cost_minor"] for one in answer.json()["costs"]] == [900, 700]
    assert problem(refused) == (404, "unknown_sku")
    assert problem(await elsewhere.put("/api/costs", json={"costs": [costs[1]]})) == (409, "no_such_place")
    assert [one["cost_minor"] for one in there] == [900]
    known = (await buyer_of(house).get("/api/costs", params={"sku_code": chair.code})).json()["costs"]
    assert [one["cost_minor"] for one in known] == [900, 700]


async def test_who_said_what_units_cost_is_told_with_what_they_cost_before(house: House, engine: Engine) -> None:
    """PLT-06"""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 1}})
    chair, north = shop.skus["chair"], shop.locations["north"]
    anywhere = {"sku_code": chair.code, "currency": "EUR", "cost_minor": 900}
    there = anywhere | {"cost_minor": 700, "location_code": north.code}
    for costs in ([anywhere, there], [anywhere, there], [anywhere, there | {"cost_minor": 650}]):
        await buyer_of(house).put("/api/costs", json={"costs": costs})

    first, last = [one for one in await told(engine, chair.id) if one[0] == "pricing.unit_costs_saved"]

    assert first[1] == last[1] == "staff:ana@example.com"
    assert set(first[2]["changes"]) == {"anywhere.EUR", f"locations.{north.id}"}
    (changed,) = last[2]["changes"].values()
    assert (changed["before"]["cost_minor"], changed["after"]["cost_minor"]) == (700, 650)
