"""What every page needs besides itself: its files, and the choice of a language."""

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from batuta.kernel.errors import NotFound
from batuta.plumbing.web import AnyRequest, anyone
from batuta.web.catalogue import LANGUAGES
from batuta.web.faces import ADDRESS_LENGTH_MAX, SAFETY, asset, go_to, language_cookie, own_address
from batuta.web.problems import EXPLAINED

PAGE: dict[str, Any] = {"include_in_schema": False, "exception_handlers": EXPLAINED}
"""What all routes of pages have in common."""

TYPES = {"batuta.css": "text/css", "icon.svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"

Address = Annotated[str, QueryParameter(max_length=ADDRESS_LENGTH_MAX)]


class NoSuchPage(NotFound):
    """There is no such page."""


@get("/assets/{name:str}", guards=[anyone()], **PAGE)
async def file(name: FromPath[str]) -> Response[bytes]:
    """A file of the pages; its address changes with its content."""
    if name not in TYPES:
        raise NoSuchPage("there is no such file", name=name)
    return Response(asset(name), media_type=TYPES[name], headers={**SAFETY, "cache-control": FOR_EVER})


@get("/language/{language:str}", guards=[anyone()], **PAGE)
async def choose_language(request: AnyRequest, language: FromPath[str], to: Address = "/") -> Response[None]:
    """Remember the language of this browser, and go back to where it was chosen."""
    if language not in LANGUAGES:
        raise NoSuchPage("there is no such language", language=language)
    return go_to(own_address(to), cookies=[language_cookie(request, language)])


ROUTES = [file, choose_language]
