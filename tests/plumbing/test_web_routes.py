"""What every route shares: who may, what is taken, and what is answered to a request that is sent again (PLT-01)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from litestar import Litestar, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import text

from batuta.kernel.errors import BatutaError, Refused, TooMany, Unavailable
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine, create_engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    NotSignedIn,
    Page,
    anyone,
    batched,
    become,
    bodies,
    caller_if_any,
    check_version,
    create_shell,
    etag,
    once,
    page_of,
    read_cursor,
    requires,
    signed_in,
)
from tests.plumbing.severing import wire_to
from tests.plumbing.test_web import client_of

pytestmark = pytest.mark.usefixtures("ground")


class NoSuchThing(Refused):
    """The thing cannot be had."""


class InTheWay(Unavailable):
    """Somebody else is at it."""


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: UUID
    outcome: str = "done"
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


CALLERS = {
    "ana": Caller(id=uuid4(), actor="staff:ana", permissions=frozenset({"wishes.make"})),
    "ben": Caller(id=uuid4(), actor="staff:ben", permissions=frozenset({"wishes.make"})),
    "eve": Caller(id=uuid4(), actor="staff:eve", permissions=frozenset()),
}
INSERT = text("INSERT INTO batching_test.done (id) VALUES (:id)")
COUNT = text("SELECT count(*) FROM batching_test.done WHERE id = :id")


async def guard(request: AnyRequest) -> Caller:
    name = request.headers.get("authorization", "")
    if name == "hurried":
        raise TooMany("you ask too often", retry_after_s=7)
    if name not in CALLERS:
        raise NotSignedIn("sign in")
    return CALLERS[name]


async def make(db: Connection, wish: Wish) -> None:
    await db.execute(INSERT, {"id": wish.id})
    if wish.outcome == "refused":
        raise NoSuchThing("there is none", id=wish.id)
    if wish.outcome == "in_the_way":
        raise InTheWay("somebody else is at it")


@post("/once", guards=[requires("wishes.make")])
async def wish_once(request: AnyRequest, engine: NamedDependency[Engine], data: JSONBody[Wish]) -> Response[Wish]:
    async def act(db: Connection) -> Answer[Wish]:
        await make(db, data)
        return Answer(data, headers={"etag": etag(7)})

    return await once(engine, request, act)


async def run(db: Connection, items: Sequence[Wish], _: datetime) -> Sequence[Wish | BatutaError]:
    outcomes: list[Wish | BatutaError] = []
    for item in items:
        if item.outcome == "refused":
            outcomes.append(NoSuchThing("there is none", id=item.id))
        elif item.outcome == "in_the_way":
            outcomes.append(InTheWay("somebody else is at it"))
        else:
            await db.execute(INSERT, {"id": item.id})
            outcomes.append(item)
    return outcomes


def batcher(engine: Engine) -> Batcher[Wish, Wish]:
    return Batcher(engine, run, name="wishes")


@post("/batched", guards=[requires("wishes.make")])
async def wish_batched(request: AnyRequest, data: JSONBody[Wish]) -> Response[Wish]:
    return await batched(request, batcher, data)


@post("/express", guards=[requires("wishes.make")], is_express=True)
async def wish_express(request: AnyRequest, data: JSONBody[Wish]) -> Response[Wish]:
    return await batched(request, batcher, data)


@post("/express-once", guards=[requires("wishes.make")], is_express=True)
async def wish_express_once(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[Wish]
) -> Response[Wish]:
    assert caller.actor.startswith("staff:")

    async def act(db: Connection) -> Answer[Wish]:
        await make(db, data)
        return Answer(data, headers={"etag": etag(7)})

    return await once(engine, request, act)


@put("/shelves/{shelf_id:uuid}/wishes", guards=[requires("wishes.make")], is_express=True)
async def wish_for_shelf(
    request: AnyRequest, engine: NamedDependency[Engine], shelf_id: FromPath[UUID], data: JSONBody[Wish]
) -> Response[Wish]:
    async def act(db: Connection) -> Answer[Wish]:
        await make(db, data)
        return Answer(msgspec.structs.replace(data, id=shelf_id))

    return await once(engine, request, act)


@get("/shelves/{shelf_id:uuid}", guards=[signed_in()], is_express=True)
async def shelf(shelf_id: FromPath[UUID]) -> Response[list[UUID]]:
    return Response([shelf_id], headers={"etag": etag(7)})


@post("/bug", guards=[anyone()], is_express=True)
async def bug(request: AnyRequest) -> Response[None]:
    raise RuntimeError(f"a secret of the house: {request.method}")


@delete("/things/{thing:uuid}", guards=[signed_in()])
async def remove(request: AnyRequest, engine: NamedDependency[Engine], thing: FromPath[UUID]) -> Response[None]:
    async def act(_: Connection) -> Answer[None]:
        check_version(request, 7)
        return Answer(None)

    assert thing
    return await once(engine, request, act)


@get("/me", guards=[signed_in()])
async def me(caller: NamedDependency[Caller]) -> str:
    return caller.actor


@get("/hello", guards=[anyone()])
async def hello(request: AnyRequest) -> str:
    caller = await caller_if_any(request)
    return caller.actor if caller else "stranger"


@post("/guests", guards=[anyone()])
async def guest(request: AnyRequest, engine: NamedDependency[Engine]) -> Response[str]:
    become(request, Caller(id=UUID(int=9), actor="guest", permissions=frozenset()))

    async def act(_: Connection) -> Answer[str]:
        return Answer(uuid4().hex)

    return await once(engine, request, act)


@get("/unnamed")
async def unnamed() -> str:
    return "nobody may read this"


@get("/numbers", guards=[anyone()])
async def numbers(limit: Limit = LIMIT_USUAL, cursor: Cursor = None) -> Page[int]:
    (after,) = read_cursor(cursor, tuple[int]) or (0,)
    return page_of(list(range(after + 1, 121))[: limit + 1], limit=limit, key=lambda number: (number,))


ROUTES = (
    wish_once,
    wish_batched,
    wish_express,
    wish_express_once,
    wish_for_shelf,
    shelf,
    bug,
    remove,
    me,
    hello,
    guest,
    unnamed,
    numbers,
)
CHANGES = ("/once", "/batched", "/express", "/express-once")


@pytest.fixture
async def shell(engine: Engine) -> Litestar:
    return create_shell(ROUTES, engine=engine, guard=guard)


@pytest.fixture
async def client(shell: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(shell) as client:
        client.headers["authorization"] = "ana"
        yield client


def wish(outcome: str = "done") -> dict[str, Any]:
    return {"id": str(uuid4()), "outcome": outcome}


def keyed(name: str | None = None, **more: str) -> dict[str, str]:
    return {"idempotency-key": name or uuid4().hex, **more}


async def made(engine: Engine, asked: dict[str, Any]) -> int:
    async with engine.connect() as db:
        return int(await db.scalar(COUNT, {"id": UUID(asked["id"])}))


@pytest.mark.parametrize("path", CHANGES)
async def test_who_is_not_known_or_may_not_is_told_so_before_the_body_is_read(
    client: httpx.AsyncClient, path: str
) -> None:
    unknown = await client.post(path, content=b"{", headers={"authorization": "mallory"})
    unable = await client.post(path, content=b"{", headers={"authorization": "eve"})
    hurried = await client.post(path, content=b"{", headers={"authorization": "hurried"})

    assert (unknown.status_code, unknown.json()["code"]) == (401, "not_signed_in")
    assert unknown.headers["www-authenticate"] == 'Bearer realm="batuta"'
    assert (unable.status_code, unable.json()["facts"]) == (403, {"permission": "wishes.make"})
    assert (hurried.status_code, hurried.json()["code"], hurried.headers["retry-after"]) == (429, "too_many", "7")


async def test_a_route_that_names_no_permission_is_shut(client: httpx.AsyncClient) -> None:
    assert (await client.get("/unnamed")).status_code == 403


async def test_routes_for_all_who_are_signed_in_and_for_anyone(client: httpx.AsyncClient) -> None:
    assert (await client.get("/me", headers={"authorization": "eve"})).text == "staff:eve"
    assert (await client.get("/me", headers={"authorization": ""})).status_code == 401
    assert (await client.get("/hello", headers={"authorization": "eve"})).text == "staff:eve"
    assert (await client.get("/hello", headers={"authorization": ""})).text == "stranger"


@pytest.mark.parametrize("path", CHANGES)
async def test_the_same_request_under_the_same_key_is_done_once_and_answered_alike(
    client: httpx.AsyncClient, engine: Engine, path: str
) -> None:
    asked, headers = wish(), keyed()
    first = await client.post(path, json=asked, headers=headers)
    second = await client.post(path, json=asked, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == {**asked, "quantity": 1}
    assert first.headers.get("etag") == second.headers.get("etag")
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await made(engine, asked) == 1


@pytest.mark.parametrize("path", CHANGES)
async def test_without_a_key_it_is_done_each_time(client: httpx.AsyncClient, engine: Engine, path: str) -> None:
    asked = wish()
    for _ in range(2):
        assert (await client.post(path, json=asked)).status_code == 201
    assert await made(engine, asked) == 2


@pytest.mark.parametrize("path", CHANGES)
async def test_a_refusal_is_kept_too_and_what_passes_is_not(
    client: httpx.AsyncClient, engine: Engine, path: str
) -> None:
    asked, headers = wish("refused"), keyed()
    answers = [await client.post(path, json=asked, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].content == answers[1].content
    assert answers[1].json()["code"] == "no_such_thing"
    assert answers[1].headers["content-type"] == "application/problem+json"
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert await made(engine, asked) == 0

    passing = await client.post(path, json=wish("in_the_way"), headers=(headers := keyed()))
    assert (passing.status_code, passing.headers["retry-after"]) == (503, "1")
    assert (await client.post(path, json=wish(), headers=headers)).status_code == 201


@pytest.mark.parametrize("path", CHANGES)
async def test_a_repeated_key_with_another_body_is_refused_and_nothing_is_done(
    client: httpx.AsyncClient, engine: Engine, path: str
) -> None:
    headers, other = keyed(), wish()
    await client.post(path, json=wish(), headers=headers)
    answer = await client.post(path, json=other, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert await made(engine, other) == 0


async def test_a_key_belongs_to_its_caller_and_to_one_route(client: httpx.AsyncClient, engine: Engine) -> None:
    asked, headers = wish(), keyed()
    await client.post("/once", json=asked, headers=headers)

    assert (await client.post("/batched", json=asked, headers=headers)).json()["code"] == "idempotency_key_reused"
    theirs = await client.post("/once", json=asked, headers={**headers, "authorization": "ben"})
    assert "idempotency-replayed" not in theirs.headers
    assert await made(engine, asked) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "ñ", "k" * 256])
async def test_a_key_is_up_to_255_visible_characters(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/once", json=wish(), headers={b"idempotency-key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


@pytest.mark.parametrize("path", CHANGES)
async def test_the_same_request_many_times_at_once_is_done_once(
    client: httpx.AsyncClient, engine: Engine, path: str
) -> None:
    asked, headers = wish(), keyed()
    answers = await asyncio.gather(*(client.post(path, json=asked, headers=headers) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await made(engine, asked) == 1


@pytest.mark.parametrize("path", ["/once", "/batched"])
@pytest.mark.parametrize("passes_on", [True, False])
async def test_a_connection_lost_in_commit_does_nothing_twice_and_loses_nothing(
    engine: Engine, database_url: str, path: str, *, passes_on: bool
) -> None:
    async with wire_to(database_url) as (wire, url):
        far = create_engine(url, pool_size=2)
        async with client_of(create_shell(ROUTES, engine=far, guard=guard)) as client:
            client.headers["authorization"] = "ana"
            await client.post(path, json=wish())
            wire.cut_at, wire.passes_on = b"COMMIT", passes_on
            asked = wish()
            answer = await client.post(path, json=asked, headers=keyed())
        await far.dispose()

    assert (answer.status_code, wire.cuts) == (201, 1)
    assert await made(engine, asked) == 1


async def test_a_guest_who_is_known_by_something_else_has_keys_too(client: httpx.AsyncClient) -> None:
    headers = keyed(authorization="")
    first, second = [await client.post("/guests", headers=headers) for _ in range(2)]
    assert first.text == second.text


BAD_BODIES = [
    (b"{", 400, "invalid"),
    (b"", 400, "invalid"),
    (b'{"id": "\xff"}', 400, "not_utf8"),
    (b'{"id": "no id"}', 400, "invalid"),
    (b'{"id": "%b", "unknown": 1}', 400, "invalid"),
    (b'{"id": "%b", "quantity": 1001}', 400, "invalid"),
    (b'{"id": "%b", "quantity": 9223372036854775808}', 400, "invalid"),
    (b'{"id": "%b", "quantity": 1e400}', 400, "invalid"),
    (b'{"id": "%b", "outcome": "a\\u0000b"}', 400, "nul_in_text"),
    (b" " * 10_000_001, 413, "request_entity_too_large"),
]


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
async def test_bad_input_has_a_clear_answer(
    client: httpx.AsyncClient, path: str, body: bytes, status: int, code: str
) -> None:
    content = body.replace(b"%b", str(uuid4()).encode())
    answer = await client.post(path, content=content, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    ("body", "misfit"),
    [
        (b'{"id": "%b", "quantity": "2"}', "Se esperaba `int` y ha llegado `str`, en `quantity`."),
        (b'{"id": "%b", "quantity": 0}', "Se esperaba `int` >= 1, en `quantity`."),
        (b'{"id": "%b", "colour": 1}', "No existe el campo `colour`."),
        (b'{"id": "nobody", "quantity": 2}', "No es válido como `UUID`, en `id`."),
        (b'{"id": "%b", "quantity": nul}', "El JSON está mal escrito, hacia byte"),
        (b'{"id": ', "Está cortado o vacío."),
        (b"[1]", "Se esperaba `object` y ha llegado `array`."),
    ],
)
async def test_what_does_not_fit_is_told_in_the_language_of_who_asks(
    client: httpx.AsyncClient, path: str, body: bytes, misfit: str
) -> None:
    content = body.replace(b"%b", str(uuid4()).encode())
    headers = {"content-type": "application/json", "accept-language": "es-ES"}
    answer = await client.post(path, content=content, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"La petición no tiene la forma que se espera. {misfit}")


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(("number", "status"), [("2.0", 201), ("2e0", 201), ("0.2e1", 201), ("2.5", 400), ("1e9", 400)])
async def test_a_whole_number_may_be_written_with_a_point(
    client: httpx.AsyncClient, path: str, number: str, status: int
) -> None:
    body = f'{{"id": "{uuid4()}", "quantity": {number}}}'
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert status != 201 or answer.json()["quantity"] == 2


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_said_to_be_json_is_not_taken(client: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await client.post(path, content=msgspec.json.encode(wish()), headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", CHANGES)
async def test_a_body_that_comes_in_parts_is_whole_or_too_large(client: httpx.AsyncClient, path: str) -> None:
    asked = msgspec.json.encode(wish())

    async def parts(size: int) -> AsyncIterator[bytes]:
        yield asked[:10]
        yield asked[10:]
        for _ in range(size):
            yield b" " * 1_000_000

    headers = {"content-type": "application/json"}
    assert (await client.post(path, content=parts(0), headers=headers)).status_code == 201
    assert (await client.post(path, content=parts(10), headers=headers)).status_code == 413


@pytest.mark.parametrize("path", CHANGES)
async def test_a_slow_body_is_not_waited_for(
    client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.3)
        yield b"}"

    answer = await client.post(path, content=slowly(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"


async def test_the_express_lane_keeps_ids_counts_requests_and_hides_bugs(client: httpx.AsyncClient) -> None:
    answer = await client.post("/bug", headers={"x-request-id": "a-1"})

    assert (answer.status_code, answer.json()["code"], answer.headers["x-request-id"]) == (500, "bug", "a-1")
    assert "secret" not in answer.text
    done = await client.post("/express", json=wish(), headers={"x-request-id": "a-2"})
    assert done.headers["x-request-id"] == "a-2"
    counted = 'batuta_http_request_seconds_count{method="POST",route="/bug",status="500"}'
    assert counted in (await client.get("/metrics")).text


async def test_the_express_lane_knows_ids_in_paths(client: httpx.AsyncClient, engine: Engine) -> None:
    shelf_id, asked = uuid4(), wish()
    answers = [
        await client.put(f"/shelves/{shelf_id}/wishes", json=asked, headers=headers) for headers in [keyed()] * 2
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"] == str(shelf_id)
    assert await made(engine, asked) == 1
    shown = await client.get(f"/shelves/{shelf_id}", headers={"x-request-id": "a-3"})
    assert (shown.json(), shown.headers["etag"], shown.headers["x-request-id"]) == ([str(shelf_id)], '"7"', "a-3")
    assert (await client.get(f"/shelves/{shelf_id}", headers={"authorization": ""})).status_code == 401
    assert (await client.get("/shelves/first")).status_code == 404
    assert (await client.post(f"/shelves/{shelf_id}")).status_code == 405
    assert (await client.get(f"/shelves/{shelf_id}/wishes")).status_code == 405
    counted = 'batuta_http_request_seconds_count{method="PUT",route="/shelves/{shelf_id}/wishes",status="200"}'
    assert counted in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        ('"7"', 204, None),
        ("7", 204, None),
        ("*", 204, None),
        ('"6"', 409, "version_conflict"),
        ("seven", 400, "bad_if_match"),
        ('"7", "6"', 400, "bad_if_match"),
    ],
)
async def test_a_change_to_what_has_changed_meanwhile_is_refused(
    client: httpx.AsyncClient, if_match: str, status: int, code: str | None
) -> None:
    """PLT-02."""
    answer = await client.delete(f"/things/{uuid4()}", headers={"if-match": if_match})

    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    if status == 409:
        assert answer.json()["facts"]["present"] == 7


async def test_pages_follow_each_other_without_gap_or_repetition(client: httpx.AsyncClient) -> None:
    found: list[int] = []
    query: dict[str, str | int] = {}
    while True:
        page = (await client.get("/numbers", params=query)).json()
        found += page["items"]
        if page["next"] is None:
            break
        query = {"cursor": page["next"], "limit": 33}
    assert found == list(range(1, 121))


@pytest.mark.parametrize(
    "query",
    [{"cursor": "garbage"}, {"cursor": "ñ"}, {"cursor": "WyJhIl0"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}],
)
async def test_a_made_up_cursor_or_limit_is_refused(client: httpx.AsyncClient, query: dict[str, str | int]) -> None:
    assert (await client.get("/numbers", params=query)).status_code == (409 if "cursor" in query else 400)
