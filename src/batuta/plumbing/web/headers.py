"""Headers that handlers read by themselves, so that the document can tell them without being told."""

import dis
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any, TypeVar

import msgspec

Reader = TypeVar("Reader", bound=Callable[..., Any])
READS = "batuta_reads_header"
EDGES = (".api", "batuta.plumbing.web")
"""Where headers are read: no function of another module is looked into."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says of a header. pattern: what each of its values looks like."""

    name: str
    told: str
    example: str
    pattern: str | None = None


def reads(header: Header) -> Callable[[Reader], Reader]:
    """Mark the function that reads a header of a request; all routes that reach it are told with it."""

    def mark(reader: Reader) -> Reader:
        setattr(reader, READS, header)
        return reader

    return mark


def headers_read_by(handler: Callable[..., Any]) -> Mapping[str, Header]:
    """The headers that a handler reads, itself or by functions of its edge that it calls."""
    found: dict[str, Header] = {}
    seen: set[FunctionType] = set()
    waiting = [handler]
    while waiting:
        one = waiting.pop()
        if isinstance(one, FunctionType) and one not in seen:
            seen.add(one)
            header: Header | None = getattr(one, READS, None)
            if header:
                found[header.name] = header
            waiting += _called_by(one)
    return found


@cache
def _called_by(function: FunctionType) -> list[FunctionType]:
    named = (function.__globals__.get(name) for name in _globals_in(function.__code__))
    return [one for one in named if isinstance(one, FunctionType) and any(edge in one.__module__ for edge in EDGES)]


def _globals_in(code: CodeType) -> Iterator[str]:
    """Names of the module that code uses, those inside functions within it too."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_in(constant)
