"""Where an order goes that names only its postal code."""

import msgspec

from batuta.locations.commands import save_places
from batuta.locations.domain import PostalPlace
from batuta.plumbing.database import Connection
from batuta.sourcing.commands import plan
from batuta.sourcing.commands.locating import locate
from batuta.sourcing.domain import Method, Plan, SourcingRequest
from tests.counting import statements_of
from tests.making import NOW
from tests.sourcing.making import ANDORRA, an_order, given_shop, hold_at, postal_code_of
from tests.world import Shop


def going_to(shop: Shop, postal_code: str, units: int = 1) -> SourcingRequest:
    nowhere = msgspec.structs.replace(ANDORRA, postal_code=postal_code, latitude=None, longitude=None)
    return an_order(shop, ("chair", units), destination=nowhere)


async def know(db: Connection, postal_code: str, latitude: float) -> None:
    place = PostalPlace(country="AD", postal_code=postal_code, name="Town", latitude=latitude, longitude=-3.7)
    await save_places(db, country="AD", places=[place])


async def test_of_two_locations_that_cost_the_same_the_one_nearer_to_the_postal_code_sends(db: Connection) -> None:
    """SRC-01, PRM-02"""
    stock = {"chair": {"north": 5, "south": 5}}
    for name in ("north", "south"):
        shop, _ = await given_shop(db, stock)
        near = shop.locations[name]
        assert near.latitude
        await know(db, postal_code_of(shop), near.latitude)
        request = going_to(shop, postal_code_of(shop), units=2)
        # One unit is held at each, so that either plan moves one.
        (line,) = request.lines
        half = msgspec.structs.replace(request, lines=(msgspec.structs.replace(line, quantity=1),))
        await hold_at(db, half, shop.locations["north"].id)
        await hold_at(db, request, shop.locations["south"].id)

        (answer,) = await plan(db, requests=[request], now=NOW)

        assert isinstance(answer, Plan), answer
        assert [one.location_id for one in answer.assignments] == [near.id]


async def test_only_what_lacks_coordinates_is_looked_up_and_all_at_once(db: Connection) -> None:
    shop, _ = await given_shop(db, {"chair": {"north": 5}})
    await know(db, "AD500", 42.5)
    placed = an_order(shop, ("chair", 1))
    lost = [going_to(shop, "AD500"), going_to(shop, "AD599"), going_to(shop, "XX1"), going_to(shop, "")]
    collected = msgspec.structs.replace(
        going_to(shop, "AD500"), method=Method.PICKUP, pickup_location_id=shop.locations["north"].id
    )

    with statements_of(db.engine) as none:
        assert await locate(db, [placed, collected]) == [placed, collected]
    with statements_of(db.engine) as one:
        found = await locate(db, [*lost, placed])

    assert (len(none), len(one)) == (0, 1)
    assert [each.destination.latitude for each in found] == [42.5, 42.5, None, None, 42.5]
