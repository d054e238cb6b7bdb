"""Codes: a merchant's own key of a thing stays with that thing for ever."""

from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

from batuta.kernel.errors import Refused


class CodeIsFixed(Refused):
    """The id is known under another code; a thing keeps the code under which it was first saved."""


class Coded(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def code(self) -> str: ...


class Codes:
    """Which id goes by which code, as far as known; it learns as things come by."""

    def __init__(self, known: Iterable[Coded] | Mapping[UUID, Coded]) -> None:
        things = known.values() if isinstance(known, Mapping) else known
        self._by_id = {thing.id: thing.code for thing in things}

    def check(self, thing: Coded) -> None:
        """Accept a thing whose id has no code yet or this one.

        Raises:
            CodeIsFixed: with the code it goes by.
        """
        code = self._by_id.setdefault(thing.id, thing.code)
        if code != thing.code:
            raise CodeIsFixed(f"this id goes by the code {code}", id=str(thing.id), present=code, wanted=thing.code)


def check_same_id(saved: Coded, wanted_id: UUID | None) -> None:
    """Accept a thing that was saved under the id that was wanted; None takes any.

    Raises:
        CodeIsFixed: its code belonged to another id.
    """
    if wanted_id not in {None, saved.id}:
        raise CodeIsFixed("another id goes by this code", code=saved.code, present=str(saved.id), wanted=str(wanted_id))
