"""Carriers, services and rate cards, set through the API."""

from typing import Any

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.shipping.api import ROUTES
from tests.asking import House, a_caller, at, problem, told
from tests.making import fresh_code, fresh_id

CARD: dict[str, Any] = {
    "zones": [{"origin_country": "AD", "destination_country": "AD", "zone": "andorra"}],
    "rates": [{"zone": "andorra", "weight_up_to_g": 2_000, "price_minor": 450}],
    "transits": [{"zone": "andorra", "days_min": 1, "days_max": 2}],
}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def operator(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("shipping.read", "locations.write"))


@pytest.fixture
async def service(operator: httpx.AsyncClient) -> dict[str, Any]:
    carrier = {"code": fresh_code("seur"), "name": "Mensajería", "gs1_prefix": "8412345"}
    saved = (await operator.post("/api/shipping/carriers", json=carrier)).json()
    sold = {
        "code": fresh_code("standard"),
        "carrier_id": saved["id"],
        "name": {"es": "Normal"},
        "kind": "standard",
        "weight_max_g": 30_000,
        "length_max_mm": 2_000,
        "currency": "EUR",
    }
    answer = await operator.post("/api/shipping/services", json=sold)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def price_minor(operator: httpx.AsyncClient, service: dict[str, Any]) -> int | None:
    wish = {
        "origin_country": "AD",
        "origin_postal_code": "AD100",
        "destination_country": "AD",
        "destination_postal_code": "AD500",
        "weight_g": "1000",
    }
    items = (await operator.get("/api/shipping/rates", params=wish)).json().get("items", [])
    return next((one["price_minor"] for one in items if one["service_code"] == service["code"]), None)


async def test_a_service_takes_parcels_once_it_has_a_rate_card(
    operator: httpx.AsyncClient, service: dict[str, Any]
) -> None:
    path = f"/api/shipping/services/{service['id']}/rate-card"
    none = await operator.get(path)
    assert await price_minor(operator, service) is None

    made = await operator.put(path, json=CARD, headers={"if-match": none.headers["etag"]})
    assert await price_minor(operator, service) == 450
    late = await operator.put(path, json=CARD, headers={"if-match": none.headers["etag"]})
    again = await operator.put(path, json=CARD, headers={"if-match": made.headers["etag"]})

    assert made.json()["rates"] == CARD["rates"]
    assert made.headers["etag"] == again.headers["etag"] != none.headers["etag"]
    assert (await operator.get(path)).json()["transits"] == CARD["transits"]
    assert problem(late) == (409, "version_conflict")
    dearer = CARD | {"rates": [CARD["rates"][0] | {"price_minor": 500}]}
    assert (await operator.put(path, json=dearer)).status_code == 200
    assert await price_minor(operator, service) == 500


async def test_carriers_and_services_are_changed_by_their_versions(
    operator: httpx.AsyncClient, service: dict[str, Any]
) -> None:
    """PLT-02"""
    for path, change in (
        (f"/api/shipping/carriers/{service['carrier_id']}", {"name": "Otra"}),
        (f"/api/shipping/services/{service['id']}", {"weight_max_g": 5}),
    ):
        read = await operator.get(path)
        body = {name: value for name, value in read.json().items() if name != "id"} | change

        changed = await operator.put(path, json=body, headers={"if-match": read.headers["etag"]})
        late = await operator.put(path, json=body, headers={"if-match": read.headers["etag"]})

        assert changed.json() == read.json() | change
        assert problem(late) == (409, "version_conflict")
        assert problem(await operator.put(path, json=body | {"code": fresh_code("x")})) == (409, "code_is_fixed")


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"rates": []}, 409, "zones_without_rate"),
        ({"transits": [{"zone": "andorra", "days_min": 3, "days_max": 2}]}, 409, "days_backwards"),
        ({"rates": CARD["rates"] * 2}, 409, "given_twice"),
        ({"rates": [CARD["rates"][0] | {"price": 1}]}, 400, "price"),
        ({"rates": [CARD["rates"][0] | {"price_minor": -1}]}, 400, "price_minor"),
    ],
)
async def test_a_rate_card_that_contradicts_itself_is_refused(
    operator: httpx.AsyncClient, service: dict[str, Any], change: dict[str, Any], status: int, told: str
) -> None:
    answer = await operator.put(f"/api/shipping/services/{service['id']}/rate-card", json=CARD | change)

    assert answer.status_code == status
    assert told in answer.text


async def test_a_service_keeps_its_carrier_and_currency(operator: httpx.AsyncClient, service: dict[str, Any]) -> None:
    body = {name: value for name, value in service.items() if name != "id"}

    assert problem(await operator.post("/api/shipping/services", json=body | {"currency": "USD"})) == (
        409,
        "service_is_fixed",
    )
    lost = body | {"code": fresh_code("lost"), "carrier_id": str(fresh_id())}
    assert problem(await operator.post("/api/shipping/services", json=lost)) == (404, "unknown_carrier")


async def test_who_changed_a_rate_is_told_with_the_one_before(
    engine: Engine, operator: httpx.AsyncClient, service: dict[str, Any]
) -> None:
    """PLT-06"""
    path = f"/api/shipping/services/{service['id']}/rate-card"
    dearer = CARD["rates"][0] | {"price_minor": 500}
    for card in (CARD, CARD, CARD | {"rates": [dearer]}):
        await operator.put(path, json=card)

    _, _, (name, actor, last) = await told(engine, service["id"])

    assert (name, actor) == ("shipping.rate_card_saved", "staff:ana@example.com")
    assert last["changes"] == {"rates": {"before": CARD["rates"], "after": [dearer]}}


async def test_carriers_are_shared_by_all(house: House, service: dict[str, Any]) -> None:
    """PLT-07"""
    clerk = house.asked_by(a_caller("locations.write", **at(fresh_id())))

    answer = await clerk.put(f"/api/shipping/services/{service['id']}/rate-card", json=CARD)

    assert problem(answer) == (403, "bound_to_places")
