"""Feeds, files and differences through the API."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from batuta.inventory.api import ROUTES
from batuta.inventory.domain import parquet as reading
from batuta.inventory.queries import AUDIT
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, at, problem
from tests.making import fresh_code
from tests.world import Shop, build_shop

MAY = ("inventory.read", "inventory.move", "locations.write")


@pytest.fixture
async def shop(engine: Engine) -> Shop:
    async with engine.begin() as db:
        return await build_shop(db, stock={"chair": {"north": 7, "south": 3}, "table": {"north": 2}})


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, ROUTES)


@pytest.fixture
def clerk(house: House) -> httpx.AsyncClient:
    return house.asked_by(a_caller(*MAY))


@pytest.fixture
async def feed(clerk: httpx.AsyncClient, shop: Shop) -> str:
    """A warehouse that speaks of the north."""
    code = fresh_code("wms")
    body = {"code": code, "kind": "wms", "location_codes": [shop.locations["north"].code], "tolerance_units": 1}
    saved = await clerk.post("/api/stock/feeds", json=body)
    assert saved.status_code == 200, saved.text
    return code


def line(shop: Shop, quantity: int, *, sku: str = "chair", place: str = "north", **more: Any) -> dict[str, Any]:
    codes = {"sku_code": shop.skus[sku].code, "location_code": shop.locations[place].code}
    return codes | {"quantity": quantity} | more


def snapshot(sequence: int, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"sequence": sequence, "kind": "snapshot", "cut_at": datetime.now(UTC).isoformat(), "lines": list(lines)}
    return said | more


async def on_hand(clerk: httpx.AsyncClient, shop: Shop, sku: str = "chair") -> dict[str, int]:
    rows = (await clerk.get("/api/stock", params={"sku_id": str(shop.skus[sku].id)})).json()["items"]
    names = {str(one.id): name for name, one in shop.locations.items()}
    return {names[row["location_id"]]: row["on_hand"] for row in rows}


def csv(shop: Shop, *rows: str) -> bytes:
    names = {name: one.code for name, one in shop.skus.items()} | {
        name: one.code for name, one in shop.locations.items()
    }
    lines = [",".join(names.get(cell, cell) for cell in row.split(",")) for row in rows]
    return "\n".join(["sku_code,location_code,quantity", *lines]).encode()


async def test_a_feed_is_saved_listed_and_kept(clerk: httpx.AsyncClient, shop: Shop, feed: str) -> None:
    told = (await clerk.get(f"/api/stock/feeds/{feed}")).json()
    later = {"code": feed, "kind": "wms", "location_codes": [one.code for one in shop.locations.values()]}
    saved = (await clerk.post("/api/stock/feeds", json=later)).json()
    listed = (await clerk.get("/api/stock/feeds", params={"limit": 200})).json()["items"]

    assert (told["last_sequence"], told["location_codes"]) == (0, [shop.locations["north"].code])
    assert (saved["id"], len(saved["location_codes"])) == (told["id"], 2)
    assert saved in listed
    assert problem(await clerk.get("/api/stock/feeds/nobody")) == (404, "unknown_feed")


async def test_a_snapshot_is_taken_once_and_an_older_one_never(
    engine: Engine, clerk: httpx.AsyncClient, shop: Shop, feed: str
) -> None:
    """INV-09"""
    path = f"/api/stock/feeds/{feed}/messages"
    one = snapshot(5, line(shop, 6), line(shop, 2, sku="table"), line(shop, 1, place="south"))

    first, again = [await clerk.post(path, json=one) for _ in range(2)]
    older = await clerk.post(path, json=snapshot(4, line(shop, 1)))
    other = await clerk.post(path, json=snapshot(5, line(shop, 1)))

    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    assert (first.json()["changed"], first.json()["unchanged"], first.json()["refused"]) == (1, 1, 1)
    assert [row["code"] for row in first.json()["rows"]] == [None, "foreign_place"]
    assert (problem(older), problem(other)) == ((409, "older_than_last"), (409, "sequence_reused"))
    assert older.json()["facts"]["last_sequence"] == 5
    assert await on_hand(clerk, shop) == {"north": 6, "south": 3}
    async with engine.connect() as db:
        assert not [verdict for verdict in await examine(db, AUDIT) if verdict.broken]


async def test_a_dry_run_says_what_would_change(clerk: httpx.AsyncClient, shop: Shop, feed: str) -> None:
    """PLT-08"""
    path = f"/api/stock/feeds/{feed}/messages"

    told = (await clerk.post(path, json=snapshot(1, line(shop, 2), dry_run=True))).json()

    assert (told["is_trial"], told["rows"][0]["difference"]) == (True, -5)
    assert (await on_hand(clerk, shop))["north"] == 7
    assert (await clerk.post(path, json=snapshot(1, line(shop, 2)))).json()["changed"] == 1


async def test_all_or_nothing_names_the_bad_rows(clerk: httpx.AsyncClient, shop: Shop, feed: str) -> None:
    path = f"/api/stock/feeds/{feed}/messages"
    bad = snapshot(1, line(shop, 2), line(shop, -2, sku="table"), all_or_nothing=True)

    answer = await clerk.post(path, json=bad)

    assert problem(answer) == (409, "rows_refused")
    assert [(row["line"], row["code"]) for row in answer.json()["facts"]["rows"]] == [(2, "negative_count")]
    assert (await on_hand(clerk, shop))["north"] == 7


async def test_differences_wait_until_somebody_has_looked(
    house: House, clerk: httpx.AsyncClient, shop: Shop, feed: str
) -> None:
    """PLT-11"""
    await clerk.post(f"/api/stock/feeds/{feed}/messages", json=snapshot(1, line(shop, 4), line(shop, 1, sku="table")))
    listed = (await clerk.get("/api/stock/differences", params={"feed": feed})).json()["items"]
    (waiting,) = (await clerk.get("/api/stock/differences", params={"feed": feed, "status": "open"})).json()["items"]
    path = f"/api/stock/differences/{waiting['id']}/settle"
    elsewhere = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))

    assert (len(listed), waiting["units"], waiting["counted"], waiting["expected"]) == (2, -3, 4, 7)
    assert problem(await elsewhere.post(path, json={"note": "x"})) == (404, "unknown_difference")
    assert problem(await elsewhere.get("/api/stock/differences", params={"feed": feed})) == (404, "unknown_feed")
    assert (await clerk.post(path, json={"note": "Stolen"})).json()["settled_by"] == "staff:ana@example.com"
    assert problem(await clerk.post(path, json={"note": "Or not"})) == (409, "already_settled")
    assert (await clerk.get("/api/stock/differences", params={"feed": feed, "status": "open"})).json()["items"] == []
    page = (await clerk.get("/api/stock/differences", params={"feed": feed, "limit": 1})).json()
    rest = (await clerk.get("/api/stock/differences", params={"feed": feed, "cursor": page["next"]})).json()
    assert [one["id"] for one in (*page["items"], *rest["items"])] == [one["id"] for one in listed]


async def test_whoever_works_at_some_locations_feeds_no_others(house: House, shop: Shop, feed: str) -> None:
    """PLT-07"""
    keeper = house.asked_by(a_caller(*MAY, **at(shop.locations["south"].id)))
    body = {"code": fresh_code("pos"), "kind": "pos", "location_codes": [shop.locations["south"].code]}

    assert problem(await keeper.post(f"/api/stock/feeds/{feed}/messages", json=snapshot(1))) == (404, "unknown_feed")
    assert problem(await keeper.post("/api/stock/feeds", json=body | {"code": feed})) == (403, "not_your_feed")
    assert problem(await keeper.post("/api/stock/feeds", json=body | {"location_codes": []})) == (403, "not_your_feed")
    north = body | {"location_codes": [shop.locations["north"].code]}
    assert problem(await keeper.post("/api/stock/feeds", json=north)) == (404, "unknown_stock")
    assert (await keeper.post("/api/stock/feeds", json=body)).status_code == 200


async def test_a_csv_file_is_imported_row_by_row(clerk: httpx.AsyncClient, shop: Shop) -> None:
    """PLT-08"""
    file = csv(shop, "chair,north,9", "chair,nowhere,1", "table,north,many", "table,north,1", "chair,south")

    trial = (await clerk.post("/api/stock/imports", params={"dry_run": True}, content=file)).json()
    told = (await clerk.post("/api/stock/imports", content=file)).json()
    again = (await clerk.post("/api/stock/imports", content=file)).json()

    assert (trial["is_trial"], trial["changed"], trial["refused"]) == (True, 2, 3)
    assert [(row["line"], row["code"]) for row in told["rows"]] == [
        (1, None),
        (2, "unknown_stock"),
        (3, "bad_row"),
        (4, None),
        (5, "bad_row"),
    ]
    assert (told["is_done"], told["lines_done"], told) == (True, 5, again)
    assert (await on_hand(clerk, shop), await on_hand(clerk, shop, "table")) == ({"north": 9, "south": 3}, {"north": 1})


async def test_a_parquet_file_is_imported_alike(
    clerk: httpx.AsyncClient, shop: Shop, feed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: dict[str, list[Any]] = {
        "sku_code": [shop.skus["chair"].code, shop.skus["table"].code, "nothing"],
        "location_code": [shop.locations["north"].code] * 3,
        "quantity": [-2, 5, 1],
        "reason": ["sale_pos", "receipt", None],
    }
    content = packed(columns)
    query: dict[str, str | int] = {"feed": feed, "sequence": 3, "kind": "delta"}

    told = (await clerk.post("/api/stock/imports", params=query, content=content)).json()

    assert (told["changed"], told["refused"], told["skipped"]) == (2, 1, 2)
    assert ((await on_hand(clerk, shop))["north"], await on_hand(clerk, shop, "table")) == (5, {"north": 7})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    without = await clerk.post("/api/stock/imports", content=content)
    assert problem(without) == (409, "parquet_not_installed")
    assert without.json()["facts"]["command"] == reading.INSTALL


def packed(columns: dict[str, list[Any]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1 and nothing more",
        packed({"sku_code": ["a"], "location_code": ["b"]}),
        packed({"sku_code": ["a"], "location_code": ["b"], "quantity": [1], "colour": ["red"]}),
        packed({"sku_code": ["a" * 1_000], "location_code": ["b"], "quantity": [1]}),
        packed({"sku_code": [["a"]], "location_code": ["b"], "quantity": [1]}),
        packed({"sku_code": ["a"] * 1_000_001, "location_code": ["b"] * 1_000_001, "quantity": [1] * 1_000_001}),
        b"",
        b"sku_code,quantity\nA,1",
        b"sku_code,location_code,quantity,colour\n",
        b"sku_code,sku_code,location_code,quantity\n",
        b"\xff\xfe",
        b'sku_code,location_code,quantity\n"A,B,1',
        b"sku_code,location_code,quantity\nA\0,B,1",
    ],
)
async def test_a_file_of_another_kind_is_a_clear_problem(clerk: httpx.AsyncClient, content: bytes) -> None:
    assert problem(await clerk.post("/api/stock/imports", content=content)) == (409, "bad_file")


async def test_semicolons_a_byte_order_mark_and_other_columns_first_are_read(
    clerk: httpx.AsyncClient, shop: Shop
) -> None:
    chair, north = shop.skus["chair"].code, shop.locations["north"].code
    file = (
        f"\ufeffQuantity;sku_code;location_code;condition\r\n4.0;{chair};{north};\r\n\r\n2;{chair};{north};damaged\r\n"
    )

    told = (await clerk.post("/api/stock/imports", content=file.encode())).json()

    assert (told["lines"], told["changed"], told["rows"][1]["condition"]) == (2, 2, "damaged")


async def test_large_files_are_not_taken_in_one_piece(clerk: httpx.AsyncClient, shop: Shop) -> None:
    file = csv(shop, *(f"chair-{i},north,1" for i in range(2_001)))

    answer = await clerk.post("/api/stock/imports", params={"all_or_nothing": True}, content=file)

    assert problem(answer) == (409, "too_many_at_once")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sequence": 0}, 400),
        ({"sequence": 2**60}, 400),
        ({"kind": "rumour"}, 400),
        ({"cut_at": "2026-01-01T00:00:00"}, 400),
        ({"cut_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, 409),
        ({"cut_at": "0001-01-01T00:00:00+14:00"}, 409),
        ({"cut_at": "9999-12-31T23:59:59-14:00"}, 409),
        ({"lines": [{"sku_code": "a", "location_code": "b", "quantity": 2**40}]}, 400),
        ({"lines": [{"sku_code": "a", "location_code": "b", "quantity": 1}] * 2_001}, 400),
        ({"kind": "heartbeat", "lines": [{"sku_code": "a", "location_code": "b", "quantity": 1}]}, 409),
        ({"colour": "red"}, 400),
    ],
)
async def test_a_bad_message_is_a_clear_problem(
    clerk: httpx.AsyncClient, feed: str, change: dict[str, Any], status: int
) -> None:
    answer = await clerk.post(f"/api/stock/feeds/{feed}/messages", json=snapshot(1) | change)

    assert problem(answer)[0] == status


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": "a b"}, (400, "invalid")),
        ({"kind": "fax"}, (400, "invalid")),
        ({"silent_after_minutes": 0}, (400, "invalid")),
        ({"silent_after_minutes": 5}, (409, "bad_feed")),
        ({"location_codes": ["nowhere"]}, (404, "unknown_stock")),
    ],
)
async def test_a_bad_feed_is_a_clear_problem(
    clerk: httpx.AsyncClient, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    body = {"code": fresh_code("feed"), "kind": "pos"}

    assert problem(await clerk.post("/api/stock/feeds", json=body | change)) == expected


async def test_a_complete_snapshot_or_file_says_all_that_lies_at_a_location(
    clerk: httpx.AsyncClient, shop: Shop, feed: str
) -> None:
    path = f"/api/stock/feeds/{feed}/messages"
    trial = (await clerk.post(path, json=snapshot(1, line(shop, 7), complete=True, dry_run=True))).json()
    assert [(row["line"], row["sku_code"], row["difference"]) for row in trial["rows"]] == [
        (2, shop.skus["table"].code, -2)
    ]
    delta = snapshot(1, line(shop, 7), complete=True, kind="delta")
    assert problem(await clerk.post(path, json=delta)) == (409, "never_complete")

    told = (
        await clerk.post("/api/stock/imports", params={"complete": True}, content=csv(shop, "table,north,3"))
    ).json()

    assert (told["is_done"], told["lines"], told["changed"]) == (True, 2, 2)
    assert (await on_hand(clerk, shop), await on_hand(clerk, shop, "table")) == ({"north": 0, "south": 3}, {"north": 3})
