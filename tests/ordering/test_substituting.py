"""Sending another SKU than was ordered, from the list of what may be (INV-17)."""

from typing import Any

import httpx
import msgspec
import pytest

from batuta.catalog.commands import set_substitutes
from batuta.catalog.domain import Consent, PriceRule, Substitute
from batuta.fulfillment.commands import report_short
from batuta.fulfillment.domain import ReportShort, ShortUnits
from batuta.inventory.queries import claims_of
from batuta.kernel.errors import BatutaError
from batuta.ordering.api import ROUTES
from batuta.ordering.commands.substituting import substitute
from batuta.ordering.domain import Order
from batuta.ordering.domain.substituting import Substituted, SubstituteLine, difference
from batuta.ordering.queries import orders_by_id, substitutions_of
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.commands import set_prices
from batuta.pricing.domain import Price
from batuta.pricing.queries import list_price_lists
from tests.asking import House, a_caller, problem
from tests.fulfillment.orders import ACTOR, World, accept_all, assert_lawful, buckets, build_world, facts
from tests.making import NOW, fresh_id
from tests.world import LONG_AGO, sound

LATER = msgspec.structs.replace(LONG_AGO, from_at=NOW)


async def given_shop(db: Connection, **rule: Any) -> World:
    """A shop where a stool may be sent instead of a chair, and a bench at second choice."""
    world = await build_world(db, chair={"north": 5}, stool={"north": 3}, bench={"north": 9})
    skus = world.shop.skus
    first = Substitute(sku_id=skus["stool"].id, rank=1, **{"consent": Consent.NOT_NEEDED, **rule})
    second = Substitute(sku_id=skus["bench"].id, rank=2)
    sound(await set_substitutes(db, substitutes={skus["chair"].id: [first, second]}, now=NOW))
    return world


def wish(world: World, order: Order, name: str = "stool", **more: Any) -> SubstituteLine:
    return SubstituteLine(
        **{
            "id": fresh_id(),
            "order_id": order.id,
            "line_id": order.lines[0].id,
            "sku_code": world.shop.skus[name].code,
            "actor": ACTOR,
            **more,
        }
    )


async def held(db: Connection, world: World, order: Order) -> dict[str, int]:
    """Units that the order holds, by the SKU's short name."""
    names = {sku.id: name for name, sku in world.shop.skus.items()}
    found: dict[str, int] = {}
    for claim in (await claims_of(db, [order.id], now=NOW))[order.id]:
        found[names[claim.sku_id]] = found.get(names[claim.sku_id], 0) + claim.held
    return found


async def test_a_substitute_is_claimed_and_what_was_ordered_is_let_go(db: Connection) -> None:
    """INV-17: recorded on the line."""
    world = await given_shop(db)
    (order,) = await world.place(db, ("chair", 2))
    asked = wish(world, order, reason="sold out")

    first, again = [await substitute(db, wishes=[asked], now=NOW) for _ in range(2)]

    assert first == again
    (made,) = first
    assert isinstance(made, Substituted)
    assert (made.quantity, made.amount_minor, made.price_rule) == (2, 0, PriceRule.AS_ORDERED)
    assert await held(db, world, order) == {"stool": 2}
    assert (await buckets(db, order.id)).reserved == 2
    after = (await orders_by_id(db, [order.id]))[order.id]
    assert (after.lines[0].sku_id, after.gross_minor) == (order.lines[0].sku_id, order.gross_minor)
    assert after.lines[0].components[0].sku_id == world.shop.skus["stool"].id
    assert await substitutions_of(db, order.id) == [made]
    await assert_lawful(db)


