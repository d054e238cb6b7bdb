"""Sessions: who is signed in on which browser. The browser holds the token; the database holds only its hash."""

import random
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

import msgspec

from batuta.identity.domain.passwords import Password
from batuta.identity.domain.staff import Staff
from batuta.kernel.errors import Forbidden, Unauthenticated
from batuta.kernel.quantities import Text

TOKEN_BYTES = 32
IDLE_MAX = timedelta(hours=12)
LASTS_MAX = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is noted when a session was last used."""


class WrongCredentials(Unauthenticated):
    """No active member of staff has this e-mail and this password."""


class WrongCsrfToken(Forbidden):
    """A change that a page of batuta did not ask for: the session's token is missing or another."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person types to sign in."""

    email: Text
    password: Password


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request comes from. address: of the network; browser: what it says it is; token: of its old session."""

    address: str
    browser: str = ""
    token: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One member of staff on one browser."""

    staff: Staff
    browser_hash: bytes
    created_at: datetime
    seen_at: datetime

    def until_at(self) -> datetime:
        """When it ends if nobody uses it."""
        return min(self.seen_at + IDLE_MAX, self.created_at + LASTS_MAX)

    def holds(self, *, browser: str, now: datetime) -> bool:
        """Whether the browser that shows it is the one that began it, in time, and the person still works here."""
        same = compare_digest(self.browser_hash, hash_of(browser))
        return same and now < self.until_at() and self.staff.is_active


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was just begun, with the token for the browser."""

    token: str
    staff: Staff


def new_token(chance: random.Random) -> str:
    """Make a token of 256 bits."""
    return urlsafe_b64encode(chance.randbytes(TOKEN_BYTES)).rstrip(b"=").decode()


def hash_of(text: str) -> bytes:
    """How tokens and browsers are kept: tokens are chance, so one round is enough."""
    return sha256(text.encode()).digest()


def csrf_of(token: str) -> str:
    """The token that forms and scripts of a session send back, derived from it, so that none is kept."""
    return urlsafe_b64encode(sha256(b"csrf:" + token.encode()).digest()).rstrip(b"=").decode()


def check_csrf(token: str, given: str | None) -> None:
    """Accept a change that came with the session's own token.

    Raises:
        WrongCsrfToken: none, or another.
    """
    if not given or not compare_digest(csrf_of(token).encode(), given.encode()):
        raise WrongCsrfToken("send the session's token in the header X-CSRF-Token or the form's field csrf")
