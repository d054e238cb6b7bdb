"""Drafts in shadow: each order that is planned is planned again with them, and what they would change is kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code, Text

SHADOWS_MAX = 5
"""So many at once: each is one more plan of every order."""


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """A draft beside the live strategies, as it was written when that began.

    left_out: orders that could not be compared, for it is not known what they held.
    """

    id: UUID
    version_id: UUID
    strategy_code: Code
    number: int
    document: Any
    begun_at: datetime
    begun_by: Text
    ended_at: datetime | None = None
    ended_by: Text | None = None
    left_out: int = 0


class NewShadow(msgspec.Struct, frozen=True, kw_only=True):
    """Put a draft in shadow."""

    id: UUID
    strategy_code: Code
    number: int
    actor: Text


class UnknownShadow(NotFound):
    """There is no such shadow."""


class NoDraft(Refused):
    """Only a draft is put in shadow: what was published decides, or did."""


class InShadowAlready(Refused):
    """A version of this strategy is in shadow; it has to be stopped first."""


class TooManyShadows(Refused):
    """As many drafts as can be are in shadow; one has to be stopped first."""


def begun(
    wish: NewShadow, drafts: dict[tuple[str, int], tuple[UUID, Any]], live: dict[str, Shadow], now: datetime
) -> Shadow:
    """Begin one. drafts: id and document by code and number. live: those in shadow, by code.

    Raises:
        NoDraft, InShadowAlready, TooManyShadows: it cannot begin.
    """
    code, number = wish.strategy_code, wish.number
    if (code, number) not in drafts:
        raise NoDraft("this version is no draft", strategy_code=code, number=number)
    if code in live:
        raise InShadowAlready(
            "a version of this strategy is in shadow: stop it first", strategy_code=code, number=live[code].number
        )
    if len(live) >= SHADOWS_MAX:
        raise TooManyShadows("stop another one first", shadows_max=SHADOWS_MAX, strategy_codes=sorted(live))
    version_id, document = drafts[code, number]
    return Shadow(
        id=wish.id,
        version_id=version_id,
        strategy_code=code,
        number=number,
        document=document,
        begun_at=now,
        begun_by=wish.actor,
    )
