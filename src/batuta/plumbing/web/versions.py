"""Versions: a change made to what somebody else has changed meanwhile is refused (PLT-02)."""

import re

from batuta.kernel.errors import Invalid, Refused
from batuta.plumbing.web.callers import AnyRequest
from batuta.plumbing.web.headers import Header, reads

ETAG = re.compile(r'"?([0-9]{1,18})"?')
"""Programs that lose the quotes on the way, as some do, mean what they say."""

IF_MATCH = Header(
    name="If-Match",
    told="The version that was read, as its `ETag` said: another present one refuses the change",
    example='"7"',
    pattern=r'^("?[0-9]{1,18}"?|\*)$',
)


class BadIfMatch(Invalid):
    """`If-Match` holds something else than one ETag of ours."""


class VersionConflict(Refused):
    """Somebody has changed it since it was read; `present` is its version now."""


def etag(version: int) -> str:
    """A version as HTTP writes it: `"7"`."""
    return f'"{version}"'


@reads(IF_MATCH)
def wanted_version(request: AnyRequest) -> int | None:
    """The version that a request insists on in `If-Match`; None when it takes any.

    Raises:
        BadIfMatch: it is none of our ETags.
    """
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return None
    found = ETAG.fullmatch(wanted.strip())
    if not found:
        raise BadIfMatch('If-Match takes one ETag as it was given, like "7"', if_match=wanted[:100])
    return int(found[1])


def check_version(request: AnyRequest, present: int) -> None:
    """Refuse a request that names another version in `If-Match` than the present one.

    Raises:
        VersionConflict: with the present version.
        BadIfMatch: it is none of our ETags.
    """
    wanted = wanted_version(request)
    if wanted not in {None, present}:
        raise VersionConflict("somebody has changed it since you read it", present=present, wanted=wanted)
