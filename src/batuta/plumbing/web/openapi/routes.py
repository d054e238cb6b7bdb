"""Where the API describes itself."""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment
from litestar import Litestar, Response, get
from litestar.enums import MediaType

from batuta.plumbing.web.callers import AnyRequest, anyone
from batuta.plumbing.web.openapi.document import document_of

PAGE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).with_name("page.css")


@get("/api/openapi.json", include_in_schema=False, guards=[anyone()])
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    """The API for machines, as OpenAPI 3.1."""
    return Response(_described(request.app)[0], media_type=MediaType.JSON)


@get("/api/docs", include_in_schema=False, guards=[anyone()])
async def documentation(request: AnyRequest) -> Response[bytes]:
    """The API for people: one page made of the document."""
    _, page, style_hash = _described(request.app)
    policy = f"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; frame-ancestors 'none'"
    return Response(page, media_type=MediaType.HTML, headers={"content-security-policy": policy})


DOCUMENTATION_ROUTES = (openapi_json, documentation)


@lru_cache(maxsize=8)
def _described(app: Litestar) -> tuple[bytes, bytes, str]:
    document = document_of(app)
    style = STYLE.read_text()
    return (
        msgspec.json.encode(document),
        page_of_document(document, style).encode(),
        b64encode(sha256(style.encode()).digest()).decode(),
    )


def page_of_document(document: dict[str, Any], style: str) -> str:
    """The document as one page of HTML."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"shown": _shown, "kind": _kind, "paragraphs": _paragraphs, "target": _target}
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    template = environment.from_string(PAGE.read_text())
    return template.render(document=document, operations=operations, style=style)


def _shown(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _kind(schema: dict[str, Any]) -> str:
    """A schema in few words."""
    if ref := schema.get("$ref"):
        return str(ref).rpartition("/")[2]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_kind(choice) for choice in choices)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(schema.get('items') or {})}"
    bounds = [f"{name} {schema[key]}" for key, name in _BOUNDS.items() if key in schema]
    return " ".join([f"{schema.get('format', kind)}", f"({', '.join(bounds)})" if bounds else ""]).strip()


def _paragraphs(text: str) -> list[list[tuple[str, str]]]:
    """Paragraphs as runs of (tag, text), for the two marks that our prose uses: `code` and **strong**."""
    return [list(_runs(" ".join(part.split()))) for part in text.split("\n\n") if part.strip()]


def _runs(text: str) -> list[tuple[str, str]]:
    runs = []
    for i, strong in enumerate(text.split("**")):
        for j, code in enumerate(strong.split("`")):
            if code:
                runs.append(("code" if j % 2 else "strong" if i % 2 else "", code))
    return runs


def _target(ref: str) -> str:
    return ref.rpartition("/")[2]


_BOUNDS = {
    "minimum": "from",
    "maximum": "to",
    "minLength": "at least",
    "maxLength": "at most",
    "default": "unless given",
}
