"""Hot reads: questions of many requests that are answered together, and their answers sent as they are encoded."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Response

from batuta.plumbing.database import Engine
from batuta.plumbing.keys import Kept
from batuta.plumbing.shared_reads import SharedRead
from batuta.plumbing.web.callers import AnyRequest
from batuta.plumbing.web.idempotency import as_response

Question = TypeVar("Question")
T = TypeVar("T")
OK = 200


async def shared(
    request: AnyRequest, make: Callable[[Engine], SharedRead[Question, T]], question: Question
) -> Response[T]:
    """Answer a question with the next that are answered together. make: the reader, once for the application.

    Raises:
        BatutaError: the question's own refusal.
    """
    readers: dict[Any, SharedRead[Any, Any]] = request.app.state.readers
    reader = readers.get(make)
    if reader is None:
        reader = readers[make] = make(request.app.state.engine)
    return told(request, await reader.ask(question))


def told(request: AnyRequest, content: T) -> Response[T]:
    """The answer of a read, encoded once."""
    return as_response(request, Kept(OK, msgspec.json.encode(content)))
