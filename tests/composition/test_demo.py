"""The demo company, on a database of its own, seen through the rooms' own queries."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.catalog.domain import SkuKind
from batuta.catalog.queries import components_of, skus_by_code
from batuta.cli.demo import COMPANY, DemoSummary, load_demo
from batuta.company.commands import save_channels
from batuta.company.queries import channels_by_code
from batuta.customers.queries import consents_of, customer_addresses, customers_by_external_id
from batuta.identity.domain import Role
from batuta.identity.queries import active_staff
from batuta.inventory.queries import availability
from batuta.kernel.addresses import check_address, distance_m
from batuta.kernel.ids import child_id
from batuta.locations.domain import Ability, Location, LocationKind, is_open, next_open, open_periods
from batuta.locations.queries import all_locations
from batuta.plumbing.database import Connection, Engine
from batuta.pricing.domain import Quote, QuoteLine, QuoteRequest
from batuta.pricing.queries import quote
from batuta.shipping.domain import NotServed, RateRequest, ServiceKind
from batuta.shipping.queries import rates
from tests.composition.databases import engine_on
from tests.conftest import create_database
from tests.making import NOW, fresh_id


@pytest.fixture(scope="module")
def company_url(server_url: str, worker_id: str) -> str:
    name = f"test_demo_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    asyncio.run(_load(url))
    return url


async def _load(url: str) -> None:
    """Three processes that start at once on one empty database."""
    async with engine_on(url) as engine:
        summaries = await asyncio.gather(*(load_demo(engine, now=NOW) for _ in range(3)))
    assert sorted(summary.is_new for summary in summaries) == [False, False, True]


@pytest.fixture
async def company(company_url: str) -> AsyncIterator[Engine]:
    async with engine_on(company_url) as engine:
        yield engine


@pytest.fixture
async def db(company: Engine) -> AsyncIterator[Connection]:
    async with company.connect() as connection:
        await connection.begin()
        yield connection
        await connection.rollback()


async def sku_codes(db: Connection) -> list[str]:
    return list((await db.execute(text("SELECT code FROM catalog.sku ORDER BY code"))).scalars())


async def test_loading_again_changes_nothing(company: Engine) -> None:
    async def rows() -> dict[str, list[str]]:
        async with company.connect() as db:
            tables = await db.execute(
                text(
                    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
                    " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
                )
            )
            return {
                table: list((await db.execute(text(f"SELECT t::text FROM {table} t ORDER BY 1"))).scalars())
                for table in tables.scalars()
            }

    before = await rows()
    summary = await load_demo(company, now=NOW + timedelta(days=1))

    assert await rows() == before
    assert summary == DemoSummary(
        is_new=False,
        channels=4,
        locations=12,
        products=67,
        skus=77,
        units=summary.units,
        services=5,
        customers=16,
        staff=18,
    )


async def test_what_people_changed_in_it_stays(company: Engine) -> None:
    async with company.begin() as db:
        [web] = (await channels_by_code(db, ["web"])).values()
        await save_channels(db, channels=[msgspec.structs.replace(web, name="Nuestra tienda")], now=NOW)

    await load_demo(company, now=NOW)

    async with company.begin() as db:
        assert (await channels_by_code(db, ["web"]))["web"].name == "Nuestra tienda"
        await save_channels(db, channels=[web], now=NOW)


async def test_two_warehouses_eight_stores_one_third_party_and_one_supplier_keep_their_hours(
    db: Connection,
) -> None:
    locations = list((await all_locations(db)).by_id.values())

    kinds = [one.kind for one in locations]
    assert {kind: kinds.count(kind) for kind in LocationKind} == {
        LocationKind.WAREHOUSE: 2,
        LocationKind.STORE: 8,
        LocationKind.THIRD_PARTY: 1,
        LocationKind.SUPPLIER: 1,
    }
    for one in locations:
        assert check_address(one.address) == one.address
        assert one.gln
        assert Ability.SHIP in one.abilities
        assert (Ability.PICKUP in one.abilities) == (one.kind is LocationKind.STORE)
        assert open_periods(one, date(2026, 12, 25)) == []
        opens = next_open(one, datetime(2026, 12, 25, 9, tzinfo=UTC))
        assert opens
        assert is_open(one, opens)
    canary = next(one for one in locations if one.code == "LAS-PALMAS")
    assert canary.time_zone == "Atlantic/Canary"


async def test_places_lie_in_spain_and_apart(db: Connection) -> None:
    def point(one: Location) -> tuple[float, float]:
        assert one.latitude is not None
        assert one.longitude is not None
        return one.latitude, one.longitude

    points = [point(one) for one in (await all_locations(db)).by_id.values()]

    for latitude, longitude in points:
        assert 27.6 < latitude < 43.8
        assert -18.2 < longitude < 4.4
    assert min(distance_m(*one, *other) for one in points for other in points if one != other) > 5_000


async def test_every_sku_has_a_name_a_size_and_its_own_gtin_if_it_is_a_good(db: Connection) -> None:
    skus = list((await skus_by_code(db, await sku_codes(db))).values())
    goods = [one for one in skus if one.kind is SkuKind.GOOD]

    assert len({one.gtin for one in goods}) == len(goods) >= 60
    for one in goods:
        assert min(one.weight_g, one.length_mm, one.width_mm, one.height_mm) > 0
        assert one.is_tracked
    assert {one.tax_category for one in skus} == {"standard", "reduced", "super_reduced"}
    bundles = {one.id for one in skus if one.kind is SkuKind.BUNDLE}
    assert set(await components_of(db, bundles)) == bundles
    assert {one.code for one in skus if one.kind is SkuKind.SERVICE} == {"ENVOLTORIO-REGALO", "MONTAJE-MUEBLE"}


async def test_every_good_can_be_bought_somewhere(db: Connection) -> None:
    skus = await skus_by_code(db, await sku_codes(db))
    goods = {one.id for one in skus.values() if one.is_tracked}

    available = await availability(db, sku_ids=sorted(goods), now=NOW)

    assert {one.sku_id for one in available if one.available} == goods
    assert any(one.safety for one in available)


@pytest.mark.parametrize(
    ("channel", "region", "rate_bp"),
    [("web", "M", 2_100), ("web", "GC", 700), ("web", "CE", 1_000), ("tiendas", "", 2_100), ("empresas", "TO", 2_100)],
)
async def test_every_sku_has_a_price_and_its_tax_in_every_channel(
    db: Connection, channel: str, region: str, rate_bp: int
) -> None:
    [sold_in] = (await channels_by_code(db, [channel])).values()
    skus = await skus_by_code(db, await sku_codes(db))
    request = QuoteRequest(
        id=fresh_id(),
        channel_id=sold_in.id,
        currency=sold_in.currency,
        tax_mode=sold_in.tax_mode,
        country="ES",
        region=region,
        service_kind="standard",
        rounding_rule=sold_in.policies.rounding_rule,
        at=NOW,
        lines=[
            QuoteLine(line_id=child_id(sku.id, "line"), sku_id=sku.id, tax_category=sku.tax_category, quantity=1)
            for sku in skus.values()
        ],
    )

    [answer] = await quote(db, requests=[request])

    assert isinstance(answer, Quote)
    assert min(line.unit_price_minor for line in answer.lines) > 0
    assert {line.tax_rate_bp for line in answer.lines if line.tax_category == "standard"} == {rate_bp}
    assert answer.shipping.gross_minor == 0, "so much is carried free"


async def priced(db: Connection, channel: str, code: str, at: datetime) -> int:
    [sold_in] = (await channels_by_code(db, [channel])).values()
    [sku] = (await skus_by_code(db, [code])).values()
    line = QuoteLine(line_id=sku.id, sku_id=sku.id, tax_category=sku.tax_category, quantity=1)
    request = QuoteRequest(
        id=fresh_id(),
        channel_id=sold_in.id,
        currency="EUR",
        tax_mode=sold_in.tax_mode,
        country="ES",
        at=at,
        lines=[line],
    )
    [answer] = await quote(db, requests=[request])
    assert isinstance(answer, Quote)
    return answer.lines[0].unit_price_minor


async def test_the_winter_sale_lasts_from_the_seventh_of_january_to_the_end_of_february(db: Connection) -> None:
    """Madrid's midnight is 23:00 of Greenwich."""
    days = [datetime(2027, 1, 6, 22, 59), datetime(2027, 1, 6, 23), datetime(2027, 2, 28, 23)]  # noqa: DTZ001

    prices = [await priced(db, "web", "MANTA-LANA", day.replace(tzinfo=UTC)) for day in days]

    assert prices == [8_990, 6_743, 8_990]
    assert await priced(db, "empresas", "MANTA-LANA", NOW) == 6_687, "a tenth lower, and without 21 %"


