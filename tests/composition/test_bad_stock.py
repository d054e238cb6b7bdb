"""What nobody can do to stock and promises: a clear problem in the caller's language each, and the ledger unchanged.

Issue by issue the rooms' own tests say more; this list is what all of them stand for.
"""

import tomllib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.resources import files
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

import batuta.inventory.api
import batuta.inventory.commands  # noqa: F401 - so that all of its refusals are known
from batuta.inventory.api import ROUTES as INVENTORY
from batuta.inventory.queries import AUDIT
from batuta.kernel.errors import BatutaError
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web.moments import moment
from batuta.sourcing.api import ROUTES as SOURCING
from tests.asking import House, a_caller, problem
from tests.inventory.test_lots import given_sku
from tests.making import fresh_code
from tests.sourcing.promising import Market, given_market
from tests.sourcing.test_slots import a_region

MAY = (
    "inventory.read",
    "inventory.move",
    "inventory.manage",
    "inventory.reserve",
    "locations.read",
    "locations.write",
    "carts.write",
)
SPANISH = tomllib.loads(files("batuta.plumbing.web").joinpath("problems.es.toml").read_text())
TEN_YEARS_MINUTES = 10 * 365 * 24 * 60


class Desk(msgspec.Struct, frozen=True):
    """Where somebody tries it."""

    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    market: Market
    milk: str

    @property
    def chair(self) -> str:
        return self.market.shop.skus["chair"].code

    @property
    def north(self) -> str:
        return self.market.shop.locations["north"].code

    async def feed(self, *messages: dict[str, Any]) -> httpx.Response:
        """What a new feed is answered to the last of its messages."""
        code = fresh_code("wms")
        body = {"code": code, "kind": "wms", "location_codes": [self.north]}
        answer = await self.client.post("/api/stock/feeds", json=body)
        for message in messages:
            answer = await self.client.post(f"/api/stock/feeds/{code}/messages", json=message)
        return answer

    def snapshot(self, sequence: int, units: int, **more: Any) -> dict[str, Any]:
        line = {"sku_code": self.chair, "location_code": self.north, "quantity": units} | more
        return {"sequence": sequence, "kind": "snapshot", "cut_at": moment().isoformat(), "lines": [line]}

    def slip(self, sku_code: str, quantity: int, **more: Any) -> dict[str, Any]:
        return {
            "key": fresh_code("slip"),
            "sku_code": sku_code,
            "quantity": quantity,
            "source": "supplier",
            "target": {"location_code": self.north},
            "reason": "receipt",
            "document": "PO-1",
        } | more

    def promise(self, **more: Any) -> dict[str, Any]:
        to = {"country": "FI", "postal_code": self.market.there.postal_code}
        lines = [{"sku_code": self.chair, "quantity": 1}]
        return {"channel_code": self.market.shop.channel.code, "lines": lines, "destination": to} | more


@pytest.fixture
async def desk(engine: Engine) -> Desk:
    async with engine.begin() as db:
        market = await given_market(db, {"chair": {"north": 5, "south": 0}})
        milk = await given_sku(db)
    house = House(engine, [*INVENTORY, *SOURCING])
    stranger = house.asked_by(a_caller("inventory.read", "inventory.move"))
    return Desk(house.asked_by(a_caller(*MAY)), stranger, market, milk.code)


async def an_older_message(desk: Desk) -> httpx.Response:
    return await desk.feed(desk.snapshot(5, 5), desk.snapshot(4, 1))


async def a_snapshot_of_an_unknown_sku(desk: Desk) -> httpx.Response:
    unknown = desk.snapshot(1, 5, sku_code="nothing")
    return await desk.feed(unknown | {"all_or_nothing": True})


async def a_count_by_somebody_without_the_right(desk: Desk) -> httpx.Response:
    wish = {"location_code": desk.north, "sku_codes": [desk.chair]}
    count = (await desk.client.post("/api/stock/counts", json=wish)).json()
    entries = [{"line_id": count["lines"][0]["id"], "units": 1}]
    return await desk.stranger.post(f"/api/stock/counts/{count['id']}/entries", json={"entries": entries})


