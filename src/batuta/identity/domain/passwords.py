"""Passwords: as argon2id keeps them (19 MiB, two passes, one lane: OWASP's first choice)."""

import random
from typing import Annotated

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from batuta.kernel.errors import Refused

SALT_BYTES = 16
LENGTH_MIN, LENGTH_MAX = 10, 200
MADE_UP_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"
MADE_UP_GROUPS, MADE_UP_GROUP = 3, 4

Password = Annotated[str, msgspec.Meta(max_length=LENGTH_MAX, pattern=r"^[^\x00]*$")]
NewPassword = Annotated[str, msgspec.Meta(min_length=LENGTH_MIN, max_length=LENGTH_MAX, pattern=r"^[^\x00]*$")]

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=SALT_BYTES)


class WeakPassword(Refused):
    """A password that is too short, too long, or the e-mail itself."""


def check_password(password: str, *, email: str) -> str:
    """Return a password that may be set: length counts, not kinds of letters (NIST SP 800-63B).

    Raises:
        WeakPassword: it is short, very long, one letter again and again, or the e-mail.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX or "\0" in password:
        raise WeakPassword(f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters", length=len(password))
    if len(set(password)) == 1 or password.lower() in {email.lower(), email.split("@", maxsplit=1)[0].lower()}:
        raise WeakPassword("this password is guessed at once")
    return password


def hash_password(password: str, *, chance: random.Random) -> str:
    """Hash a password, which takes some 20 ms: in a thread, and in no transaction."""
    return _hasher.hash(password, salt=chance.randbytes(SALT_BYTES))


def is_password(password: str, hashed: str | None) -> bool:
    """Whether the password is the hashed one. Without a hash it takes as long, so that the time tells nothing."""
    try:
        return _hasher.verify(hashed or _NOBODYS, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(hashed: str) -> bool:
    """Whether the hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(hashed)


def made_up(chance: random.Random) -> str:
    """Make up a password that can be read aloud: `k7mq-9d2x-vw4t`, 58 bits."""
    groups = (
        "".join(MADE_UP_LETTERS[chance.randrange(len(MADE_UP_LETTERS))] for _ in range(MADE_UP_GROUP))
        for _ in range(MADE_UP_GROUPS)
    )
    return "-".join(groups)


_NOBODYS = _hasher.hash("nobody's password", salt=b"nobody's salt...")
