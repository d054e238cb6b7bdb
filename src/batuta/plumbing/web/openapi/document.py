"""The document: every route with all it can answer, schemas, examples, and how to sign in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from batuta.plumbing.web.bodies import TAKES_JSON
from batuta.plumbing.web.browsers import SESSION_COOKIE
from batuta.plumbing.web.openapi.examples import example_of
from batuta.plumbing.web.openapi.operations import ALSO_ANSWERS, Operation, describe
from batuta.plumbing.web.problems import PROBLEM_TYPE

API = "/api"
REF = "#/components/schemas/{name}"
ALWAYS = (400, 401, 403, 429, 500, 503)
OF_CHANGES = (404, 408, 409, 413)
OF_LISTS = {"limit", "cursor"}
CURSORS = {"cursor", "after"}

PROBLEMS: Mapping[int, tuple[str, str, str]] = {
    400: ("invalid", "The request does not fit the schema; sending it again unchanged cannot help", "Invalid"),
    401: ("not_signed_in", "Nobody is signed in, or the session or key does not hold any more", "NotSignedIn"),
    403: ("permission_missing", "The caller is known and may not do this", "Forbidden"),
    404: ("not_found", "There is nothing by that id, or nothing that the caller may see", "NotFound"),
    408: ("request_timeout", "The body did not arrive in time", "SlowBody"),
    409: ("version_conflict", "A business rule says no; the facts tell why and what else is possible", "Refused"),
    413: ("request_entity_too_large", "The body is larger than 10 MB", "TooLarge"),
    415: ("unsupported_media_type", "The body is not said to be JSON", "NotJson"),
    429: ("too_many", "Asked more often than is allowed; Retry-After says when to ask again", "TooMany"),
    500: ("bug", "batuta made a mistake; it is logged under the request id", "Bug"),
    503: ("database_busy", "A part that is needed does not answer now; ask again after Retry-After", "Unavailable"),
}

ABOUT = """\
Amounts are whole minor units (`1999` is 19.99 EUR) beside their currency. Times are UTC. Ids are UUIDs.

**Sending again.** Every change takes an `Idempotency-Key`. The same key with the same request does nothing and answers
as before (`Idempotency-Replayed: true`), for 24 hours; with another request it is refused. After a lost connection or a
503, send again under the same key.

**Problems** are `application/problem+json` (RFC 9457): a stable `code`, a sentence, and facts. 400 does not fit the
schema, 409 is refused by a business rule, 503 may succeed later.

**Lists** come in pages: `next` of one page is the `cursor` of the one after it.

**Versions.** Where an answer has an `ETag`, send it as `If-Match` to be refused when somebody has changed the thing
meanwhile.
"""


class ProblemDetails(msgspec.Struct):
    """What went wrong (RFC 9457). code: stable, for programs; detail: a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    facts: dict[str, Any]


def document_of(app: Litestar) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes below `/api`."""
    operations = sorted(_operations(app), key=lambda one: (one.tag, one.path, one.method))
    schemas = _Schemas(kind for one in operations for kind in one.types())
    names = _names(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one, name in zip(operations, names, strict=True):
        described = describe(one, name, schemas.of)
        described["responses"] |= {
            str(status): {"$ref": f"#/components/responses/{PROBLEMS[status][2]}"} for status in _statuses(one)
        }
        _show_examples(described, schemas.components)
        paths.setdefault(one.path, {})[one.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "batuta", "version": version("batuta"), "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": _about(tag)} for tag in dict.fromkeys(one.tag for one in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {name: _problem(status) for status, (_, _, name) in PROBLEMS.items()},
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
            "securitySchemes": _SECURITY,
        },
    }


def _names(operations: Sequence[Operation]) -> list[str]:
    """The handlers' names; where several have one, with their room's, and then with what their paths end in."""
    plain = [one.handler.fn.__name__ for one in operations]
    in_room = [f"{one.tag}_{name}" for one, name in zip(operations, plain, strict=True)]
    ends = [name + "_" + one.path.rpartition("/")[2].strip("{}") for one, name in zip(operations, in_room, strict=True)]
    often, often_in_room = Counter(plain), Counter(in_room)
    return [
        name if often[name] == 1 else room if often_in_room[room] == 1 else end
        for name, room, end in zip(plain, in_room, ends, strict=True)
    ]


class _Schemas:
    """The schemas of all types, each named once."""

    def __init__(self, types: Iterable[Any]) -> None:
        kinds = [kind for kind in {repr(kind): kind for kind in types}.values() if _has_schema(kind)]
        schemas, components = msgspec.json.schema_components([ProblemDetails, *kinds], ref_template=REF)
        self.components = _even(components)
        self._by_type = {repr(kind): schema for kind, schema in zip(kinds, schemas[1:], strict=True)}

    def of(self, kind: Any) -> dict[str, Any]:
        return dict(_even(self._by_type.get(repr(kind), {})))


def _even(schema: Any) -> Any:
    """The schema with pairs of one kind as lists of two, for not all readers know `prefixItems`."""
    if isinstance(schema, list):
        return [_even(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kinds = schema.get("prefixItems")
    if kinds and all(kind == kinds[0] for kind in kinds):
        schema = {key: value for key, value in schema.items() if key != "prefixItems"} | {"items": kinds[0]}
    return {key: _even(value) for key, value in schema.items()}


def _has_schema(kind: Any) -> bool:
    try:
        msgspec.json.schema_components([kind], ref_template=REF)
    except TypeError:
        return False
    return True


def _operations(app: Litestar) -> Iterable[Operation]:
    for route in app.routes:
        if not route.path.startswith(API):
            continue
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema():
                path = getattr(route, "path_format", route.path)
                yield from (
                    Operation(path, str(method), handler) for method in handler.http_methods if method != "OPTIONS"
                )


def _statuses(one: Operation) -> list[int]:
    found = {*ALWAYS, *one.handler.opt.get(ALSO_ANSWERS, ())}
    if CURSORS & {name for name, _ in one.sent()}:
        found.add(409)
    if {name for name, _ in one.sent()} - OF_LISTS:
        # Whoever names something may name what is not there, or not together with something else.
        found |= {404, 409}
    if one.is_change:
        found |= {*OF_CHANGES}
    if one.handler.opt.get(TAKES_JSON):
        found.add(415)
    return sorted(found)


def _show_examples(described: dict[str, Any], components: Mapping[str, Any]) -> None:
    contents = [described.get("requestBody", {}), *described["responses"].values()]
    for content in contents:
        shown = content.get("content", {}).get("application/json")
        if shown and shown["schema"]:
            shown["example"] = example_of(shown["schema"], components)


def _problem(status: int) -> dict[str, Any]:
    code, told, _ = PROBLEMS[status]
    example = {
        "type": f"urn:batuta:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": told,
        "instance": "/api/orders",
        "code": code,
        "facts": {},
    }
    schema = {"$ref": REF.format(name=ProblemDetails.__name__)}
    described: dict[str, Any] = {
        "description": told,
        "content": {PROBLEM_TYPE: {"schema": schema, "example": example}},
    }
    if status in {429, 503}:
        seconds = {"description": "Seconds to wait", "schema": {"type": "integer"}}
        described["headers"] = {"Retry-After": seconds}
    return described


def _about(tag: str) -> str:
    """What a room says of itself, in its first line."""
    return str(import_module(f"batuta.{tag}").__doc__ or "").partition("\n")[0]


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request, so that it can be sent again without being done again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    "example": "cart-10042-place",
}
_SECURITY = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer bat_…`, by `batuta apikey add`",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "By `POST /api/session`; changes also send the session's `X-CSRF-Token`",
    },
}
