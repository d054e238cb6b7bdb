import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from batuta.inventory.domain import OutOfStock
from batuta.inventory.queries import availability
from batuta.kernel.errors import BatutaError
from batuta.ordering.api.showing import show_carts
from batuta.ordering.commands import (
    CartReserved,
    change_carts,
    check_out,
    forget_carts,
    open_carts,
    reserve_carts,
)
from batuta.ordering.domain import (
    CART_LIVES,
    Bucket,
    Cart,
    CartChange,
    CartHasEnded,
    CartIsIncomplete,
    CartIsOrdered,
    CheckOut,
    NewCart,
    Placed,
    ReserveCart,
    UnknownCart,
    UnknownSku,
    VersionConflict,
    Visitor,
    WantedLine,
    token_hash,
)
from batuta.ordering.domain.shown import ShownCart
from batuta.ordering.queries import AUDIT, carts_by_id, orders_by_id
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from tests.making import NOW, fresh_id
from tests.world import MADRID, Shop, build_shop

SECRET = "the token of the first visitor"
ANA = Visitor(token_hash=token_hash(SECRET))
STRANGER = Visitor(token_hash=token_hash("a guess"))


def wanted(shop: Shop, *lines: tuple[str, int]) -> list[WantedLine]:
    return [WantedLine(sku_code=shop.skus[name].code, quantity=units) for name, units in lines]


async def opened(db: Connection, shop: Shop, *lines: tuple[str, int]) -> Cart:
    new = NewCart(
        id=fresh_id(),
        token_hash=token_hash(SECRET),
        channel_code=shop.channel.code,
        visitor=Visitor(channel_ids=frozenset({shop.channel.id})),
        lines=wanted(shop, *lines),
    )
    (cart,) = await open_carts(db, carts=[new], now=NOW)
    assert isinstance(cart, Cart), cart
    return cart


async def changed(db: Connection, cart: Cart, visitor: Visitor = ANA, **changes: Any) -> Cart | BatutaError:
    (outcome,) = await change_carts(
        db, changes=[CartChange(cart_id=cart.id, visitor=visitor, **changes)], now=changes.pop("now", NOW)
    )
    return outcome


def bought(cart: Cart, **more: Any) -> CheckOut:
    return CheckOut(**{"cart_id": cart.id, "visitor": ANA, "actor": "guest", "placed_at": NOW, **more})


async def reserved(db: Connection, cart: Cart, **more: Any) -> CartReserved | BatutaError:
    wish = ReserveCart(cart_id=cart.id, visitor=ANA, actor="guest", **more)
    (outcome,) = await reserve_carts(db, requests=[wish], now=NOW)
    return outcome


async def left(db: Connection, sku_id: UUID) -> int:
    return sum(one.available for one in await availability(db, sku_ids=[sku_id], now=NOW))


async def test_a_cart_keeps_what_is_put_into_it_and_each_change_is_a_new_version(db: Connection) -> None:
    """PLT-02."""
    shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
    cart = await opened(db, shop, ("chair", 2))

    await changed(db, cart, lines=wanted(shop, ("lamp", 1), ("chair", 3)))
    await changed(db, cart, ship_to=MADRID, email="ana@example.com")

    found = (await carts_by_id(db, [cart.id]))[cart.id]
    assert [(line.sku_id, line.quantity) for line in found.lines] == [
        (shop.skus["chair"].id, 3),
        (shop.skus["lamp"].id, 1),
    ]
    assert found.email == "ana@example.com"
    assert found.ship_to
    assert found.ship_to.city == "Madrid"
    assert found.version == 3


async def test_who_changes_a_cart_twice_at_once_is_shown_it_as_it_stands_then(db: Connection) -> None:
    """PLT-02: two changes of one cart that share a transaction, the later of which takes goods out."""
    shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
    cart = await opened(db, shop, ("chair", 2))
    lines = [wanted(shop, ("lamp", 1)), wanted(shop, ("chair", 0))]
    outcomes = await change_carts(
        db, changes=[CartChange(cart_id=cart.id, visitor=ANA, lines=some) for some in lines], now=NOW
    )

    shown = [one for one in await show_carts(db, outcomes, now=NOW) if isinstance(one, ShownCart)]

    assert [[line.sku_code for line in one.lines] for one in shown] == [[shop.skus["lamp"].code]] * 2
    assert [one.version for one in shown] == [3, 3]


