"""Locations are believed by what they did, on a real PostgreSQL."""

from datetime import timedelta

from sqlalchemy import bindparam, text

from batuta.fulfillment.commands import learn_processing
from batuta.plumbing.database import Connection, Instant
from batuta.shipping.queries import preparing_of
from batuta.worker import SWEEPS
from tests.fulfillment.orders import build_world, pack_all
from tests.making import NOW

[IS_DUE] = [one.due for one in SWEEPS if one.command is learn_processing]


_WAS_PACKED = text("UPDATE fulfillment.package SET packed_at = :packed_at WHERE fulfillment_order_id = any(:ids)")
_WAS_ASKED = text("UPDATE fulfillment.fulfillment_order SET created_at = :asked_at WHERE id = any(:ids)")


async def is_due(db: Connection, at: object) -> bool:
    return bool((await db.execute(text(IS_DUE).bindparams(bindparam("now", type_=Instant)), {"now": at})).all())


async def test_packages_teach_how_long_a_location_takes(db: Connection) -> None:
    """PRM-02: what a location says of itself holds until it has packed; then, what it did."""
    world = await build_world(db)
    north = world.shop.locations["north"].id
    now = NOW + timedelta(days=4_000)
    before = await preparing_of(db, [north], now=now)
    those = await world.offered(db, ("chair", 1), count=60)
    await pack_all(db, those)
    given = {
        "ids": [one.id for one in those],
        "asked_at": now - timedelta(hours=8),
        "packed_at": now - timedelta(hours=3),
    }
    for statement, name in ((_WAS_PACKED, "packed_at"), (_WAS_ASKED, "asked_at")):
        await db.execute(statement, {"ids": given["ids"], name: given[name]})

    assert await is_due(db, now)
    assert await learn_processing(db, now=now, limit=500) >= 1

    learned = (await preparing_of(db, [north], now=now))[north]
    assert before == {}
    assert learned.lessons == 60
    assert 200 <= learned.p50_minutes <= learned.p90_minutes <= 330
    assert not await is_due(db, now)
    assert not await is_due(db, now + timedelta(days=2))
    assert await preparing_of(db, [north], now=NOW) == {}
