"""Signing in by an OpenID Connect provider, which is a real server on the loopback that signs its tokens."""

import asyncio
import hmac
import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from litestar import Litestar, Request, get, post
from litestar.exceptions import HTTPException

from batuta.identity.adapters.openid import BadIssuer, Provider
from batuta.identity.domain import OpenIdAway, OpenIdRefused, Role, Staff
from batuta.identity.domain.openid import Begun, is_own_page
from batuta.plumbing.database import Engine
from tests.identity.given import browser, fresh_address, house, somebody

CLIENT_ID, SECRET = "batuta-house", "a shared secret"
START = "/api/session/openid"


@cache
def rsa_key(kid: str, owner: str = "provider") -> RSAKey:
    assert owner
    return RSAKey.generate_key(2048, {"kid": kid})


class FakeProvider:
    """A provider that lets in whoever it is told to, and says of them what it is told to."""

    def __init__(self) -> None:
        self.key: RSAKey | ECKey = rsa_key("one")
        self.published: list[RSAKey | ECKey] = [self.key]
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""
        self.token_calls = 0
        self.forged: str | None = None

    def lets_in(self, who: str, location: str, **claims: Any) -> str:
        """Do what the provider's page does: note the request, and say where the browser goes next."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        now = int(datetime.now(UTC).timestamp())
        self.claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "person-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": who,
            "email_verified": True,
        } | claims
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def signed(self) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, self.claims, self.key, algorithms=[self.algorithm])

    def forge(self, algorithm: str, secret: bytes) -> None:
        """Make a token of today's claims by hand, signed with no pair of keys."""
        parts = ({"alg": algorithm, "kid": "one", "typ": "JWT"}, self.claims)
        told = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        sealed = hmac.digest(secret, told, "sha256") if secret else b""
        self.forged = b".".join((told, urlsafe_b64encode(sealed).rstrip(b"="))).decode()

    def routes(self) -> list[Any]:
        @get("/.well-known/openid-configuration")
        async def configuration() -> dict[str, Any]:
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }

        @get("/keys")
        async def keys() -> dict[str, Any]:
            return dict(KeySet([*self.published]).as_dict(private=False))

        @post("/token", status_code=200)
        async def token(request: Request[Any, Any, Any]) -> dict[str, str]:
            self.token_calls += 1
            form = await request.form()
            asked = self.codes.pop(str(form["code"]), None)
            begun = Begun(state="", nonce="", verifier=str(form["code_verifier"]))
            basic = httpx.BasicAuth(CLIENT_ID, SECRET)._auth_header
            if asked is None or asked["code_challenge"] != begun.challenge or request.headers["authorization"] != basic:
                raise HTTPException(status_code=400, detail="invalid_grant")
            assert form["redirect_uri"] == asked["redirect_uri"]
            return {"id_token": self.forged or self.signed()}

        return [configuration, keys, token]


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    fake = FakeProvider()
    listener = socket.create_server(("127.0.0.1", 0))
    fake.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(Litestar(fake.routes(), openapi_config=None), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield fake
    server.should_exit = True
    await task
    listener.close()


@pytest.fixture
def shell(engine: Engine, provider: FakeProvider) -> Litestar:
    ours = Provider(issuer=provider.issuer, client_id=CLIENT_ID, client_secret=SECRET)
    return house(engine, openid=ours)


async def come_back(
    shell: Litestar, provider: FakeProvider, staff: Staff, **claims: Any
) -> tuple[httpx.AsyncClient, httpx.Response]:
    client = browser(shell, address=fresh_address())
    gone = await client.get(START, params={"return_to": "/orders?status=open"})
    assert gone.status_code == 302
    return client, await client.get(provider.lets_in(staff.email, gone.headers["location"], **claims))


async def test_who_the_provider_knows_is_signed_in_and_goes_where_they_wanted(
    engine: Engine, shell: Litestar, provider: FakeProvider
) -> None:
    staff = await somebody(engine, Role.OPERATOR, password=None)
    client, back = await come_back(shell, provider, staff)

    assert (back.status_code, back.headers["location"]) == (302, "/orders?status=open")
    assert (await client.get("/api/me")).json()["actor"] == staff.actor


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "RS256"])
async def test_tokens_of_every_usual_signature_are_read_also_after_the_keys_were_changed(
    engine: Engine, shell: Litestar, provider: FakeProvider, algorithm: str
) -> None:
    staff = await somebody(engine, password=None)
    await come_back(shell, provider, staff)
    made = ECKey.generate_key("P-256", {"kid": "two"}) if algorithm == "ES256" else rsa_key("two")
    provider.key, provider.algorithm, provider.published = made, algorithm, [made]
    ours: Provider = shell.state["openid"]
    keys, fetched_at = ours._keys or (None, None)
    assert keys is not None
    assert fetched_at is not None
    ours._keys = keys, fetched_at.replace(year=2020)

    _, back = await come_back(shell, provider, staff)

    assert back.status_code == 302, back.text


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "somebody-else"}, "aud"),
        ({"aud": [CLIENT_ID, "somebody-else"]}, "azp"),
        ({"azp": "somebody-else"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": 4_000_000_000}, "future"),
        ({"sub": None}, "sub"),
        ({"email_verified": False}, "email_verified"),
        ({"email_verified": "true"}, "email_verified"),
        ({"email_verified": None}, "email_verified"),
        ({"email": None}, "email_verified"),
        ({"email": "nobody@example.com"}, "email"),
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    engine: Engine, shell: Litestar, provider: FakeProvider, claims: dict[str, Any], why: str
) -> None:
    client, back = await come_back(shell, provider, await somebody(engine, password=None), **claims)

    assert (back.status_code, back.json()["code"]) == (401, "open_id_refused"), back.text
    assert why in back.json()["facts"]["why"]
    assert "batuta_session" not in client.cookies
    assert (await client.get("/api/me")).status_code == 401


@pytest.mark.parametrize("forgery", ["another key of the same name", "the public key as a secret", "none"])
async def test_a_forged_token_lets_nobody_in(
    engine: Engine, shell: Litestar, provider: FakeProvider, forgery: str
) -> None:
    staff, client = await somebody(engine, password=None), browser(shell)
    assert isinstance(provider.key, RSAKey)
    gone = await client.get(START)
    back = provider.lets_in(staff.email, gone.headers["location"])
    if forgery == "another key of the same name":
        provider.key = rsa_key("one", "forged")
    elif forgery == "none":
        provider.forge("none", b"")
    else:
        provider.forge("HS256", provider.key.as_pem(private=False))

    answer = await client.get(back)

    assert (answer.status_code, answer.json()["code"]) == (401, "open_id_refused")


async def test_a_sign_in_comes_back_once_to_the_browser_that_began_it(
    engine: Engine, shell: Litestar, provider: FakeProvider
) -> None:
    staff = await somebody(engine, password=None)
    client, other = browser(shell), browser(shell)
    gone = await client.get(START)
    back = provider.lets_in(staff.email, gone.headers["location"])
    elsewhere = await other.get(back)
    welcome = await client.get(back)
    again = await client.get(back)
    strange = await client.get("/api/session/openid/callback", params={"code": "x", "state": "made up"})
    gone = await client.get(START)
    state = parse_qs(urlsplit(gone.headers["location"]).query)["state"][0]
    denied = await client.get("/api/session/openid/callback", params={"error": "access_denied", "state": state})

    assert [one.json()["facts"]["why"] for one in (elsewhere, again, strange, denied)] == [
        "browser",
        "state",
        "state",
        "access_denied",
    ]
    assert welcome.status_code == 302
    assert provider.token_calls == 1


async def test_who_left_is_not_let_in_by_the_provider_either(
    engine: Engine, shell: Litestar, provider: FakeProvider
) -> None:
    staff = await somebody(engine, Role.VIEWER, password=None)
    async with engine.begin() as db:
        await db.run("UPDATE identity.staff SET is_active = false WHERE id = $1", staff.id)

    _, back = await come_back(shell, provider, staff)

    assert (back.status_code, back.json()["facts"]["why"]) == (401, "email")


async def test_a_provider_that_is_away_or_calls_itself_otherwise_is_told(provider: FakeProvider) -> None:
    begun, now = Begun(state="s", nonce="n", verifier="v"), datetime.now(UTC)
    away = Provider(issuer="http://127.0.0.1:1", client_id=CLIENT_ID, client_secret=SECRET)
    with pytest.raises(OpenIdAway):
        await away.address(begun, callback="http://localhost/", now=now)
    ours = Provider(issuer=provider.issuer, client_id=CLIENT_ID, client_secret=SECRET)
    with pytest.raises(OpenIdRefused):
        await ours.email(begun, code="never given", callback="http://localhost/", now=now)
    provider.issuer = "https://another.example"
    with pytest.raises(OpenIdAway):
        await Provider(
            issuer=away._issuer.replace(":1", f":{urlsplit(ours._issuer).port}"), client_id="x", client_secret=""
        ).address(begun, callback="http://localhost/", now=now)
    with pytest.raises(BadIssuer):
        Provider(issuer="http://login.example.com", client_id="x", client_secret="")


async def test_an_address_begins_only_so_many_sign_ins(shell: Litestar) -> None:
    async with browser(shell, address=fresh_address()) as client:
        begun = [(await client.get(START)).status_code for _ in range(33)]

    assert set(begun[:30]) == {302}
    assert begun[-1] == 429


async def test_without_a_provider_there_is_no_such_sign_in(engine: Engine) -> None:
    answer = await browser(house(engine)).get(START)
    assert (answer.status_code, answer.json()["code"]) == (404, "open_id_not_set")


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\r\nb"])
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert not is_own_page(path)
    assert is_own_page("/orders?status=open")
