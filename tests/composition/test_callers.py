"""`batuta user`, `batuta apikey`, and what `batuta up` prints, on a database of their own."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from click.testing import CliRunner, Result

from batuta.app import create_app
from batuta.cli import commands
from batuta.cli.callers import tell_shown
from batuta.cli.demo import load_demo
from batuta.identity.domain import LastAdmin, NoSuchKey, NoSuchStaff, Role, UnknownPermission, WeakPassword
from batuta.identity.queries import Shown, shown_of_demo
from batuta.kernel.errors import NotFound
from batuta.plumbing.opening import OpenDatabase
from tests.composition.databases import _logs_as_they_were, engine_on, migrated_database
from tests.identity.given import browser, fresh_address, with_key

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def founded(server_url: str, worker_id: str) -> str:
    """The address of a database with the demo company. Copy it; do not change it."""

    async def make() -> str:
        url = await migrated_database(server_url, f"founded_{worker_id}_{os.getpid()}")
        async with engine_on(url) as engine:
            await load_demo(engine, now=datetime.now(UTC))
        return url

    return asyncio.run(make())


@pytest.fixture
def run(founded: str, copy: Callable[[str], str]) -> Callable[..., Result]:
    """`batuta` on a copy of the demo company; the password, if any, comes by standard input."""
    url = copy(founded)

    def one(*arguments: str, password: str = "") -> Result:
        unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("BATUTA_")}
        env = {**unset, "BATUTA_DATABASE_URL": url, "BATUTA_LOG_LEVEL": "error"}
        with _logs_as_they_were():
            return CliRunner().invoke(commands, arguments, env=env, input=password + "\n")

    return one


def listed(result: Result) -> list[dict[str, object]]:
    assert result.exception is None, result.exception
    return [msgspec.json.decode(line) for line in result.stdout.splitlines()]


def test_users_are_let_in_listed_given_passwords_and_shut_out(run: Callable[..., Result]) -> None:
    added = run(
        "user", "add", "Ana@Example.com", "--name", "Ana", "--role", "store", "--location", "MADRID", "--locale", "es",
        password=PASSWORD,
    )  # fmt: skip
    found = {one["email"]: one for one in listed(run("user", "list", "--json"))}
    again = run("user", "add", "ana@example.com", "--name", "Ana", "--role", "agent", password=PASSWORD)

    assert added.stdout == "ana@example.com may sign in as store\n"
    assert len(found["ana@example.com"]["location_ids"]) == 1  # type: ignore[arg-type]
    assert "ana@example.com  store  Ana  at 1 location" in run("user", "list").stdout
    assert getattr(again.exception, "code", None) == "email_taken"
    assert run("user", "password", "ana@example.com", password="another long one").exception is None
    assert run("user", "deactivate", "ana@example.com").exception is None
    assert "ana@example.com  store  Ana  at 1 location  (inactive)" in run("user", "list").stdout


def test_what_cannot_be_is_told_and_changes_nothing(run: Callable[..., Result]) -> None:
    before = run("user", "list").stdout
    add = ("user", "add", "ana@example.com", "--name", "Ana", "--role")

    assert isinstance(run(*add, "admin", password="short").exception, WeakPassword)
    assert isinstance(run(*add, "store", "--location", "NOWHERE", password=PASSWORD).exception, NotFound)
    assert getattr(run(*add, "picker", password=PASSWORD).exception, "code", None) == "bad_staff"
    assert isinstance(run("user", "deactivate", "nobody@example.com").exception, NoSuchStaff)
    assert isinstance(run("user", "deactivate", "ines.alarcon@casaalisio.example").exception, LastAdmin)
    assert isinstance(run("apikey", "add", "x", "--may", "orders.burn").exception, UnknownPermission)
    assert isinstance(run("apikey", "revoke", "01a201a2-e025-72a8-a58e-1723f224f483").exception, NoSuchKey)
    assert run("apikey", "add", "x").exit_code == 2
    assert run("user", "list").stdout == before


def test_keys_are_made_listed_and_revoked(run: Callable[..., Result]) -> None:
    made = run("apikey", "add", "web", "--storefront", "--may", "orders.read", "--channel", "web", "--days", "30")
    [key] = [one for one in listed(run("apikey", "list", "--json")) if one["name"] == "web"]
    revoked = run("apikey", "revoke", str(key["id"]))

    assert made.stdout.startswith(f"bat_{str(key['id']).replace('-', '')}_")
    assert made.stdout.strip() not in run("apikey", "list").stdout
    assert "orders.read" in key["permissions"]  # type: ignore[operator]
    assert "orders.place" in key["permissions"]  # type: ignore[operator]
    assert key["expires_at"] is not None
    assert revoked.stdout == "web is revoked\n"
    assert f"{key['id']}  web  revoked" in run("apikey", "list").stdout


async def test_the_demo_company_shows_a_sign_in_for_each_role_and_keys_that_hold(
    founded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with engine_on(founded) as engine:
        async with engine.connect() as db:
            shown = await shown_of_demo(db)
        app = create_app(OpenDatabase(engine, founded, None))
        async with browser(app, address=fresh_address()) as client:
            for one in shown.sign_ins:
                begun = await client.post("/api/session", json={"email": one.email, "password": one.password})
                assert begun.json()["role"] == one.role
        for key in shown.keys:
            async with with_key(app, key.secret) as program:
                assert (await program.get("/api/me")).json()["name"] == key.name
    tell_shown(shown)

    printed = capsys.readouterr().out
    assert sorted(one.role for one in shown.sign_ins) == sorted(Role)
    assert [key.name for key in shown.keys] == ["demo-back-office", "demo-storefront"]
    assert all(one.password in printed for one in shown.sign_ins)
    assert all(key.secret in printed for key in shown.keys)


def test_a_house_without_any_sign_in_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    tell_shown(Shown(sign_ins=[], keys=[], can_anybody=False))

    assert "batuta user add you@example.com --name You --role admin" in capsys.readouterr().out


def test_no_two_installations_have_the_same_made_up_passwords(server_url: str, worker_id: str, founded: str) -> None:
    async def passwords(url: str) -> set[str]:
        async with engine_on(url) as engine, engine.connect() as db:
            return {one.password for one in (await shown_of_demo(db)).sign_ins}

    async def found() -> str:
        url = await migrated_database(server_url, f"founded_too_{worker_id}_{os.getpid()}")
        async with engine_on(url) as engine:
            await load_demo(engine, now=datetime.now(UTC))
        return url

    assert not asyncio.run(passwords(asyncio.run(found()))) & asyncio.run(passwords(founded))
