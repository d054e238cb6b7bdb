"""Locations through the API."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from batuta.company.commands import save_legal_entities
from batuta.company.domain import LegalEntity
from batuta.locations.api import ROUTES
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem, told
from tests.making import NOW, fresh_code, fresh_id

MAY = ("locations.read", "locations.write")
ADDRESS = {"street": ["Calle Mayor 1"], "city": "Madrid", "postal_code": "28013", "country": "ES"}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def clerk(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


@pytest.fixture
async def entity_id(engine: Engine) -> str:
    entity = LegalEntity(
        id=fresh_id(), code=fresh_code("LE"), name="Casa", country="ES", currency="EUR", time_zone="Europe/Madrid"
    )
    async with engine.begin() as db:
        await save_legal_entities(db, legal_entities=[entity], now=NOW)
    return str(entity.id)


def a_store(entity_id: str, **more: Any) -> dict[str, Any]:
    return {
        "code": fresh_code("L"),
        "name": "Store",
        "kind": "store",
        "legal_entity_id": entity_id,
        "address": ADDRESS,
        "time_zone": "Europe/Madrid",
        "currency": "EUR",
        "hours": {"mon": [["09:00", "14:00"], ["17:00", "20:00"]]},
        "abilities": ["pickup"],
    } | more


async def given_store(clerk: httpx.AsyncClient, entity_id: str, **more: Any) -> dict[str, Any]:
    answer = await clerk.post("/api/locations", json=a_store(entity_id, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_location_is_saved_listed_and_read(clerk: httpx.AsyncClient, entity_id: str) -> None:
    store = await given_store(clerk, entity_id)
    await given_store(clerk, entity_id, kind="warehouse", abilities=["ship"])

    read = await clerk.get(f"/api/locations/{store['id']}")
    where = {"legal_entity_id": entity_id, "ability": "pickup", "kind": "store", "is_active": "true"}
    page = (await clerk.get("/api/locations", params=where)).json()

    assert read.json() == store
    assert read.headers["etag"] == '"1"'
    assert store["hours"] == {"mon": [["09:00", "14:00"], ["17:00", "20:00"]]}
    assert page == {"items": [store], "next": None}


async def test_a_change_based_on_an_older_version_is_refused(clerk: httpx.AsyncClient, entity_id: str) -> None:
    """PLT-02"""
    body = a_store(entity_id)
    store = (await clerk.post("/api/locations", json=body)).json()
    path = f"/api/locations/{store['id']}"

    assert (await clerk.put(path, json=body | {"name": "Shop"}, headers={"if-match": '"1"'})).headers["etag"] == '"2"'
    late = await clerk.put(path, json=body | {"name": "Bar"}, headers={"if-match": '"1"'})

    assert problem(late) == (409, "version_conflict")
    assert (await clerk.get(path)).json()["name"] == "Shop"


async def test_a_date_has_hours_of_its_own_until_they_are_forgotten(clerk: httpx.AsyncClient, entity_id: str) -> None:
    store = await given_store(clerk, entity_id)
    path = f"/api/locations/{store['id']}/days"

    saved = await clerk.put(f"{path}/2026-12-24", json={"reason": "Nochebuena", "shifts": [["09:00", "13:00"]]})
    days = (await clerk.get(path)).json()["days"]
    gone = await clerk.delete(f"{path}/2026-12-24")

    assert saved.json() == {
        "location_id": store["id"],
        "day": "2026-12-24",
        "reason": "Nochebuena",
        "shifts": [["09:00", "13:00"]],
    }
    assert days == [saved.json()]
    assert gone.status_code == 204
    assert (await clerk.get(path)).json() == {"days": []}


async def test_whoever_works_at_some_locations_sees_and_saves_no_others(
    house: House, clerk: httpx.AsyncClient, entity_id: str
) -> None:
    """PLT-07"""
    mine, other = a_store(entity_id), a_store(entity_id)
    mine_id, other_id = [(await clerk.post("/api/locations", json=one)).json()["id"] for one in (mine, other)]
    keeper = house.asked_by(a_caller(*MAY, **at(UUID(mine_id))))

    page = (await keeper.get("/api/locations", params={"legal_entity_id": entity_id})).json()

    assert [one["id"] for one in page["items"]] == [mine_id]
    assert problem(await keeper.get(f"/api/locations/{other_id}")) == (404, "unknown_location")
    assert problem(await keeper.get(f"/api/locations/{other_id}/days")) == (404, "unknown_location")
    assert problem(await keeper.put(f"/api/locations/{other_id}", json=other)) == (404, "unknown_location")
    assert problem(await keeper.post("/api/locations", json=other)) == (403, "not_your_location")
    assert problem(await keeper.post("/api/locations", json=a_store(entity_id))) == (403, "not_your_location")
    assert (await keeper.put(f"/api/locations/{mine_id}", json=mine | {"name": "Mine"})).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"colour": "red"}, 400, "invalid"),
        ({"time_zone": "Europe/Nowhere"}, 409, "implausible_location"),
        ({"time_zone": "../../etc/passwd"}, 409, "implausible_location"),
        ({"time_zone": "Europe"}, 409, "implausible_location"),
        ({"gln": "8412345000011"}, 409, "implausible_location"),
        ({"holiday_calendar": "ES\n"}, 409, "implausible_location"),
        ({"currency": "euros"}, 400, "invalid"),
        ({"currency": "XYZ"}, 409, "implausible_location"),
        ({"holiday_calendar": "ZZ"}, 409, "implausible_location"),
        ({"hours": {"mon": [["20:00", "09:00"]]}}, 409, "implausible_location"),
        ({"hours": {"sunday": []}}, 400, "invalid"),
        ({"hours": {"mon": [["9", "10"]]}}, 400, "invalid"),
        ({"latitude": 40.0}, 409, "implausible_location"),
        ({"latitude": 1e300}, 400, "invalid"),
        ({"handling_order_minor": 2**63}, 400, "invalid"),
        ({"address": {"street": ["a\x00"], "city": "x", "country": "ES"}}, 400, "nul_in_text"),
        ({"legal_entity_id": str(fresh_id())}, 404, "unknown_legal_entity"),
    ],
)
async def test_a_bad_location_is_a_clear_problem(
    clerk: httpx.AsyncClient, entity_id: str, change: dict[str, Any], status: int, code: str
) -> None:
    assert problem(await clerk.post("/api/locations", json=a_store(entity_id) | change)) == (status, code)


@pytest.mark.parametrize("day", ["2026-02-30", "tomorrow", "0000-00-00", "9999999-01-01"])
async def test_a_day_that_does_not_exist_is_no_day_of_a_location(
    clerk: httpx.AsyncClient, entity_id: str, day: str
) -> None:
    store = await given_store(clerk, entity_id)

    answer = await clerk.put(f"/api/locations/{store['id']}/days/{day}", json={"reason": "why"})

    assert answer.status_code in {400, 404}


async def test_a_lane_leads_from_one_location_to_another(clerk: httpx.AsyncClient, entity_id: str) -> None:
    """FUL-12: saved, read and ended; one that leads nowhere is refused."""
    store, center = await given_store(clerk, entity_id), await given_store(clerk, entity_id)
    path = f"/api/locations/{store['id']}/transfer-lanes"
    lane = {"transit_days": 2, "cost_minor": 300}

    answer = await clerk.put(f"{path}/{center['id']}", json=lane)
    assert answer.status_code == 200, answer.text
    assert answer.json() == lane | {"source_location_id": center["id"], "target_location_id": store["id"]}
    assert (await clerk.get(path)).json() == {"transfer_lanes": [answer.json()]}

    assert problem(await clerk.put(f"{path}/{store['id']}", json=lane)) == (409, "leads_nowhere")
    assert problem(await clerk.put(f"{path}/{fresh_id()}", json=lane)) == (404, "unknown_location")
    wrong = await clerk.put(f"{path}/{center['id']}", json=lane | {"transit_days": -1})
    assert problem(wrong)[0] == 400
    assert (await clerk.delete(f"{path}/{center['id']}")).status_code == 204
    assert (await clerk.get(path)).json() == {"transfer_lanes": []}


async def test_who_changed_a_location_its_days_or_lanes_is_told(
    engine: Engine, clerk: httpx.AsyncClient, entity_id: str
) -> None:
    """PLT-06"""
    store, source = [await given_store(clerk, entity_id) for _ in range(2)]
    path = f"/api/locations/{store['id']}"
    body = {name: value for name, value in store.items() if name not in {"id", "special_days"}}
    await clerk.put(path, json=body | {"capacity": [{"limit": 40, "unit": "orders", "per": "hour"}]})
    for _ in range(2):
        await clerk.put(f"{path}/days/2026-12-24", json={"reason": "Nochebuena", "shifts": [["09:00", "14:00"]]})
    await clerk.delete(f"{path}/days/2026-12-24")
    await clerk.put(f"{path}/transfer-lanes/{source['id']}", json={"transit_days": 2})
    await clerk.delete(f"{path}/transfer-lanes/{source['id']}")

    facts = await told(engine, store["id"])

    assert {(name, actor) for name, actor, _ in facts} == {("locations.location_saved", "staff:ana@example.com")}
    first, *changes = [said["changes"] for _, _, said in facts]
    assert first["hours.mon"] == {"before": None, "after": [["09:00", "14:00"], ["17:00", "20:00"]]}
    assert [list(one) for one in changes] == [
        ["capacity"],
        ["special_days.2026-12-24"],
        ["special_days.2026-12-24"],
        [f"transfer_lanes.{source['id']}"],
        [f"transfer_lanes.{source['id']}"],
    ]
    assert changes[2]["special_days.2026-12-24"] == {"before": [["09:00", "14:00"]], "after": None}
    assert changes[3][f"transfer_lanes.{source['id']}"]["after"]["transit_days"] == 2
