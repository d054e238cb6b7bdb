from datetime import timedelta

import msgspec
from sqlalchemy import text

from batuta.fulfillment.commands import (
    PullOffers,
    UnknownLocation,
    accept,
    collect,
    confirm_delivery,
    expire_offers,
    expire_pickups,
    extend_pickups,
    hand_over_parcels,
    offer,
    pack,
    pull_offers,
    ready_for_pickup,
    reject,
    report_short,
    start_picking,
    take_back,
)
from batuta.fulfillment.domain import (
    Accept,
    Collect,
    ConfirmDelivery,
    ExtendPickup,
    FulfillmentOrder,
    FulfillmentStatus,
    MakeReady,
    Method,
    Pack,
    Reject,
    RejectionReason,
    ReportShort,
    ShortUnits,
    StartPicking,
    TakeBack,
    UnknownPackage,
    WrongCode,
    pickup_code,
)
from batuta.fulfillment.events import Rejected
from batuta.fulfillment.queries import AUDIT, fulfillment_orders_of, work_at
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import Account, Movement, MovementReason, NotEnoughStock
from batuta.inventory.queries import availability
from batuta.kernel.errors import NotFound
from batuta.ordering.commands import UnknownLine
from batuta.ordering.domain import NotEnoughUnits
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from batuta.shipping.queries import parcels_by_id
from tests.fulfillment.orders import (
    ACTOR,
    accept_all,
    assert_lawful,
    buckets,
    build_world,
    facts,
    good,
    hand_over_all,
    now_is,
    pack_all,
    pick_all,
)
from tests.making import NOW, fresh_code, fresh_id
from tests.world import sound

IS = FulfillmentStatus


