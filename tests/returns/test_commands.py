import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.fulfillment.commands import confirm_delivery
from batuta.fulfillment.domain import ConfirmDelivery
from batuta.inventory.domain import Condition
from batuta.inventory.queries import stock_of
from batuta.kernel.errors import BatutaError, NotFound
from batuta.ordering.domain import Order
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.returns.commands import (
    RefundIdUsed,
    UnknownLocation,
    UnknownSku,
    approve,
    approve_kept,
    cancel,
    expire_returns,
    grade,
    mark_sent,
    receive,
    receive_blind,
    request,
    resolve,
    send_labels,
)
from batuta.returns.domain import (
    Approve,
    ApproveKept,
    BlindReceipt,
    BlindUnits,
    CancelReturn,
    Grade,
    GradeUnits,
    MarkSent,
    MoreThanPaid,
    NothingToRefund,
    NotReturnable,
    Receipt,
    ReceivedUnits,
    Refund,
    RequestReturn,
    Resolve,
    Return,
    ReturnedUnits,
    ReturnStatus,
    SendLabel,
)
from batuta.returns.queries import AUDIT, refunds_by_id, returns_by_id, returns_of_customers, returns_of_orders
from tests.fulfillment.orders import World, build_world, hand_over_all
from tests.fulfillment.orders import assert_lawful as assert_rooms_below_lawful
from tests.making import NOW, fresh_id
from tests.world import sound

ACTOR = "staff:ana"
IS = ReturnStatus


async def delivered(db: Connection, world: World, *lines: tuple[str, int]) -> Order:
    """An order whose goods are with the customer."""
    (one,) = await hand_over_all(db, await world.offered(db, *lines))
    arrived = [
        ConfirmDelivery(parcel_id=package.parcel_id, delivered_at=NOW, actor="carrier:seur") for package in one.packages
    ]
    sound(await confirm_delivery(db, deliveries=arrived, now=NOW))
    return (await orders_by_id(db, [one.order_id]))[one.order_id]


async def requested(db: Connection, order: Order, *quantities: int) -> Return:
    wanted = RequestReturn(
        id=fresh_id(),
        order_id=order.id,
        lines=tuple(
            ReturnedUnits(order_line_id=line.id, quantity=quantity, reason="too small")
            for line, quantity in zip(order.lines, quantities, strict=True)
        ),
        actor="customer:ana",
        expires_at=NOW + timedelta(days=30),
    )
    (made,) = await request(db, requests=[wanted], now=NOW)
    assert isinstance(made, Return), made
    return made


async def approved(db: Connection, order: Order, *quantities: int) -> Return:
    one = await requested(db, order, *quantities)
    (made,) = good(await approve(db, approvals=[Approve(return_id=one.id, actor=ACTOR)], now=NOW))
    return made


def good(outcomes: list[Return | BatutaError]) -> list[Return]:
    sound(outcomes)
    return [one for one in outcomes if isinstance(one, Return)]


def at_dock(world: World, one: Return, *quantities: int, place: str = "north") -> Receipt:
    return Receipt(
        id=fresh_id(),
        return_id=one.id,
        location_id=world.shop.locations[place].id,
        lines=tuple(
            ReceivedUnits(line_id=line.id, quantity=quantity)
            for line, quantity in zip(one.lines, quantities, strict=True)
        ),
        actor=ACTOR,
    )


def look(one: Return, quantity: int, as_: Grade, line: int = 0) -> GradeUnits:
    return GradeUnits(
        id=fresh_id(), return_id=one.id, line_id=one.lines[line].id, grade=as_, quantity=quantity, actor=ACTOR
    )


async def lies(db: Connection, world: World, name: str = "chair") -> dict[Condition, int]:
    sku_id = world.shop.skus[name].id
    levels = (await stock_of(db, [sku_id]))[sku_id]
    return {level.condition: level.on_hand for level in levels if level.on_hand}


async def facts(db: Connection, stream: UUID) -> list[str]:
    return [fact.name for fact in (await facts_of(db, [stream]))[stream] if fact.name.startswith("returns.")]


async def assert_lawful(db: Connection) -> None:
    assert not [one for one in await examine(db, AUDIT) if one.broken]
    await assert_rooms_below_lawful(db)