async def a_negative_receipt(desk: Desk) -> httpx.Response:
    return await desk.client.post("/api/stock/movements", json=desk.slip(desk.chair, -3))


async def a_negative_receipt_to_come(desk: Desk) -> httpx.Response:
    receipt = {
        "sku_code": desk.chair,
        "location_code": desk.north,
        "quantity": -1,
        "due_at": (moment() + timedelta(days=5)).isoformat(),
        "document": "PO-1",
    }
    return await desk.client.post("/api/supply/receipts", json={"receipts": [receipt]})


async def a_lot_received_past_its_date(desk: Desk) -> httpx.Response:
    return await desk.client.post(
        "/api/stock/movements", json=desk.slip(desk.milk, 3, lot="L1", expires_on="2020-01-01")
    )


async def a_lot_sold_past_its_date(desk: Desk) -> httpx.Response:
    expired = {"location_code": desk.north, "condition": "expired"}
    came = desk.slip(desk.milk, 3, lot="L1", expires_on="2020-01-01", target=expired)
    assert (await desk.client.post("/api/stock/movements", json=came)).status_code == 201
    wish = {"channel_code": desk.market.shop.channel.code, "lines": [{"sku_code": desk.milk, "quantity": 1}]}
    return await desk.client.post("/api/reservations", json=wish)


async def a_slot_that_is_full(desk: Desk) -> httpx.Response:
    begin, region = moment() + timedelta(days=2), a_region()
    slot = {
        "method": "ship",
        "country": "ZZ",
        "postal_prefixes": [region],
        "from_at": begin.isoformat(),
        "until_at": (begin + timedelta(hours=2)).isoformat(),
        "time_zone": "Europe/Madrid",
        "currency": "EUR",
        "capacity": 0,
    }
    made = (await desk.client.post("/api/slots", json=slot)).json()
    return await desk.client.post(f"/api/slots/{made['id']}/holds", json={"country": "ZZ", "postal_code": region})


async def a_postal_code_that_is_none(desk: Desk) -> httpx.Response:
    return await desk.client.post("/api/promises", json=desk.promise(destination={"country": "FI", "postal_code": "A"}))


async def units_held_for_ten_years(desk: Desk) -> httpx.Response:
    wish = {"channel_code": desk.market.shop.channel.code, "lines": [{"sku_code": desk.chair, "quantity": 1}]}
    return await desk.client.post("/api/reservations", json=wish | {"minutes": TEN_YEARS_MINUTES})


async def units_held_for_longer_than_the_channel_holds(desk: Desk) -> httpx.Response:
    wish = {"channel_code": desk.market.shop.channel.code, "lines": [{"sku_code": desk.chair, "quantity": 1}]}
    return await desk.client.post("/api/reservations", json=wish | {"minutes": 7 * 24 * 60})


async def a_transfer_to_the_same_place(desk: Desk) -> httpx.Response:
    lines = [{"sku_code": desk.chair, "quantity": 1}]
    both = {"source_location_code": desk.north, "target_location_code": desk.north, "lines": lines}
    return await desk.client.post("/api/stock/transfers", json=both)


Deed = Callable[[Desk], Awaitable[httpx.Response]]
BAD: list[tuple[Deed, int, str]] = [
    (an_older_message, 409, "older_than_last"),
    (a_snapshot_of_an_unknown_sku, 409, "rows_refused"),
    (a_count_by_somebody_without_the_right, 403, "permission_missing"),
    (a_negative_receipt, 400, "invalid"),
    (a_negative_receipt_to_come, 400, "invalid"),
    (a_lot_received_past_its_date, 409, "lot_past"),
    (a_lot_sold_past_its_date, 409, "out_of_stock"),
    (a_slot_that_is_full, 409, "slot_full"),
    (a_postal_code_that_is_none, 409, "unknown_postal_code"),
    (units_held_for_ten_years, 400, "invalid"),
    (units_held_for_longer_than_the_channel_holds, 409, "hold_too_long"),
    (a_transfer_to_the_same_place, 409, "same_place"),
]


