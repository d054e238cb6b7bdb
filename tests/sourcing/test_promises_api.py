"""POST /api/promises: options, cut-offs, and what is refused (PRM-02, PRM-04)."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from batuta.ordering.api import ROUTES as ORDERING
from batuta.plumbing.database import Engine
from batuta.plumbing.web.moments import moment
from batuta.pricing.commands import save_tax_rates
from batuta.pricing.domain import TaxRate
from batuta.sourcing.api import ROUTES
from tests.asking import House, a_caller, problem
from tests.making import NOW
from tests.sourcing.promising import Market, given_market
from tests.world import LONG_AGO

MAY = ("inventory.read", "orders.place", "orders.read")


@pytest.fixture
async def market(engine: Engine) -> Market:
    async with engine.begin() as db:
        rate = TaxRate(country="FI", tax_category="standard", rate_bp=2_550, valid=LONG_AGO)
        await save_tax_rates(db, tax_rates=[rate], now=NOW)
        return await given_market(db, {"chair": {"north": 50}, "table": {"north": 50}})


@pytest.fixture
def shopper(engine: Engine) -> httpx.AsyncClient:
    return House(engine, [*ROUTES, *ORDERING]).asked_by(a_caller(*MAY, locale="es"))


def body(market: Market, **changes: Any) -> dict[str, Any]:
    given = {
        "channel_code": market.shop.channel.code,
        "lines": [{"sku_code": market.shop.skus["chair"].code, "quantity": 2}],
        "destination": {"country": "FI", "postal_code": market.there.postal_code},
    }
    return given | changes


async def test_options_come_with_a_cut_off_in_the_callers_language_and_a_promise(
    shopper: httpx.AsyncClient, market: Market
) -> None:
    answer = await shopper.post("/api/promises", json=body(market, stores=1))
    assert answer.status_code == 200, answer.text
    options = {one["service_kind"]: one for one in answer.json()["options"]}

    standard = options["standard"]
    assert standard["cut_off"]["sentence"].startswith("Haz tu pedido")
    assert standard["cut_off"]["seconds"] > 0
    assert standard["promise"]
    assert standard["price_minor"] == 490
    assert standard["time_zone"] == "Europe/Helsinki"
    assert standard["earliest_on"] <= standard["p50_on"] <= standard["p90_on"]
    assert standard["shipments"][0]["location_code"] == market.shop.locations["north"].code


async def test_a_promise_for_a_later_order_is_not_signed(shopper: httpx.AsyncClient, market: Market) -> None:
    first = (await shopper.post("/api/promises", json=body(market))).json()
    later = first["as_of"][:10] + "T23:59:59Z"
    answer = await shopper.post("/api/promises", json=body(market, at=later))

    assert all(one["promise"] is None for one in answer.json()["options"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"destination": None}, (409, "nothing_asked")),
        ({"lines": []}, (400, "bad_request")),
        ({"lines": [{"sku_code": "nothing"}]}, (409, "unknown_sku")),
        ({"channel_code": "nothing"}, (409, "unknown_channel")),
        ({"store_code": "nothing"}, (409, "unknown_store")),
        ({"destination": {"country": "FI", "postal_code": "ABC"}}, (409, "unknown_postal_code")),
        ({"destination": {"country": "XX", "postal_code": "1"}}, (409, "unknown_postal_code")),
        ({"destination": {"country": "ES", "postal_code": "99999"}}, (409, "unknown_postal_code")),
        ({"at": "2001-01-01T00:00:00Z"}, (409, "no_time_to_order")),
        ({"stores": 51}, (400, "bad_request")),
    ],
)
async def test_what_cannot_be_promised_is_refused(
    shopper: httpx.AsyncClient, market: Market, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    status, code = problem(await shopper.post("/api/promises", json=body(market, **change)))

    assert status == expected[0]
    if status == 409:
        assert code == expected[1]


async def test_a_channel_that_is_not_theirs_is_unknown(engine: Engine, market: Market) -> None:
    stranger = House(engine, ROUTES).asked_by(a_caller("inventory.read", channel_ids=frozenset()))

    assert problem(await stranger.post("/api/promises", json=body(market))) == (409, "unknown_channel")


async def test_a_product_page_is_told_coarsely_and_may_keep_it(engine: Engine, market: Market) -> None:
    """PRM-07: public, with its tolerance, the same for all that lies alike until the hour is over."""
    public = House(engine, ROUTES).client()
    where = {"channel_code": market.shop.channel.code, "country": "FI", "postal_code": market.there.postal_code}
    chair, table = (f"/api/products/{market.shop.skus[name].code}/promise" for name in ("chair", "table"))

    first = await public.get(chair, params=where)
    assert first.status_code == 200, first.text
    told = first.json()
    assert (told["tolerance_days"], told["zone"]) == (1, market.there.postal_code[:3])
    assert [one["service_kind"] for one in told["options"]] == ["standard"]
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert (await public.get(table, params=where)).json()["options"] == told["options"]
    again = await public.get(chair, params=where, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("change", "code"),
    [({"postal_code": "ABC"}, "unknown_postal_code"), ({"channel_code": "nothing"}, "unknown_channel")],
)
async def test_a_product_page_is_refused_what_is_not_there(
    engine: Engine, market: Market, change: dict[str, str], code: str
) -> None:
    public = House(engine, ROUTES).client()
    where = {"channel_code": market.shop.channel.code, "country": "FI", "postal_code": market.there.postal_code}
    path = f"/api/products/{market.shop.skus['chair'].code}/promise"

    assert problem(await public.get(path, params=where | change)) == (409, code)
    assert problem(await public.get("/api/products/nothing/promise", params=where)) == (409, "unknown_sku")


async def test_windows_are_told_from_when_the_goods_can_be_there(
    engine: Engine, shopper: httpx.AsyncClient, market: Market
) -> None:
    """PRM-06: the window of tomorrow morning is before the goods can come, that of next week is not."""
    postal_code = market.there.postal_code
    assert "slots" in (await shopper.post("/api/promises", json=body(market))).json()
    keeper = House(engine, ROUTES).asked_by(a_caller("locations.write", "inventory.read"))
    made = []
    for days in (0, 20):
        from_at = moment() + timedelta(days=days, hours=1)
        window = {
            "method": "ship",
            "country": "FI",
            "postal_prefixes": [postal_code],
            "from_at": from_at.isoformat(),
            "until_at": (from_at + timedelta(hours=2)).isoformat(),
            "time_zone": "Europe/Helsinki",
            "currency": "EUR",
            "capacity": 3,
        }
        answer = await keeper.post("/api/slots", json=window)
        assert answer.status_code == 200, answer.text
        made.append(answer.json()["id"])

    told = (await shopper.post("/api/promises", json=body(market, slot_days=30))).json()
    assert [one["slot_id"] for one in told["slots"]] == made[1:]
    assert told["slots"][0]["left"] == 3