async def test_a_return_goes_from_the_wish_to_the_money(db: Connection) -> None:
    """RET-04, RET-05: each grade's units lie where they belong."""
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 4))
    one = await approved(db, order, 4)
    label = SendLabel(return_id=one.id, tracking_number="SEU00000000018", actor=ACTOR)
    sound(await send_labels(db, labels=[label, label], now=NOW))
    sound(await mark_sent(db, sendings=[MarkSent(return_id=one.id, actor="carrier:seur")], now=NOW))
    dock = at_dock(world, one, 4)

    (arrived, again) = good(await receive(db, receipts=[dock, dock], now=NOW))
    assert arrived == again
    assert await lies(db, world) == {Condition.SELLABLE: 96, Condition.QUARANTINE: 4}
    await assert_lawful(db)

    looks = [look(one, 1, as_) for as_ in (Grade.RESELL, Grade.OUTLET, Grade.SCRAP, Grade.QUARANTINE)]
    graded = good(await grade(db, gradings=[*looks, looks[0]], now=NOW))[-1]
    (refund,) = await resolve(db, resolutions=[Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR)], now=NOW)

    assert graded.status is IS.GRADED
    assert await lies(db, world) == {Condition.SELLABLE: 97, Condition.DISPLAY: 1, Condition.QUARANTINE: 1}
    assert isinstance(refund, Refund)
    assert refund.amount_minor == order.lines[0].gross_minor
    (line,) = (await orders_by_id(db, [order.id]))[order.id].lines
    assert (line.buckets.delivered, line.buckets.returned) == (4, 4)
    assert (await returns_of_orders(db, [order.id]))[order.id][0].status is IS.RESOLVED
    assert await facts(db, order.id) == [
        "returns.requested",
        "returns.approved",
        "returns.label_sent",
        "returns.sent",
        "returns.received",
        *["returns.graded_units"] * 4,
        "returns.refund_due",
        "returns.resolved",
    ]
    await assert_lawful(db)


async def test_money_first_and_goods_later_end_the_same(db: Connection) -> None:
    """RET-10."""
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 2))
    one = await approved(db, order, 2)
    before = await lies(db, world)
    money = Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR, shipping_minor=order.shipping_minor)

    first, again = await resolve(db, resolutions=[money, money], now=NOW)
    late = await resolve(db, resolutions=[money, msgspec.structs.replace(money, id=fresh_id())], now=NOW)
    assert first == again == late[0]
    assert isinstance(late[1], MoreThanPaid | NothingToRefund)
    assert isinstance(first, Refund)
    assert first.amount_minor == order.gross_minor
    assert await lies(db, world) == before
    await assert_lawful(db)

    sound(await receive(db, receipts=[at_dock(world, one, 2)], now=NOW))
    sound(await grade(db, gradings=[look(one, 2, Grade.RESELL)], now=NOW))

    assert (await returns_by_id(db, [one.id]))[one.id].status is IS.RESOLVED
    assert await lies(db, world) == {Condition.SELLABLE: 100}
    assert (await facts(db, order.id)).count("returns.refund_due") == 1
    await assert_lawful(db)


async def test_wrong_and_extra_goods_are_received_and_the_order_is_not_told_of_them(db: Connection) -> None:
    """RET-05, I-23: delivered minus returned is never negative."""
    world = await build_world(db, chair={"north": 10}, table={"north": 10})
    order = await delivered(db, world, ("chair", 2))
    one = await approved(db, order, 1)
    dock = at_dock(world, one, 3)
    wrong = ReceivedUnits(sku_id=world.shop.skus["table"].id, quantity=1)
    nameless = ReceivedUnits(quantity=1, note="one sock, blue")
    dock = msgspec.structs.replace(dock, lines=(*dock.lines, wrong, nameless))

    (arrived,) = good(await receive(db, receipts=[dock], now=NOW))

    assert [line.received for line in arrived.lines] == [3, 1, 1]
    (line,) = (await orders_by_id(db, [order.id]))[order.id].lines
    assert (line.buckets.delivered, line.buckets.returned) == (2, 2)
    assert await lies(db, world) == {Condition.SELLABLE: 8, Condition.QUARANTINE: 3}
    assert (await lies(db, world, "table"))[Condition.QUARANTINE] == 1
    await assert_lawful(db)