async def test_a_fulfillment_order_goes_from_the_offer_to_the_door(db: Connection) -> None:
    """ORD-01, I-23: at each step the order's buckets, its claims, the stock and the parcels agree."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 2))
    assert (await buckets(db, one.order_id)).allocated == 2
    await accept_all(db, [one])
    assert (await buckets(db, one.order_id)).released == 2
    await assert_lawful(db)

    (packed,) = await pack_all(db, [one])

    (package,) = packed.packages
    assert packed.status is IS.PACKED
    assert (await buckets(db, one.order_id)).packed == 2
    parcel = (await parcels_by_id(db, [package.parcel_id]))[package.parcel_id]
    assert (parcel.status, parcel.weight_g, parcel.tracking_number is None) == ("labelled", 2_400, False)
    await assert_lawful(db)

    (gone,) = await hand_over_all(db, [one])
    assert (await buckets(db, one.order_id)).shipped == 2
    await assert_lawful(db)

    arrived = NOW + timedelta(days=2)
    delivery = ConfirmDelivery(parcel_id=package.parcel_id, delivered_at=arrived, actor="carrier:seur")
    (closed,) = good(await confirm_delivery(db, deliveries=[delivery], now=arrived))

    assert (gone.status, closed.status) == (IS.HANDED_OVER, IS.CLOSED)
    assert (await buckets(db, one.order_id)).delivered == 2
    assert await now_is(db, one) == closed
    assert await fulfillment_orders_of(db, [one.order_id]) == {one.order_id: [closed]}
    assert await facts(db, one.order_id) == [
        "fulfillment.offered",
        "fulfillment.accepted",
        "fulfillment.picked",
        "fulfillment.packed",
        "fulfillment.handed_over",
        "fulfillment.delivered",
    ]
    await assert_lawful(db)


async def test_a_parcel_that_comes_home_is_quarantined_and_its_units_are_cancelled(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await hand_over_all(db, await world.offered(db, ("chair", 2)))
    request = TakeBack(parcel_id=one.packages[0].parcel_id, actor=ACTOR, reason="refused at the door")

    (home,) = good(await take_back(db, returns=[request], now=NOW))
    again = good(await take_back(db, returns=[request], now=NOW))

    assert home.status is IS.CLOSED
    assert again == [home]
    assert (await buckets(db, one.order_id)).cancelled == 2
    await assert_lawful(db)


async def test_each_law_of_the_room_finds_the_row_that_breaks_it(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await hand_over_all(db, await world.offered(db, ("chair", 2)))
    for broken, name in (
        ("UPDATE ordering.line SET packed = packed + 1, shipped = shipped - 1 WHERE order_id = :id", "locations have"),
        ("UPDATE fulfillment.package SET handed_over_at = NULL WHERE fulfillment_order_id = :one", "packages hold"),
        (
            """
            UPDATE shipping.content SET quantity = 1 WHERE parcel_id IN
                (SELECT parcel_id FROM fulfillment.package WHERE fulfillment_order_id = :one)
            """,
            "same contents",
        ),
        ("UPDATE fulfillment.fulfillment_order SET status = 'cancel_requested' WHERE id = :one", "has a cancellation"),
    ):
        savepoint = db.savepoint()
        await savepoint.start()
        await db.execute(text(broken), {"id": one.order_id} if ":id" in broken else {"one": one.id})
        (found,) = [verdict for verdict in await examine(db, AUDIT) if verdict.broken]
        assert name in found.law
        assert found.rows
        await savepoint.rollback()
    await assert_lawful(db)


async def test_an_offer_of_units_that_are_not_reserved_is_refused_and_its_neighbours_stand(db: Connection) -> None:
    world = await build_world(db)
    orders = await world.place(db, ("chair", 1), count=2)
    first, twice, second, nowhere, unheard = (
        world.offer_of(orders[0]),
        world.offer_of(orders[0]),
        world.offer_of(orders[1]),
        world.offer_of(orders[1], location_id=fresh_id()),
        world.offer_of(orders[1], order_id=fresh_id()),
    )

    outcomes = await offer(db, offers=[first, twice, second, nowhere, unheard], now=NOW)
    again = await offer(db, offers=[first], now=NOW)

    assert [type(one) for one in outcomes] == [
        FulfillmentOrder,
        NotEnoughUnits,
        FulfillmentOrder,
        UnknownLocation,
        UnknownLine,
    ]
    assert again == outcomes[:1]
    assert await facts(db, orders[0].id) == ["fulfillment.offered"]
    await assert_lawful(db)


async def test_a_rejected_offer_waits_for_another_location_and_the_empty_shelf_is_believed(db: Connection) -> None:
    """SRC-08, I-24: one transaction with who, where and why; picked units of others are not denied."""
    world = await build_world(db, chair={"north": 10})
    rejecting, picking = await world.offered(db, ("chair", 2), count=2)
    await pick_all(db, [picking])
    request = Reject(fulfillment_order_id=rejecting.id, reason=RejectionReason.OUT_OF_STOCK, actor=ACTOR)

    (rejected,) = good(await reject(db, rejections=[request], now=NOW))
    again = good(await reject(db, rejections=[request], now=NOW))

    assert (rejected.status, again) == (IS.REJECTED, [rejected])
    assert (await buckets(db, rejecting.order_id)).reserved == 2
    (level,) = await availability(db, sku_ids=[world.shop.skus["chair"].id], now=NOW)
    assert (level.on_hand, level.reserved) == (2, 4)
    (fact,) = [one for one in (await facts_of(db, [rejecting.order_id]))[rejecting.order_id] if "rejected" in one.name]
    told = fact.as_event(Rejected)
    assert isinstance(told, Rejected)
    assert (told.location_id, told.reason, told.is_over) == (rejecting.location_id, RejectionReason.OUT_OF_STOCK, True)
    assert told.shared_sku_ids == (world.shop.skus["chair"].id,)
    await assert_lawful(db)


async def test_other_offers_of_what_is_not_there_are_pulled(db: Connection) -> None:
    """SRC-08."""
    world = await build_world(db)
    waiting, begun = await world.offered(db, ("chair", 1), count=2)
    await accept_all(db, [begun])
    pull = PullOffers(location_id=waiting.location_id, sku_id=world.shop.skus["chair"].id, actor="system:score")

    pulled = good(await pull_offers(db, pulls=[pull], now=NOW))

    assert [one.id for one in pulled] == [waiting.id]
    assert (await now_is(db, begun)).status is IS.ACCEPTED
    await assert_lawful(db)


async def test_an_offer_nobody_answered_is_swept_once(db: Connection) -> None:
    """SRC-09."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 1))
    late = NOW + timedelta(hours=4)

    while await expire_offers(db, now=late, limit=500):
        pass

    assert (await now_is(db, one)).status is IS.EXPIRED
    assert (await buckets(db, one.order_id)).reserved == 1
    assert (await facts(db, one.order_id))[-1] == "fulfillment.offer_expired"
    await assert_lawful(db)


