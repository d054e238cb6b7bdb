"""An OpenID Connect provider, found by its issuer (Discovery 1.0); its tokens are checked as Core 1.0 §3.1.3.7 says."""

from datetime import datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from batuta.identity.domain import Begun, OpenIdAway, OpenIdRefused
from batuta.kernel.errors import Invalid

ANSWER_WITHIN_S = 10
KNOWN_FOR = timedelta(hours=1)
KEYS_ASKED_EVERY = timedelta(seconds=10)
LEEWAY_S = 60
SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures of a pair of keys; `none` and shared secrets are not among them."""
SCOPE = "openid email profile"


class BadIssuer(Invalid):
    """The issuer is no https address; http is for this machine alone."""


class Discovered(msgspec.Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """An `OpenIdProvider` over HTTP."""

    def __init__(self, *, issuer: str, client_id: str, client_secret: str) -> None:
        self._issuer, self._client_id, self._client_secret = check_issuer(issuer), client_id, client_secret
        self._discovered: tuple[Discovered, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def address(self, begun: Begun, *, callback: str, now: datetime) -> str:
        known = await self._discover(now)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": callback,
            "scope": SCOPE,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(known.authorization_endpoint).query else "?"
        return f"{known.authorization_endpoint}{joint}{urlencode(asked)}"

    async def email(self, begun: Begun, *, code: str, callback: str, now: datetime) -> str:
        known = await self._discover(now)
        token = await self._id_token(known, begun, code=code, callback=callback)
        claims = await self._claims(known, token, now)
        self._check(known, claims, begun, now)
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            raise OpenIdRefused("the provider has not verified this e-mail", why="email_verified")
        return str(claims["email"])

    async def _discover(self, now: datetime) -> Discovered:
        if self._discovered is None or now - self._discovered[1] >= KNOWN_FOR:
            told = await _ask("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                found = msgspec.json.decode(told, type=Discovered)
            except msgspec.MsgspecError as error:
                raise OpenIdAway("the provider's configuration is none", why=str(error)) from error
            if found.issuer.rstrip("/") != self._issuer.rstrip("/"):
                raise OpenIdAway("the provider calls itself otherwise", told=found.issuer, expected=self._issuer)
            self._discovered = found, now
        return self._discovered[0]

    async def _id_token(self, known: Discovered, begun: Begun, *, code: str, callback: str) -> str:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": begun.verifier,
        }
        secret: tuple[str, str] | None = (self._client_id, self._client_secret)
        if "client_secret_basic" not in known.token_endpoint_auth_methods_supported:
            asked |= {"client_id": self._client_id, "client_secret": self._client_secret}
            secret = None
        told = await _ask("POST", known.token_endpoint, form=asked, secret=secret)
        try:
            return msgspec.json.decode(told, type=_Tokens).id_token
        except msgspec.MsgspecError as error:
            raise OpenIdAway("the provider's answer holds no id_token", why=str(error)) from error

    async def _claims(self, known: Discovered, token: str, now: datetime) -> dict[str, Any]:
        """Read the token by the provider's keys, which are fetched anew when it names one that we have not."""
        keys, fetched_at = await self._key_set(known, now)
        try:
            return jwt.decode(token, keys, algorithms=SIGNED_BY).claims
        except (JoseError, ValueError) as error:
            if now - fetched_at < KEYS_ASKED_EVERY:
                raise OpenIdRefused("the provider's token is not signed by its keys", why=_why(error)) from error
        self._keys = None
        keys, _ = await self._key_set(known, now)
        try:
            return jwt.decode(token, keys, algorithms=SIGNED_BY).claims
        except (JoseError, ValueError) as error:
            raise OpenIdRefused("the provider's token is not signed by its keys", why=_why(error)) from error

    async def _key_set(self, known: Discovered, now: datetime) -> tuple[KeySet, datetime]:
        if self._keys is None or now - self._keys[1] >= KNOWN_FOR:
            told = await _ask("GET", known.jwks_uri)
            try:
                self._keys = KeySet.import_key_set(msgspec.json.decode(told)), now
            except (JoseError, ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
                raise OpenIdAway("the provider's keys cannot be read", why=_why(error)) from error
        return self._keys

    def _check(self, known: Discovered, claims: dict[str, Any], begun: Begun, now: datetime) -> None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._client_id not in audiences:
            raise OpenIdRefused("the provider's token is for somebody else", why="aud")
        if claims.get("azp", self._client_id) != self._client_id or (len(audiences) > 1 and "azp" not in claims):
            raise OpenIdRefused("the provider's token was made for another party", why="azp")
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": known.issuer},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": begun.nonce},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise OpenIdRefused("the provider's token does not hold", why=_why(error)) from error


class _Tokens(msgspec.Struct):
    id_token: str


def check_issuer(issuer: str) -> str:
    """Return an issuer whose answers nobody on the way can change.

    Raises:
        BadIssuer: it is no address, or plain http to another machine.
    """
    parts = urlsplit(issuer)
    if parts.scheme == "https" and parts.hostname:
        return issuer
    if parts.scheme == "http" and (parts.hostname == "localhost" or _is_loopback(parts.hostname or "")):
        return issuer
    raise BadIssuer("oidc_issuer is an https address, as the provider tells it", issuer=issuer)


async def _ask(
    method: str, address: str, *, form: dict[str, str] | None = None, secret: tuple[str, str] | None = None
) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, auth=secret) as client:
            answer = await client.request(method, address, data=form, headers={"accept": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OpenIdAway("the provider does not answer", address=address, why=_why(error)) from error
    if answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED} and method == "POST":
        raise OpenIdRefused("the provider does not take this code", why=answer.text[:200])
    if answer.status_code != HTTPStatus.OK:
        raise OpenIdAway("the provider answers with an error", address=address, status=answer.status_code)
    return answer.content


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
