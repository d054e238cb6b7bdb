"""Statuses that are stored: a StrEnum, a literal table of moves, and the one function that enforces it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import TypeVar

from batuta.kernel.errors import Refused

Status = TypeVar("Status", bound=StrEnum)


class IllegalMove(Refused):
    """The status does not lead where the caller wants to go; `allowed` says where it does (ORD-03)."""


def move(moves: Mapping[Status, AbstractSet[Status]], present: Status, wanted: Status) -> Status:
    """Return `wanted` if `moves` allows it from `present`; moving nowhere is allowed (retries).

    Raises:
        IllegalMove: with the present status and the allowed ones.
    """
    if wanted == present or wanted in moves[present]:
        return wanted
    raise IllegalMove(
        f"{present} cannot become {wanted}",
        present=str(present),
        wanted=str(wanted),
        allowed=sorted(str(one) for one in moves[present]),
    )