async def test_what_may_not_be_sent_instead_is_refused_and_nothing_changes(db: Connection) -> None:
    """INV-17"""
    world = await given_shop(db)
    order, large = await world.place(db, ("chair", 1)) + await world.place(db, ("chair", 4))
    (pair,) = await world.place(db, ("bench", 1))

    outcomes = await substitute(
        db,
        wishes=[
            wish(world, order, "service"),
            wish(world, order, "bench"),
            wish(world, large),
            wish(world, pair, "chair"),
            wish(world, order, line_id=fresh_id()),
            wish(world, order, order_id=fresh_id()),
            wish(world, order, "bench", consented_by="Ana, by telephone"),
            wish(world, order, "bench", consented_by="Ana, by telephone"),
        ],
        now=NOW,
    )

    assert [one.code if isinstance(one, BatutaError) else "sent" for one in outcomes] == [
        "no_substitute",
        "consent_missing",
        "out_of_stock",
        "no_substitute",
        "unknown_line",
        "unknown_order",
        "sent",
        "same_again",
    ]
    assert await held(db, world, order) == {"bench": 1}
    assert await held(db, world, large) == {"chair": 4}
    await assert_lawful(db)


async def test_once_a_location_is_at_work_it_is_too_late_until_it_reports_short(db: Connection) -> None:
    """INV-17: only before pick."""
    world = await given_shop(db)
    (one,) = await world.offered(db, ("chair", 2))
    order = (await orders_by_id(db, [one.order_id]))[one.order_id]

    (late,) = await substitute(db, wishes=[wish(world, order)], now=NOW)
    await accept_all(db, [one])
    missing = ShortUnits(line_id=order.lines[0].id, quantity=2)
    report = ReportShort(fulfillment_order_id=one.id, lines=(missing,), actor=ACTOR)
    sound(await report_short(db, reports=[report], now=NOW))
    (made,) = await substitute(db, wishes=[wish(world, order)], now=NOW)

    assert isinstance(late, BatutaError)
    assert late.code == "too_late_to_substitute"
    assert isinstance(made, Substituted)
    assert await held(db, world, order) == {"stool": 2}
    assert await facts(db, order.id)
    await assert_lawful(db)


@pytest.mark.parametrize(
    ("rule", "ordered_minor", "own_minor", "told"),
    [
        (PriceRule.AS_ORDERED, 5_000, 4_000, 0),
        (PriceRule.LOWER, 5_000, 4_000, -1_000),
        (PriceRule.LOWER, 4_000, 5_000, 0),
        (PriceRule.OWN, 5_000, 4_000, -1_000),
        (PriceRule.OWN, 4_000, 5_000, 1_000),
    ],
)
def test_the_price_follows_the_rule(rule: PriceRule, ordered_minor: int, own_minor: int, told: int) -> None:
    """INV-17"""
    assert difference(rule, ordered_minor=ordered_minor, own_minor=own_minor) == told


async def test_a_cheaper_substitute_makes_the_order_cheaper(db: Connection) -> None:
    """INV-17"""
    world = await given_shop(db, price_rule=PriceRule.LOWER)
    (order,) = await world.place(db, ("chair", 2))
    lists = [one for one in await list_price_lists(db, limit=1_000) if one.channel_id == world.shop.channel.id]
    cheap = Price(price_list_id=lists[0].id, sku_id=world.shop.skus["stool"].id, amount_minor=2_000, valid=LATER)
    sound(await set_prices(db, prices=[cheap], now=NOW))
    before = (await balances(db, [order.id]))[order.id]

    (made,) = await substitute(db, wishes=[wish(world, order)], now=NOW)

    assert isinstance(made, Substituted)
    assert made.amount_minor == 2 * (2_000 - 2_500)
    assert (await balances(db, [order.id]))[order.id].due_minor == before.due_minor + made.amount_minor
    await assert_lawful(db)


async def test_a_line_is_substituted_by_the_api(engine: Engine) -> None:
    """INV-17"""
    async with engine.begin() as db:
        world = await given_shop(db)
        (order,) = await world.place(db, ("chair", 1))
    clerk: httpx.AsyncClient = House(engine, ROUTES).asked_by(a_caller("orders.read", "orders.cancel"))
    path = f"/api/orders/{order.number}/lines/{order.lines[0].id}/substitute"

    refused = await clerk.post(path, json={"sku_code": world.shop.skus["bench"].code})
    made = await clerk.post(path, json={"sku_code": world.shop.skus["stool"].code})
    listed = (await clerk.get(f"/api/orders/{order.id}/substitutions")).json()["items"]

    assert problem(refused) == (409, "consent_missing")
    assert made.status_code == 200
    assert listed == [made.json()]