async def asked(db: Connection, kind: ServiceKind, origin: str, destination: str, **size: int) -> object:
    request = RateRequest(
        id=fresh_id(),
        origin_country="ES",
        origin_postal_code=origin,
        destination_country="ES",
        destination_postal_code=destination,
        service_kind=kind,
        **{"weight_g": 2_000, "length_mm": 400, **size},
    )
    [answer] = (await rates(db, requests=[request])).values()
    return answer if isinstance(answer, NotServed) else [(one.service_code, one.zone) for one in answer]


@pytest.mark.parametrize(
    ("kind", "origin", "destination", "expected"),
    [
        (ServiceKind.STANDARD, "28906", "28004", [("mesta-48", "province"), ("mesta-volumen", "peninsula")]),
        (ServiceKind.STANDARD, "28906", "36202", [("mesta-48", "peninsula"), ("mesta-volumen", "peninsula")]),
        (ServiceKind.STANDARD, "50197", "07003", [("mesta-48", "balearics"), ("mesta-volumen", "balearics")]),
        (ServiceKind.STANDARD, "28906", "38003", [("mesta-48", "canaries"), ("mesta-volumen", "canaries")]),
        (ServiceKind.STANDARD, "28906", "51001", [("mesta-48", "ceuta_melilla")]),
        (ServiceKind.STANDARD, "35002", "28004", [("mesta-48", "canaries"), ("mesta-volumen", "canaries")]),
        (ServiceKind.EXPRESS, "28906", "36202", [("mesta-24", "peninsula")]),
        (ServiceKind.EXPRESS, "07002", "28004", [("mesta-24", "balearics")]),
        (ServiceKind.COURIER, "28004", "28010", [("yamoto-1h", "city")]),
        (ServiceKind.PICKUP, "41004", "41002", [("recogida", "store")]),
    ],
)
async def test_carriers_know_the_zones_of_spain(
    db: Connection, kind: ServiceKind, origin: str, destination: str, expected: list[tuple[str, str]]
) -> None:
    assert await asked(db, kind, origin, destination) == expected


