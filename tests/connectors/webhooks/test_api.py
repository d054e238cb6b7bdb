"""Webhooks by the API: for those who may manage them, and theirs only."""

import httpx
import pytest

from batuta.connectors.webhooks.api import ALLOW_PRIVATE, ROUTES
from batuta.connectors.webhooks.domain import Endpoint
from batuta.connectors.webhooks.queries import endpoints_by_id
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem
from tests.connectors.webhooks.given import BROKEN, Receiver, hear_all, send, tell
from tests.making import fresh_id
from tests.world import build_shop

MAY = "webhooks.manage"
URL = "https://shop.example.com/hooks"


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def ana(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(MAY))


async def made(client: httpx.AsyncClient, **terms: object) -> dict[str, object]:
    answer = await client.post("/api/webhooks", json={"url": URL, "event_types": ["ordering.*"], **terms})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def the(engine: Engine, endpoint_id: str) -> Endpoint:
    async with engine.connect() as db:
        (found,) = (await endpoints_by_id(db, [endpoint_id])).values()  # type: ignore[list-item]
    return found


async def test_an_endpoint_is_made_shown_changed_and_removed(ana: httpx.AsyncClient) -> None:
    answer = await made(ana)
    endpoint = answer["endpoint"]
    assert isinstance(endpoint, dict)
    assert str(answer["secret"]).startswith("whsec_")
    path = f"/api/webhooks/{endpoint['id']}"

    shown = await ana.get(path)
    assert (shown.json(), shown.headers["etag"]) == (endpoint, '"1"')
    assert "whsec_" not in shown.text
    terms = {"url": "https://other.example.com/", "event_types": ["*"], "content": "thin", "format": "cloudevents"}
    changed = await ana.put(path, json=terms, headers={"if-match": '"1"'})
    assert (changed.json()["url"], changed.headers["etag"]) == ("https://other.example.com/", '"2"')
    assert problem(await ana.put(path, json=terms, headers={"if-match": '"1"'})) == (409, "version_conflict")
    assert (await ana.delete(path, headers={"if-match": '"2"'})).status_code == 204
    assert problem(await ana.get(path)) == (404, "unknown_endpoint")


async def test_a_request_that_is_sent_again_makes_one_endpoint(ana: httpx.AsyncClient) -> None:
    """PLT-01"""
    body = {"url": URL, "event_types": ["*"]}
    key = {"idempotency-key": str(fresh_id())}
    first = await ana.post("/api/webhooks", json=body, headers=key)
    again = await ana.post("/api/webhooks", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"url": "https://127.0.0.1/"}, (409, "address_not_allowed")),
        ({"url": "https://localhost:5432/"}, (409, "address_not_allowed")),
        ({"url": "http://shop.example.com/"}, (409, "bad_url")),
        ({"url": "nonsense"}, (409, "bad_url")),
        ({"event_types": ["ordering.order_eaten"]}, (409, "unknown_event_type")),
        ({"event_types": ["identity.*"]}, (409, "unknown_event_type")),
        ({"event_types": []}, (400, "invalid")),
        ({"event_types": ["; DROP TABLE"]}, (400, "invalid")),
        ({"channel_id": "01a201ab-c751-729f-a25e-5319ab37420b"}, (404, "unknown_channel")),
        ({"secret": "mine"}, (400, "invalid")),
        ({"format": "soap"}, (400, "invalid")),
    ],
)
async def test_bad_terms_are_refused(ana: httpx.AsyncClient, terms: dict[str, object], expected: object) -> None:
    answer = await ana.post("/api/webhooks", json={"url": URL, "event_types": ["*"], **terms})
    assert problem(answer) == expected


async def test_an_installation_may_allow_what_is_inside(house: House, ana: httpx.AsyncClient) -> None:
    house.app.state[ALLOW_PRIVATE] = True
    assert (await made(ana, url="http://127.0.0.1:9/"))["secret"]


async def test_only_who_may_manages_webhooks(house: House) -> None:
    clerk = house.asked_by(a_caller("orders.read"))
    assert problem(await clerk.get("/api/webhooks")) == (403, "permission_missing")
    assert problem(await house.client().get("/api/webhooks")) == (401, "not_signed_in")


