"""Slots through the API."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from batuta.locations.commands import save_places
from batuta.locations.domain import PostalPlace
from batuta.plumbing.database import Engine
from batuta.sourcing.api import ROUTES
from tests.asking import House, a_caller, at, problem
from tests.making import fresh_code, fresh_id
from tests.sourcing.test_slots import a_region
from tests.world import Shop, build_shop

OPERATOR = ("locations.read", "locations.write")
TOMORROW = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(15), UTC)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def operator(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*OPERATOR))


@pytest.fixture
def front(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller("carts.write"))


@pytest.fixture
def region() -> str:
    return a_region()


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"store": 1}})


def a_body(region: str, **more: Any) -> dict[str, Any]:
    return {
        "method": "ship",
        "country": "ZZ",
        "postal_prefixes": [region],
        "from_at": TOMORROW.isoformat(),
        "until_at": (TOMORROW + timedelta(hours=2)).isoformat(),
        "time_zone": "Europe/Madrid",
        "currency": "EUR",
        "capacity": 2,
        **more,
    }


def a_template(**more: Any) -> dict[str, Any]:
    return {
        "code": fresh_code("slots"),
        "method": "ship",
        "country": "ZZ",
        "time_zone": "Europe/Madrid",
        "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "window_from": "10:00",
        "window_until": "12:00",
        "currency": "EUR",
        "capacity": 5,
        "horizon_days": 3,
        **more,
    }


async def given_slot(operator: httpx.AsyncClient, region: str, **more: Any) -> dict[str, Any]:
    answer = await operator.post("/api/slots", json=a_body(region, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def offered(client: httpx.AsyncClient, region: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/slots", params={"country": "ZZ", "postal_code": f"{region}-9"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_slot_is_made_offered_to_anyone_held_and_given_back(
    house: House, operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str
) -> None:
    """PRM-06"""
    slot = await given_slot(operator, region, price_minor=390)
    body = {"country": "ZZ", "postal_code": f"{region}9"}

    (before,) = await offered(house.client(), region)
    held = await front.post(f"/api/slots/{slot['id']}/holds", json=body)
    (after,) = await offered(house.client(), region)
    holder = held.json()["holder_id"]
    gone = await front.delete(f"/api/slots/holds/{holder}")
    again = await front.delete(f"/api/slots/holds/{holder}")

    assert (before["slot_id"], before["left"], before["price_minor"]) == (slot["id"], 2, 390)
    assert (held.status_code, held.json()["status"]) == (200, "held")
    assert after["left"] == 1
    assert gone.status_code == 204
    assert problem(again) == (404, "unknown_slot_hold")
    assert (await offered(house.client(), region))[0]["left"] == 2


async def test_a_full_slot_is_refused_with_alternatives(
    operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str
) -> None:
    """PRM-06"""
    full = await given_slot(operator, region, capacity=0)
    free = await given_slot(operator, region)

    refused = await front.post(f"/api/slots/{full['id']}/holds", json={"country": "ZZ", "postal_code": region})

    assert problem(refused) == (409, "slot_full")
    assert [one["slot_id"] for one in refused.json()["facts"]["alternatives"]] == [free["id"]]


async def test_fifty_storefronts_at_once_hold_as_many_places_as_there_are(
    operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str
) -> None:
    """PRM-06, PLT-01"""
    slot = await given_slot(operator, region, capacity=7)
    path, body = f"/api/slots/{slot['id']}/holds", {"country": "ZZ", "postal_code": region}

    answers = await asyncio.gather(*(front.post(path, json=body) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [409] * 43


async def test_the_same_key_holds_one_place(operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str) -> None:
    """PLT-01"""
    slot = await given_slot(operator, region)
    path, body = f"/api/slots/{slot['id']}/holds", {"country": "ZZ", "postal_code": region}
    key = {"idempotency-key": fresh_code("key")}

    first = await front.post(path, json=body, headers=key)
    again = await front.post(path, json=body, headers=key)

    assert first.json() == again.json()
    assert (await offered(front, region))[0]["left"] == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 409),
        ({"country": "ZZ"}, 409),
        ({"postal_code": "28014"}, 409),
        ({"country": "ZZ", "postal_code": "28014", "location_code": "here"}, 409),
        ({"country": "Spain", "postal_code": "28014"}, 400),
        ({"country": "ZZ", "postal_code": "28014", "days": "1000"}, 400),
        ({"country": "ZZ", "postal_code": "28014", "from_day": "tomorrow"}, 400),
    ],
)
async def test_slots_for_nowhere_are_refused(house: House, params: dict[str, str], status: int) -> None:
    answer = await house.client().get("/api/slots", params=params)

    assert problem(answer)[0] == status


async def test_a_day_beyond_all_calendars_has_no_slots(house: House) -> None:
    where = {"country": "ZZ", "postal_code": "28014", "from_day": "9999-12-31", "days": "91"}

    answer = await house.client().get("/api/slots", params=where)

    assert answer.json() == {"items": []}


async def test_a_postal_code_that_a_known_country_does_not_have_is_refused(house: House, engine: Engine) -> None:
    place = PostalPlace(country="ZX", postal_code="28014", name="Town", latitude=40.0, longitude=-3.0)
    async with engine.begin() as db:
        await save_places(db, country="ZX", places=[place])

    strange = await house.client().get("/api/slots", params={"country": "ZX", "postal_code": "99999"})
    alike = await house.client().get("/api/slots", params={"country": "ZX", "postal_code": "28999"})

    async with engine.begin() as db:
        await save_places(db, country="ZX", places=[])
    assert problem(strange) == (409, "unknown_postal_code")
    assert alike.json() == {"items": []}


async def test_slots_of_a_location_that_is_not_there_are_not_found(house: House) -> None:
    answer = await house.client().get("/api/slots", params={"location_code": fresh_code("none")})

    assert problem(answer) == (404, "nobody_collects_there")


async def test_a_store_offers_windows_to_collect_in_and_who_works_there_keeps_them(house: House, shop: Shop) -> None:
    """PRM-06, PLT-07"""
    store = shop.locations["store"]
    keeper = house.asked_by(a_caller(*OPERATOR, **at(store.id)))
    stranger = house.asked_by(a_caller(*OPERATOR, **at(fresh_id())))
    front = house.asked_by(a_caller("carts.write"))
    body = a_body("", method="pickup", country=None, postal_prefixes=[], location_id=str(store.id))

    saved = await keeper.post("/api/slots", json=body)
    slot_id = saved.json()["id"]
    found = await house.client().get("/api/slots", params={"location_code": store.code})
    held = await front.post(f"/api/slots/{slot_id}/holds", json={})

    assert [one["slot_id"] for one in found.json()["items"]] == [slot_id]
    assert held.status_code == 200, held.text
    assert problem(await stranger.get(f"/api/slots/{slot_id}")) == (404, "unknown_slot")
    assert problem(await stranger.put(f"/api/slots/{slot_id}", json=body)) == (404, "unknown_slot")
    assert problem(await stranger.post("/api/slots", json=body)) == (403, "not_your_slots")
    assert problem(await keeper.post("/api/slots", json=a_body("28"))) == (403, "not_your_slots")
    assert problem(await stranger.delete(f"/api/slots/{slot_id}")) == (404, "unknown_slot")
    page = (await keeper.get("/api/slots/calendar")).json()
    assert [(one["slot"]["id"], one["taken"], one["limit"]) for one in page["items"]] == [(slot_id, 1, 2)]
    assert (await stranger.get("/api/slots/calendar")).json()["items"] == []


async def test_a_slot_is_changed_by_who_saw_its_last_version_and_deleted_when_nobody_has_it(
    operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str
) -> None:
    """PLT-02"""
    slot = await given_slot(operator, region)
    path = f"/api/slots/{slot['id']}"
    held = await front.post(f"{path}/holds", json={"country": "ZZ", "postal_code": region})

    changed = await operator.put(path, json=a_body(region, capacity=3), headers={"if-match": '"1"'})
    stale = await operator.put(path, json=a_body(region, capacity=4), headers={"if-match": '"1"'})
    smaller = await operator.put(path, json=a_body(region, capacity=0))
    kept = await operator.delete(path)
    await front.delete(f"/api/slots/holds/{held.json()['holder_id']}")
    gone = await operator.delete(path)

    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert problem(stale) == (409, "version_conflict")
    assert problem(smaller) == (409, "slot_has_bookings")
    assert problem(kept) == (409, "slot_has_bookings")
    assert gone.status_code == 204
    assert problem(await operator.get(path)) == (404, "unknown_slot")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"until_at": TOMORROW.isoformat()}, 409),
        ({"until_at": "9999-12-31T23:00:00Z"}, 409),
        ({"from_at": "9999-12-31T23:00:00Z", "until_at": "9999-12-31T23:59:00Z"}, 409),
        ({"from_at": "0001-01-01T00:00:00Z", "until_at": "0001-01-01T01:00:00Z"}, 409),
        ({"from_at": "2026-03-02T10:00:00"}, 400),
        ({"country": None}, 409),
        ({"currency": "ZZZ"}, 409),
        ({"time_zone": "Nowhere"}, 409),
        ({"capacity": -1}, 400),
        ({"capacity": 10**9}, 400),
        ({"overbooking_bp": 10_001}, 400),
        ({"postal_prefixes": ["28-"]}, 400),
        ({"location_id": "019cadfd-8900-7eb2-9822-a4b245f81304"}, 404),
        ({"colour": "red"}, 400),
    ],
)
async def test_a_bad_slot_is_refused(
    operator: httpx.AsyncClient, region: str, wrong: dict[str, Any], status: int
) -> None:
    answer = await operator.post("/api/slots", json=a_body(region, **wrong))

    assert problem(answer)[0] == status, answer.text


@pytest.mark.parametrize("minutes", [0, 121, 5_256_000])
async def test_a_hold_of_ten_years_is_refused(
    operator: httpx.AsyncClient, front: httpx.AsyncClient, region: str, minutes: int
) -> None:
    """RES-01"""
    slot = await given_slot(operator, region)

    answer = await front.post(f"/api/slots/{slot['id']}/holds", json={"country": "ZZ", "minutes": minutes})

    assert problem(answer)[0] == 400


async def test_a_template_is_saved_read_changed_and_makes_slots(
    house: House, operator: httpx.AsyncClient, region: str
) -> None:
    """PRM-06, PLT-02"""
    body = a_template(postal_prefixes=[region])

    saved = await operator.post("/api/slot-templates", json=body)
    path = f"/api/slot-templates/{saved.json()['id']}"
    count = len(await offered(house.client(), region))
    stale = await operator.put(path, json=body, headers={"if-match": '"9"'})
    closed = await operator.put(path, json={**body, "is_active": False})
    renamed = await operator.put(path, json={**body, "code": fresh_code("other")})

    assert saved.status_code == 200, saved.text
    assert count in {3, 4}
    assert problem(stale) == (409, "version_conflict")
    assert closed.json()["is_active"] is False
    assert problem(renamed) == (409, "code_is_fixed")
    assert (await operator.get(path)).json() == closed.json()
    assert await offered(house.client(), region) == []
    page = (await operator.get("/api/slot-templates", params={"limit": 200})).json()
    assert closed.json() in page["items"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"window_until": "10:00"}, 409),
        ({"window_from": "10 o'clock"}, 400),
        ({"weekdays": ["someday"]}, 400),
        ({"holiday_calendar": "QQ"}, 409),
        ({"horizon_days": 91}, 400),
        ({"from_day": "2026-03-02", "until_day": "2026-03-01"}, 409),
        ({"method": "pickup"}, 409),
        ({"country": None}, 409),
    ],
)
async def test_a_bad_template_is_refused(operator: httpx.AsyncClient, wrong: dict[str, Any], status: int) -> None:
    answer = await operator.post("/api/slot-templates", json=a_template(**wrong))

    assert problem(answer)[0] == status, answer.text


async def test_a_template_that_is_not_there_is_not_found(operator: httpx.AsyncClient) -> None:
    assert problem(await operator.get(f"/api/slot-templates/{fresh_id()}")) == (404, "unknown_slot_template")