@pytest.mark.parametrize(
    ("kind", "origin", "destination"),
    [
        (ServiceKind.EXPRESS, "28906", "38003"),
        (ServiceKind.EXPRESS, "35002", "28004"),
        (ServiceKind.EXPRESS, "28906", "52001"),
        (ServiceKind.COURIER, "28906", "28010"),
        (ServiceKind.COURIER, "08007", "28010"),
    ],
)
async def test_no_express_to_the_islands_far_away_and_no_courier_between_towns(
    db: Connection, kind: ServiceKind, origin: str, destination: str
) -> None:
    assert isinstance(await asked(db, kind, origin, destination), NotServed)


async def test_a_sofa_goes_by_the_carrier_of_large_goods_and_not_to_ceuta(db: Connection) -> None:
    [sofa] = (await skus_by_code(db, ["SOFA-SIROCO-3-VER"])).values()
    size = {"weight_g": sofa.weight_g, "length_mm": sofa.length_mm}

    by_land = await asked(db, ServiceKind.STANDARD, "30510", "28004", **size)

    assert by_land == [("mesta-volumen", "peninsula")]
    assert isinstance(await asked(db, ServiceKind.STANDARD, "30510", "51001", **size), NotServed)


async def test_people_and_companies_have_a_checked_address_and_some_want_news(db: Connection) -> None:
    codes = [f"C-{n:04d}" for n in range(1, 13)] + [f"E-{n:04d}" for n in range(1, 5)]
    customers = await customers_by_external_id(db, codes)
    ids: list[UUID] = [one.id for one in customers.values()]

    assert sorted(customers) == codes
    books = await customer_addresses(db, ids)
    assert set(books) == set(ids)
    regions = {book[0].address.region for book in books.values()}
    assert {"M", "PM", "TF", "CE", "ML"} <= regions
    assert 0 < len(await consents_of(db, ids)) < len(ids)


async def test_somebody_works_in_every_role_and_in_every_store(db: Connection) -> None:
    staff = await active_staff(db)
    every = (await all_locations(db)).by_id.values()
    stores = [one for one in every if one.kind is LocationKind.STORE]

    assert {one.role for one in staff} == set(Role)
    for store in stores:
        assert any(one.role is Role.STORE and one.works_at(store.id) for one in staff)
    assert {one.id for one in staff} == {child_id(COMPANY, "staff", one.email) for one in staff}