async def test_a_short_pick_corrects_the_stock_and_the_rest_is_packed(db: Connection) -> None:
    """FUL-03."""
    world = await build_world(db, chair={"north": 3})
    (one,) = await world.offered(db, ("chair", 3))
    await accept_all(db, [one])
    line_id = one.lines[0].line_id
    report = ReportShort(fulfillment_order_id=one.id, lines=(ShortUnits(line_id=line_id, quantity=1),), actor=ACTOR)

    good(await report_short(db, reports=[report, report], now=NOW))
    (packed,) = await pack_all(db, [one])

    assert packed.packages[0].contents[0].quantity == 2
    there = await buckets(db, one.order_id)
    assert (there.reserved, there.packed) == (1, 2)
    (level,) = await availability(db, sku_ids=[world.shop.skus["chair"].id], now=NOW)
    assert (level.on_hand, level.reserved) == (0, 1)
    await assert_lawful(db)


async def test_a_bundle_is_packed_by_its_components_and_counted_in_bundles(db: Connection) -> None:
    world = await build_world(db)
    (one,) = await world.offered(db, ("set", 3))

    (packed,) = await pack_all(db, [one])

    assert packed.packages[0].contents[0].quantity == 6
    assert (await buckets(db, one.order_id)).packed == 3
    await assert_lawful(db)


async def test_stock_that_is_gone_refuses_one_packing_whole_and_lets_its_neighbour_through(db: Connection) -> None:
    world = await build_world(db, chair={"north": 4}, table={"north": 4}, bench={"north": 1})
    (both,) = await world.offered(db, ("chair", 4), ("table", 4))
    await accept_all(db, [both])
    (other,) = await world.offered(db, ("bench", 1))
    await accept_all(db, [other])
    lost = Movement(
        key=fresh_code("loss"),
        sku_id=world.shop.skus["table"].id,
        quantity=1,
        source=Account.location(both.location_id),
        target=Account.loss(),
        reason=MovementReason.ADJUST,
        document_id=fresh_id(),
        actor=ACTOR,
        effective_at=NOW,
    )
    await record_movements(db, movements=[lost], now=NOW)

    packs = [Pack(fulfillment_order_id=one.id, actor=ACTOR) for one in (both, other)]
    refusal, packed = await pack(db, packs=packs, now=NOW)

    assert isinstance(refusal, NotEnoughStock)
    assert isinstance(packed, FulfillmentOrder)
    assert packed.status is IS.PACKED
    assert await now_is(db, both) == msgspec.structs.replace(both, status=IS.ACCEPTED, version=2)
    await assert_lawful(db)


