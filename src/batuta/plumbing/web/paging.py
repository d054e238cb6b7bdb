"""Pages of lists: keyset, so that a list that grows meanwhile neither repeats nor skips."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Code

T = TypeVar("T")

LIMIT_MAX = 200
LIMIT_USUAL = 50
CURSOR_MAX = 500

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many to answer at most")]
"""A parameter of list routes: `limit: Limit = LIMIT_USUAL`."""

Cursor = Annotated[
    str | None, QueryParameter(max_length=CURSOR_MAX, description="`next` of the page before, as it was given")
]
"""A parameter of list routes: `cursor: Cursor = None`."""


class BadCursor(Refused):
    """The cursor is none that a page of this list gave; a schema cannot tell."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list. next: the cursor of the part after it, None at the end."""

    items: Sequence[T]
    next: str | None = None


def page_of(found: Sequence[T], *, limit: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of what a query found that asked for one more than `limit`. key: where an item stands in the list."""
    if len(found) <= limit:
        return Page(items=found)
    items = found[:limit]
    return Page(items=items, next=cursor_of(key(items[-1])))


def cursor_of(place: tuple[Any, ...]) -> str:
    """A place in a list as opaque text."""
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """The place that `cursor_of` wrote down; None where a list begins. kind: its type, as `tuple[datetime, UUID]`.

    Raises:
        BadCursor: it is no such place.
    """
    if not cursor:
        return None
    problem: ValueError | None = None
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
        if not (isinstance(place, tuple) and any(map(_is_beyond, place))):
            return place
    except ValueError as found:
        problem = found
    raise BadCursor("the cursor is none that a page of this list gave", cursor=cursor[:CURSOR_MAX]) from problem


def read_code(cursor: str | None) -> str | None:
    """The code behind which a page of a list in the order of codes begins.

    Raises:
        BadCursor: it is none.
    """
    place = read_cursor(cursor, tuple[Code])
    return place[0] if place else None


def read_id(cursor: str | None) -> UUID | None:
    """The id behind which a page of a list in the order of ids begins.

    Raises:
        BadCursor: it is none.
    """
    place = read_cursor(cursor, tuple[UUID])
    return place[0] if place else None


def _is_beyond(value: object) -> bool:
    """Whether a part of a cursor that somebody made up is more than a column compares with."""
    if isinstance(value, datetime):
        return value.tzinfo is None or not 1 < value.year < MAXYEAR
    return isinstance(value, int) and not -(2**63) <= value < 2**63
