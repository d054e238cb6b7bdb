"""Parcels, labels and tracking through the API."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from batuta.plumbing.database import Engine
from batuta.shipping.api import ROUTES
from batuta.shipping.commands import open_parcels
from batuta.shipping.domain import Carrier, NewParcel, ParcelStatus, Service
from batuta.shipping.queries import parcels_by_id
from tests.asking import House, a_caller, at, problem
from tests.making import NOW, fresh_code, fresh_id
from tests.shipping.making import a_parcel, given_labelled, given_service

MAY = ("shipping.read", "shipping.track")
BEFORE = NOW - timedelta(days=1_000)
"""A time of which no machine's clock says that it is yet to come."""

HERE = {
    "origin_country": "ES",
    "origin_postal_code": "28014",
    "destination_country": "ES",
    "destination_postal_code": "29007",
    "weight_g": "1200",
}


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def client(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


@pytest.fixture
async def sold(engine: Engine) -> tuple[Carrier, Service]:
    async with engine.begin() as db:
        return await given_service(db)


@pytest.fixture
async def labelled(engine: Engine, sold: tuple[Carrier, Service]) -> tuple[NewParcel, str]:
    async with engine.begin() as db:
        [parcel], [number] = await given_labelled(db, sold[1])
    return parcel, number


def a_scan(carrier: Carrier, number: str, raw_code: str, hour: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "carrier_code": carrier.code,
        "tracking_number": number,
        "raw_code": raw_code,
        "happened_at": (BEFORE + timedelta(hours=hour)).isoformat(),
        "place": "Málaga",
        **changes,
    }


async def test_scans_in_any_order_and_twice_end_the_same(
    engine: Engine, client: httpx.AsyncClient, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    """SHP-03: each scan has its outcome; one for a number that nobody has yet is kept."""
    parcel, number = labelled
    scans = [
        a_scan(sold[0], number, "delivered", 9),
        a_scan(sold[0], number, "in_transit", 2),
        a_scan(sold[0], number, "delivered", 9),
        a_scan(sold[0], "nobody-has-it", "in_transit"),
    ]

    told = (await client.post("/api/tracking", json={"scans": scans})).json()["outcomes"]
    again = (await client.post("/api/tracking", json={"scans": scans[::-1]})).json()["outcomes"]

    assert [one["outcome"] for one in told] == ["recorded", "recorded", "known", "kept"]
    assert [one["outcome"] for one in again] == ["kept", "known", "known", "known"]
    assert {one["status"] for one in told[:3]} == {"delivered"}
    async with engine.connect() as db:
        now = (await parcels_by_id(db, [parcel.id]))[parcel.id]
    assert now.status is ParcelStatus.DELIVERED
    assert now.delivered_at == BEFORE + timedelta(hours=9)


async def test_what_the_carrier_said_is_read_in_its_order(
    client: httpx.AsyncClient, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    """SHP-02: our words beside the carrier's, with its own offset."""
    parcel, number = labelled
    local = a_scan(sold[0], number, "exception:damaged", happened_at="2025-03-02T18:30:00+02:00")
    await client.post("/api/tracking", json={"scans": [local, a_scan(sold[0], number, "in_transit")]})

    scans = (await client.get(f"/api/parcels/{parcel.id}/scans")).json()["items"]
    assert [one["status"] for one in scans] == ["in_transit", "exception"]
    assert (scans[1]["detail"], scans[1]["happened_at"]) == ("damaged", "2025-03-02T18:30:00+02:00")
    assert (await client.get(f"/api/parcels/{parcel.id}")).json()["exception_code"] == "damaged"


async def test_a_report_that_is_sent_again_under_its_key_is_answered_as_before(
    client: httpx.AsyncClient, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    """PLT-01."""
    body = {"scans": [a_scan(sold[0], labelled[1], "in_transit")]}
    key = {"idempotency-key": fresh_code("key")}

    first, again = [await client.post("/api/tracking", json=body, headers=key) for _ in range(2)]

    assert first.json() == again.json()
    assert first.json()["outcomes"][0]["outcome"] == "recorded"
    other = {"scans": [a_scan(sold[0], labelled[1], "delivered")]}
    assert problem(await client.post("/api/tracking", json=other, headers=key)) == (409, "idempotency_key_reused")


async def test_labels_are_printed_as_pages_and_as_zpl(
    engine: Engine, client: httpx.AsyncClient, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    page = await client.get(f"/api/parcels/{labelled[0].id}/label")
    printed = await client.get(f"/api/parcels/{labelled[0].id}/label", params={"format": "zpl"})

    assert page.headers["content-type"] == "application/pdf"
    assert page.content.startswith(b"%PDF-")
    assert printed.headers["content-type"] == "text/plain; charset=utf-8"
    assert printed.text.startswith("^XA")
    assert labelled[1] in printed.text

    bare = a_parcel(sold[1])
    async with engine.begin() as db:
        await open_parcels(db, parcels=[bare], now=NOW)
    for kind in ("pdf", "zpl"):
        answer = await client.get(f"/api/parcels/{bare.id}/label", params={"format": kind})
        assert problem(answer) == (409, "not_labelled")
    assert (await client.get(f"/api/parcels/{bare.id}/label", params={"format": "svg"})).status_code == 400


async def test_parcels_are_found_by_order_and_by_number(
    client: httpx.AsyncClient, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    parcel, number = labelled
    by_order = await client.get("/api/parcels", params={"order_id": str(parcel.owner_id)})
    by_number = await client.get("/api/parcels", params={"carrier_code": sold[0].code, "tracking_number": number})

    assert [one["id"] for one in by_order.json()["items"]] == [str(parcel.id)]
    assert by_number.json() == by_order.json()
    for search in ({}, {"tracking_number": number}, {"order_id": str(parcel.owner_id), "carrier_code": "x"}):
        assert problem(await client.get("/api/parcels", params=search)) == (409, "bad_search")


async def test_who_works_somewhere_sees_no_parcels_of_elsewhere_and_reports_none(
    house: House, sold: tuple[Carrier, Service], labelled: tuple[NewParcel, str]
) -> None:
    """PLT-07: this parcel was packed nowhere that the caller works."""
    parcel, number = labelled
    some = house.asked_by(a_caller(*MAY, **at(fresh_id())))

    for tail in ("", "/scans", "/label"):
        assert problem(await some.get(f"/api/parcels/{parcel.id}{tail}")) == (404, "parcel_not_found")
    found = await some.get("/api/parcels", params={"order_id": str(parcel.owner_id)})
    assert found.json() == {"items": []}
    told = await some.post("/api/tracking", json={"scans": [a_scan(sold[0], number, "delivered")]})
    assert problem(told) == (403, "not_for_some")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"happened_at": "2026-03-02T10:00:00"}, 400),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, 409),
        ({"happened_at": "9999-12-31T23:59:59-12:00"}, 409),
        ({"raw_code": ""}, 400),
        ({"raw_code": "x" * 101}, 400),
        ({"tracking_number": " padded "}, 400),
        ({"carrier_code": 7}, 400),
        ({"place": "x" * 201}, 400),
        ({"received_at": NOW.isoformat()}, 400),
    ],
)
async def test_a_scan_that_does_not_fit_refuses_the_report(
    client: httpx.AsyncClient,
    sold: tuple[Carrier, Service],
    labelled: tuple[NewParcel, str],
    changes: dict[str, Any],
    status: int,
) -> None:
    good = a_scan(sold[0], labelled[1], "in_transit")

    answer = await client.post("/api/tracking", json={"scans": [good, good | changes]})

    assert answer.status_code == status, answer.text
    assert (await client.get(f"/api/parcels/{labelled[0].id}/scans")).json() == {"items": []}


@pytest.mark.parametrize("body", [{}, {"scans": []}, {"scans": None}, [], "x", {"scans": [{}] * 1_001}])
async def test_a_report_without_scans_or_with_too_many_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    assert (await client.post("/api/tracking", json=body)).status_code == 400


async def test_rates_from_here_to_there(client: httpx.AsyncClient, sold: tuple[Carrier, Service]) -> None:
    """SHP-07."""
    found = (await client.get("/api/shipping/rates", params=HERE)).json()["items"]
    ours = next(one for one in found if one["service_code"] == sold[1].code)
    assert (ours["zone"], ours["price_minor"], ours["currency"]) == ("peninsula", 500, "EUR")
    listed = (await client.get("/api/shipping/services")).json()
    assert str(sold[1].id) in {one["id"] for one in listed["services"]}
    assert str(sold[0].id) in {one["id"] for one in listed["carriers"]}

    nowhere = HERE | {"destination_country": "AQ"}
    assert problem(await client.get("/api/shipping/rates", params=nowhere)) == (409, "not_served")


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_g": "0"},
        {"weight_g": "99999999999999999999"},
        {"weight_g": "heavy"},
        {"origin_country": "Spain"},
        {"destination_postal_code": "9" * 21},
        {"service_kind": "teleport"},
        {"length_mm": "-1"},
    ],
)
async def test_strange_rates_are_refused(client: httpx.AsyncClient, changes: dict[str, str]) -> None:
    assert (await client.get("/api/shipping/rates", params=HERE | changes)).status_code == 400
