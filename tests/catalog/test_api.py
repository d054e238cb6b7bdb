"""The catalog through the API."""

from typing import Any

import httpx
import pytest

from batuta.catalog.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem, told
from tests.making import fresh_code, fresh_id


@pytest.fixture
def clerk(engine: Engine) -> httpx.AsyncClient:
    return House(engine, ROUTES).asked_by(a_caller("catalog.read", "catalog.write"))


async def given_product(clerk: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    body = {"code": fresh_code("P"), "name": {"en": "Chair"}} | more
    answer = await clerk.post("/api/products", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def given_sku(clerk: httpx.AsyncClient, product_id: str, **more: Any) -> dict[str, Any]:
    answer = await clerk.post("/api/skus", json={"code": fresh_code("S"), "product_id": product_id} | more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_product_is_saved_read_and_saved_again_under_its_code(clerk: httpx.AsyncClient) -> None:
    product = await given_product(clerk, category="chairs")

    read = await clerk.get(f"/api/products/{product['id']}")
    again = await clerk.post("/api/products", json={"code": product["code"], "name": {"es": "Silla"}})

    assert read.json() == product
    assert read.headers["etag"] == '"1"'
    assert again.json()["id"] == product["id"]
    assert again.headers["etag"] == '"2"'


async def test_a_change_based_on_an_older_version_is_refused_with_the_present_one(clerk: httpx.AsyncClient) -> None:
    """PLT-02"""
    product = await given_product(clerk)
    path, body = f"/api/products/{product['id']}", {"code": product["code"], "name": {"en": "Stool"}}

    first = await clerk.put(path, json=body, headers={"if-match": '"1"'})
    late = await clerk.put(path, json=body | {"name": {"en": "Bench"}}, headers={"if-match": '"1"'})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert problem(late) == (409, "version_conflict")
    assert late.json()["facts"]["present"] == 2
    assert (await clerk.get(path)).json()["name"] == {"en": "Stool"}


async def test_the_same_key_saves_once_and_is_answered_alike(clerk: httpx.AsyncClient) -> None:
    """PLT-01"""
    body = {"code": fresh_code("P"), "name": {"en": "Chair"}}
    key = {"idempotency-key": fresh_code("key")}

    first = await clerk.post("/api/products", json=body, headers=key)
    again = await clerk.post("/api/products", json=body, headers=key)
    other = await clerk.post("/api/products", json=body | {"category": "x"}, headers=key)

    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert problem(other) == (409, "idempotency_key_reused")


async def test_lists_are_read_page_by_page_and_skip_nothing(clerk: httpx.AsyncClient) -> None:
    """PLT-09"""
    category = fresh_code("category")
    codes = sorted([(await given_product(clerk, category=category))["code"] for _ in range(5)])

    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        where = {"category": category, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await clerk.get("/api/products", params=where)).json()
        found += [one["code"] for one in page["items"]]
        cursor = page["next"]

    assert found == codes
    assert cursor is None


async def test_products_and_skus_are_found_by_the_beginnings_of_their_words(clerk: httpx.AsyncClient) -> None:
    word = fresh_code("lámpara").replace("-", "")
    product = await given_product(clerk, name={"es": f"Una {word} roja"})
    sku = await given_sku(clerk, product["id"], code=f"{fresh_code('S')}-{word}.XL")

    for search in (word, word[:-2], f"{word} ROJ", f"{word.upper()}"):
        page = (await clerk.get("/api/products", params={"search": search})).json()
        assert [one["id"] for one in page["items"]] == [product["id"]], search
    found = (await clerk.get("/api/skus", params={"search": f"xl {word}"})).json()
    assert [one["id"] for one in found["items"]] == [sku["id"]]
    assert (await clerk.get("/api/products", params={"search": f"{word} azul"})).json()["items"] == []


@pytest.mark.parametrize("search", ["' & | ! ( ) : * <->", "\\", "%", "🦄", "a" * 100, ":*", "''"])
async def test_whatever_is_searched_for_is_no_accident(clerk: httpx.AsyncClient, search: str) -> None:
    assert (await clerk.get("/api/skus", params={"search": search})).status_code == 200


async def test_skus_are_listed_by_product_code_kind_and_gtin(clerk: httpx.AsyncClient) -> None:
    product = await given_product(clerk)
    sku = await given_sku(clerk, product["id"], gtin="4006381333931")
    service = await given_sku(clerk, product["id"], kind="service")

    async def ids(**where: str) -> set[str]:
        page = (await clerk.get("/api/skus", params={"product_id": product["id"], **where})).json()
        return {one["id"] for one in page["items"]}

    assert await ids() == {sku["id"], service["id"]}
    assert await ids(kind="service") == {service["id"]}
    assert await ids(gtin="4006381333931") == {sku["id"]}
    assert await ids(code=sku["code"], is_active="true") == {sku["id"]}
    assert await ids(is_active="false") == set()


async def test_what_a_bundle_is_made_of_is_a_change_of_the_bundle(clerk: httpx.AsyncClient) -> None:
    product = await given_product(clerk)
    part = await given_sku(clerk, product["id"])
    bundle = await given_sku(clerk, product["id"], kind="bundle")
    path = f"/api/skus/{bundle['id']}/components"

    said = await clerk.put(path, json={"components": [{"sku_id": part["id"], "quantity": 2}]})
    stale = await clerk.put(path, json={"components": []}, headers={"if-match": '"1"'})
    wrong = await clerk.put(f"/api/skus/{part['id']}/components", json={"components": []})

    assert said.json() == {"components": [{"sku_id": part["id"], "quantity": 2}]}
    assert (await clerk.get(path)).json() == said.json()
    assert problem(stale) == (409, "version_conflict")
    assert problem(wrong) == (409, "not_a_bundle")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"colour": "red"}, 400, "invalid"),
        ({"weight_g": 2**63}, 400, "invalid"),
        ({"weight_g": -1}, 400, "invalid"),
        ({"name": {"en": "a" * 501}}, 400, "invalid"),
        ({"code": " "}, 400, "invalid"),
        ({"code": "a\x00b"}, 400, "nul_in_text"),
        ({"product_id": "nothing"}, 400, "invalid"),
        ({"product_id": str(fresh_id())}, 404, "unknown_product"),
        ({"brand_id": str(fresh_id())}, 404, "unknown_brand"),
        ({"kind": "service", "weight_g": 1}, 409, "implausible_sku"),
        ({"gtin": "4006381333932"}, 409, "implausible_sku"),
    ],
)
async def test_a_bad_sku_is_a_clear_problem(
    clerk: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    product = await given_product(clerk)

    answer = await clerk.post("/api/skus", json={"code": fresh_code("S"), "product_id": product["id"]} | change)

    assert problem(answer) == (status, code)


async def test_ids_codes_and_cursors_that_mean_nothing_are_clear_problems(clerk: httpx.AsyncClient) -> None:
    product = await given_product(clerk)
    sku = await given_sku(clerk, product["id"])
    other = {"code": sku["code"], "product_id": product["id"]}

    assert problem(await clerk.get(f"/api/products/{fresh_id()}")) == (404, "unknown_product")
    assert problem(await clerk.get(f"/api/skus/{fresh_id()}/components")) == (404, "unknown_sku")
    assert (await clerk.get("/api/skus/nothing")).status_code == 404
    assert problem(await clerk.get("/api/skus", params={"cursor": "nonsense"})) == (409, "bad_cursor")
    assert problem(await clerk.get("/api/skus", params={"limit": "0"})) == (400, "invalid")
    assert problem(await clerk.get("/api/skus", params={"kind": "robot"})) == (400, "bad_parameter")
    assert problem(await clerk.put(f"/api/skus/{fresh_id()}", json=other)) == (409, "code_is_fixed")
    assert problem(await clerk.put(f"/api/skus/{sku['id']}", json=other | {"code": fresh_code("S")})) == (
        409,
        "code_is_fixed",
    )


async def test_the_longest_names_and_categories_are_kept(clerk: httpx.AsyncClient) -> None:
    names = {f"x{i}": "ñandú " * 83 for i in range(50)}
    long = {"category": "🦄" * 500, "name": names, "description": {"es": "ñ" * 20_000}}

    product = await given_product(clerk, **long, code="🦄" * 87 + fresh_code(""))
    sku = await given_sku(clerk, product["id"], name=names)

    assert product["category"] == "🦄" * 500
    assert sku["name"] == names


async def test_who_may_only_read_saves_nothing(engine: Engine) -> None:
    house = House(engine, ROUTES)
    reader = house.asked_by(a_caller("catalog.read"))

    body = {"code": fresh_code("P"), "name": {"en": "Chair"}}
    assert problem(await reader.post("/api/products", json=body)) == (403, "permission_missing")
    assert problem(await house.client().get("/api/products")) == (401, "not_signed_in")


async def test_who_changed_a_product_or_sku_is_told_with_what_it_was_before(
    engine: Engine, clerk: httpx.AsyncClient
) -> None:
    """PLT-06"""
    product = await given_product(clerk, category="chairs")
    sku = await given_sku(clerk, product["id"])
    body = {"code": sku["code"], "product_id": product["id"]}
    for weight_g in (0, 900, 900):
        await clerk.put(f"/api/skus/{sku['id']}", json=body | {"weight_g": weight_g})
    await clerk.post("/api/products", json={"code": product["code"], "name": {"en": "Chair"}})

    (_, _, new), (name, actor, changed) = await told(engine, product["id"])
    (_, _, new_sku), (sku_name, _, changed_sku) = await told(engine, sku["id"])

    assert (name, sku_name, actor) == ("catalog.product_saved", "catalog.sku_saved", "staff:ana@example.com")
    assert new["changes"]["name.en"] == {"before": None, "after": "Chair"}
    assert changed["changes"] == {"category": {"before": "chairs", "after": ""}}
    assert (new_sku["code"], changed_sku["changes"]) == (sku["code"], {"weight_g": {"before": 0, "after": 900}})
