"""Staff and their rights, passwords, sessions, keys, allowances, and sign-in by a provider."""

from batuta.identity.domain.allowances import Allowance, TooManyRequests, TooManySignIns
from batuta.identity.domain.keys import ApiKey, BadKey, KeyNameTaken, MadeApiKey, NewApiKey, NoSuchKey
from batuta.identity.domain.openid import Begun, OpenIdAway, OpenIdNotSet, OpenIdProvider, OpenIdRefused
from batuta.identity.domain.passwords import Password, WeakPassword
from batuta.identity.domain.permissions import (
    PERMISSIONS,
    ROLE_LIMITS,
    ROLE_PERMISSIONS,
    STOREFRONT,
    BadLimit,
    Limits,
    MoreThanOwn,
    Rights,
    Role,
    UnknownPermission,
)
from batuta.identity.domain.sessions import (
    Session,
    SignedIn,
    SignIn,
    Visitor,
    WrongCredentials,
    WrongCsrfToken,
    csrf_of,
)
from batuta.identity.domain.staff import (
    SCOPED,
    BadStaff,
    EmailTaken,
    LastAdmin,
    NoSuchStaff,
    Staff,
    check_staff,
)

__all__ = [
    "PERMISSIONS",
    "ROLE_LIMITS",
    "ROLE_PERMISSIONS",
    "SCOPED",
    "STOREFRONT",
    "Allowance",
    "ApiKey",
    "BadKey",
    "BadLimit",
    "BadStaff",
    "Begun",
    "EmailTaken",
    "KeyNameTaken",
    "LastAdmin",
    "Limits",
    "MadeApiKey",
    "MoreThanOwn",
    "NewApiKey",
    "NoSuchKey",
    "NoSuchStaff",
    "OpenIdAway",
    "OpenIdNotSet",
    "OpenIdProvider",
    "OpenIdRefused",
    "Password",
    "Rights",
    "Role",
    "Session",
    "SignIn",
    "SignedIn",
    "Staff",
    "TooManyRequests",
    "TooManySignIns",
    "UnknownPermission",
    "Visitor",
    "WeakPassword",
    "WrongCredentials",
    "WrongCsrfToken",
    "check_staff",
    "csrf_of",
]
