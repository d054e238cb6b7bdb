"""Channels, brands and legal entities through the API."""

import pytest

from batuta.company.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.making import fresh_id
from tests.world import Shop, build_shop

MAY = ("catalog.read", "locations.read")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 1}})


async def test_a_caller_sees_the_channels_it_sells_in(engine: Engine, shop: Shop) -> None:
    """PLT-07"""
    house = House(engine, ROUTES)
    seller = house.asked_by(a_caller(*MAY, channel_ids=frozenset({shop.channel.id})))
    stranger = house.asked_by(a_caller(*MAY, channel_ids=frozenset({fresh_id()})))

    listed = (await seller.get("/api/channels")).json()
    read = await seller.get(f"/api/channels/{shop.channel.id}")

    assert [one["id"] for one in listed["items"]] == [str(shop.channel.id)]
    assert read.json()["policies"]["cart_hold_minutes"] == 10
    assert (await stranger.get("/api/channels")).json() == {"items": [], "next": None}
    assert problem(await stranger.get(f"/api/channels/{shop.channel.id}")) == (404, "unknown_channel")


async def test_brands_and_legal_entities_are_read_page_by_page(engine: Engine, shop: Shop) -> None:
    clerk = House(engine, ROUTES).asked_by(a_caller(*MAY))

    for path, own in (("/api/brands", shop.channel.brand_id), ("/api/legal-entities", shop.entity.id)):
        found, cursor = [], None
        while True:
            where = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            page = (await clerk.get(path, params=where)).json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert str(own) in found
        assert len(set(found)) == len(found)
