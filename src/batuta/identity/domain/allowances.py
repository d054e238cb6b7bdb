"""Rate limits that all processes share: a bucket that leaks, kept as the moment when it is empty again (GCRA)."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

import msgspec

from batuta.kernel.errors import TooMany

V6_HOME_BITS = 64
"""Who has one IPv6 address mostly has the whole /64."""


class TooManySignIns(TooMany):
    """Too many wrong passwords for this e-mail or from this address; wait `retry_after_s`."""


class TooManyRequests(TooMany):
    """The key has asked more often than it may; wait `retry_after_s`."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one name may use: `burst` at once, and one more every `each`."""

    name: str
    burst: int
    each: timedelta

    @property
    def window(self) -> timedelta:
        """How far ahead of now the bucket may be filled."""
        return self.burst * self.each

    def wait_s(self, until_at: datetime, *, now: datetime) -> int:
        """Seconds until the next one is allowed, at least one."""
        wait = until_at + self.each - self.window - now
        return max(1, -(-wait // timedelta(seconds=1)))


def of_attempts(email: str, address: str) -> list[Allowance]:
    """The wrong passwords allowed to one person from one address, and from one address for anybody."""
    home = home_of(address)
    pair = Allowance(name=f"sign-in:pair:{email} {home}", burst=6, each=timedelta(seconds=30))
    return [pair, Allowance(name=f"sign-in:address:{home}", burst=30, each=timedelta(seconds=10))]


def of_strangers(email: str) -> Allowance:
    """The wrong passwords allowed for one person from all addresses from where they have not signed in of late."""
    return Allowance(name=f"sign-in:email:{email}", burst=100, each=timedelta(seconds=10))


def of_departures(address: str) -> Allowance:
    """The sign-ins by a provider that one address may begin: each leaves a row until it comes back."""
    return Allowance(name=f"sign-in:openid:{home_of(address)}", burst=30, each=timedelta(seconds=10))


def of_key(key_id: object, requests_per_minute: int) -> Allowance:
    """The requests of a key: half a minute's may come at once."""
    each = timedelta(minutes=1) / requests_per_minute
    return Allowance(name=f"key:{key_id}", burst=max(1, requests_per_minute // 2), each=each)


def home_of(address: str) -> str:
    """The network that one household or office has: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Network((parsed, V6_HOME_BITS), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
