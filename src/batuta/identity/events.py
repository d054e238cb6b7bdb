"""Who was let in and who may do what: streams are the ids of staff and keys."""

from batuta.identity.domain import Role
from batuta.kernel.events import Event


class StaffSaved(Event, frozen=True, kw_only=True):
    """Somebody was let in, changed, or shut out."""

    email: str
    role: Role
    is_active: bool


class PasswordChanged(Event, frozen=True, kw_only=True):
    """Somebody has a new password, and is signed out elsewhere."""


class SessionBegun(Event, frozen=True, kw_only=True):
    """Somebody signed in. way: `password` or `openid`."""

    address: str
    way: str


class KeyMade(Event, frozen=True, kw_only=True):
    """An API key came into force."""

    name: str
    permissions: list[str]


class KeyRevoked(Event, frozen=True, kw_only=True):
    """An API key is not valid any more."""

    name: str