@pytest.mark.parametrize("language", ["es-ES,es;q=0.9", "en"])
@pytest.mark.parametrize(("deed", "status", "code"), BAD, ids=[deed.__name__ for deed, *_ in BAD])
async def test_what_cannot_be_is_told_and_the_ledger_is_unchanged(  # noqa: PLR0917 - a case, and where it is tried
    engine: Engine, desk: Desk, deed: Deed, status: int, code: str, language: str
) -> None:
    """INV-01, INV-09, INV-12, INV-14, INV-16, PRM-06, RES-03: in Spanish and in English."""
    for client in (desk.client, desk.stranger):
        client.headers["accept-language"] = language
    async with engine.connect() as db:
        before = await sellable(db, desk)

    answer = await deed(desk)

    assert problem(answer) == (status, code)
    detail = answer.json()["detail"]
    assert detail.startswith(SPANISH[code]) is language.startswith("es")
    assert len(detail) > 10
    async with engine.connect() as db:
        assert await sellable(db, desk) == before
        assert [verdict for verdict in await examine(db, AUDIT) if verdict.broken] == []


@pytest.mark.parametrize("language", ["es", "en"])
async def test_the_rows_of_a_message_that_cannot_be_are_told_one_by_one(
    engine: Engine, desk: Desk, language: str
) -> None:
    """INV-09: an unknown SKU and a negative count; the row between them is taken."""
    rows = [
        desk.snapshot(1, 5, sku_code="nothing")["lines"][0],
        desk.snapshot(1, 5)["lines"][0],
        desk.snapshot(1, -2)["lines"][0],
    ]
    desk.client.headers["accept-language"] = language

    answer = await desk.feed(desk.snapshot(1, 5) | {"lines": rows})

    told = {row["line"]: row for row in answer.json()["rows"]}
    assert {line: row["code"] for line, row in told.items() if row["code"]} == {
        1: "unknown_stock",
        3: "negative_count",
    }
    assert (told[3]["detail"] == SPANISH["negative_count"]) is (language == "es")
    async with engine.connect() as db:
        assert await sellable(db, desk) == (0, 5, 0)


async def test_a_store_that_is_closed_offers_nothing_to_collect(desk: Desk) -> None:
    """PRM-03: the reason says so; elsewhere the goods can be had."""
    shut = desk.promise(store_code=desk.market.shop.locations["south"].code, destination=None)

    answer = await desk.client.post("/api/promises", json=shut)

    assert answer.json()["options"] == []
    assert answer.json()["not_offered"]


def test_every_refusal_of_stock_has_words_in_spanish() -> None:
    rooms = ("batuta.inventory.", "batuta.sourcing.domain.slots", "batuta.sourcing.domain.promises")
    known = {one.code for one in every(BatutaError) if one.__module__.startswith(rooms)}

    assert sorted(known - SPANISH.keys()) == []


def every(kind: type[BatutaError]) -> set[type[BatutaError]]:
    below = set(kind.__subclasses__())
    return below.union(*(every(one) for one in below))


async def sellable(db: Connection, desk: Desk) -> tuple[int, int, int]:
    """Units that came in sellable, units on hand, and units that are reserved, of chairs and milk."""
    sku_id = desk.market.shop.skus["chair"].id
    return tuple((await db.execute(_LEDGER, {"chair": sku_id, "milk": desk.milk})).one())


_LEDGER = text(
    """
    WITH skus AS (SELECT id FROM catalog.sku WHERE id = :chair OR code = :milk)
    SELECT
        (SELECT count(*) - 1 FROM inventory.movement m JOIN skus ON skus.id = m.sku_id
            WHERE m.target_condition = 'sellable'),
        (SELECT coalesce(sum(on_hand), 0) FROM inventory.stock s JOIN skus ON skus.id = s.sku_id
            WHERE s.condition = 'sellable'),
        (SELECT coalesce(sum(reserved), 0) FROM inventory.stock s JOIN skus ON skus.id = s.sku_id)
    """
)