async def test_goods_that_wait_at_the_counter_leave_once_with_the_code(db: Connection) -> None:
    """FUL-11."""
    world = await build_world(db)
    (one,) = await pack_all(
        db, await world.offered(db, ("chair", 2), method=Method.PICKUP, service_id=None, ship_to=None)
    )
    code = pickup_code(one.id, b"secret")
    until_at = NOW + timedelta(days=7)
    make = MakeReady(fulfillment_order_id=one.id, code=code, until_at=until_at, actor=ACTOR)
    sound(await ready_for_pickup(db, pickups=[make, make], now=NOW))
    right = Collect(fulfillment_order_id=one.id, code=code, actor=ACTOR, collected_by="Luis")
    wrong = msgspec.structs.replace(right, code="WRONG")

    refusal, taken, again = await collect(db, collections=[wrong, right, right], now=NOW)

    assert isinstance(refusal, WrongCode)
    assert taken == again
    assert (await buckets(db, one.order_id)).delivered == 2
    assert (await facts(db, one.order_id))[-2:] == ["fulfillment.ready_for_pickup", "fulfillment.collected"]
    await assert_lawful(db)


async def test_a_pickup_nobody_came_for_goes_back_to_the_shelf(db: Connection) -> None:
    """FUL-11."""
    world = await build_world(db)
    (one,) = await pack_all(
        db, await world.offered(db, ("chair", 2), method=Method.PICKUP, service_id=None, ship_to=None)
    )
    until_at = NOW + timedelta(days=7)
    make = MakeReady(fulfillment_order_id=one.id, code="K7PMX2QA", until_at=until_at, actor=ACTOR)
    extend = ExtendPickup(fulfillment_order_id=one.id, until_at=until_at + timedelta(days=1), actor=ACTOR)
    sound(await ready_for_pickup(db, pickups=[make], now=NOW))
    sound(await extend_pickups(db, extensions=[extend], now=NOW))

    await expire_pickups(db, now=until_at, limit=500)
    assert (await now_is(db, one)).status is IS.READY
    await expire_pickups(db, now=until_at + timedelta(days=1), limit=500)

    assert (await now_is(db, one)).status is IS.EXPIRED
    assert (await buckets(db, one.order_id)).cancelled == 2
    (level,) = await availability(db, sku_ids=[world.shop.skus["chair"].id], now=NOW)
    assert (level.on_hand, level.available) == (100, 100)
    await assert_lawful(db)


async def test_the_carrier_knows_more_than_the_dock_booked(db: Connection) -> None:
    """A parcel nobody handed over is handed over by its own id."""
    world = await build_world(db)
    (one,) = await pack_all(db, await world.offered(db, ("chair", 1)))
    parcel_id = one.packages[0].parcel_id

    gone, unknown = await hand_over_parcels(db, parcel_ids=[parcel_id, fresh_id()], actor="carrier:seur", now=NOW)

    assert isinstance(gone, FulfillmentOrder)
    assert isinstance(unknown, UnknownPackage)
    assert (await buckets(db, one.order_id)).shipped == 1
    await assert_lawful(db)


async def test_work_is_listed_until_it_is_over(db: Connection) -> None:
    """FUL-10."""
    world = await build_world(db)
    first, second = await world.offered(db, ("chair", 1), count=2)
    await hand_over_all(db, [second])
    sound(
        await reject(
            db,
            rejections=[Reject(fulfillment_order_id=first.id, reason=RejectionReason.NO_CAPACITY, actor=ACTOR)],
            now=NOW,
        )
    )

    work = await work_at(db, [first.location_id])

    assert [one.id for one in work[first.location_id]] == [second.id]


async def test_what_is_unknown_is_not_found(db: Connection) -> None:
    id_ = fresh_id()

    outcomes = [
        *await accept(db, acceptances=[Accept(fulfillment_order_id=id_, actor=ACTOR)], now=NOW),
        *await pack(db, packs=[Pack(fulfillment_order_id=id_, actor=ACTOR)], now=NOW),
        *await start_picking(db, starts=[StartPicking(fulfillment_order_id=id_, actor=ACTOR)], now=NOW),
        *await confirm_delivery(
            db, deliveries=[ConfirmDelivery(parcel_id=id_, delivered_at=NOW, actor=ACTOR)], now=NOW
        ),
    ]

    assert all(isinstance(one, NotFound) for one in outcomes)