async def test_who_has_a_channel_manages_the_endpoints_of_this_channel_and_sees_no_others(
    engine: Engine, house: House, ana: httpx.AsyncClient
) -> None:
    """PLT-07"""
    async with engine.begin() as db:
        web = (await build_shop(db, stock={"chair": {"north": 1}})).channel.id
        app = (await build_shop(db, stock={"chair": {"north": 1}})).channel.id
    theirs = house.asked_by(a_caller(MAY, channel_ids=frozenset({web})))
    own = (await made(theirs, channel_id=str(web)))["endpoint"]
    other = (await made(ana, channel_id=str(app)))["endpoint"]
    for channel in ({}, {"channel_id": str(app)}):
        wide = await theirs.post("/api/webhooks", json={"url": URL, "event_types": ["*"], **channel})
        assert problem(wide) == (403, "outside_of_scope")

    listed = (await theirs.get("/api/webhooks")).json()["items"]
    assert [one["id"] for one in listed] == [own["id"]]  # type: ignore[index]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/test"), ("GET", "/deliveries")):
        answer = await theirs.request(method, f"/api/webhooks/{other['id']}{path}")  # type: ignore[index]
        assert problem(answer) == (404, "unknown_endpoint")


async def test_the_log_shows_each_try_and_a_delivery_is_sent_anew(engine: Engine, ana: httpx.AsyncClient) -> None:
    """PLT-04"""
    await hear_all(engine)
    id_ = (await made(ana))["endpoint"]["id"]  # type: ignore[index]
    endpoint = await the(engine, id_)
    orders = [fresh_id() for _ in range(3)]
    await tell(engine, *orders)
    await hear_all(engine)
    await send(engine, endpoint, Receiver(lambda _: BROKEN))

    first = (await ana.get(f"/api/webhooks/{id_}/deliveries", params={"limit": 2, "status": "pending"})).json()
    rest = (await ana.get(f"/api/webhooks/{id_}/deliveries", params={"cursor": first["next"]})).json()
    logged = first["items"] + rest["items"]
    assert rest["next"] is None
    streams = [one["stream"] for one in logged]
    assert streams == [str(order_id) for order_id in reversed(orders)]
    only = {"stream": str(orders[1]), "type": "ordering.order_placed"}
    (one,) = (await ana.get(f"/api/webhooks/{id_}/deliveries", params=only)).json()["items"]
    shown = (await ana.get(f"/api/webhooks/deliveries/{one['id']}")).json()
    assert (shown["delivery"]["tries"], [try_["status"] for try_ in shown["attempts"]]) == (1, [500])

    again = await ana.post(f"/api/webhooks/deliveries/{one['id']}/replay")
    assert (again.json()["status"], again.json()["tries"]) == ("pending", 1)
    bad = await ana.get(f"/api/webhooks/{id_}/deliveries", params={"cursor": "WzEsMiwi"})
    assert problem(bad) == (409, "bad_cursor")
    assert problem(await ana.get(f"/api/webhooks/deliveries/{fresh_id()}")) == (404, "unknown_delivery")


async def test_secrets_are_rotated_paused_endpoints_enabled_and_times_replayed(ana: httpx.AsyncClient) -> None:
    id_ = (await made(ana))["endpoint"]["id"]  # type: ignore[index]
    path = f"/api/webhooks/{id_}"
    rotated = await ana.post(f"{path}/secrets", json={"overlap_hours": 2})
    assert (rotated.status_code, rotated.json()["signing"]) == (201, 2)
    assert (await ana.post(f"{path}/secrets", json={})).json()["signing"] == 3
    assert problem(await ana.post(f"{path}/secrets", json={})) == (409, "too_many_secrets")
    assert (await ana.post(f"{path}/secrets", json={"overlap_hours": 0})).json()["signing"] == 1

    assert (await ana.post(f"{path}/pause", json={"reason": "deploying"})).json()["status"] == "paused"
    assert problem(await ana.post(f"{path}/test")) == (409, "nothing_listens")
    assert (await ana.post(f"{path}/enable")).json()["status"] == "enabled"
    assert (await ana.post(f"{path}/test")).status_code == 202

    time = {"from_at": "2020-01-01T00:00:00Z", "until_at": "2020-01-02T00:00:00Z"}
    assert (await ana.post(f"{path}/replay/time", json=time)).json() == {"deliveries": 0}
    assert (await ana.post(f"{path}/replay/stream", json={"stream": str(fresh_id())})).json() == {"deliveries": 0}
    beyond = {"from_at": "0001-01-01T00:00:00+14:00", "until_at": "9999-12-31T23:59:59-12:00"}
    assert problem(await ana.post(f"{path}/replay/time", json=beyond)) == (409, "bad_time")
    naive = {"from_at": "2020-01-01T00:00:00", "until_at": "2020-01-02T00:00:00"}
    assert problem(await ana.post(f"{path}/replay/time", json=naive)) == (400, "invalid")
    assert "ordering.order_placed" in (await ana.get("/api/webhooks/event-types")).json()["items"]
