"""All routes of the house: who may use them, what they take, and that the document tells the truth about them."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from batuta.app import create_app
from batuta.identity.domain import PERMISSIONS
from batuta.plumbing.database import create_engine
from batuta.plumbing.opening import OpenDatabase
from batuta.plumbing.web.bodies import PARAMETERS
from batuta.plumbing.web.callers import PERMISSION, SIGNED_IN
from batuta.plumbing.web.openapi import document_of
from batuta.plumbing.web.openapi.routes import STYLE, page_of_document

BEFORE_THE_API = {"/health/live", "/health/ready", "/metrics"}


def make_app() -> Litestar:
    engine = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    return create_app(OpenDatabase(engine, "", None))


app = make_app()
document = document_of(app)
ROUTES = [
    (route.path, handler)
    for route in app.routes
    for handler in getattr(route, "route_handlers", ())
    if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}
]
BODIES = [(path, handler) for path, handler in ROUTES if "data" in handler.parsed_fn_signature.parameters]
OPERATIONS = [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def name_of(value: object) -> str:
    return value.handler_name if isinstance(value, HTTPRouteHandler) else str(value)


@pytest.mark.parametrize(("path", "handler"), ROUTES, ids=name_of)
def test_a_route_names_its_permission(path: str, handler: HTTPRouteHandler) -> None:
    """PLT-07: no route is open by forgetting."""
    assert PERMISSION in handler.opt, path
    assert handler.opt[PERMISSION] in {None, SIGNED_IN, *PERMISSIONS}


@pytest.mark.parametrize(("path", "handler"), BODIES, ids=name_of)
def test_a_body_with_unknown_fields_is_refused(path: str, handler: HTTPRouteHandler) -> None:
    lenient = {
        struct.__name__
        for struct in structs_in(handler.parsed_fn_signature.parameters["data"].annotation, set())
        if not struct.__struct_config__.forbid_unknown_fields
    }
    assert not lenient, path


def structs_in(kind: Any, seen: set[Any]) -> Iterator[type[msgspec.Struct]]:
    if kind in seen:
        return
    seen.add(kind)
    for part in get_args(kind):
        if not isinstance(part, msgspec.Meta | str | int):
            yield from structs_in(part, seen)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for hint in get_type_hints(kind, include_extras=True).values():
            yield from structs_in(hint, seen)


@pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_operation_is_told_with_its_problems_and_examples(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"], path
    assert operation["summary"] != operation["operationId"]
    assert {"400", "401", "403", "429", "500", "503"} <= set(operation["responses"])
    if method != "get":
        assert {"404", "408", "409", "413"} <= set(operation["responses"])
    for body in operation.get("requestBody", {}).get("content", {}).values():
        assert body["schema"] == {} or "example" in body


def test_a_file_is_told_by_its_kind() -> None:
    told = {
        path: set(one["responses"]["200"]["content"])
        for path, _, one in OPERATIONS
        if "content" in one["responses"].get("200", {})
    }

    assert told["/api/parcels/{parcel_id}/packing-slip"] == {"application/pdf"}
    assert told["/api/parcels/{parcel_id}/label"] == {"application/pdf", "text/plain"}
    assert told["/api/orders/batch"] == {"application/x-ndjson"}
    assert set().union(*told.values()) == {"application/json", "application/pdf", "application/x-ndjson", "text/plain"}


def test_a_route_knows_the_parameters_that_the_document_tells_and_no_others() -> None:
    """A misspelt filter would let everything through: it is refused, by what each route noted when it was put in."""
    known = {
        (route.path_format, method.lower()): {*handler.opt[PARAMETERS]}
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }
    told = {
        (path, method): {one["name"] for one in operation["parameters"] if one.get("in") == "query"}
        for path, method, operation in OPERATIONS
    }
    assert any(told.values())
    assert {key: known[key] for key in told} == told


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("path", "handler"), BODIES, ids=name_of)
def test_an_example_of_a_body_is_taken(path: str, handler: HTTPRouteHandler) -> None:
    for method in handler.http_methods:
        operation = document["paths"].get(path_in_document(path), {}).get(str(method).lower(), {})
        for body in operation.get("requestBody", {}).get("content", {}).values():
            if "example" in body:
                kind = handler.parsed_fn_signature.parameters["data"].raw
                msgspec.json.decode(msgspec.json.encode(body["example"]), type=kind)


def path_in_document(path: str) -> str:
    return "/".join(
        part.split(":")[0] + "}" if part.startswith("{") and ":" in part else part for part in path.split("/")
    )


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("put", "/api/skus/{sku_id}", "If-Match"),
        ("put", "/api/users/{staff_id}", "If-Match"),
        ("post", "/api/orders/{key}/cancel", "If-Match"),
        ("post", "/api/fulfillment-orders/{fulfillment_order_id}/accept", "If-Match"),
        ("put", "/api/carts/{cart_id}/lines", "If-Match"),
        ("put", "/api/carts/{cart_id}/lines", "X-Cart-Token"),
        ("get", "/api/carts/{cart_id}", "X-Cart-Token"),
    ],
)
def test_a_header_that_a_route_reads_is_told(method: str, path: str, header: str) -> None:
    """PLT-02."""
    assert header in headers_of(document["paths"][path][method])


def test_a_header_that_no_route_reads_is_not_told() -> None:
    told = {path for path, _, operation in OPERATIONS if "X-Cart-Token" in headers_of(operation)}

    assert all(path.startswith("/api/carts/{") for path in told)
    assert "If-Match" not in headers_of(document["paths"]["/api/orders"]["post"])
    assert "If-Match" not in headers_of(document["paths"]["/api/skus"]["get"])


def headers_of(operation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in operation["parameters"] if one.get("in") == "header"}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    for ref in references_in(document):
        place: Any = document
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]


def references_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from references_in(value)


def test_the_page_for_people_tells_every_operation_and_needs_nothing_from_elsewhere() -> None:
    page = page_of_document(document, STYLE.read_text())
    found = Links()
    found.feed(page)

    assert {operation["operationId"] for _, _, operation in OPERATIONS} <= found.ids
    assert all(link == "/api/openapi.json" or link.removeprefix("#") in found.ids for link in found.links)
    assert not found.sources


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(str(value))
            if name == "href":
                (self.links if tag == "a" else self.sources).append(str(value))
            if name == "src":
                self.sources.append(str(value))
