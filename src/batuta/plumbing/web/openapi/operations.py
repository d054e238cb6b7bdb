"""One operation of the document: what a route takes and what it answers, told from its handler's signature."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

import msgspec
from litestar import Response
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, HeaderParameter, KwargDefinition
from litestar.response import Stream
from litestar.typing import FieldDefinition

from batuta.plumbing.web.callers import PERMISSION
from batuta.plumbing.web.headers import Header, headers_read_by

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
NOT_SENT = {"request", "caller", "engine", "state", "scope", "headers", "cookies", "query", "socket", "body"}

NO_NUL = "^[^\\x00]*$"
ALSO_ANSWERS = "also_answers"
"""In a route's `opt`: statuses of problems that it answers besides those of its kind."""

ALSO_MEDIA_TYPES = "also_media_types"
"""In a route's `opt`: as what it answers besides its own `media_type`."""

TAKES_NO_KEY = "takes_no_key"
"""In a route's `opt`: it looks like a change and may be sent again without a key."""

SchemaOf = Callable[[Any], dict[str, Any]]


class Operation(msgspec.Struct, frozen=True):
    """A route under one method."""

    path: str
    method: str
    handler: HTTPRouteHandler

    @property
    def tag(self) -> str:
        """The room whose route it is."""
        parts = self.handler.fn.__module__.split(".")
        return "plumbing" if parts[1] == "plumbing" else parts[1]

    @property
    def answers(self) -> Any:
        """The type of the body that is answered; None when there is none, `Stream` when it is no JSON."""
        declared = self.handler.parsed_fn_signature.return_type.annotation
        if get_origin(declared) is Response:
            (declared,) = get_args(declared)
        return None if declared in {None, type(None)} else declared

    @property
    def body(self) -> FieldDefinition | None:
        """The parameter that takes the request's body."""
        return self.handler.parsed_fn_signature.parameters.get("data")

    @property
    def is_change(self) -> bool:
        return self.method in CHANGING

    def sent(self) -> Iterator[tuple[str, FieldDefinition]]:
        """Parameters of path, query and headers."""
        hidden = {*NOT_SENT, "data", *self.handler.resolve_dependencies()}
        for name, parameter in self.handler.parsed_fn_signature.parameters.items():
            if name not in hidden:
                yield name, parameter

    def types(self) -> Iterator[Any]:
        """All types that need a schema."""
        for _, parameter in self.sent():
            yield parameter.raw
        if self.body:
            yield self.body.raw
        if self.answers is not None:
            yield self.answers


def describe(operation: Operation, name: str, schema_of: SchemaOf) -> dict[str, Any]:
    """The operation as the document says it, but for problems."""
    summary, _, rest = (inspect.getdoc(operation.handler.fn) or operation.handler.fn.__name__).partition("\n")
    permission = operation.handler.opt.get(PERMISSION)
    described: dict[str, Any] = {
        "operationId": name,
        "tags": [operation.tag],
        "summary": summary.rstrip(".").replace("`", ""),
        "description": _for_people(rest, permission),
        "security": [{"apiKey": []}, {"session": []}] if permission else [],
        "x-permission": permission,
        "parameters": [_parameter(operation, *one, schema_of) for one in operation.sent()],
        "responses": {str(operation.handler.status_code): _answer(operation, schema_of)},
    }
    described["parameters"] += [_header(one) for one in headers_read_by(operation.handler.fn).values()]
    if operation.is_change and not operation.handler.opt.get(TAKES_NO_KEY):
        described["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
    if operation.body:
        described["requestBody"] = {"required": True, "content": _taken(operation.body, schema_of)}
    return described


def _for_people(rest: str, permission: str | None) -> str:
    told = " ".join(rest.split("Raises:", maxsplit=1)[0].split())
    needs = f"Needs the permission `{permission}`." if permission else "Public."
    return f"{told} {needs}".strip()


def _parameter(operation: Operation, name: str, parameter: FieldDefinition, schema_of: SchemaOf) -> dict[str, Any]:
    given: Any = parameter.kwarg_definition
    schema = {**_not_null(schema_of(parameter.raw)), **_bounds(given)}
    if parameter.has_default and parameter.default is not None:
        schema["default"] = msgspec.to_builtins(parameter.default)
    if schema.get("type") == "string" and not schema.keys() & {"format", "pattern", "enum"}:
        schema["pattern"] = NO_NUL
    if name == "cursor":
        schema["format"] = "cursor"
    place = "path" if f"{{{name}}}" in operation.path else "header" if isinstance(given, HeaderParameter) else "query"
    described = {
        "name": getattr(given, "name", None) or getattr(given, place, None) or name,
        "in": place,
        "required": place == "path" or parameter.is_required,
        "schema": schema,
    }
    if isinstance(given, KwargDefinition) and given.description:
        described["description"] = given.description
    return described


def _header(header: Header) -> dict[str, Any]:
    schema = {"type": "string"} | ({"pattern": header.pattern} if header.pattern else {})
    described = {"name": header.name, "in": "header", "required": False, "description": header.told}
    return {**described, "schema": schema, "example": header.example}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is not sent as null."""
    real = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return real[0] if len(real) == 1 else {**schema, "anyOf": real} if real else schema


def _bounds(given: Any) -> dict[str, Any]:
    if not isinstance(given, KwargDefinition):
        return {}
    found = {said: getattr(given, name, None) for name, said in BOUNDS.items()}
    return {said: value for said, value in found.items() if value is not None}


def _taken(body: FieldDefinition, schema_of: SchemaOf) -> dict[str, Any]:
    given = body.kwarg_definition
    media_type = given.media_type if isinstance(given, BodyKwarg) else RequestEncodingType.JSON
    return {str(getattr(media_type, "value", media_type)): {"schema": schema_of(body.raw)}}


def _answer(operation: Operation, schema_of: SchemaOf) -> dict[str, Any]:
    answers = operation.answers
    if answers is None:
        return {"description": "Done"}
    if answers is bytes or (isinstance(answers, type) and issubclass(answers, Stream)):
        types = (operation.handler.media_type, *operation.handler.opt.get(ALSO_MEDIA_TYPES, ()))
        return {"description": "As asked for", "content": {str(one): {"schema": {}} for one in types}}
    return {"description": "As asked for", "content": {"application/json": {"schema": schema_of(answers)}}}
