"""What customers were told, through the API."""

import pytest

from batuta.notifications.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.fulfillment.orders import World, build_world
from tests.making import fresh_id


@pytest.fixture
async def world(engine: Engine) -> World:
    async with engine.begin() as db:
        return await build_world(db, chair={"north": 10})


async def test_an_orders_messages_are_for_those_who_see_the_order(engine: Engine, world: World) -> None:
    """PLT-07"""
    house = House(engine, ROUTES)
    async with engine.begin() as db:
        [one] = await world.offered(db, ("chair", 1), expires_at=None, place="north")
    path = f"/api/orders/{one.order_id}/messages"
    agent = house.asked_by(a_caller("orders.read", channel_ids=frozenset({world.shop.channel.id})))
    stranger = house.asked_by(a_caller("orders.read", channel_ids=frozenset({fresh_id()})))

    assert (await agent.get(path)).json() == {"messages": []}
    assert problem(await stranger.get(path)) == (404, "unknown_order")
    assert problem(await agent.get(f"/api/orders/{fresh_id()}/messages")) == (404, "unknown_order")
