from batuta.fulfillment.commands import dispatch, reject
from batuta.fulfillment.domain import Dispatch, FulfillmentOrder, FulfillmentStatus, Reject, RejectionReason
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from batuta.shipping.queries import parcels_of_owner
from tests.fulfillment.orders import ACTOR, assert_lawful, build_world
from tests.making import NOW


async def test_one_counter_sends_an_offered_order_off_in_one_go_and_tells_every_step(db: Connection) -> None:
    """FUL-10."""
    world = await build_world(db)
    (one,) = await world.offered(db, ("chair", 2))

    wish = Dispatch(fulfillment_order_id=one.id, actor=ACTOR)
    (first,) = await dispatch(db, dispatches=[wish], now=NOW)
    (again,) = await dispatch(db, dispatches=[wish], now=NOW)

    assert isinstance(first, FulfillmentOrder)
    assert first.status is FulfillmentStatus.HANDED_OVER
    assert isinstance(again, FulfillmentOrder)
    assert again.version == first.version
    names = [fact.name for fact in (await facts_of(db, [one.order_id]))[one.order_id]]
    told = [name for name in names if name.startswith("fulfillment.")]
    assert told == [
        "fulfillment.offered",
        "fulfillment.accepted",
        "fulfillment.picking_started",
        "fulfillment.picked",
        "fulfillment.packed",
        "fulfillment.handed_over",
    ]
    (parcel,) = (await parcels_of_owner(db, [one.order_id]))[one.order_id]
    assert parcel.tracking_number
    await assert_lawful(db)


async def test_what_was_rejected_is_not_sent_and_its_neighbour_is(db: Connection) -> None:
    world = await build_world(db)
    lost, kept = await world.offered(db, ("chair", 1), count=2)
    no = Reject(fulfillment_order_id=lost.id, reason=RejectionReason.OTHER, actor=ACTOR)
    await reject(db, rejections=[no], now=NOW)

    refused, sent = await dispatch(
        db, dispatches=[Dispatch(fulfillment_order_id=id_, actor=ACTOR) for id_ in (lost.id, kept.id)], now=NOW
    )

    assert isinstance(refused, BatutaError)
    assert isinstance(sent, FulfillmentOrder)
    assert sent.status is FulfillmentStatus.HANDED_OVER
    await assert_lawful(db)
