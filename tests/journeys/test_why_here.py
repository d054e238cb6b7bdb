"""Why an order ships from where it ships, through the API."""

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES
from tests.asking import House, a_caller, at, problem
from tests.journeys.journey import Journey
from tests.making import fresh_id


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


def client_of(house: House, **scope: object) -> httpx.AsyncClient:
    return house.asked_by(a_caller("orders.read", **scope))


async def test_a_decision_is_told_in_figures_and_in_the_callers_words(house: House, journey: Journey) -> None:
    """SRC-12."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    path = f"/api/orders/{order_id}/sourcing"

    told = (await client_of(house).get(path)).json()
    spanish = (await client_of(house, locale="es").get(path)).json()

    [decision], [assignment] = told["decisions"], told["assignments"]
    assert decision["decision"]["outcome"] == "planned"
    assert assignment["quantity"] == 2
    assert decision["explanation"].startswith("Ships 2 from ")
    assert spanish["decisions"][0]["explanation"].startswith("Se envía 2 desde ")


async def test_who_sells_or_works_elsewhere_is_told_nothing(house: House, journey: Journey) -> None:
    """PLT-07."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    path = f"/api/orders/{order_id}/sourcing"

    for asker in (
        client_of(house, channel_ids=frozenset({fresh_id()})),
        client_of(house, customer_id=fresh_id()),
        client_of(house, **at(fresh_id())),
    ):
        assert problem(await asker.get(path)) == (404, "unknown_order")
    nothing = await client_of(house).get(f"/api/orders/{fresh_id()}/sourcing")
    assert problem(nothing) == (404, "unknown_order")
    here = client_of(house, channel_ids=frozenset({journey.shop.channel.id}))
    assert (await here.get(path)).status_code == 200
