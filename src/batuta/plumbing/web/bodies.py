"""Bodies of requests: how large, how slow, of what kind."""

import asyncio
import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import BodyKwarg, QueryParameter
from litestar.types import HTTPReceiveMessage, Receive

from batuta.kernel.errors import Invalid
from batuta.plumbing.web.callers import AnyRequest

BODY_BYTES_MAX = 10_000_000
BODY_WITHIN_S = 10.0
BODY_BYTES_PER_S = 1_024
JSON = "application/json"
TAKES_JSON = "takes_json"
PARAMETERS = "parameters"
TAKES_ANY_PARAMETER = "takes_any_parameter"
"""For routes that others send people to, with parameters of their own."""

HEADERS = "batuta_headers"

EXACT_MAX = 2**53
FLOAT = re.compile(rb"[0-9]\.0|[0-9][eE]")
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class NulInText(Invalid):
    """Text holds the character NUL, which no database column can keep."""


class BadParameter(Invalid):
    """A parameter of the query is not what its route takes."""


class UnknownParameter(Invalid):
    """The route has no such parameter; what looks like a filter and is none would let everything through."""


class NotUtf8(Invalid):
    """The body is no UTF-8."""


class SlowBody(HTTPException):
    """The request's body does not arrive."""

    status_code = HTTPStatus.REQUEST_TIMEOUT
    detail = "the rest of the body did not arrive in time"


class ClientGone(HTTPException):
    """The client went away before its body was whole; nobody hears the answer."""

    status_code = HTTPStatus.BAD_REQUEST
    detail = "the client went away"


class NotJson(HTTPException):
    """The body is of a kind that the route does not take."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    detail = f"send the body as {JSON}"


class TooLarge(HTTPException):
    """The body is larger than any that batuta takes."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = f"a body has at most {BODY_BYTES_MAX} bytes"


def patient(receive: Receive) -> Receive:
    """Wait for a body as long as it takes at a kilobyte a second, and ten seconds more; then refuse it."""
    patience_s = BODY_WITHIN_S
    is_whole = False

    async def receive_in_time() -> HTTPReceiveMessage:
        nonlocal patience_s, is_whole
        if is_whole:
            return await receive()  # type: ignore[return-value]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(patience_s):
                message: Any = await receive()
        except TimeoutError:
            raise SlowBody(headers={"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        is_whole = not message.get("more_body", False)
        patience_s += len(message.get("body", b"")) / BODY_BYTES_PER_S - (loop.time() - began)
        return message  # type: ignore[no-any-return]

    return receive_in_time


async def whole_body(request: AnyRequest) -> bytes:
    """The body, within its limits.

    Raises:
        TooLarge, SlowBody.
    """
    announced = header_of(request, b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > BODY_BYTES_MAX:
        raise TooLarge(headers={"connection": "close"})
    receive = patient(request.receive)
    parts: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise TooLarge(headers={"connection": "close"})
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def note_body(handler: BaseRouteHandler) -> None:
    """Note in a route's `opt` whether it takes JSON alone; known once the route is in the application."""
    parameter = handler.parsed_fn_signature.parameters.get("data")
    kind = parameter.kwarg_definition if parameter else None
    handler.opt[TAKES_JSON] = isinstance(kind, BodyKwarg) and kind.media_type == RequestEncodingType.JSON


def note_parameters(handler: BaseRouteHandler) -> None:
    """Note in a route's `opt` what each parameter of its query takes, by its name there; they hold for the API."""
    given = handler.parsed_fn_signature.parameters.items()
    queries = [(name, one, one.kwarg_definition) for name, one in given]
    handler.opt[PARAMETERS] = {
        kind.name or kind.query or name: one.annotation
        for name, one, kind in queries
        if isinstance(kind, QueryParameter)
    }


async def check_request(request: AnyRequest) -> None:
    """Refuse what no route of ours can take: a body of another kind, NUL in path, query or body.

    Raises:
        NotJson, NotUtf8, NulInText, BadParameter, UnknownParameter.
    """
    scope = request.scope
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise NulInText("text must not hold the character NUL", where="address")
    if scope["query_string"] and scope["path"].startswith("/api/"):
        _check_query(request)
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return
    kind = (header_of(request, b"content-type") or "").partition(";")[0].strip().lower()
    if scope["route_handler"].opt.get(TAKES_JSON):
        check_json(kind, await request.body())
    elif kind == "application/x-www-form-urlencoded" and b"%00" in await request.body():
        raise NulInText("text must not hold the character NUL", where="body")


def _check_query(request: AnyRequest) -> None:
    """Read parameters as their types say; the framework itself would read `x=null` as one that is not there."""
    opt = request.scope["route_handler"].opt
    known: Mapping[str, Any] = opt[PARAMETERS]
    for name, value in request.query_params.multi_items():
        if name in known:
            if not _is_meant(value, kind := _one_of(known[name])):
                raise BadParameter("this is not what the parameter takes", parameter=name, **_allowed(kind))
        elif not opt.get(TAKES_ANY_PARAMETER):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UnknownParameter(
                f"this route has no such parameter{hint}", parameter=name, near=near, known=sorted(known)
            )


def _is_meant(value: str, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        # An address holds text only: a number, a truth, is written as it would be in JSON.
        try:
            msgspec.convert(msgspec.json.decode(value), kind, strict=True)
        except (msgspec.DecodeError, UnicodeError):
            return False
        return value != "null"
    return True


def _allowed(kind: Any) -> dict[str, list[str]]:
    """The values of a parameter that takes one of a few."""
    kinds = (one for one in (kind, *get_args(kind)) if isinstance(one, type))
    found = next((one for one in kinds if issubclass(one, StrEnum)), None)
    return {"allowed": [*found]} if found else {}


@cache
def _one_of(annotation: Any) -> Any:
    """What one value of a parameter is; a list takes it several times."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) or get_origin(annotation) is Union else ()
    inner = next((one for one in (annotation, *kinds) if get_origin(one) is list), None)
    return get_args(inner)[0] if inner else annotation


def check_json(kind: str, body: bytes) -> None:
    """Refuse a body that is not said to be JSON, is no UTF-8, or whose text holds NUL.

    Raises:
        NotJson, NotUtf8, NulInText.
    """
    if kind != JSON and (body or kind):
        raise NotJson
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        raise NotUtf8("JSON is written in UTF-8", at_byte=problem.start) from None
    if b"\\u0000" in body and ESCAPED_NUL.search(body):
        raise NulInText("text must not hold the character NUL", where="body")


def with_whole_numbers(body: bytes) -> bytes:
    """The JSON with `2.0` written as 2: to JSON Schema, and to many a language, they are the same integer.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    return msgspec.json.encode(_whole(msgspec.json.decode(body))) if FLOAT.search(body) else body


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_MAX else value


def header_of(request: AnyRequest, name: bytes) -> str | None:
    """One header. name: in small letters."""
    scope: Any = request.scope
    by_name = scope.get(HEADERS)
    if by_name is None:
        by_name = scope[HEADERS] = dict(scope["headers"])
    value = by_name.get(name)
    return None if value is None else value.decode("latin-1")