async def test_two_devices_that_fill_a_cart_at_once_both_find_their_goods_in_it(engine: Engine) -> None:
    """PLT-02: whoever waits for the cart has its lines as the other left them."""
    async with engine.begin() as db:
        shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
        cart = await opened(db, shop)
    first_has_the_cart = asyncio.Event()

    async def first() -> None:
        async with engine.begin() as db:
            await changed(db, cart, lines=wanted(shop, ("chair", 2)))
            first_has_the_cart.set()
            await somebody_waits(engine)

    async def second() -> None:
        await first_has_the_cart.wait()
        async with engine.begin() as db:
            await changed(db, cart, lines=wanted(shop, ("lamp", 1)))

    await asyncio.gather(first(), second())

    async with engine.begin() as db:
        found = (await carts_by_id(db, [cart.id]))[cart.id]
    assert [(line.sku_id, line.quantity) for line in found.lines] == [
        (shop.skus["chair"].id, 2),
        (shop.skus["lamp"].id, 1),
    ]
    assert found.version == 3


async def somebody_waits(engine: Engine) -> None:
    """Return when somebody waits for a row of carts."""
    async with asyncio.timeout(10), engine.connect() as db:
        while not await db.scalar(_SOMEBODY_WAITS):  # noqa: ASYNC110 another session of the database waits
            await asyncio.sleep(0.01)


_SOMEBODY_WAITS = text(
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ordering.cart%'"
    " AND datname = current_database())"
)


async def test_no_units_take_a_line_away(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop, ("chair", 2), ("service", 1))

    after = await changed(db, cart, lines=wanted(shop, ("chair", 0)))

    assert isinstance(after, Cart)
    assert [line.sku_id for line in after.lines] == [shop.skus["service"].id]
    assert (await carts_by_id(db, [cart.id]))[cart.id].lines == after.lines


async def test_two_changes_of_one_cart_in_a_batch_follow_each_other(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}, "lamp": {"north": 5}})
    cart = await opened(db, shop)
    changes = [
        CartChange(cart_id=cart.id, visitor=ANA, version=1, lines=wanted(shop, ("chair", 1))),
        CartChange(cart_id=cart.id, visitor=ANA, version=1, lines=wanted(shop, ("lamp", 1))),
        CartChange(cart_id=cart.id, visitor=ANA, version=2, lines=wanted(shop, ("lamp", 2))),
    ]

    first, second, third = await change_carts(db, changes=changes, now=NOW)

    assert isinstance(first, Cart)
    assert isinstance(second, VersionConflict)
    assert second.facts["present"] == 2
    assert isinstance(third, Cart)
    assert (await carts_by_id(db, [cart.id]))[cart.id] == third


async def test_a_cart_is_used_by_its_token_its_customer_or_a_storefront_of_its_channel(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop)
    await changed(db, cart, customer_id=shop.customer_id)
    shopkeeper = Visitor(channel_ids=frozenset({shop.channel.id}))
    elsewhere = Visitor(channel_ids=frozenset({fresh_id()}))

    assert isinstance(await changed(db, cart, STRANGER, email="x@y.z"), UnknownCart)
    assert isinstance(await changed(db, cart, elsewhere, email="x@y.z"), UnknownCart)
    assert isinstance(await changed(db, cart, Visitor(customer_id=fresh_id()), email="x@y.z"), UnknownCart)
    assert isinstance(await changed(db, cart, shopkeeper, email="x@y.z"), Cart)
    assert isinstance(await changed(db, cart, Visitor(customer_id=shop.customer_id), email="x@y.z"), Cart)


async def test_an_unknown_sku_changes_nothing(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop, ("chair", 1))

    refused = await changed(db, cart, lines=[WantedLine(sku_code="nothing", quantity=1)])

    assert isinstance(refused, UnknownSku)
    assert (await carts_by_id(db, [cart.id]))[cart.id] == cart


