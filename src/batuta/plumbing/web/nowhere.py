"""Addresses of the API where nothing is: what is near, which methods there are, and where to read on."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from batuta.plumbing.web.callers import AnyRequest

API = "/api"
DOCUMENTATION = "/api/docs"
NEAR_MAX = 3
NEAR_FROM = 0.6
LIKE_A_VARIABLE = 0.7
"""Anything may stand for a variable part, which is less than being the same and more than being another word."""

PARTS_MAX = 12
PART_LENGTH_MAX = 40

Parts = tuple[str, ...]
Sign = tuple[Parts, str]


def facts_of_nowhere(request: AnyRequest, error: HTTPException) -> dict[str, object]:
    """What helps who asked for an address, or by a method, that the API does not have; nothing is said of pages."""
    path = request.scope["path"]
    if path != API and not path.startswith(f"{API}/"):
        return {}
    if error.status_code == HTTPStatus.NOT_FOUND:
        return {"near": near(_signs(request.app), _parts(path)), "documentation": DOCUMENTATION}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = (error.headers or {}).get("allow", "").split(", ")
        return {"methods": sorted({*methods} - {"OPTIONS"}), "documentation": DOCUMENTATION}
    return {}


def near(signs: Sequence[Sign], asked: Parts) -> list[str]:
    """The routes that look most like an address, with their methods; the likest first."""
    ranked = sorted(((likeness(asked, parts), sign) for parts, sign in signs), key=lambda one: (-one[0], one[1]))
    return [sign for score, sign in ranked[:NEAR_MAX] if score >= NEAR_FROM]


def likeness(asked: Parts, parts: Parts) -> float:
    """How much of an address is like a route's, from 0 to 1; of another first word, nothing is."""
    if not asked or not parts or (first := _alike(asked[0], parts[0])) < NEAR_FROM:
        return 0
    rest = (_alike(*pair) for pair in zip(asked[1:], parts[1:], strict=False))
    return (first + sum(rest)) / max(len(asked), len(parts))


@lru_cache(maxsize=4096)
def _alike(word: str, part: str) -> float:
    if part.startswith("{"):
        return LIKE_A_VARIABLE
    return SequenceMatcher(a=word, b=part, autojunk=False).ratio()


def _parts(path: str) -> Parts:
    words = path.removeprefix(API).strip("/").split("/")
    return tuple(word[:PART_LENGTH_MAX] for word in words[:PARTS_MAX] if word)


@lru_cache(maxsize=8)
def _signs(app: Litestar) -> Sequence[Sign]:
    """All routes of the API: the parts of each one's path, and how it is written in an answer."""
    methods: dict[str, set[str]] = {}
    for route in app.routes:
        shown: Any = getattr(route, "path_format", route.path)
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and shown.startswith(f"{API}/"):
                methods.setdefault(shown, set()).update(map(str, handler.http_methods - {"OPTIONS"}))
    return [(_parts(path), f"{', '.join(sorted(those))} {path}") for path, those in methods.items() if those]
