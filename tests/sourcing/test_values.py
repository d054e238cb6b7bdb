"""What plans weigh besides freight and handling: packaging, and what is earned on units here more than there."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.commands import record_movements
from batuta.inventory.commands.worth import learn_counter_sales, set_stock_worths
from batuta.inventory.domain import Account, Movement, MovementReason
from batuta.inventory.domain.worth import StockWorth
from batuta.plumbing.database import Connection
from batuta.pricing.commands import set_unit_costs
from batuta.pricing.domain.costs import UnitCost
from batuta.sourcing.commands import plan
from batuta.sourcing.domain import Decision, Plan, Rule, SourcingRequest
from batuta.sourcing.domain.promises.lateness import expected_late_tenths
from batuta.sourcing.domain.worths import Profit
from batuta.sourcing.queries import decisions_of
from tests.making import NOW, fresh_code, fresh_id
from tests.sourcing.making import an_order, given_shop
from tests.world import Shop, sound

DAY = timedelta(days=1)


async def planned(db: Connection, request: SourcingRequest) -> Plan:
    (answer,) = await plan(db, requests=[request], now=NOW)
    assert isinstance(answer, Plan), answer
    return answer


async def decision_on(db: Connection, request: SourcingRequest) -> Decision:
    (found,) = (await decisions_of(db, [request.order_id]))[request.order_id]
    return found


def bought_for(request: SourcingRequest, net_minor: int) -> SourcingRequest:
    lines = tuple(msgspec.structs.replace(line, unit_net_minor=net_minor) for line in request.lines)
    return msgspec.structs.replace(request, lines=lines)


async def costs(db: Connection, shop: Shop, **by_place: int) -> None:
    """What a chair costs by location; `anywhere` is wherever it comes from."""
    given = [
        UnitCost(
            sku_id=shop.skus["chair"].id,
            currency="EUR",
            cost_minor=minor,
            location_id=None if name == "anywhere" else shop.locations[name].id,
        )
        for name, minor in by_place.items()
    ]
    sound(await set_unit_costs(db, costs=given, now=NOW))


async def test_units_on_which_more_is_earned_are_sent_though_freight_is_dearer(db: Connection) -> None:
    """SRC-03: the supplier asks 3.00 more than what a unit usually costs."""
    shop, _ = await given_shop(
        db,
        {"chair": {"own": 5, "supplier": 5}},
        postal_codes={"own": "08001", "supplier": "28014"},
        prices={"08": 700, "28": 500},
    )
    before = an_order(shop, ("chair", 2))
    cheap = await planned(db, before)
    await costs(db, shop, anywhere=1_000, supplier=1_300)
    request = bought_for(an_order(shop, ("chair", 2)), 2_000)

    found = await planned(db, request)

    assert {one.location_id for one in cheap.assignments} == {shop.locations["supplier"].id}
    assert {one.location_id for one in found.assignments} == {shop.locations["own"].id}
    decision = await decision_on(db, request)
    second = next(one for one in decision.considered if one.location_id == decision.runner_up_id)
    assert second.costs
    assert second.costs.margin_minor == 600
    assert decision.profit == Profit(net_minor=4_000, goods_minor=2_000, expenses_minor=990, profit_minor=1_010)


async def test_where_a_cost_is_not_known_no_profit_is_told(db: Connection) -> None:
    """SRC-03."""
    shop, _ = await given_shop(db, {"chair": {"own": 5}})
    request = bought_for(an_order(shop, ("chair", 1)), 2_000)

    await planned(db, request)

    profit = (await decision_on(db, request)).profit
    assert profit == Profit(net_minor=2_000, goods_minor=None, expenses_minor=620, profit_minor=None)


async def test_what_would_come_late_is_sent_from_where_it_does_not(db: Connection) -> None:
    """SRC-03: the near location takes a week to prepare; a day late costs one in a hundred of the value."""
    shop, _ = await given_shop(
        db,
        {"chair": {"busy": 5, "quick": 5}},
        postal_codes={"busy": "28014", "quick": "08001"},
        prices={"28": 500, "08": 700},
        busy={"processing_minutes": 7 * 24 * 60},
    )
    promised = {"promised_at": NOW + 4 * DAY, "late_day_bp": 100}
    request = an_order(shop, ("chair", 1))
    lines = tuple(msgspec.structs.replace(line, unit_value_minor=10_000) for line in request.lines)
    request = msgspec.structs.replace(request, lines=lines)
    in_no_hurry = msgspec.structs.replace(request, order_id=fresh_id())

    there = await planned(db, in_no_hurry)
    found = await planned(db, msgspec.structs.replace(request, **promised))

    assert {one.location_id for one in there.assignments} == {shop.locations["busy"].id}
    assert {one.location_id for one in found.assignments} == {shop.locations["quick"].id}
    decision = await decision_on(db, request)
    second = next(one for one in decision.considered if one.location_id == decision.runner_up_id)
    assert second.costs
    assert second.costs.lateness_minor > 200
    assert found.costs.lateness_minor == 0


@given(late=st.tuples(*[st.integers(-20, 60)] * 3).map(sorted))
def test_the_expected_lateness_is_never_more_than_that_of_the_latest_day(late: list[int]) -> None:
    """SRC-03."""
    dates = [NOW + days * DAY for days in late]

    tenths = expected_late_tenths(NOW, (dates[0], dates[1], dates[2]), ZoneInfo("Europe/Madrid"))

    assert min(10 * max(0, late[0]), 300) <= tenths <= min(10 * max(0, late[2]), 300)


async def test_what_lies_too_long_is_sent_though_freight_is_dearer(db: Connection) -> None:
    """SRC-03: nothing was sold there for a month."""
    shop, _ = await given_shop(
        db,
        {"chair": {"near": 5, "full": 5}},
        postal_codes={"near": "28014", "full": "08001"},
        prices={"28": 500, "08": 700},
    )
    await costs(db, shop, anywhere=1_000)
    full = shop.locations["full"].id
    said = StockWorth(location_id=full, target_days=65, markdown_day_bp=10)
    await set_stock_worths(db, worths=[said], now=NOW)

    found = await planned(db, an_order(shop, ("chair", 1)))
    await set_stock_worths(db, worths=[], now=NOW)

    assert {one.location_id for one in found.assignments} == {full}
    assert found.costs.markdown_minor == -300


async def test_a_unit_that_a_store_would_sell_itself_stays_there(db: Connection) -> None:
    """SRC-03: a chair a day over the counter, two left, and a week until more comes."""
    shop, _ = await given_shop(
        db,
        {"chair": {"store": 30, "far": 5}},
        postal_codes={"store": "28014", "far": "08001"},
        prices={"28": 500, "08": 700},
    )
    store = shop.locations["store"].id
    await costs(db, shop, anywhere=1_000)
    sold = Movement(
        key=fresh_code("sale"),
        sku_id=shop.skus["chair"].id,
        quantity=28,
        source=Account.location(store),
        target=Account.customer(),
        reason=MovementReason.SALE_POS,
        document_id=fresh_id(),
        actor="test:till",
        effective_at=NOW - DAY,
    )
    sound(await record_movements(db, movements=[sold], now=NOW - DAY))
    await set_stock_worths(db, worths=[StockWorth(location_id=store, horizon_days=7)], now=NOW)
    await learn_counter_sales(db, now=NOW, limit=100)

    found = await planned(db, bought_for(an_order(shop, ("chair", 1)), 2_000))
    unknown = await planned(db, an_order(shop, ("chair", 1)))
    await set_stock_worths(db, worths=[], now=NOW)

    assert {one.location_id for one in found.assignments} == {shop.locations["far"].id}
    assert {one.location_id for one in unknown.assignments} == {store}


async def test_packaging_is_paid_for_each_parcel_and_each_unit(db: Connection) -> None:
    """SRC-03: nine chairs of 1.2 kg are two parcels of at most 10 kg."""
    shop, _ = await given_shop(
        db, {"chair": {"north": 9}}, north={"packaging_parcel_minor": 45, "packaging_unit_minor": 10}
    )
    found = await planned(db, an_order(shop, ("chair", 9)))

    assert found.costs.packaging_minor == 2 * 45 + 9 * 10


async def test_a_location_that_packs_in_another_currency_is_out(db: Connection) -> None:
    """SRC-02."""
    shop, _ = await given_shop(
        db,
        {"chair": {"far": 1}},
        far={"handling_order_minor": 0, "handling_unit_minor": 0, "packaging_unit_minor": 1, "currency": "USD"},
    )
    request = an_order(shop, ("chair", 1))

    await plan(db, requests=[request], now=NOW)

    assert [one.rule for one in (await decision_on(db, request)).considered] == [Rule.OTHER_CURRENCY]
