"""Price lists, prices, tax rates and shipping charges, set through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from batuta.plumbing.database import Engine
from batuta.pricing.api import ROUTES
from batuta.pricing.commands.telling import tax_stream
from tests.asking import House, a_caller, at, problem, told
from tests.counting import statements_of
from tests.making import fresh_code, fresh_id
from tests.world import Shop, build_shop

DAY = timedelta(days=1)


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 1}, "table": {"north": 1}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def operator(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("pricing.read", "pricing.manage"))


@pytest.fixture
async def list_id(operator: httpx.AsyncClient, shop: Shop) -> str:
    body = {"code": fresh_code("list"), "channel_id": str(shop.channel.id), "currency": "EUR", "priority": 5}
    return str((await operator.post("/api/price-lists", json=body)).json()["id"])


def lines(*rows: dict[str, Any]) -> bytes:
    return msgspec.json.Encoder().encode_lines(rows)


async def unit_minor(operator: httpx.AsyncClient, shop: Shop) -> int:
    body = {"channel_code": shop.channel.code, "lines": [{"sku_code": shop.skus["chair"].code, "quantity": 1}]}
    return int((await operator.post("/api/quotes", json=body)).json()["gross_minor"])


async def test_a_price_list_is_changed_by_its_version_and_keeps_its_channel(
    operator: httpx.AsyncClient, list_id: str
) -> None:
    """PLT-02"""
    path = f"/api/price-lists/{list_id}"
    read = await operator.get(path)
    body = {name: value for name, value in read.json().items() if name != "id"}

    changed = await operator.put(path, json=body | {"priority": 7}, headers={"if-match": read.headers["etag"]})
    late = await operator.put(path, json=body | {"priority": 8}, headers={"if-match": read.headers["etag"]})

    assert (changed.json()["priority"], changed.headers["etag"]) == (7, '"2"')
    assert problem(late) == (409, "version_conflict")
    assert problem(await operator.put(path, json=body | {"currency": "USD"})) == (409, "price_list_is_fixed")
    assert problem(await operator.put(path, json=body | {"code": fresh_code("l")})) == (409, "code_is_fixed")
    nowhere = await operator.post("/api/price-lists", json=body | {"channel_id": str(fresh_id())})
    assert problem(nowhere) == (404, "no_such_channel")


async def test_a_price_holds_from_its_beginning_on_and_each_line_is_taken_by_itself(
    operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    """PLT-08"""
    chair, table = shop.skus["chair"].code, shop.skus["table"].code
    soon = datetime.now(UTC) + DAY
    body = lines(
        {"sku_code": chair, "amount_minor": 1_990},
        {"sku_code": fresh_code("none"), "amount_minor": 1},
        {"sku_code": table, "amount_minor": -1},
        {"sku_code": table, "amount_minor": 5_000, "from_at": soon.isoformat(), "until_at": (soon - DAY).isoformat()},
        {"sku_code": table, "amount_minor": 5_000, "from_at": soon.isoformat()},
    )
    path = f"/api/price-lists/{list_id}/prices"

    tried = await operator.post(path, content=body, params={"dry_run": "true"})
    assert await unit_minor(operator, shop) == 2_500
    done = await operator.post(path, content=body)

    assert [(one["line"], one["code"]) for one in done.json()["refused"]] == [
        (2, "unknown_sku"),
        (3, "bad_price_row"),
        (4, "ends_too_early"),
    ]
    assert tried.json() == done.json() | {"is_dry_run": True}
    assert (done.json()["lines"], done.json()["taken"]) == (5, 2)
    assert await unit_minor(operator, shop) == 1_990


async def test_no_request_asks_for_more_than_can_be_looked_at(
    operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    chair, soon = shop.skus["chair"].code, datetime.now(UTC) + DAY
    path = f"/api/price-lists/{list_id}/prices"
    rows = [{"sku_code": chair, "amount_minor": i, "from_at": (soon + i * DAY).isoformat()} for i in range(101)]

    many = (await operator.post(path, content=lines(*rows))).json()

    assert many["taken"] == 100
    assert [(one["line"], one["code"]) for one in many["refused"]] == [(101, "too_many_rows")]
    assert problem(await operator.post(path, content=b"{}\n" * 20_001)) == (400, "too_many_rows")


async def test_what_has_begun_keeps_its_amount_and_may_end_otherwise(
    operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    path, now = f"/api/price-lists/{list_id}/prices", datetime.now(UTC)
    price = {"sku_code": shop.skus["chair"].code, "amount_minor": 1, "from_at": (now - DAY).isoformat()}
    await operator.post(path, content=lines(price | {"until_at": (now + 9 * DAY).isoformat()}))

    other = await operator.post(path, content=lines(price | {"amount_minor": 2}))
    shorter = await operator.post(path, content=lines(price | {"until_at": (now + DAY).isoformat()}))
    past = await operator.post(path, content=lines(price | {"until_at": (now - DAY / 2).isoformat()}))

    found = (await operator.get("/api/prices", params={"price_list_id": list_id})).json()["items"]
    assert [one["valid"]["until_at"] for one in found] == [(now + DAY).isoformat().replace("+00:00", "Z")]
    assert [one.json()["taken"] for one in (other, shorter, past)] == [0, 1, 0]
    assert other.json()["refused"][0]["code"] == past.json()["refused"][0]["code"] == "periods_overlap"


async def test_a_price_that_has_not_begun_is_taken_back_and_the_one_before_it_holds_on(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    path, now = f"/api/price-lists/{list_id}/prices", datetime.now(UTC)
    code, soon, later = shop.skus["chair"].code, (now + DAY).isoformat(), (now + 2 * DAY).isoformat()
    price = {"sku_code": code, "amount_minor": 1}
    await operator.post(
        path,
        content=lines(
            price | {"from_at": (now - DAY).isoformat()},
            price | {"amount_minor": 2, "from_at": soon},
            price | {"amount_minor": 3, "from_at": later, "until_at": (now + 3 * DAY).isoformat()},
        ),
    )
    gone = {"sku_code": code, "amount_minor": None}

    tried = await operator.post(path, content=lines(gone | {"from_at": soon}), params={"dry_run": "true"})
    taken = await operator.post(
        path,
        content=lines(
            price | {"amount_minor": 4, "from_at": later},
            gone | {"from_at": later},
            gone | {"from_at": soon},
            gone | {"from_at": soon},
            gone | {"from_at": (now - DAY).isoformat()},
            gone,
            gone | {"sku_code": "no-such", "from_at": soon},
        ),
    )

    assert (tried.json()["taken"], tried.json()["refused"]) == (1, [])
    found = (await operator.get("/api/prices", params={"price_list_id": list_id})).json()["items"]
    assert [one["amount_minor"] for one in found] == [1, 4]
    assert found[0]["valid"]["until_at"] == found[1]["valid"]["from_at"]
    assert found[1]["valid"]["until_at"] is None
    assert [(one["line"], one["code"]) for one in taken.json()["refused"]] == [
        (4, "no_such_price"),
        (5, "price_has_begun"),
        (6, "bad_price_row"),
        (7, "unknown_sku"),
    ]
    in_spanish = await operator.post(path, content=lines(gone | {"from_at": soon}), headers={"accept-language": "es"})
    assert in_spanish.json()["refused"][0]["detail"] == "Ningún precio empieza entonces."
    *_, (_, _, forgotten), _ = await told(engine, list_id)
    assert [(one["amount_minor"], one["was_amount_minor"]) for one in forgotten["prices"]] == [
        (None, 3),
        (None, 2),
        (1, 1),
    ]


async def test_prices_sent_again_tell_nothing_and_leave_what_is_kept_of_prices(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    """PLT-12"""
    path = f"/api/price-lists/{list_id}/prices"
    price = {"sku_code": shop.skus["chair"].code, "amount_minor": 1, "from_at": "2026-01-01T00:00:00Z"}
    await operator.post(path, content=lines(price))

    with statements_of(engine) as statements:
        await operator.post(path, content=lines(price))

    assert not any("plumbing.change" in one and one.startswith(("INSERT", "DELETE")) for one in statements)
    assert len(await told(engine, list_id)) == 2


async def test_who_set_a_price_is_told_with_the_one_before(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    """PLT-06"""
    chair = shop.skus["chair"]
    path = f"/api/price-lists/{list_id}/prices"
    for amount_minor in (1_990, 1_990, 2_090):
        await operator.post(path, content=lines({"sku_code": chair.code, "amount_minor": amount_minor}))

    facts = await told(engine, list_id)

    assert [(name, actor) for name, actor, _ in facts[:2]] == [
        ("pricing.price_list_saved", "staff:ana@example.com"),
        ("pricing.prices_set", "staff:ana@example.com"),
    ]
    closed, begun = facts[-1][2]["prices"]
    assert (closed["amount_minor"], closed["was_until_at"], closed["until_at"]) == (1_990, None, begun["from_at"])
    assert (begun["sku_id"], begun["amount_minor"], begun["was_amount_minor"]) == (str(chair.id), 2_090, None)


async def test_the_same_request_under_one_key_sets_prices_once(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop, list_id: str
) -> None:
    """PLT-01"""
    body = lines({"sku_code": shop.skus["chair"].code, "amount_minor": 1_990})
    key = {"idempotency-key": fresh_code("prices")}

    first, again = [
        await operator.post(f"/api/price-lists/{list_id}/prices", content=body, headers=key) for _ in range(2)
    ]

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await told(engine, list_id)) == 2


async def test_tax_rates_are_set_together_or_not_at_all(engine: Engine, operator: httpx.AsyncClient) -> None:
    category = fresh_code("tax")
    good = {"country": "PT", "tax_category": category, "rate_bp": 2_300}
    past = good | {"rate_bp": 600, "from_at": "2020-01-01T00:00:00Z"}

    refused = await operator.post("/api/tax-rates", json={"rates": [good, past]})
    done = await operator.post("/api/tax-rates", json={"rates": [good, good | {"region": "20", "rate_bp": 1_600}]})

    assert problem(refused) == (409, "some_refused")
    backwards = {"rates": [good | {"until_at": "2020-01-01T00:00:00Z"}]}
    assert problem(await operator.post("/api/tax-rates", json=backwards)) == (409, "ends_too_early")
    assert [one["position"] for one in refused.json()["facts"]["refused"]] == [1]
    assert [one["rate_bp"] for one in done.json()["rates"]] == [2_300, 1_600]
    name, actor, said = (await told(engine, tax_stream("PT")))[-1]
    assert (name, actor, said["country"]) == ("pricing.tax_rates_set", "staff:ana@example.com", "PT")
    assert [one["rate_bp"] for one in said["rates"] if one["tax_category"] == category] == [2_300, 1_600]


async def test_shipping_charges_of_a_service_are_set_together(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop
) -> None:
    """PLT-02"""
    path = f"/api/channels/{shop.channel.id}/shipping-charges/express"
    tiers = [{"charge_minor": 0}, {"charge_minor": 990, "up_to_amount_minor": 4_999}]

    none = await operator.get(path)
    made = await operator.put(path, json={"tiers": tiers}, headers={"if-match": none.headers["etag"]})
    late = await operator.put(path, json={"tiers": tiers[:1]}, headers={"if-match": none.headers["etag"]})
    twice = await operator.put(path, json={"tiers": [tiers[0], tiers[0]]})

    assert [one["charge_minor"] for one in made.json()["charges"]] == [990, 0]
    assert made.headers["etag"] == (await operator.get(path)).headers["etag"] != none.headers["etag"]
    assert problem(late) == (409, "version_conflict")
    assert problem(twice) == (409, "some_refused")
    assert problem(await operator.put(path.replace("express", "fast"), json={"tiers": tiers})) == (400, "invalid")
    assert (await operator.delete(path)).status_code == 204
    assert (await operator.get(path)).json() == {"charges": []}
    facts = [said for name, _, said in await told(engine, shop.channel.id) if name == "pricing.shipping_charges_set"]
    assert [len(said["after"]) for said in facts] == [1, 2, 0]
    assert facts[2]["before"] == facts[1]["after"]


async def test_who_is_bound_to_channels_or_locations_sets_no_more_than_theirs(
    house: House, shop: Shop, list_id: str
) -> None:
    """PLT-07"""
    stranger = house.asked_by(a_caller("pricing.manage", channel_ids=frozenset({fresh_id()})))
    clerk = house.asked_by(a_caller("pricing.manage", **at(fresh_id())))
    rate = {"rates": [{"country": "PT", "tax_category": fresh_code("tax"), "rate_bp": 0}]}

    assert problem(await stranger.post(f"/api/price-lists/{list_id}/prices", content=b"")) == (
        404,
        "no_such_price_list",
    )
    assert problem(
        await stranger.put(
            f"/api/channels/{shop.channel.id}/shipping-charges/express", json={"tiers": [{"charge_minor": 0}]}
        )
    ) == (404, "unknown_channel")
    assert problem(await stranger.post("/api/tax-rates", json=rate)) == (403, "bound_to_places")
    for path in ("/api/tax-rates", f"/api/price-lists/{list_id}/prices"):
        assert problem(await clerk.post(path, json=rate)) == (403, "bound_to_places")
