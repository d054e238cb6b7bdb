"""Channels, brands and legal entities through the API."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from batuta.company.api import ROUTES
from batuta.plumbing.database import Engine
from batuta.plumbing.web.openapi import document_of
from tests.asking import House, a_caller, at, problem, told
from tests.making import fresh_code, fresh_id
from tests.world import Shop, build_shop

MAY = ("catalog.read", "locations.read")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 1}})


async def test_a_caller_sees_the_channels_it_sells_in(engine: Engine, shop: Shop) -> None:
    """PLT-07"""
    house = House(engine, ROUTES)
    seller = house.asked_by(a_caller(*MAY, channel_ids=frozenset({shop.channel.id})))
    stranger = house.asked_by(a_caller(*MAY, channel_ids=frozenset({fresh_id()})))

    listed = (await seller.get("/api/channels")).json()
    read = await seller.get(f"/api/channels/{shop.channel.id}")

    assert [one["id"] for one in listed["items"]] == [str(shop.channel.id)]
    assert read.json()["policies"]["cart_hold_minutes"] == 10
    assert (await stranger.get("/api/channels")).json() == {"items": [], "next": None}
    assert problem(await stranger.get(f"/api/channels/{shop.channel.id}")) == (404, "unknown_channel")


async def test_brands_and_legal_entities_are_read_page_by_page(engine: Engine, shop: Shop) -> None:
    clerk = House(engine, ROUTES).asked_by(a_caller(*MAY))

    for path, own in (("/api/brands", shop.channel.brand_id), ("/api/legal-entities", shop.entity.id)):
        found, cursor = [], None
        while True:
            where = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            page = (await clerk.get(path, params=where)).json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert str(own) in found
        assert len(set(found)) == len(found)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def operator(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY, "company.manage"))


def an_entity(**said: Any) -> dict[str, Any]:
    return {
        "code": fresh_code("SL"),
        "name": "Lumbre SL",
        "country": "ES",
        "currency": "EUR",
        "time_zone": "Europe/Madrid",
        "tax_number": "ES B-58378431",
    } | said


def a_channel(brand_id: UUID | str, **said: Any) -> dict[str, Any]:
    return {
        "code": fresh_code("web"),
        "name": "Tienda en línea",
        "brand_id": str(brand_id),
        "kind": "web",
        "currency": "EUR",
        "country": "ES",
        "locale": "es",
        "tax_mode": "inclusive",
    } | said


async def test_a_company_is_set_up_from_nothing(operator: httpx.AsyncClient) -> None:
    """PLT-14"""
    entity = (await operator.post("/api/legal-entities", json=an_entity())).json()
    brand = {"code": fresh_code("B"), "name": "Lumbre", "legal_entity_id": entity["id"]}
    saved = (await operator.post("/api/brands", json=brand)).json()
    channel = await operator.post("/api/channels", json=a_channel(saved["id"], policies={"return_days": 60}))

    assert entity["tax_number"] == "B58378431"
    assert (channel.status_code, channel.headers["etag"]) == (200, '"1"')
    assert channel.json()["policies"]["return_days"] == 60
    for path, one in (("legal-entities", entity), ("brands", saved), ("channels", channel.json())):
        read = await operator.get(f"/api/{path}/{one['id']}")
        assert (read.json(), read.headers["etag"]) == (one, '"1"')


async def test_what_somebody_changed_meanwhile_is_not_overwritten(operator: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-02"""
    path, fresh = f"/api/channels/{fresh_id()}", a_channel(shop.channel.brand_id)
    made = await operator.put(path, json=fresh)

    changed = await operator.put(path, json=fresh | {"name": "Web"}, headers={"if-match": made.headers["etag"]})
    late = await operator.put(path, json=fresh | {"name": "Net"}, headers={"if-match": made.headers["etag"]})
    other_id = await operator.put(f"/api/channels/{fresh_id()}", json=fresh)
    other_code = await operator.put(path, json=fresh | {"code": fresh_code("web")})

    assert (changed.json()["name"], changed.headers["etag"]) == ("Web", '"2"')
    assert problem(late) == (409, "version_conflict")
    assert late.json()["facts"]["present"] == 2
    assert problem(other_id) == problem(other_code) == (409, "code_is_fixed")


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"policies": {"cart_minutes": 5}}, 400, "cart_minutes"),
        ({"policies": {"return_days": -1}}, 400, "return_days"),
        ({"policies": {"unpaid_minutes": 10**9}}, 400, "unpaid_minutes"),
        ({"policies": {"rounding_rule": "half"}}, 400, "rounding_rule"),
        ({"policies": {"cart_hold_minutes": 90}}, 409, "policies.cart_hold_minutes"),
        ({"country": "XX"}, 409, "country"),
        ({"currency": "euro"}, 400, "currency"),
        ({"locale": "xx"}, 400, "locale"),
    ],
)
async def test_what_a_channel_cannot_be_is_refused_by_the_name_of_its_field(
    operator: httpx.AsyncClient, shop: Shop, change: dict[str, Any], status: int, told: str
) -> None:
    answer = await operator.post("/api/channels", json=a_channel(shop.channel.brand_id) | change)

    assert answer.status_code == status
    assert told in answer.text


