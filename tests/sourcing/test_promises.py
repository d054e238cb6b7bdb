"""Promises before the order, on a real database (PRM-02, PRM-04, PRM-08)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from batuta.catalog.commands import save_skus
from batuta.inventory.commands import expect, promise_ahead, set_limits
from batuta.inventory.domain.supply import Expected, SupplyKind
from batuta.inventory.domain.waiting import AheadLine, AheadRequest, BackorderLimit
from batuta.kernel.addresses import Address
from batuta.kernel.ids import child_id
from batuta.locations.commands import close_days, save_places, save_transfer_lanes
from batuta.locations.domain import PostalPlace, SpecialDay, TransferLane
from batuta.plumbing.database import Connection
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.shipping.commands import (
    hand_over,
    label_parcels,
    learn_transit,
    open_parcels,
    record_tracking,
    save_pickups,
    save_preparing,
)
from batuta.shipping.domain import HandOver, LabelFormat, Preparing, Scan
from batuta.shipping.domain import Pickups as CarrierPickups
from batuta.shipping.queries import parcels_by_id
from batuta.sourcing.commands import plan
from batuta.sourcing.domain import LimitingStep, Plan, SourcingLine, SourcingRequest
from batuta.sourcing.domain.promises.asking import NoTimeToOrder, Offers, UnknownPostalCode, UnknownSku, UnknownStore
from batuta.sourcing.domain.promises.cut_offs import order_within
from batuta.sourcing.queries import offers
from tests.making import NOW, fresh_id
from tests.shipping.making import a_parcel
from tests.sourcing.making import hold_at
from tests.sourcing.promising import given_market
from tests.world import LONG_AGO, sound

MADRID = ZoneInfo("Europe/Madrid")
HELSINKI = ZoneInfo("Europe/Helsinki")
OFFICE = {day: [("09:00", "18:00")] for day in ("mon", "tue", "wed", "thu", "fri")}
WORKS: dict[str, Any] = {"hours": OFFICE, "cut_off": "17:00"}


@pytest.fixture(autouse=True)
async def finnish_tax(db: Connection) -> None:
    sound(
        await save_tax_rates(
            db, tax_rates=[TaxRate(country="FI", tax_category="standard", rate_bp=2_550, valid=LONG_AGO)], now=NOW
        )
    )


def helsinki(day: date, hour: int = 20) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=HELSINKI).astimezone(UTC)


async def test_an_option_has_its_dates_its_price_its_plan_and_its_cut_off(db: Connection) -> None:
    """PRM-02: Monday at eleven; ready at twelve, taken at five, on the road for one to three days."""
    market = await given_market(db, {"chair": {"north": 3}}, north=WORKS)
    standard = (await market.promised(db))["standard"]

    assert standard.earliest_at == helsinki(date(2026, 3, 3))
    assert standard.p50_at == helsinki(date(2026, 3, 4))
    assert standard.p90_at == helsinki(date(2026, 3, 5))
    assert standard.price_minor == 490
    assert standard.order_by_at == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert standard.limiting_step is LimitingStep.TRANSIT
    assert standard.is_estimated
    (shipment,) = standard.shipments
    assert shipment.location_code == market.shop.locations["north"].code
    assert [(one.sku_code, one.quantity) for one in shipment.lines] == [(market.shop.skus["chair"].code, 1)]


async def test_a_carrier_that_takes_longer_than_its_card_is_promised_so(db: Connection) -> None:
    """The issue: transit days per service and lane learned from own tracking history, used for P50 and P90."""
    market = await given_market(db, {"chair": {"north": 3}}, north=WORKS)
    before = (await market.promised(db))["standard"]
    origin = market.shop.locations["north"].address
    parcels = [
        msgspec.structs.replace(a_parcel(market.services["standard"]), origin=origin, destination=market.there)
        for _ in range(60)
    ]
    await open_parcels(db, parcels=parcels, now=NOW)
    await label_parcels(db, parcel_ids=[one.id for one in parcels], label_format=LabelFormat.ZPL, now=NOW)
    known = await parcels_by_id(db, [one.id for one in parcels])
    left = [NOW - timedelta(days=30 + place % 60) for place in range(60)]
    handovers = [HandOver(parcel_id=one.id, at=at, actor="staff:ana") for one, at in zip(parcels, left, strict=True)]
    await hand_over(db, handovers=handovers, now=NOW)
    scans = [
        Scan(
            carrier_code=market.carrier.code,
            tracking_number=known[one.id].tracking_number or "",
            raw_code="delivered",
            happened_at=at + timedelta(days=12),
            received_at=NOW,
        )
        for one, at in zip(parcels, left, strict=True)
    ]
    await record_tracking(db, scans=scans, now=NOW)

    while await learn_transit(db, now=NOW, limit=500):
        pass
    standard = (await market.promised(db))["standard"]

    assert (before.is_estimated, standard.is_estimated) == (True, False)
    assert standard.p50_at - before.p50_at > timedelta(days=4)
    assert standard.p90_at >= standard.p50_at


async def test_a_location_that_takes_longer_than_it_says_is_promised_so(db: Connection) -> None:
    """PRM-02: half of its parcels are ready within a day of work, nine of ten within two."""
    market = await given_market(db, {"chair": {"north": 3}}, north=WORKS)
    learned = Preparing(
        location_id=market.shop.locations["north"].id, p50_minutes=9 * 60, p90_minutes=18 * 60, lessons=100
    )
    before = (await market.promised(db))["standard"]

    await save_preparing(db, learned=[learned], now=NOW)
    standard = (await market.promised(db))["standard"]

    assert standard.p50_at > before.p50_at
    assert standard.p90_at - before.p90_at > standard.p50_at - before.p50_at


async def test_what_is_promised_is_what_is_planned(db: Connection) -> None:
    """PRM-04: the same search, so the cheaper location that wins is the one whose calendar counts."""
    far = WORKS | {"processing_minutes": 600}
    stock = {"chair": {"north": 3, "south": 3}, "table": {"north": 1, "south": 1}}
    market = await given_market(db, stock, prices={"north": 900, "south": 300}, north=WORKS, south=far)
    ask = market.ask(lines=market.lines(chair=2, table=1))
    standard = (await market.promised(db, lines=ask.lines))["standard"]

    lines = tuple(
        SourcingLine(line_id=child_id(ask.id, name), components=((market.shop.skus[name].id, 1),), quantity=units)
        for name, units in (("chair", 2), ("table", 1))
    )
    request = SourcingRequest(order_id=fresh_id(), lines=lines, destination=market.there, currency="EUR")
    await hold_at(db, request)
    (planned,) = await plan(db, requests=[request], now=NOW)
    assert isinstance(planned, Plan)
    assert {one.location_id for one in planned.assignments} == {one.location_id for one in standard.shipments}
    assert standard.shipments[0].location_id == market.shop.locations["south"].id
    assert standard.order_by_at < datetime(2026, 3, 2, 17, tzinfo=UTC)


async def test_nothing_is_written_and_nothing_taken(db: Connection) -> None:
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)

    assert await market.promised(db) == await market.promised(db)


async def test_a_split_plan_is_there_when_its_last_parcel_is(db: Connection) -> None:
    slow = WORKS | {"processing_minutes": 9 * 60 * 2}
    market = await given_market(db, {"chair": {"north": 1}, "table": {"south": 1}}, north=WORKS, south=slow)
    standard = (await market.promised(db, lines=market.lines(chair=1, table=1)))["standard"]
    first, second = sorted(standard.shipments, key=lambda one: one.p50_at)

    assert standard.p50_at == second.p50_at > first.p50_at


async def test_the_carriers_own_times_go_before_the_cut_off(db: Connection) -> None:
    """PRM-02: the first carrier pickup that comes when it is ready."""
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    times = {day: ["13:30", "19:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    one = CarrierPickups(location_id=market.shop.locations["north"].id, carrier_id=market.carrier.id, weekly=times)
    sound(await save_pickups(db, pickups=[one], now=NOW))
    standard = (await market.promised(db))["standard"]

    assert standard.shipments[0].leaves_at == datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    assert standard.order_by_at == datetime(2026, 3, 2, 11, 30, tzinfo=UTC)


async def test_a_service_is_not_offered_when_it_could_not_keep_its_name(db: Connection) -> None:
    """An hour is an hour, the same day is today, the next is tomorrow, and the weekend is this one."""
    kinds = {"one_hour": (0, 0), "same_day": (0, 0), "next_day": (1, 1), "weekend": (1, 1), "standard": (2, 4)}
    market = await given_market(db, {"chair": {"north": 3}}, kinds=kinds, north=WORKS)
    in_time = await market.promised(db)

    assert set(in_time) == {"same_day", "next_day", "weekend", "standard"}
    assert in_time["same_day"].p90_at == helsinki(date(2026, 3, 2))
    assert in_time["weekend"].p50_at == helsinki(date(2026, 3, 7))
    assert (await market.reasons(db))["one_hour"] == "too_late"

    late = NOW + timedelta(hours=6)
    assert set(await market.promised(db, now=late)) == {"weekend", "standard"}


async def test_an_hour_from_the_store_round_the_corner(db: Connection) -> None:
    quick = WORKS | {"processing_minutes": 15, "latitude": 60.21, "longitude": 24.91}
    market = await given_market(db, {"chair": {"north": 3}}, kinds={"one_hour": (0, 0)}, north=quick)
    one_hour = (await market.promised(db))["one_hour"]

    assert one_hour.p50_at == NOW + timedelta(minutes=25)
    assert one_hour.p90_at == NOW + timedelta(minutes=30)


async def test_stores_near_by_have_it_when_they_are_open(db: Connection) -> None:
    """Pickup at each store that has all of it; a store that is closed today says tomorrow."""
    market = await given_market(
        db, {"chair": {"near": 2, "far": 2, "empty": 0}}, kinds={}, near=WORKS | {"latitude": 60.0}, far=WORKS
    )
    near, far = (market.shop.locations[name] for name in ("near", "far"))
    sound(await close_days(db, days=[SpecialDay(location_id=near.id, day=NOW.date(), reason="flood")], now=NOW))
    for store, at in ((near, datetime(2026, 3, 3, 9, tzinfo=UTC)), (far, datetime(2026, 3, 2, 11, tzinfo=UTC))):
        pickup = (await market.promised(db, store_code=store.code, destination=None))["pickup"]
        assert pickup.p50_at == at
        assert pickup.price_minor == 0
        assert pickup.pickup_location_id == store.id
    empty = market.shop.locations["empty"].code
    assert (await market.reasons(db, store_code=empty, destination=None))["pickup"] == "no_stock"


async def test_what_a_store_lacks_is_promised_from_where_a_lane_leads_to_it(db: Connection) -> None:
    """FUL-12: the other location prepares it, it is two days on its way, and the store prepares it then."""
    late = {day: [("09:00", "20:00")] for day in OFFICE}
    market = await given_market(db, {"chair": {"near": 0, "far": 2}}, kinds={}, near={"hours": late}, far=WORKS)
    near, far = market.shop.locations["near"], market.shop.locations["far"]
    lane = TransferLane(source_location_id=far.id, target_location_id=near.id, transit_days=2, cost_minor=300)
    sound(await save_transfer_lanes(db, lanes=[lane], now=NOW))

    pickup = (await market.promised(db, store_code=near.code, destination=None))["pickup"]

    assert pickup.p50_at == datetime(2026, 3, 4, 17, tzinfo=UTC)
    assert pickup.order_by_at == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert (pickup.limiting_step, pickup.pickup_location_id) == (LimitingStep.TRANSIT, near.id)
    assert [one.location_code for one in pickup.shipments] == [far.code]
    offered = await market.offered(db, store_code=near.code, destination=None)
    assert isinstance(offered, Offers)
    assert offered.store_codes == {near.id: near.code}
    too_many = {"lines": market.lines(chair=3), "store_code": near.code, "destination": None}
    assert (await market.reasons(db, **too_many))["pickup"] == "no_stock"


async def test_a_store_without_hours_is_closed(db: Connection) -> None:
    """PRM-03."""
    market = await given_market(db, {"chair": {"north": 2}}, north={"hours": {}})

    assert (await market.reasons(db, stores_max=9))["standard"] == "closed"
    assert not await market.promised(db, store_code=market.shop.locations["north"].code)


async def test_what_is_sold_out_is_promised_from_supply_where_the_channel_may_sell_ahead(db: Connection) -> None:
    """INV-12, INV-20: the receipt of the tenth covers it, that of the fifth does not."""
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    chair, north = market.shop.skus["chair"].id, market.shop.locations["north"].id
    receipts = [
        Expected(
            id=fresh_id(),
            sku_id=chair,
            location_id=north,
            quantity=units,
            kind=SupplyKind.PURCHASE,
            due_at=datetime(2026, 3, day, 8, tzinfo=UTC),
            document="PO-1",
            actor="test:buyer",
        )
        for day, units in ((5, 1), (10, 5))
    ]
    sound(await expect(db, expected=receipts, now=NOW))
    three = market.lines(chair=3)
    assert (await market.reasons(db, lines=three))["standard"] == "no_stock"

    limit = BackorderLimit(sku_id=chair, channel_id=market.shop.channel.id, units=10)
    sound(await set_limits(db, limits=[limit], now=NOW))
    standard = (await market.promised(db, lines=three))["standard"]
    assert standard.limiting_step is LimitingStep.SUPPLY
    assert standard.shipments[0].ready_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert standard.p50_at == helsinki(date(2026, 3, 12))

    two = await market.promised(db, lines=market.lines(chair=2))
    assert two["standard"].shipments[0].ready_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    one = await market.promised(db)
    assert one["standard"].limiting_step is not LimitingStep.SUPPLY


async def test_nothing_is_promised_from_supply_beyond_what_the_channel_may_still_sell_ahead(db: Connection) -> None:
    """INV-12: what others wait for already has used up a part of the limit."""
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    chair, north, channel = market.shop.skus["chair"].id, market.shop.locations["north"].id, market.shop.channel.id
    receipt = Expected(
        id=fresh_id(),
        sku_id=chair,
        location_id=north,
        quantity=50,
        kind=SupplyKind.PURCHASE,
        due_at=datetime(2026, 3, 10, 8, tzinfo=UTC),
        document="PO-1",
        actor="test:buyer",
    )
    sound(await expect(db, expected=[receipt], now=NOW))
    sound(await set_limits(db, limits=[BackorderLimit(sku_id=chair, channel_id=channel, units=5)], now=NOW))
    assert "standard" in await market.promised(db, lines=market.lines(chair=6))
    assert (await market.reasons(db, lines=market.lines(chair=7)))["standard"] == "no_stock"

    others = AheadRequest(
        order_id=fresh_id(),
        channel_id=channel,
        lines=(AheadLine(line_id=fresh_id(), sku_id=chair, units=3),),
        ordered_at=NOW,
    )
    sound(await promise_ahead(db, requests=[others], now=NOW))

    assert "standard" in await market.promised(db, lines=market.lines(chair=3))
    assert (await market.reasons(db, lines=market.lines(chair=4)))["standard"] == "no_stock"


async def test_a_postal_code_is_put_on_the_map_or_refused(db: Connection) -> None:
    """A code that its country cannot have, and one that a listed country has not."""
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    nowhere = msgspec.structs.replace(market.there, latitude=None, longitude=None)
    assert "standard" in await market.promised(db, destination=nowhere)

    wrong = msgspec.structs.replace(nowhere, postal_code="ABC")
    assert isinstance(await market.offered(db, destination=wrong), UnknownPostalCode)
    place = PostalPlace(country="IS", postal_code="101", name="Reykjavík", latitude=64.1, longitude=-21.9)
    await save_places(db, country="IS", places=[place])
    iceland = Address(street=[], city="", country="IS", postal_code="902")
    assert isinstance(await market.offered(db, destination=iceland), UnknownPostalCode)


async def test_what_is_not_there_is_refused_by_its_name(db: Connection) -> None:
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    lines = [msgspec.structs.replace(market.lines(chair=1)[0], sku_code="nothing")]

    assert isinstance(await market.offered(db, lines=lines), UnknownSku)
    assert isinstance(await market.offered(db, store_code="nowhere"), UnknownStore)
    (late,) = await offers(db, asks=[market.ask(at=NOW - timedelta(days=1))], now=NOW)
    assert isinstance(late, NoTimeToOrder)


async def test_a_service_nobody_charges_for_is_not_offered(db: Connection) -> None:
    market = await given_market(db, {"chair": {"north": 1}}, kinds={"express": (1, 2)}, north=WORKS)
    other = await given_market(db, {"chair": {"north": 1}}, kinds={}, north=WORKS)
    there = msgspec.structs.replace(other, there=market.there)

    assert await there.reasons(db) == {"express": "no_charge"}


async def test_what_no_service_takes_is_not_served(db: Connection) -> None:
    market = await given_market(db, {"chair": {"north": 1}}, north=WORKS)
    heavy = msgspec.structs.replace(market.shop.skus["chair"], weight_g=31_000)
    sound(await save_skus(db, skus=[heavy], now=NOW))

    assert await market.reasons(db) == {"standard": "not_served"}


@pytest.mark.parametrize(
    ("seconds", "locale", "said"),
    [
        (8_040, "en", "Order within 2 h 14 min"),
        (8_040, "es-ES", "Haz tu pedido en las próximas 2 h 14 min"),
        (2_700, "es", "Haz tu pedido en los próximos 45 min"),
        (2_700, "en", "Order within 45 min"),
        (90_000, "es", "Haz tu pedido en los próximos 1 día 1 h"),
        (180_000, "en", "Order within 2 days 2 h"),
        (5, "en", "Order now"),
    ],
)
def test_the_cut_off_is_said_in_two_languages(seconds: int, locale: str, said: str) -> None:
    """PRM-04."""
    assert order_within(seconds, locale) == said
