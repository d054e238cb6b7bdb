"""Signing in, sessions, keys and staff through the web shell, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from batuta.identity.domain import Role
from batuta.identity.domain.sessions import hash_of
from batuta.plumbing.database import Engine
from tests.identity.given import (
    PASSWORD,
    Clock,
    a_key,
    browser,
    fresh_address,
    house,
    sign_in,
    somebody,
    with_key,
)
from tests.making import fresh_code, fresh_id


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shell(engine: Engine, clock: Clock) -> Litestar:
    return house(engine, clock=clock)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_who_signs_in_is_known_until_they_sign_out(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine, Role.AGENT)
    async with browser(shell, address=fresh_address()) as client:
        assert problem(await client.get("/api/me")) == (401, "not_signed_in")

        begun = await sign_in(client, staff)
        me = (await client.get("/api/me")).json()
        ended = await client.delete("/api/session")

        assert begun.status_code == 201
        assert me == begun.json()
        assert (me["actor"], me["role"], me["locale"]) == (staff.actor, "agent", "es")
        assert "orders.cancel" in me["permissions"]
        assert me["limits"] == {"orders.discount": 5_000, "payments.refund": 5_000}
        assert ended.status_code == 204
        assert problem(await client.get("/api/me")) == (401, "not_signed_in")


async def test_the_session_cookie_is_for_this_site_and_no_script(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        at_home = (await sign_in(client, staff)).headers["set-cookie"].lower()
        client.headers["host"] = "orders.example.com"
        client.cookies.clear()
        abroad = (await sign_in(client, staff)).headers["set-cookie"].lower()

    assert "httponly" in at_home
    assert "samesite=lax" in at_home
    assert "secure" not in at_home
    assert "secure" in abroad


async def test_a_session_is_bound_to_its_browser(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client, browser(shell, agent="another") as thief:
        await sign_in(client, staff)
        thief.cookies.update(client.cookies)

        assert problem(await thief.get("/api/me")) == (401, "not_signed_in")
        assert (await client.get("/api/me")).status_code == 200


async def test_signing_in_again_ends_the_old_session(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client, browser(shell) as old:
        await sign_in(client, staff)
        old.cookies.update(client.cookies)
        await sign_in(client, staff)

        assert old.cookies["batuta_session"] != client.cookies["batuta_session"]
        assert problem(await old.get("/api/me")) == (401, "not_signed_in")


async def test_a_session_ends_when_idle_and_after_a_week_at_the_latest(
    engine: Engine, shell: Litestar, clock: Clock
) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client, browser(shell, address=fresh_address()) as idle:
        await sign_in(client, staff)
        await sign_in(idle, staff)
        for _ in range(15):
            clock.pass_by(timedelta(hours=11))
            assert (await client.get("/api/me")).status_code == 200
        assert problem(await idle.get("/api/me")) == (401, "not_signed_in")
        clock.pass_by(timedelta(hours=4))
        assert problem(await client.get("/api/me")) == (401, "not_signed_in")


async def test_the_database_holds_neither_password_nor_token(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        await sign_in(client, staff)
        token = client.cookies["batuta_session"]
    async with engine.connect() as db:
        row = (
            await db.execute(
                text(
                    "SELECT s::text AS kept, p.hashed, p.shown FROM identity.session s JOIN identity.password p USING "
                    "(staff_id) WHERE s.token_hash = :hash"
                ),
                {"hash": hash_of(token)},
            )
        ).one()
    assert token not in row.kept
    assert row.hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert row.shown is None


async def test_a_change_without_the_sessions_token_is_refused(engine: Engine, shell: Litestar) -> None:
    staff, other = await somebody(engine), await somebody(engine)
    async with (
        browser(shell, address=fresh_address()) as client,
        browser(shell, address=fresh_address()) as another,
    ):
        await sign_in(client, staff)
        others = (await sign_in(another, other)).json()["csrf"]
        own = client.headers.pop("x-csrf-token")
        new = {"email": f"{fresh_code('x')}@example.com", "name": "X", "role": "viewer"}

        assert problem(await client.post("/api/users", json=new)) == (403, "wrong_csrf_token")
        assert problem(await client.post("/api/users", json=new, headers={"x-csrf-token": others})) == (
            403,
            "wrong_csrf_token",
        )
        assert (await client.post("/api/users", json=new, headers={"x-csrf-token": own})).status_code == 201


async def test_a_page_of_another_site_cannot_sign_anybody_in(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    given = {"email": staff.email, "password": PASSWORD}
    async with browser(shell, address=fresh_address()) as client:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await client.post("/api/session", json=given, headers=headers)
            assert problem(answer) == (403, "from_elsewhere")
        own = await client.post("/api/session", json=given, headers={"origin": "http://localhost:8000"})
        assert own.status_code == 201


@pytest.mark.parametrize("password", ["wrong password", "", "x" * 200])
async def test_wrong_passwords_unknown_people_and_those_who_left_are_told_apart_by_nobody(
    engine: Engine, shell: Litestar, password: str
) -> None:
    staff, gone = await somebody(engine), await somebody(engine, Role.VIEWER)
    async with engine.begin() as db:
        await db.execute(text("UPDATE identity.staff SET is_active = false WHERE id = :id"), {"id": gone.id})
    tries = [(staff.email, password), ("nobody@example.com", PASSWORD), (gone.email, PASSWORD)]
    async with browser(shell, address=fresh_address()) as client:
        answers = [await client.post("/api/session", json={"email": who, "password": it}) for who, it in tries]

    assert {problem(answer) for answer in answers} == {(401, "wrong_credentials")}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_a_thousand_wrong_passwords_let_nobody_in_and_shut_nobody_out(engine: Engine, shell: Litestar) -> None:
    """From one address few are looked at; from another the right person comes in meanwhile."""
    staff = await somebody(engine)
    wrong = {"email": staff.email, "password": "wrong password"}
    async with browser(shell, address=fresh_address()) as guesser, browser(shell, address=fresh_address()) as right:
        answers: list[httpx.Response] = []
        for _ in range(20):
            answers += await asyncio.gather(*(guesser.post("/api/session", json=wrong) for _ in range(50)))
        begun = await sign_in(right, staff)
        by_then_right = await sign_in(guesser, staff)

    counts = {status: sum(one.status_code == status for one in answers) for status in (401, 429)}
    assert counts[401] + counts[429] == 1_000
    assert 1 <= counts[401] <= 12
    refused = next(one for one in answers if one.status_code == 429)
    assert problem(refused) == (429, "too_many_sign_ins")
    assert 1 <= int(refused.headers["retry-after"]) <= 35
    assert begun.status_code == 201
    assert by_then_right.status_code == 429


async def test_guesses_from_everywhere_do_not_shut_out_who_was_here_before(engine: Engine, shell: Litestar) -> None:
    staff, home = await somebody(engine), fresh_address()
    async with browser(shell, address=home) as client:
        await sign_in(client, staff)
        async with engine.begin() as db:
            # As if a hundred addresses had guessed.
            await db.execute(
                text("UPDATE identity.allowance SET until_at = now() + interval '1000 s' WHERE name = :name"),
                {"name": f"sign-in:email:{staff.email}"},
            )
        async with browser(shell, address=fresh_address()) as stranger:
            assert problem(await sign_in(stranger, staff)) == (429, "too_many_sign_ins")
        assert (await sign_in(client, staff)).status_code == 201


async def test_right_passwords_are_not_counted(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        answers = [await sign_in(client, staff) for _ in range(15)]

    assert {answer.status_code for answer in answers} == {201}


async def test_a_changed_password_signs_out_every_other_browser(engine: Engine, shell: Litestar) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client, browser(shell, address=fresh_address()) as other:
        await sign_in(client, staff)
        await sign_in(other, staff)
        wrong = {"present": "not the present one", "wanted": "a whole new password"}
        weak = {"present": PASSWORD, "wanted": "x" * 12}
        right = {"present": PASSWORD, "wanted": "a whole new password"}

        assert problem(await client.put("/api/me/password", json=wrong)) == (401, "wrong_credentials")
        assert problem(await client.put("/api/me/password", json=weak)) == (409, "weak_password")
        assert (await client.put("/api/me/password", json=right)).status_code == 204
        assert (await client.get("/api/me")).status_code == 200
        assert problem(await other.get("/api/me")) == (401, "not_signed_in")
        assert (await sign_in(other, staff, "a whole new password")).status_code == 201


async def test_who_is_shut_out_is_so_at_once(engine: Engine, shell: Litestar) -> None:
    admin, agent = await somebody(engine), await somebody(engine, Role.AGENT)
    async with browser(shell, address=fresh_address()) as client, browser(shell, address=fresh_address()) as other:
        await sign_in(client, admin)
        await sign_in(other, agent)
        present = await client.get(f"/api/users/{agent.id}")
        gone = {name: value for name, value in present.json().items() if name != "id"} | {"is_active": False}
        stale = await client.put(f"/api/users/{agent.id}", json=gone, headers={"if-match": '"99"'})
        saved = await client.put(f"/api/users/{agent.id}", json=gone, headers={"if-match": present.headers["etag"]})

        assert problem(stale) == (409, "version_conflict")
        assert saved.status_code == 200, saved.text
        assert saved.headers["etag"] != present.headers["etag"]
        assert problem(await other.get("/api/me")) == (401, "not_signed_in")
        assert problem(await sign_in(other, agent)) == (401, "wrong_credentials")


async def test_staff_are_let_in_given_a_password_and_listed(engine: Engine, shell: Litestar) -> None:
    admin = await somebody(engine)
    email = f"{fresh_code('new')}@example.com"
    async with browser(shell, address=fresh_address()) as client, browser(shell, address=fresh_address()) as other:
        await sign_in(client, admin)
        new = {"email": email.upper(), "name": "Nuevo", "role": "picker", "location_ids": [str(fresh_id())]}
        added = await client.post("/api/users", json=new, headers={"idempotency-key": "add-1"})
        again = await client.post("/api/users", json=new, headers={"idempotency-key": "add-1"})
        found = added.json()
        given = await client.put(f"/api/users/{found['id']}/password", json={"password": "made up by the admin"})
        listed = [one["email"] for one in await all_of(client, "/api/users")]
        missing = await client.get(f"/api/users/{fresh_id()}")
        nowhere = await client.post("/api/users", json=new | {"email": "b@example.com", "location_ids": []})
        begun = await other.post("/api/session", json={"email": email, "password": "made up by the admin"})

    assert (added.status_code, found["email"]) == (201, email)
    assert again.json() == found
    assert given.status_code == 204
    assert email in listed
    assert listed == sorted(listed)
    assert problem(missing) == (404, "no_such_staff")
    assert problem(nowhere) == (400, "bad_staff")
    assert begun.json()["role"] == "picker"


async def all_of(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    items, cursor = [], ""
    while True:
        page = (await client.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        if not (cursor := page["next"]):
            return items


async def test_a_key_asks_for_what_it_may_until_it_is_revoked(engine: Engine, shell: Litestar, clock: Clock) -> None:
    admin = await somebody(engine)
    channel_id = str(fresh_id())
    async with browser(shell, address=fresh_address()) as client:
        await sign_in(client, admin)
        asked = {"name": fresh_code("web"), "permissions": ["carts.write"], "channel_ids": [channel_id]}
        made = (await client.post("/api/keys", json=asked)).json()
        taken = await client.post("/api/keys", json=asked)
        async with with_key(shell, made["secret"]) as program:
            me = (await program.get("/api/me")).json()
            forbidden = await program.get("/api/keys")
            revoked = await client.delete(f"/api/keys/{made['key']['id']}")
            again = await client.delete(f"/api/keys/{made['key']['id']}")
            clock.pass_by(timedelta(seconds=5))
            over = await program.get("/api/me")
        kept = (await client.get(f"/api/keys/{made['key']['id']}")).json()

    assert (me["actor"], me["permissions"], me["csrf"]) == (f"key:{asked['name']}", ["carts.write"], None)
    assert me["channel_ids"] == [channel_id]
    assert problem(taken) == (409, "key_name_taken")
    assert problem(forbidden) == (403, "permission_missing")
    assert (revoked.status_code, again.status_code) == (200, 200)
    assert problem(over) == (401, "not_signed_in")
    assert kept["revoked_at"] is not None
    assert kept["last_used_at"] is not None
    assert made["secret"] not in str(kept)


async def test_a_key_that_is_over_forged_or_of_nobody_lets_nobody_in(
    engine: Engine, shell: Litestar, clock: Clock
) -> None:
    made = await a_key(engine, expires_at=datetime.now(UTC) + timedelta(hours=1))
    other = await a_key(engine)
    async with with_key(shell, made.secret) as program:
        assert (await program.get("/api/me")).status_code == 200
        clock.pass_by(timedelta(hours=1, seconds=1))
        assert problem(await program.get("/api/me")) == (401, "not_signed_in")
    forged = f"bat_{made.key.id.hex}_{other.secret.split('_', 2)[2]}"
    for secret in (forged, f"bat_{fresh_id().hex}_abc", "bat_x_y", "nothing", ""):
        async with with_key(shell, "x") as program:
            program.headers["authorization"] = f"Bearer {secret}"
            assert problem(await program.get("/api/me")) == (401, "not_signed_in")
            program.headers["authorization"] = f"Basic {secret}"
            assert problem(await program.get("/api/me")) == (401, "not_signed_in")
    async with with_key(shell, "x") as program:
        strange = await program.get("/api/me", headers={b"authorization": "Bearer bat_é_é".encode()})
        assert problem(strange) == (401, "not_signed_in")


async def test_a_known_key_costs_no_statement(engine: Engine, shell: Litestar, clock: Clock) -> None:
    made = await a_key(engine, "catalog.read")
    statements: list[str] = []
    async with with_key(shell, made.secret) as program:
        await program.get("/api/keys")
        engine.on_statement = statements.append
        for _ in range(50):
            assert (await program.get("/api/keys")).status_code == 403
        assert statements == []
        clock.pass_by(timedelta(seconds=5))
        await asyncio.gather(*(program.get("/api/keys") for _ in range(20)))
        engine.on_statement = None
    assert len(statements) == 1


async def test_a_key_may_ask_so_often_in_all_processes_together(engine: Engine, clock: Clock) -> None:
    made = await a_key(engine, "catalog.read", requests_per_minute=60)
    one, other = house(engine, clock=clock), house(engine, clock=clock)
    async with with_key(one, made.secret) as here, with_key(other, made.secret) as there:
        answers = [await (here if turn % 2 else there).get("/api/me") for turn in range(40)]
        refused = answers[-1]
        clock.pass_by(timedelta(seconds=int(refused.headers["retry-after"])))
        later = await here.get("/api/me")

    assert [answer.status_code for answer in answers].count(200) == 30
    assert problem(refused) == (429, "too_many_requests")
    assert later.status_code == 200


async def test_nobody_gives_away_more_than_they_have(engine: Engine, shell: Litestar) -> None:
    here, elsewhere = fresh_id(), fresh_id()
    made = await a_key(engine, "identity.manage", "catalog.read", channel_ids=[here])
    admin = await somebody(engine)
    async with with_key(shell, made.secret) as program:
        for beyond in (
            {"permissions": ["orders.place"], "channel_ids": [str(here)]},
            {"permissions": ["catalog.read"], "channel_ids": [str(elsewhere)]},
            {"permissions": ["catalog.read"]},
        ):
            answer = await program.post("/api/keys", json={"name": fresh_code("key"), **beyond})
            assert problem(answer) == (403, "more_than_own")
        own = {"name": fresh_code("key"), "permissions": ["catalog.read"], "channel_ids": [str(here)]}
        assert (await program.post("/api/keys", json=own)).status_code == 201
        new = {"email": f"{fresh_code('x')}@example.com", "name": "X", "role": "admin"}
        assert problem(await program.post("/api/users", json=new)) == (403, "more_than_own")
        taken_over = await program.put(f"/api/users/{admin.id}/password", json={"password": "mine from now on"})
        assert problem(taken_over) == (403, "more_than_own")


@pytest.mark.parametrize(
    "given",
    [
        {"email": "a@example.com"},
        {"email": "a@example.com", "password": "x", "is_admin": True},
        {"email": "a@example.com", "password": "a\0b"},
        {"email": ["a"], "password": "x"},
        {"email": "a@example.com", "password": "x" * 100_000},
    ],
)
async def test_a_sign_in_that_does_not_fit_is_invalid(shell: Litestar, given: dict[str, object]) -> None:
    async with browser(shell, address=fresh_address()) as client:
        assert (await client.post("/api/session", json=given)).status_code == 400