async def test_a_channel_keeps_its_currency_and_tax_mode(operator: httpx.AsyncClient, shop: Shop) -> None:
    kept = a_channel(shop.channel.brand_id)
    await operator.post("/api/channels", json=kept)

    for change in ({"currency": "USD"}, {"tax_mode": "exclusive"}):
        assert problem(await operator.post("/api/channels", json=kept | change)) == (409, "channel_is_fixed")


async def test_who_set_what_is_told_with_what_it_was_before(
    engine: Engine, operator: httpx.AsyncClient, shop: Shop
) -> None:
    """PLT-06"""
    path, said = f"/api/channels/{fresh_id()}", a_channel(shop.channel.brand_id)
    await operator.put(path, json=said)
    await operator.put(path, json=said)
    await operator.put(path, json=said | {"policies": {"return_days": 14}})

    (name, actor, first), (again, somebody, second) = await told(engine, path.rpartition("/")[2])

    assert name == again == "company.channel_saved"
    assert actor == somebody == "staff:ana@example.com"
    assert first["changes"]["name"] == {"before": None, "after": "Tienda en línea"}
    assert second["changes"] == {"policies.return_days": {"before": 30, "after": 14}}


async def test_who_is_bound_to_channels_or_locations_sets_no_more_than_theirs(house: House, shop: Shop) -> None:
    """PLT-07"""
    own = a_channel(shop.channel.brand_id, code=shop.channel.code)
    seller = house.asked_by(a_caller("company.manage", channel_ids=frozenset({shop.channel.id})))
    clerk = house.asked_by(a_caller("company.manage", **at(fresh_id())))

    assert (await seller.post("/api/channels", json=own)).status_code == 200
    assert problem(await seller.post("/api/channels", json=own | {"code": fresh_code("web")})) == (
        403,
        "not_your_channel",
    )
    assert problem(await clerk.post("/api/channels", json=own)) == (403, "bound_to_places")
    assert problem(await seller.post("/api/legal-entities", json=an_entity())) == (403, "bound_to_places")


def test_every_policy_says_what_it_is_and_within_which_bounds(house: House) -> None:
    policies = document_of(house.app)["components"]["schemas"]["WrittenPolicies"]

    assert policies["additionalProperties"] is False
    for name, said in policies["properties"].items():
        assert said["description"], name
        assert "default" in said, name
        if said.get("type") == "integer":
            assert {"minimum", "maximum"} <= said.keys(), name


async def test_what_does_not_fit_is_named_in_every_language(operator: httpx.AsyncClient, shop: Shop) -> None:
    body = a_channel(shop.channel.brand_id, policies={"return_days": -1})

    spanish = await operator.post("/api/channels", json=body, headers={"accept-language": "es"})

    assert spanish.json()["detail"] == (
        "La petición no tiene la forma que se espera. Se esperaba `int` >= 0, en `policies.return_days`."
    )
    [told] = spanish.json()["facts"]["errors"]
    assert (told["key"], told["source"]) == ("policies.return_days", "body")