async def test_blind_goods_are_never_refused(db: Connection) -> None:
    """RET-06: against an order, a customer, or nothing at all; also more than was ever delivered."""
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 1))
    chair, at = world.shop.skus["chair"].id, world.shop.locations["north"].id
    customer_id = fresh_id()
    known = BlindReceipt(
        id=fresh_id(),
        location_id=at,
        lines=(BlindUnits(order_line_id=order.lines[0].id, quantity=5),),
        actor=ACTOR,
        order_id=order.id,
    )
    nobody = BlindReceipt(
        id=fresh_id(),
        location_id=at,
        lines=(BlindUnits(sku_id=chair, quantity=2, worth_minor=1_999), BlindUnits(quantity=1, note="a box of tea")),
        actor=ACTOR,
        currency="GBP",
        order_id=fresh_id(),
        customer_id=customer_id,
    )

    first, second, again = good(await receive_blind(db, receipts=[known, nobody, nobody], now=NOW))
    sound(await grade(db, gradings=[look(second, 2, Grade.RESELL), look(second, 1, Grade.SCRAP, line=1)], now=NOW))
    (refund,) = await resolve(db, resolutions=[Resolve(id=fresh_id(), return_id=second.id, actor=ACTOR)], now=NOW)

    assert second == again
    assert (first.order_id, first.lines[0].received, first.lines[0].counted) == (order.id, 5, 1)
    assert (second.order_id, second.customer_id) == (None, customer_id)
    assert isinstance(refund, Refund)
    assert (refund.amount_minor, refund.currency, refund.order_id) == (1_999, "GBP", None)
    assert await lies(db, world) == {Condition.SELLABLE: 101, Condition.QUARANTINE: 5}
    assert (await returns_of_customers(db, [customer_id]))[customer_id][0].status is IS.RESOLVED
    assert await refunds_by_id(db, [refund.id]) == {refund.id: refund}
    assert (await facts(db, second.id))[0] == "returns.received"
    await assert_lawful(db)


async def test_a_bundle_comes_back_as_its_components(db: Connection) -> None:
    world = await build_world(db)
    order = await delivered(db, world, ("set", 2))
    one = await approved(db, order, 1)

    sound(await receive(db, receipts=[at_dock(world, one, 1)], now=NOW))
    sound(await grade(db, gradings=[look(one, 1, Grade.RESELL)], now=NOW))

    assert await lies(db, world) == {Condition.SELLABLE: 98}
    await assert_lawful(db)


async def test_a_return_that_was_called_off_or_expired_is_received_all_the_same(db: Connection) -> None:
    """RET-06."""
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 2))
    one, other = await requested(db, order, 1), await approved(db, order, 1)
    sound(await cancel(db, cancellations=[CancelReturn(return_id=one.id, actor="customer:ana")], now=NOW))
    late = NOW + timedelta(days=30)

    assert await expire_returns(db, now=late, limit=500) >= 1
    found = await returns_by_id(db, [one.id, other.id])
    assert (found[one.id].status, found[other.id].status) == (IS.CANCELLED, IS.EXPIRED)
    sound(await receive(db, receipts=[at_dock(world, one, 1), at_dock(world, other, 1)], now=late))

    found = await returns_by_id(db, [one.id, other.id])
    assert {each.status for each in found.values()} == {IS.RECEIVED}
    await assert_lawful(db)


async def test_kept_goods_cost_money_and_no_movement(db: Connection) -> None:
    """RET-02."""
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 1))
    one = await requested(db, order, 1)
    before = await lies(db, world)
    sound(await approve_kept(db, approvals=[ApproveKept(return_id=one.id, actor=ACTOR)], now=NOW))

    sound(await resolve(db, resolutions=[Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR)], now=NOW))

    assert (await returns_by_id(db, [one.id]))[one.id].status is IS.RESOLVED
    assert await lies(db, world) == before
    await assert_lawful(db)


