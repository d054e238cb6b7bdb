"""Goods that bear a date are good for as long after the delivery as their buyer asks for (INV-14)."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.catalog.commands import save_skus
from batuta.catalog.domain import Tracking
from batuta.company.domain import Policies, ShipTerms
from batuta.inventory.commands import rearrange, record_movements, release, relocate, reserve
from batuta.inventory.commands.lots import save_lots
from batuta.inventory.domain import (
    Account,
    Movement,
    MovementReason,
    OutOfStock,
    Release,
    Relocate,
    Relocated,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.lots import NewLot
from batuta.inventory.queries import AUDIT, claims_of
from batuta.ordering.commands import place
from batuta.ordering.domain import Order, PlaceLine
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.sourcing.domain.promises.asking import Ask, AskedLine, Offers
from batuta.sourcing.queries.promising import offers
from tests.making import NOW, fresh_code, fresh_id
from tests.ordering.test_commands import an_order, placed
from tests.ordering.test_ship_terms import given_customer
from tests.world import MADRID, Shop, build_carrier, build_shop, sound

SOON, LATE = date(2026, 3, 12), date(2026, 5, 1)
WEEK = ShipTerms(min_remaining_days=7)
"""Carriers take five days at most, so that the week begins on 7 March."""


async def given_shop(db: Connection, *lots: tuple[str, date, int], policies: Policies | None = None) -> Shop:
    """A shop that sells milk. lots: where, good until when, how many units."""
    await build_carrier(db)
    shop = await build_shop(db, stock={"milk": {"north": 0, "south": 0}}, policies=policies)
    shop.skus["milk"] = msgspec.structs.replace(shop.skus["milk"], tracking=Tracking.LOT)
    sound(await save_skus(db, skus=[shop.skus["milk"]], now=NOW))
    for at, until, units in lots:
        await bring(db, shop, at, until, units)
    return shop


async def bring(db: Connection, shop: Shop, at: str, until: date, units: int) -> None:
    milk = shop.skus["milk"]
    sound(await save_lots(db, lots=[NewLot(sku_code=milk.code, code=str(until), expires_on=until)], now=NOW))
    movement = Movement(
        key=fresh_code("receipt"),
        sku_id=milk.id,
        quantity=units,
        source=Account.supplier(),
        target=Account.location(shop.locations[at].id),
        lot=str(until),
        reason=MovementReason.RECEIPT,
        document_id=fresh_id(),
        actor="test:receiver",
        effective_at=NOW,
    )
    sound(await record_movements(db, movements=[movement], now=NOW))


async def lots_of(db: Connection, holder_id: UUID) -> list[tuple[str, int]]:
    return sorted((one.lot, one.held) for one in (await claims_of(db, [holder_id], now=NOW))[holder_id])


def moving(order: Order, shop: Shop, source: str, target: str, units: int) -> Relocate:
    (line,) = order.lines
    return Relocate(
        holder_id=order.id,
        line_id=line.id,
        sku_id=line.sku_id,
        quantity=units,
        source_location_id=shop.locations[source].id,
        target_location_id=shop.locations[target].id,
    )


async def test_who_asks_for_a_week_gets_what_is_good_a_week_after_the_delivery(db: Connection) -> None:
    """INV-14: the first to end goes out first, but never so late that its buyer has too little of it."""
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 3))

    of_anybody = await placed(db, an_order(shop, ("milk", 1)))
    of_choosy = await placed(db, an_order(shop, ("milk", 2), ship_terms=WEEK))

    assert await lots_of(db, of_anybody.id) == [(str(SOON), 1)]
    assert await lots_of(db, of_choosy.id) == [(str(LATE), 2)]
    assert of_choosy.ship_terms.min_remaining_days == 7


async def test_what_is_left_would_not_last_so_the_order_is_refused(db: Connection) -> None:
    """INV-14."""
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 3))

    (refused,) = await place(db, orders=[an_order(shop, ("milk", 4), ship_terms=WEEK)], now=NOW)

    assert isinstance(refused, OutOfStock)
    (line,) = _lines(refused)
    assert (line["asked"], line["left"]) == (4, 3)


async def test_those_who_take_what_ends_first_leave_the_rest_to_who_needs_it_longer(db: Connection) -> None:
    """INV-14: of one batch, in either order."""
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 6))
    orders = [
        an_order(shop, ("milk", 2)),
        an_order(shop, ("milk", 3), ship_terms=WEEK),
        an_order(shop, ("milk", 3)),
        an_order(shop, ("milk", 3), ship_terms=WEEK),
        an_order(shop, ("milk", 1)),
    ]

    *served, refused = await place(db, orders=orders, now=NOW)

    sound(served)
    assert isinstance(refused, OutOfStock)
    assert [await lots_of(db, one.id) for one in orders[:4]] == [
        [(str(SOON), 2)],
        [(str(LATE), 3)],
        [(str(SOON), 3)],
        [(str(LATE), 3)],
    ]


def _lines(refused: OutOfStock) -> Sequence[dict[str, object]]:
    told: list[dict[str, object]] = msgspec.to_builtins(refused.facts["lines"])
    return told


@pytest.mark.parametrize("whose", ["customer", "channel"])
async def test_customers_and_channels_ask_for_it_too(db: Connection, whose: str) -> None:
    """INV-14: minimum remaining shelf life per customer and channel."""
    policies = Policies(are_messages_muted=True, min_remaining_days=7 if whose == "channel" else None)
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 3), policies=policies)
    eva = await given_customer(db, WEEK if whose == "customer" else ShipTerms())

    order = await placed(db, an_order(shop, ("milk", 1), customer_id=eva.id))

    assert await lots_of(db, order.id) == [(str(LATE), 1)]


async def test_what_is_promised_lasts_as_long_as_what_is_sold(db: Connection) -> None:
    """INV-14, PRM-02: what is promised is what is planned."""
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 3))

    async def plans(units: int, terms: ShipTerms) -> int:
        ask = Ask(
            id=fresh_id(),
            channel_code=shop.channel.code,
            lines=[AskedLine(sku_code=shop.skus["milk"].code, quantity=units)],
            destination=MADRID,
            at=NOW,
            stores_max=0,
            ship_terms=terms,
        )
        (found,) = await offers(db, asks=[ask], now=NOW)
        assert isinstance(found, Offers), found
        return len(found.options)

    assert (await plans(8, ShipTerms()), await plans(3, WEEK), await plans(4, WEEK)) == (1, 1, 0)


async def test_wherever_the_units_come_from_later_they_last_as_long(db: Connection) -> None:
    """INV-14, RES-07: plans move claims, and claims remember what was asked for."""
    shop = await given_shop(db, ("north", LATE, 2))
    order = await placed(db, an_order(shop, ("milk", 2), ship_terms=WEEK))
    await bring(db, shop, "south", SOON, 5)

    move = moving(order, shop, "north", "south", 2)
    (refused,) = await relocate(db, moves=[move], now=NOW)
    assert isinstance(refused, OutOfStock)
    assert not await rearrange(db, moves=[move], now=NOW)

    await bring(db, shop, "south", LATE, 3)
    (moved,) = await relocate(db, moves=[move], now=NOW)
    assert isinstance(moved, Relocated)
    assert await rearrange(db, moves=[moving(order, shop, "south", "north", 1)], now=NOW)
    assert await lots_of(db, order.id) == [(str(LATE), 1), (str(LATE), 1)]


async def test_what_was_given_back_is_replaced_by_what_lasts_as_long(db: Connection) -> None:
    """INV-14, SRC-08: a location gave its units back, and the order takes others without asking again for a week."""
    shop = await given_shop(db, ("north", LATE, 1))
    order = await placed(db, an_order(shop, ("milk", 1), ship_terms=WEEK))
    await release(db, releases=[Release(holder_id=order.id, location_id=shop.locations["north"].id)], now=NOW)
    await bring(db, shop, "south", SOON, 5)
    await bring(db, shop, "south", LATE, 1)
    (line,) = order.lines
    again = ReserveRequest(
        holder_id=order.id,
        lines=[ReserveLine(line_id=line.id, sku_id=line.sku_id, quantity=1)],
        location_ids=(shop.locations["south"].id,),
    )

    (outcome,) = await reserve(db, requests=[again], now=NOW)

    assert isinstance(outcome, Reserved)
    assert await lots_of(db, order.id) == [(str(LATE), 1)]


async def test_what_a_cart_held_is_exchanged_where_it_does_not_last(db: Connection) -> None:
    """INV-14, RES-05."""
    shop = await given_shop(db, ("north", SOON, 5), ("north", LATE, 3))
    cart_id, cart_line_id = fresh_id(), fresh_id()
    line = ReserveLine(line_id=cart_line_id, sku_id=shop.skus["milk"].id, quantity=2)
    held = ReserveRequest(holder_id=cart_id, lines=[line], until_at=NOW + timedelta(minutes=10))
    await reserve(db, requests=[held], now=NOW)
    wanted = [PlaceLine(sku_code=shop.skus["milk"].code, quantity=2, cart_line_id=cart_line_id)]

    order = await placed(db, an_order(shop, cart_id=cart_id, lines=wanted, ship_terms=WEEK))

    assert await lots_of(db, order.id) == [(str(LATE), 2)]
    assert [one for one in await examine(db, AUDIT) if one.broken] == []
