"""How orders may be split and how long they wait: as they say themselves, or their customer, or their channel."""

from datetime import timedelta

import msgspec
import pytest

from batuta.company.domain import Policies, ShipMode, ShipTerms
from batuta.customers.commands import save_customers
from batuta.customers.domain import Customer, UnlikelyCustomer
from batuta.inventory.domain import OutOfStock
from batuta.ordering.commands import end_patience, place
from batuta.ordering.domain import BadOrder, HoldKind
from batuta.plumbing.database import Connection
from tests.making import NOW, fresh_id
from tests.ordering.test_backorders import given_supply
from tests.ordering.test_commands import an_order, placed
from tests.world import build_shop, sound

DAY = timedelta(days=1)
QUIET = Policies(are_messages_muted=True, label_format="zpl")


async def given_customer(db: Connection, terms: ShipTerms) -> Customer:
    one = Customer(id=fresh_id(), name="Eva Sol", email="eva@example.com", ship_terms=terms)
    (saved,) = await save_customers(db, customers=[one], now=NOW)
    assert isinstance(saved, Customer), saved
    return saved


async def test_an_order_is_sent_as_it_says_else_as_its_customer_does_else_as_its_channel_does(db: Connection) -> None:
    """ORD-09."""
    policies = msgspec.structs.replace(QUIET, ship_mode=ShipMode.TOGETHER, max_wait_days=20)
    shop = await build_shop(db, stock={"chair": {"north": 9}}, policies=policies)
    eva = await given_customer(db, ShipTerms(max_splits=1, max_wait_days=5))
    own = ShipTerms(mode=ShipMode.AS_AVAILABLE, max_wait_days=2)

    of_nobody = await placed(db, an_order(shop, ("chair", 1)))
    of_eva = await placed(db, an_order(shop, ("chair", 1), customer_id=eva.id))
    of_its_own = await placed(db, an_order(shop, ("chair", 1), customer_id=eva.id, ship_terms=own))

    assert of_nobody.ship_terms == ShipTerms(mode=ShipMode.TOGETHER, max_wait_days=20)
    assert of_eva.ship_terms == ShipTerms(mode=ShipMode.TOGETHER, max_splits=1, max_wait_days=5)
    assert of_its_own.ship_terms == ShipTerms(mode=ShipMode.AS_AVAILABLE, max_splits=1, max_wait_days=2)
    assert of_its_own.waits_until_at == of_its_own.placed_at + 2 * DAY


async def test_what_ships_complete_comes_from_one_location_and_waits_for_what_is_to_come(db: Connection) -> None:
    """ORD-08, ORD-09."""
    shop = await build_shop(db, stock={"chair": {"north": 2}}, policies=QUIET)
    await given_supply(db, shop, "chair", limit=10, coming=20)

    order = await placed(db, an_order(shop, ("chair", 4), ship_terms=ShipTerms(mode=ShipMode.COMPLETE)))

    assert order.ship_terms.max_splits == 0
    assert [hold.kind for hold in order.holds] == [HoldKind.BACKORDER]


async def test_what_contradicts_itself_is_refused(db: Connection) -> None:
    """ORD-09."""
    shop = await build_shop(db, stock={"chair": {"north": 2}}, policies=QUIET)
    terms = ShipTerms(mode=ShipMode.COMPLETE, max_splits=2)
    eva = Customer(id=fresh_id(), name="Eva Sol", email="eva@example.com", ship_terms=terms)

    (refused,) = await place(db, orders=[an_order(shop, ("chair", 1), ship_terms=terms)], now=NOW)
    (no_customer,) = await save_customers(db, customers=[eva], now=NOW)

    assert isinstance(refused, BadOrder)
    assert refused.facts["field"] == "ship_terms.max_splits"
    assert isinstance(no_customer, UnlikelyCustomer)


@pytest.mark.parametrize(("days", "is_sold"), [(4, False), (5, True), (None, True)])
async def test_what_comes_later_than_the_buyer_waits_is_not_sold_ahead(
    db: Connection, days: int | None, *, is_sold: bool
) -> None:
    """ORD-09, INV-23."""
    shop = await build_shop(db, stock={"chair": {"north": 2}}, policies=QUIET)
    await given_supply(db, shop, "chair", limit=10, coming=20, days=5)

    (outcome,) = await place(
        db, orders=[an_order(shop, ("chair", 5), ship_terms=ShipTerms(max_wait_days=days))], now=NOW
    )

    assert isinstance(outcome, OutOfStock) is not is_sold
    if is_sold:
        sound([outcome])


async def test_the_patience_of_an_order_ends_when_it_says_or_when_its_channel_does(db: Connection) -> None:
    """ORD-09, INV-25."""
    policies = msgspec.structs.replace(QUIET, patience_days=7)
    shop = await build_shop(db, stock={"chair": {"north": 0}}, policies=policies)
    await given_supply(db, shop, "chair", limit=10, coming=20, days=5)
    await placed(db, an_order(shop, ("chair", 1), ship_terms=ShipTerms(max_wait_days=8)))
    await placed(db, an_order(shop, ("chair", 1), ship_terms=ShipTerms(max_wait_days=60)))

    ended = [await end_patience(db, now=NOW + days * DAY, limit=100) for days in (7, 8, 11, 12)]

    assert ended == [0, 1, 0, 1]
