"""Sign-in by an OpenID Connect provider: authorisation code with PKCE."""

import random
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import msgspec

from batuta.identity.domain.sessions import new_token
from batuta.kernel.errors import NotFound, Unauthenticated, Unavailable

BEGUN_LASTS = timedelta(minutes=10)


class OpenIdNotSet(NotFound):
    """No provider is set: `oidc_issuer`, `oidc_client_id`, `oidc_client_secret`."""


class OpenIdAway(Unavailable):
    """The provider does not answer, or not as its protocol says."""


class OpenIdRefused(Unauthenticated):
    """The provider's answer does not let anybody in; `why` says what is wrong with it."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in on its way to the provider and back. return_to: the page to show afterwards."""

    state: str
    nonce: str
    verifier: str
    return_to: str = "/"

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (RFC 7636, S256)."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class OpenIdProvider(Protocol):
    """The outside part. Neither call runs inside a transaction."""

    async def address(self, begun: Begun, *, callback: str, now: datetime) -> str:
        """Where to send the browser.

        Raises:
            OpenIdAway: the provider does not answer.
        """
        ...

    async def email(self, begun: Begun, *, code: str, callback: str, now: datetime) -> str:
        """The verified e-mail of who came back with the code.

        Raises:
            OpenIdAway: the provider does not answer.
            OpenIdRefused: its token is not for us, not for this sign-in, over, forged, or without verified e-mail.
        """
        ...


def begin(chance: random.Random, *, return_to: str) -> Begun:
    """Begin a sign-in with fresh secrets."""
    return Begun(
        state=new_token(chance),
        nonce=new_token(chance),
        verifier=new_token(chance),
        return_to=return_to if is_own_page(return_to) else "/",
    )


def is_own_page(path: str) -> bool:
    """Whether an address is a page of ours, and not, as `//elsewhere`, of somebody else."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