async def test_what_is_unknown_or_too_much_is_refused_and_its_neighbours_stand(db: Connection) -> None:
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 1))
    line_id = order.lines[0].id

    def wish(order_id: UUID, quantity: int) -> RequestReturn:
        units = (ReturnedUnits(order_line_id=line_id, quantity=quantity),)
        return RequestReturn(id=fresh_id(), order_id=order_id, lines=units, actor="customer:ana")

    stands, twice, too_many, no_order = await request(
        db, requests=[wish(order.id, 1), wish(order.id, 1), wish(order.id, 2), wish(fresh_id(), 1)], now=NOW
    )

    assert isinstance(stands, Return)
    assert isinstance(twice, NotReturnable)
    assert isinstance(too_many, NotReturnable)
    assert isinstance(no_order, NotFound)
    dock = at_dock(world, stands, 1)
    outcomes = [
        *await receive(
            db,
            receipts=[
                msgspec.structs.replace(dock, id=fresh_id(), location_id=fresh_id()),
                msgspec.structs.replace(dock, id=fresh_id(), lines=(ReceivedUnits(sku_id=fresh_id(), quantity=1),)),
                msgspec.structs.replace(dock, id=fresh_id(), return_id=fresh_id()),
            ],
            now=NOW,
        ),
        *await approve(db, approvals=[Approve(return_id=fresh_id(), actor=ACTOR)], now=NOW),
    ]
    assert [type(one) for one in outcomes[:2]] == [UnknownLocation, UnknownSku]
    assert all(isinstance(one, NotFound) for one in outcomes)
    await assert_lawful(db)


async def test_the_id_of_a_refund_is_of_one_return(db: Connection) -> None:
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 2))
    one, other = await approved(db, order, 1), await approved(db, order, 1)
    money = Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR)

    first, second = await resolve(db, resolutions=[money, msgspec.structs.replace(money, return_id=other.id)], now=NOW)

    assert isinstance(first, Refund)
    assert isinstance(second, RefundIdUsed)


async def test_one_parcel_scanned_at_two_docks_counts_once_and_its_money_goes_back_once(engine: Engine) -> None:
    """RET-05, PAY-06."""
    async with engine.begin() as db:
        world = await build_world(db)
        order = await delivered(db, world, ("chair", 3))
        one = await approved(db, order, 3)
    dock = at_dock(world, one, 3)
    money = [Resolve(id=id_, return_id=one.id, actor=ACTOR) for id_ in [fresh_id()] * 2 + [fresh_id()]]

    async def scan() -> None:
        async with engine.begin() as db:
            sound(await receive(db, receipts=[dock], now=NOW))

    async def pay(resolution: Resolve) -> Refund | BatutaError:
        async with engine.begin() as db:
            return (await resolve(db, resolutions=[resolution], now=NOW))[0]

    answers = await asyncio.gather(scan(), scan(), *(pay(each) for each in money))

    assert len({each.id for each in answers if isinstance(each, Refund)}) == 1
    async with engine.connect() as db:
        (found,) = (await returns_of_orders(db, [order.id]))[order.id]
        assert (found.lines[0].received, found.lines[0].refunded) == (3, 3)
        assert found.lines[0].refund_minor == order.lines[0].gross_minor
        assert (await facts(db, order.id)).count("returns.received") == 1
        assert (await facts(db, order.id)).count("returns.refund_due") == 1


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        ("UPDATE ordering.line SET returned = 0 WHERE order_id = :order_id", "counted"),
        ("UPDATE returns.receipt SET lines = '[]' WHERE return_id = :id", "receipts"),
        (
            """
            UPDATE returns.grading SET quantity = 9 WHERE line_id IN
                (SELECT id FROM returns.return_line WHERE return_id = :id)
            """,
            "graded than received",
        ),
        ("UPDATE returns.refund SET amount_minor = amount_minor + 1 WHERE return_id = :id", "every refund"),
        ("UPDATE ordering.line SET gross_minor = 1, net_minor = 1, tax_minor = 0 WHERE order_id = :order_id", "paid"),
    ],
)
async def test_each_law_of_the_room_finds_the_row_that_breaks_it(db: Connection, broken: str, name: str) -> None:
    world = await build_world(db)
    order = await delivered(db, world, ("chair", 2))
    one = await approved(db, order, 2)
    sound(await receive(db, receipts=[at_dock(world, one, 2)], now=NOW))
    sound(await grade(db, gradings=[look(one, 2, Grade.OUTLET)], now=NOW))
    sound(await resolve(db, resolutions=[Resolve(id=fresh_id(), return_id=one.id, actor=ACTOR)], now=NOW))
    await assert_lawful(db)

    await db.execute(text(broken), {"order_id": order.id} if ":order_id" in broken else {"id": one.id})

    assert any(name in verdict.law for verdict in await examine(db, AUDIT) if verdict.broken)
