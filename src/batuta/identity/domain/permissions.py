"""Who may do what: the permissions of the house, which role has which, and up to what amount.

A permission is `room.action`. Where (channels, locations) is said by the member of staff or the key, not by the role.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Forbidden, Invalid

PERMISSIONS = frozenset(
    {
        "orders.read",
        "orders.place",
        "orders.discount",
        "orders.cancel",
        "orders.hold",
        "carts.write",
        "inventory.read",
        "inventory.reserve",
        "inventory.move",
        "inventory.manage",
        "inventory.count",
        "catalog.read",
        "catalog.write",
        "locations.read",
        "locations.write",
        "customers.read",
        "customers.write",
        "fulfillment.read",
        "fulfillment.work",
        "shipping.read",
        "shipping.track",
        "sourcing.override",
        "returns.read",
        "returns.write",
        "payments.read",
        "payments.capture",
        "payments.refund",
        "pricing.read",
        "pricing.manage",
        "company.manage",
        "sourcing.manage",
        "purchasing.read",
        "purchasing.manage",
        "events.read",
        "webhooks.manage",
        "identity.manage",
    }
)

Limits = Mapping[str, Annotated[int, msgspec.Meta(ge=0, le=10**15)]]
"""Up to which amount, in minor units of the order's currency, a permission goes: {"payments.refund": 5000}."""

LIMITED = frozenset({"orders.discount", "payments.refund"})
"""Permissions that an amount may limit."""


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    AGENT = "agent"
    PICKER = "picker"
    STORE = "store"
    FINANCE = "finance"
    VIEWER = "viewer"


_READING = frozenset(
    one for one in PERMISSIONS if one.endswith(".read") and one not in {"events.read", "customers.read"}
)
_PICKING = frozenset(
    {
        "fulfillment.read",
        "fulfillment.work",
        "inventory.read",
        "inventory.count",
        "catalog.read",
        "locations.read",
        "shipping.read",
    }
)
_SERVING = frozenset({"orders.place", "orders.cancel", "orders.hold", "carts.write", "inventory.reserve"})

ROLE_PERMISSIONS: Mapping[Role, frozenset[str]] = {
    Role.ADMIN: PERMISSIONS,
    Role.OPERATOR: PERMISSIONS - {"identity.manage", "webhooks.manage"},
    Role.AGENT: _READING
    | _SERVING
    | {"customers.read", "customers.write", "orders.discount", "returns.write", "payments.refund"},
    Role.PICKER: _PICKING,
    Role.STORE: _PICKING
    | {
        "orders.read",
        "orders.place",
        "carts.write",
        "inventory.reserve",
        "inventory.move",
        "customers.read",
        "customers.write",
        "returns.read",
        "returns.write",
        "pricing.read",
        "purchasing.read",
    },
    Role.FINANCE: _READING
    | {
        "customers.read",
        "events.read",
        "payments.capture",
        "payments.refund",
        "pricing.manage",
        "purchasing.manage",
        "returns.write",
    },
    Role.VIEWER: _READING,
}

ROLE_LIMITS: Mapping[Role, Limits] = {
    Role.OPERATOR: {"payments.refund": 50_000},
    Role.AGENT: {"orders.discount": 5_000, "payments.refund": 5_000},
}
"""What holds unless the member of staff has a limit of their own."""

STOREFRONT = frozenset(
    {
        "carts.write",
        "orders.place",
        "catalog.read",
        "inventory.read",
        "customers.write",
        "pricing.read",
        "locations.read",
    }
)
"""What the key of a shop's front needs, and no more: it reads nobody's orders."""


class UnknownPermission(Invalid):
    """There is no such permission."""


class BadLimit(Invalid):
    """No amount can limit this permission."""


class MoreThanOwn(Forbidden):
    """Nobody gives away more than they have."""


def check_permissions(names: Collection[str]) -> frozenset[str]:
    """Return the names, all of which the house knows.

    Raises:
        UnknownPermission: with those that it does not.
    """
    if strange := sorted(set(names) - PERMISSIONS):
        raise UnknownPermission("there is no such permission", unknown=strange, known=sorted(PERMISSIONS))
    return frozenset(names)


def check_limits(limits: Limits) -> Limits:
    """Return the limits, all of permissions that an amount may limit.

    Raises:
        BadLimit: with those that none may.
    """
    if strange := sorted(set(limits) - LIMITED):
        raise BadLimit("no amount can limit this permission", not_limited=strange, limited=sorted(LIMITED))
    return limits


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do, where, and up to which amounts. channel_ids, location_ids: None is everywhere."""

    permissions: frozenset[str]
    channel_ids: frozenset[UUID] | None = None
    location_ids: frozenset[UUID] | None = None
    limits: Limits = {}


def check_given(own: Rights, given: Rights) -> Rights:
    """Return the rights that somebody gives to another, which are within their own.

    Raises:
        MoreThanOwn: with what they do not have themselves.
    """
    beyond: dict[str, object] = {}
    if missing := sorted(given.permissions - own.permissions):
        beyond["permissions"] = missing
    if own.channel_ids is not None and not (given.channel_ids is not None and given.channel_ids <= own.channel_ids):
        beyond["channel_ids"] = sorted(map(str, own.channel_ids))
    if own.location_ids is not None and not (given.location_ids is not None and given.location_ids <= own.location_ids):
        beyond["location_ids"] = sorted(map(str, own.location_ids))
    for name, amount_minor in own.limits.items():
        if name in given.permissions and given.limits.get(name, amount_minor + 1) > amount_minor:
            beyond["limits"] = dict(own.limits)
    if beyond:
        raise MoreThanOwn("nobody gives away more than they have", beyond=beyond)
    return given
