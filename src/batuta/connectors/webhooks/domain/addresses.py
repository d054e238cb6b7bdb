"""Where webhooks may go: addresses of the public internet, so that nobody reaches into our network through us."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from batuta.kernel.errors import Refused

URL_LENGTH_MAX = 2_000
HOST_LENGTH_MAX = 253
NEVER_IN_URLS = frozenset(' "<>\\^`{|}')
INNER_NAMES = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")

# What `is_global` does not know, or lets pass: IPv4 inside IPv6, whole blocks for special use, and the address where
# one cloud's virtual machines find their secrets on an otherwise public network.
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("2002::/16"), ip_network("2001::/32"), ip_network("::/96"))
_SPECIAL = (
    ip_network("192.0.0.0/24"),
    ip_network("192.88.99.0/24"),
    ip_network("168.63.129.16/32"),
    ip_network("64:ff9b:1::/48"),
    ip_network("fec0::/10"),
)


class BadUrl(Refused):
    """The address cannot be one of a webhook; `reason` says why."""


class AddressNotAllowed(Refused):
    """The address is one of a private network, of this machine, or of nobody."""


def check_url(url: str, *, is_private_allowed: bool) -> str:
    """Return the address if webhooks can go there, as far as can be seen before its name is resolved.

    is_private_allowed: whether plain HTTP and private addresses may be used as well.

    Raises:
        BadUrl: it is no https address of a host, or holds a user, a password or a fragment.
        AddressNotAllowed: it names this machine or a private address.
    """
    parts = _parts(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" and not (is_private_allowed and parts.scheme == "http"):
        raise BadUrl("a webhook's address begins with https://", url=url, reason="scheme")
    if not host or len(host) > HOST_LENGTH_MAX:
        raise BadUrl("the address has no host", url=url, reason="host")
    if "@" in parts.netloc:
        raise BadUrl("the address must not hold a user or a password", url=url, reason="user")
    if parts.fragment:
        raise BadUrl("the address must not have a fragment", url=url, reason="fragment")
    if not is_private_allowed:
        _check_host(host.lower())
    return url


def check_resolved(host: str, addresses: Iterable[str], *, is_private_allowed: bool) -> list[str]:
    """Return the addresses that a name was resolved to, if webhooks may go to every one of them.

    Raises:
        AddressNotAllowed: one of them is private, or there is none.
    """
    found = list(addresses)
    if not found:
        raise AddressNotAllowed("the host has no address", host=host)
    if not is_private_allowed and (inner := [address for address in found if not is_public(address)]):
        raise AddressNotAllowed("the host has an address in a private network", host=host, addresses=inner)
    return found


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and does not carry another one inside that is not."""
    plain = ip_address(address.partition("%")[0])
    if isinstance(plain, IPv6Address):
        if plain.ipv4_mapped:
            return is_public(str(plain.ipv4_mapped))
        if any(plain in network for network in _TRANSLATED):
            return False
    return plain.is_global and not plain.is_multicast and not _is_special(plain)


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    return any(address.version == network.version and address in network for network in _SPECIAL)


def _parts(url: str) -> SplitResult:
    if (
        len(url) > URL_LENGTH_MAX
        or not url.isprintable()
        or not url.isascii()
        or any(sign in url for sign in ' "<>\\^`')
    ):
        raise BadUrl("the address is too long or holds characters that no address has", url=url, reason="characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as problem:
        raise BadUrl(f"this is no address: {problem}", url=url, reason="form") from None
    return parts


def _check_host(host: str) -> None:
    if host == INNER_NAMES[0] or host.endswith(INNER_NAMES[1:]) or "." not in host.strip("."):
        try:
            ip_address(host)
        except ValueError:
            raise AddressNotAllowed("the host is one of a private network", host=host) from None
    try:
        is_allowed = is_public(host)
    except ValueError:
        return
    if not is_allowed:
        raise AddressNotAllowed("the address is one of a private network", host=host)