async def test_a_cart_becomes_one_order_however_often_it_is_asked(db: Connection) -> None:
    """RES-05, ORD-07."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop, ("chair", 2))
    await changed(db, cart, ship_to=MADRID)

    first, again = await check_out(db, wishes=[bought(cart), bought(cart)], now=NOW)
    (later,) = await check_out(db, wishes=[bought(cart)], now=NOW)

    assert isinstance(first, Placed), first
    assert first == again == later
    assert await left(db, shop.skus["chair"].id) == 3
    assert (await carts_by_id(db, [cart.id]))[cart.id].order_id == first.order_id
    assert isinstance(await changed(db, cart, email="x@y.z"), CartIsOrdered)
    order = (await orders_by_id(db, [first.order_id]))[first.order_id]
    assert order.lines[0].buckets.of(Bucket.RESERVED) == 2


async def test_a_cart_without_an_address_is_no_order(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop)

    (refused,) = await check_out(db, wishes=[bought(cart)], now=NOW)

    assert isinstance(refused, CartIsIncomplete)
    assert refused.facts["missing"] == ["lines", "ship_to"]


async def test_a_cart_that_changed_since_it_was_seen_is_not_bought(db: Connection) -> None:
    """PLT-02."""
    shop = await build_shop(db, stock={"chair": {"north": 5}})
    cart = await opened(db, shop, ("chair", 1))
    await changed(db, cart, ship_to=MADRID)

    (refused,) = await check_out(db, wishes=[bought(cart, version=1)], now=NOW)

    assert isinstance(refused, VersionConflict)


async def test_reserved_goods_become_the_orders_without_being_free_between(db: Connection) -> None:
    """RES-05, INV-04."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    cart = await opened(db, shop, ("chair", 2))
    other = await opened(db, shop, ("chair", 1))
    await changed(db, cart, ship_to=MADRID)
    await changed(db, other, ship_to=MADRID)

    held = await reserved(db, cart)
    assert isinstance(held, CartReserved)
    assert held.until_at == NOW + timedelta(minutes=10)
    refused, placed = await check_out(db, wishes=[bought(other), bought(cart)], now=NOW)

    assert isinstance(refused, OutOfStock)
    assert isinstance(placed, Placed)
    assert [verdict for verdict in await examine(db, AUDIT) if verdict.broken] == []


async def test_a_reservation_that_ran_out_is_taken_afresh_when_the_cart_is_bought(db: Connection) -> None:
    """RES-04, RES-06."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    cart = await opened(db, shop, ("chair", 2))
    await changed(db, cart, ship_to=MADRID)
    await reserved(db, cart)
    later = NOW + timedelta(hours=1)

    (placed,) = await check_out(db, wishes=[bought(cart, placed_at=later)], now=later)

    assert isinstance(placed, Placed), placed
    assert await left(db, shop.skus["chair"].id) == 0


async def test_a_reservation_is_refused_with_what_is_left_or_granted_in_part(db: Connection) -> None:
    """RES-01."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    cart = await opened(db, shop, ("chair", 3))

    refused = await reserved(db, cart)
    part = await reserved(db, cart, allow_partial=True)

    assert isinstance(refused, OutOfStock)
    assert isinstance(part, CartReserved)
    assert part.granted == {cart.lines[0].id: 2}
    assert part.short[0].left == 2


async def test_nobody_holds_goods_for_longer_than_the_channel_allows(db: Connection) -> None:
    """RES-03."""
    shop = await build_shop(db, stock={"chair": {"north": 2}})
    cart = await opened(db, shop, ("chair", 1))

    held = await reserved(db, cart, minutes=10_000)

    assert isinstance(held, CartReserved)
    assert held.until_at == NOW + timedelta(minutes=60)


async def test_changing_a_reserved_line_gives_its_units_back(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 4}, "lamp": {"north": 1}})
    cart = await opened(db, shop, ("chair", 4), ("lamp", 1))
    await reserved(db, cart)
    assert await left(db, shop.skus["chair"].id) == 0

    await changed(db, cart, lines=wanted(shop, ("chair", 1)))

    assert await left(db, shop.skus["chair"].id) == 4
    assert await left(db, shop.skus["lamp"].id) == 0


async def test_a_cart_that_nobody_touches_ends_and_is_forgotten(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 4}})
    cart = await opened(db, shop, ("chair", 1))
    later = NOW + CART_LIVES

    (ended,) = await change_carts(db, changes=[CartChange(cart_id=cart.id, visitor=ANA, email="a@b.c")], now=later)
    assert isinstance(ended, CartHasEnded)
    while await forget_carts(db, now=later, limit=100):
        pass
    assert await carts_by_id(db, [cart.id]) == {}


async def test_the_same_cart_is_opened_once(db: Connection) -> None:
    shop = await build_shop(db, stock={"chair": {"north": 4}})
    new = NewCart(
        id=fresh_id(),
        token_hash=token_hash(SECRET),
        channel_code=shop.channel.code,
        visitor=Visitor(channel_ids=None),
        lines=wanted(shop, ("chair", 1)),
    )

    (first,) = await open_carts(db, carts=[new], now=NOW)
    again, stolen = await open_carts(
        db, carts=[new, msgspec.structs.replace(new, token_hash=token_hash("another"))], now=NOW
    )

    assert first == again
    assert isinstance(stolen, UnknownCart)
