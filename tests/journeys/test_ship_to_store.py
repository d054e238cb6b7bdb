"""An order is picked up at a store that has none of it: another location sends it there first (FUL-12)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from batuta.fulfillment.commands import accept, collect, pack, ready_for_pickup
from batuta.fulfillment.domain import Accept, Collect, FulfillmentStatus, MakeReady, Pack, pickup_code
from batuta.inventory.commands.transferring import (
    cancel_transfers,
    pick_transfers,
    receive_transfers,
    settle_transfers,
    ship_transfers,
)
from batuta.inventory.domain.transfers import (
    CancelTransfer,
    PickTransfer,
    ReceiveLine,
    ReceiveTransfer,
    SettledAs,
    SettleTransfer,
    ShipTransfer,
    Transfer,
    TransferStatus,
)
from batuta.inventory.queries.earmarks import earmarks_of_orders
from batuta.inventory.queries.transfers import transfers_by_id
from batuta.locations.commands import save_transfer_lanes
from batuta.locations.domain import TransferLane
from batuta.ordering.domain import HoldKind, Method, OrderStatus
from batuta.sourcing.queries import decisions_of, explain
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.making import fresh_id

SECRET = b"of this shop alone"


async def lanes(journey: Journey, target: str, *sources: str, days: int = 2, cost_minor: int = 300) -> None:
    places = journey.shop.locations
    lanes = [
        TransferLane(
            source_location_id=places[source].id,
            target_location_id=places[target].id,
            transit_days=days,
            cost_minor=cost_minor,
        )
        for source in sources
    ]
    await journey.do(save_transfer_lanes, lanes=lanes)


async def bought_for(journey: Journey, store: str, *lines: tuple[str, int], gross_minor: int) -> UUID:
    code = journey.shop.locations[store].code
    return await journey.buy(*lines, gross_minor=gross_minor, method=Method.PICKUP, pickup_location_code=code)


async def transfers(journey: Journey, order_id: UUID) -> list[Transfer]:
    async with journey.engine.connect() as db:
        marks = (await earmarks_of_orders(db, [order_id]))[order_id]
        found = await transfers_by_id(db, {one.transfer_id for one in marks})
    return sorted(found.values(), key=lambda one: (one.created_at, one.id))


async def sent(journey: Journey, one: Transfer) -> None:
    await journey.do(pick_transfers, picks=[PickTransfer(transfer_id=one.id, actor=SELLER)])
    await journey.do(ship_transfers, shipments=[ShipTransfer(transfer_id=one.id, actor=SELLER)])


async def arrives(journey: Journey, one: Transfer, *units: tuple[int, int]) -> Any:
    """Sellable and damaged units of each line."""
    lines = [
        ReceiveLine(line_id=line.id, quantity=good, damaged=bad)
        for line, (good, bad) in zip(one.lines, units, strict=True)
    ]
    delivery = ReceiveTransfer(id=fresh_id(), transfer_id=one.id, lines=lines, actor=SELLER)
    (outcome,) = await journey.do(receive_transfers, deliveries=[delivery])
    return outcome


async def collected(journey: Journey, work_id: UUID) -> None:
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=work_id, actor=SELLER)])
    code = pickup_code(work_id, SECRET)
    until_at = journey.now + timedelta(days=7)
    ready = MakeReady(fulfillment_order_id=work_id, code=code, until_at=until_at, actor=SELLER)
    await journey.do(ready_for_pickup, pickups=[ready])
    got = Collect(fulfillment_order_id=work_id, code=code, actor=SELLER, collected_by="Ana Ruiz")
    await journey.do(collect, collections=[got])


async def test_what_the_store_lacks_is_sent_there_and_collected(open_shop: OpenShop) -> None:
    """FUL-12: claimed all the way, matched on arrival, and prepared then."""
    journey = await open_shop({"chair": {"store": 0, "center": 3}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 2), gross_minor=5_000)

    assert await journey.work(order_id) == []
    (one,) = await transfers(journey, order_id)
    assert (one.status, one.source_location_id) == (TransferStatus.APPROVED, journey.shop.locations["center"].id)
    assert await journey.available("chair") == 1
    async with journey.engine.connect() as db:
        (decision,) = (await decisions_of(db, [order_id]))[order_id]
    assert decision.costs is not None
    assert decision.costs.freight_minor == 300
    assert "Ships 2 from center by transfer to the store" in explain(decision, "en")
    assert "Se envía 2 desde center por traspaso a la tienda" in explain(decision, "es")

    await sent(journey, one)
    assert await journey.available("chair") == 1
    await arrives(journey, one, (2, 0))
    assert await journey.available("chair") == 1
    (work,) = await journey.work(order_id)
    assert (work.location_id, work.status) == (journey.shop.locations["store"].id, FulfillmentStatus.OFFERED)

    await collected(journey, work.id)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    assert await journey.available("chair") == 1


async def test_what_breaks_on_the_way_is_looked_for_again(open_shop: OpenShop) -> None:
    """FUL-12: a short receipt plans the rest again; what came is prepared meanwhile."""
    journey = await open_shop({"chair": {"store": 0, "center": 9}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 2), gross_minor=5_000)
    (one,) = await transfers(journey, order_id)
    await sent(journey, one)

    await arrives(journey, one, (1, 1))

    (work,) = await journey.work(order_id)
    assert [line.quantity for line in work.lines] == [1]
    _, again = await transfers(journey, order_id)
    assert (again.status, again.lines[0].approved) == (TransferStatus.APPROVED, 1)
    await sent(journey, again)
    await arrives(journey, again, (1, 0))
    for each in await journey.work(order_id):
        await collected(journey, each.id)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_what_is_lost_and_lies_nowhere_else_parks_the_order(open_shop: OpenShop) -> None:
    """FUL-12, SRC-11: nothing is sold twice, and what turns up later is sent after all."""
    journey = await open_shop({"chair": {"store": 0, "center": 1}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 1), gross_minor=2_500)
    (one,) = await transfers(journey, order_id)
    await sent(journey, one)

    lost = SettleTransfer(
        id=fresh_id(), transfer_id=one.id, line_id=one.lines[0].id, quantity=1, outcome=SettledAs.LOSS, actor=SELLER
    )
    await journey.do(settle_transfers, settlements=[lost])

    assert await journey.holds(order_id) == [HoldKind.BACKORDER]
    assert await journey.available("chair") == 0
    await journey.cancel(order_id)
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert await journey.available("chair") == 0


async def test_units_found_later_still_reach_the_order_they_were_sent_for(open_shop: OpenShop) -> None:
    """FUL-12: of a line that no delivery spoke of, nothing is given up."""
    journey = await open_shop({"chair": {"store": 0, "center": 1}, "table": {"center": 1}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 1), ("table", 1), gross_minor=5_000)
    (one,) = await transfers(journey, order_id)
    await sent(journey, one)
    chair, table = one.lines
    delivery = ReceiveTransfer(
        id=fresh_id(), transfer_id=one.id, lines=[ReceiveLine(line_id=chair.id, quantity=1)], actor=SELLER
    )
    await journey.do(receive_transfers, deliveries=[delivery])
    assert len(await journey.work(order_id)) == 1

    found = SettleTransfer(
        id=fresh_id(), transfer_id=one.id, line_id=table.id, quantity=1, outcome=SettledAs.FOUND, actor=SELLER
    )
    await journey.do(settle_transfers, settlements=[found])

    assert len(await journey.work(order_id)) == 2


async def test_a_location_that_does_not_send_is_not_asked_again_and_another_does(open_shop: OpenShop) -> None:
    """FUL-12, SRC-08."""
    journey = await open_shop({"chair": {"store": 0, "center": 2, "depot": 2}})
    await lanes(journey, "store", "center")
    await lanes(journey, "store", "depot", cost_minor=900)
    order_id = await bought_for(journey, "store", ("chair", 2), gross_minor=5_000)
    (one,) = await transfers(journey, order_id)
    assert one.source_location_id == journey.shop.locations["center"].id

    fewer = PickTransfer(transfer_id=one.id, quantities={one.lines[0].id: 1}, actor=SELLER)
    await journey.do(pick_transfers, picks=[fewer])

    _, other = await transfers(journey, order_id)
    assert other.source_location_id == journey.shop.locations["depot"].id
    assert other.lines[0].approved == 1
    await journey.do(cancel_transfers, cancellations=[CancelTransfer(transfer_id=one.id, actor=SELLER)])
    *_, third = await transfers(journey, order_id)
    assert (third.source_location_id, third.lines[0].approved) == (journey.shop.locations["depot"].id, 1)
    assert await journey.available("chair") == 2


async def test_cancelled_before_it_is_picked_nothing_is_sent(open_shop: OpenShop) -> None:
    """FUL-12, ORD-04."""
    journey = await open_shop({"chair": {"store": 0, "center": 3}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 3), gross_minor=7_500)
    (line,) = (await journey.order(order_id)).lines

    await journey.cancel(order_id, (line.id, 1))
    (one,) = await transfers(journey, order_id)
    assert (one.status, one.lines[0].approved) == (TransferStatus.APPROVED, 2)
    assert await journey.available("chair") == 1
    await journey.cancel(order_id)

    (one,) = await transfers(journey, order_id)
    assert one.status is TransferStatus.CANCELLED
    assert await journey.available("chair") == 3
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED


async def test_cancelled_on_the_way_it_is_ordinary_stock_when_it_arrives(open_shop: OpenShop) -> None:
    """FUL-12: and a delivery that is recorded twice brings it once."""
    journey = await open_shop({"chair": {"store": 0, "center": 3}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 3), gross_minor=7_500)
    (one,) = await transfers(journey, order_id)
    (line,) = (await journey.order(order_id)).lines
    await sent(journey, one)
    await journey.cancel(order_id, (line.id, 2))
    assert await journey.available("chair") == 0

    delivery = ReceiveTransfer(
        id=fresh_id(), transfer_id=one.id, lines=[ReceiveLine(line_id=one.lines[0].id, quantity=3)], actor=SELLER
    )
    await journey.do(receive_transfers, deliveries=[delivery])
    await journey.do(receive_transfers, deliveries=[delivery])

    assert await journey.available("chair") == 2
    (work,) = await journey.work(order_id)
    assert [line.quantity for line in work.lines] == [1]


async def test_a_set_whose_part_broke_is_not_sold_apart(open_shop: OpenShop) -> None:
    """FUL-12, INV-16: a bundle of two chairs waits until both are there."""
    journey = await open_shop({"chair": {"store": 0, "center": 4}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("set", 1), gross_minor=2_500)
    (one,) = await transfers(journey, order_id)
    assert one.lines[0].approved == 2
    await sent(journey, one)

    await arrives(journey, one, (1, 1))

    for _ in range(2):
        for each in await transfers(journey, order_id):
            if each.status is TransferStatus.APPROVED:
                await sent(journey, each)
                (found,) = [seen for seen in await transfers(journey, order_id) if seen.id == each.id]
                await arrives(journey, found, (found.lines[0].shipped, 0))
    (work,) = await journey.work(order_id)
    await collected(journey, work.id)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_part_lies_at_the_store_and_the_rest_comes(open_shop: OpenShop) -> None:
    """FUL-12: what is at the store is prepared at once, though the other location has all of it."""
    journey = await open_shop({"chair": {"store": 2, "center": 5}})
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 3), gross_minor=7_500)

    (work,) = await journey.work(order_id)
    assert [line.quantity for line in work.lines] == [2]
    (one,) = await transfers(journey, order_id)
    await sent(journey, one)
    await arrives(journey, one, (1, 0))

    for each in await journey.work(order_id):
        await collected(journey, each.id)
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED


async def test_what_is_at_the_store_comes_from_nowhere_else(open_shop: OpenShop) -> None:
    """FUL-12: however cheap a transfer is."""
    journey = await open_shop({"chair": {"store": 2, "center": 5}})
    await lanes(journey, "store", "center", cost_minor=0)

    order_id = await bought_for(journey, "store", ("chair", 2), gross_minor=5_000)

    assert await transfers(journey, order_id) == []
    assert len(await journey.work(order_id)) == 1
