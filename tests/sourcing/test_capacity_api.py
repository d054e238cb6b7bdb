"""Limits of locations and what they were given, through the API (SRC-10)."""

from typing import Any

import httpx
import pytest

from batuta.locations.api import ROUTES as LOCATION_ROUTES
from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES
from batuta.sourcing.commands import TakenOn, confirm_capacity, plan
from tests.asking import House, a_caller, at, problem
from tests.making import NOW, fresh_id
from tests.sourcing.making import an_order, given_shop, hold_at
from tests.world import Shop

UNITS = {"limit": 40, "unit": "units"}
PARCELS_AN_HOUR = {"limit": 5, "unit": "packages", "per": "hour", "method": "ship"}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, [*LOCATION_ROUTES, *ROUTES])


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        shop, _ = await given_shop(db, {"chair": {"north": 90}})
    return shop


async def put_limits(clerk: httpx.AsyncClient, shop: Shop, *limits: dict[str, Any]) -> httpx.Response:
    north = shop.locations["north"]
    now = (await clerk.get(f"/api/locations/{north.id}")).json()
    body = {name: value for name, value in now.items() if name not in {"id", "special_days"}}
    return await clerk.put(f"/api/locations/{north.id}", json=body | {"capacity": list(limits)})


async def test_limits_are_set_with_the_location_and_its_load_is_read_by_day(
    engine: Engine, house: House, shop: Shop
) -> None:
    clerk, north = house.asked_by(a_caller("locations.read", "locations.write")), shop.locations["north"]
    saved = await put_limits(clerk, shop, UNITS, PARCELS_AN_HOUR)
    assert saved.status_code == 200, saved.text
    assert saved.json()["capacity"] == [UNITS | {"per": "day", "method": None}, PARCELS_AN_HOUR]
    order = an_order(shop, ("chair", 7))
    taken_on = TakenOn(order_id=order.order_id, location_id=north.id, line_ids=frozenset({order.lines[0].line_id}))
    async with engine.begin() as db:
        await hold_at(db, order)
        await plan(db, requests=[order], now=NOW)
        assert await confirm_capacity(db, taken_on=[taken_on], now=NOW) == [None]

    answer = await clerk.get(f"/api/locations/{north.id}/load", params={"from_day": f"{NOW:%Y-%m-%d}", "days": 2})

    assert answer.status_code == 200, answer.text
    today, tomorrow = answer.json()["days"]
    assert today["day"] == f"{NOW:%Y-%m-%d}"
    assert [(one["per"], one["method"], one["orders"], one["units"]) for one in today["given"]] == [
        ("day", "ship", 1, 7),
        ("hour", "ship", 1, 7),
    ]
    assert [(one["limit"]["unit"], one["taken"], one["left"]) for one in today["limits"]] == [
        ("units", 7, 33),
        ("packages", 1, 4),
    ]
    assert [(one["limit"]["unit"], one["taken"]) for one in tomorrow["limits"]] == [("units", 0)]
    assert tomorrow["given"] == []


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ([UNITS, UNITS], (409, "implausible_location")),
        ([UNITS | {"limit": -1}], (400, "invalid")),
        ([UNITS | {"unit": "pallets"}], (400, "invalid")),
        ([UNITS | {"method": "drone"}], (400, "invalid")),
        ([UNITS] * 25, (400, "invalid")),
    ],
)
async def test_limits_that_cannot_be_are_refused(
    house: House, shop: Shop, limits: list[dict[str, Any]], said: tuple[int, str]
) -> None:
    clerk = house.asked_by(a_caller("locations.read", "locations.write"))

    assert problem(await put_limits(clerk, shop, *limits)) == said


async def test_the_load_of_a_location_is_for_who_works_there(house: House, shop: Shop) -> None:
    path = f"/api/locations/{shop.locations['north'].id}/load"
    elsewhere = house.asked_by(a_caller("locations.read", **at(fresh_id())))
    here = house.asked_by(a_caller("locations.read", **at(shop.locations["north"].id)))

    assert problem(await elsewhere.get(path)) == (404, "unknown_location")
    assert problem(await here.get(path, params={"days": 32})) == (400, "invalid")
    assert (await here.get(path)).status_code == 200
    assert problem(await here.get(path, params={"from_day": "9999-12-31", "days": 31})) == (400, "no_such_day")
