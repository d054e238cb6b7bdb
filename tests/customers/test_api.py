"""Customers through the API."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from batuta.customers.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.making import fresh_code, fresh_id

MAY = ("customers.read", "customers.write")
ADDRESS = {"street": ["Calle Mayor 1"], "city": "Madrid", "postal_code": "28013", "country": "ES"}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def clerk(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


async def given_customer(clerk: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    body = {"name": "Ana Ruiz", "email": f"{fresh_code('ana')}@example.com"} | more
    answer = await clerk.post("/api/customers", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_customer_is_made_read_and_changed(clerk: httpx.AsyncClient) -> None:
    """PLT-02"""
    made = await given_customer(clerk, country="ES", phone="612 34 56 78")
    path = f"/api/customers/{made['id']}"

    read = await clerk.get(path)
    body = {"name": "Ana R.", "email": made["email"]}
    changed = await clerk.put(path, json=body, headers={"if-match": read.headers["etag"]})
    late = await clerk.put(path, json=body | {"name": "Eva"}, headers={"if-match": read.headers["etag"]})

    assert read.json() == made
    assert made["phone"] == "+34612345678"
    assert (changed.status_code, changed.json()["name"], changed.headers["etag"]) == (200, "Ana R.", '"2"')
    assert problem(late) == (409, "version_conflict")


async def test_customers_are_found_by_what_they_are_known_by(clerk: httpx.AsyncClient) -> None:
    surname = fresh_code("ruiz").replace("-", "")
    ana = await given_customer(clerk, name=f"Ana {surname}", external_id=fresh_code("crm"))
    eva = await given_customer(clerk, name=f"Eva {surname}", is_guest=True)

    async def ids(**where: str) -> list[str]:
        return [one["id"] for one in (await clerk.get("/api/customers", params=where)).json()["items"]]

    assert await ids(search=surname[:-1]) == [eva["id"], ana["id"]]
    assert await ids(search=surname, is_guest="true") == [eva["id"]]
    assert await ids(email=ana["email"]) == [ana["id"]]
    assert await ids(external_id=ana["external_id"], kind="person") == [ana["id"]]
    first = (await clerk.get("/api/customers", params={"search": surname, "limit": "1"})).json()
    assert await ids(search=surname, cursor=first["next"]) == [ana["id"]]


async def test_an_external_id_that_another_carries_is_refused_with_who_that_is(clerk: httpx.AsyncClient) -> None:
    ana = await given_customer(clerk, external_id=fresh_code("crm"))

    answer = await clerk.post("/api/customers", json={"name": "Eva", "external_id": ana["external_id"]})

    assert problem(answer) == (409, "external_id_taken")
    assert answer.json()["facts"]["customer_id"] == ana["id"]


async def test_the_same_key_makes_one_customer(clerk: httpx.AsyncClient) -> None:
    """PLT-01"""
    body, key = {"name": "Ana", "is_guest": True}, {"idempotency-key": fresh_code("key")}

    first, again = [await clerk.post("/api/customers", json=body, headers=key) for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_a_new_default_address_takes_the_place_of_the_old(clerk: httpx.AsyncClient) -> None:
    ana = await given_customer(clerk)
    path = f"/api/customers/{ana['id']}/addresses"
    home, work = fresh_id(), fresh_id()

    for address_id in (home, work):
        body = {"address": ADDRESS, "is_shipping_default": True}
        assert (await clerk.put(f"{path}/{address_id}", json=body)).status_code == 200
    found = (await clerk.get(path)).json()["addresses"]

    assert {one["id"]: one["is_shipping_default"] for one in found} == {str(home): False, str(work): True}


async def test_an_address_of_another_customer_cannot_be_taken(clerk: httpx.AsyncClient) -> None:
    ana, eva, home = await given_customer(clerk), await given_customer(clerk), fresh_id()
    await clerk.put(f"/api/customers/{ana['id']}/addresses/{home}", json={"address": ADDRESS})

    taken = await clerk.put(f"/api/customers/{eva['id']}/addresses/{home}", json={"address": ADDRESS})
    nobody = await clerk.put(f"/api/customers/{fresh_id()}/addresses/{fresh_id()}", json={"address": ADDRESS})

    assert problem(taken) == (409, "address_of_another")
    assert problem(nobody) == (404, "unknown_customer")


async def test_an_address_that_breaks_its_countrys_rules_is_refused_part_by_part(clerk: httpx.AsyncClient) -> None:
    """CUS-02"""
    ana = await given_customer(clerk)

    body = {"address": ADDRESS | {"postal_code": "1", "street": []}}
    answer = await clerk.put(f"/api/customers/{ana['id']}/addresses/{fresh_id()}", json=body)

    assert problem(answer) == (409, "bad_address")
    fields = answer.json()["facts"]["fields"]
    assert (fields["postal_code"], fields["street"]) == ("invalid", "required")


async def test_a_consent_is_given_once_and_withdrawn(clerk: httpx.AsyncClient) -> None:
    """CUS-04"""
    ana = await given_customer(clerk)
    path = f"/api/customers/{ana['id']}/consents"
    yes = {"purpose": "marketing", "medium": "email", "proof": "form:newsletter"}

    given, again = [await clerk.post(path, json=yes) for _ in range(2)]
    withdrawn = await clerk.post(f"{path}/withdraw", json={"purpose": "marketing", "medium": "email"})
    never = await clerk.post(f"{path}/withdraw", json={"purpose": "reviews", "medium": "sms"})

    assert given.json() == again.json()
    (ended,) = withdrawn.json()["consents"]
    assert ended["withdrawn_at"] is not None
    assert never.json() == withdrawn.json() == (await clerk.get(path)).json()


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2999-01-01T00:00:00Z"])
async def test_nobody_consented_before_1970_or_tomorrow(clerk: httpx.AsyncClient, at: str) -> None:
    ana = await given_customer(clerk)

    body = {"purpose": "marketing", "medium": "email", "proof": "form", "given_at": at}

    assert problem(await clerk.post(f"/api/customers/{ana['id']}/consents", json=body)) == (409, "not_then")


async def test_a_customer_sees_and_changes_nobody_else(house: House, clerk: httpx.AsyncClient) -> None:
    """PLT-07"""
    ana, eva = await given_customer(clerk), await given_customer(clerk)
    shopper = house.asked_by(a_caller(*MAY, customer_id=UUID(ana["id"])))

    listed = (await shopper.get("/api/customers")).json()["items"]

    assert [one["id"] for one in listed] == [ana["id"]]
    assert (await shopper.get(f"/api/customers/{ana['id']}")).status_code == 200
    for path in ("", "/addresses", "/consents"):
        answer = await shopper.get(f"/api/customers/{eva['id']}{path}")
        assert problem(answer) == (404, "unknown_customer")
    changed = await shopper.put(f"/api/customers/{eva['id']}", json={"name": "Ana", "is_guest": True})
    assert problem(changed) == (404, "unknown_customer")
    assert problem(await shopper.post("/api/customers", json={"name": "X", "is_guest": True}))[0] == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "red"}, "invalid"),
        ({"name": ""}, "invalid"),
        ({"name": " "}, "bad_customer"),
        ({"name": "a" * 501}, "invalid"),
        ({"email": "nobody"}, "unlikely_customer"),
        ({"email": "a\x00@example.com"}, "nul_in_text"),
        ({"phone": "123"}, "unlikely_customer"),
        ({"country": "Spain"}, "invalid"),
        ({"country": "ES", "tax_number": "B12345678"}, "unlikely_customer"),
        ({"locale": 7}, "invalid"),
    ],
)
async def test_a_bad_customer_is_a_clear_problem(clerk: httpx.AsyncClient, change: dict[str, Any], code: str) -> None:
    body = {"name": "Ana", "email": "ana@example.com"} | change

    status = 409 if code == "unlikely_customer" else 400
    assert problem(await clerk.post("/api/customers", json=body)) == (status, code)
