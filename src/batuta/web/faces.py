"""How a page is drawn: templates, the words of its reader, and the headers that keep it safe."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Response
from litestar.datastructures import Cookie

from batuta.identity.domain import Staff, csrf_of
from batuta.identity.queries import staff_by_id
from batuta.plumbing.database import Connection
from batuta.plumbing.web import AnyRequest, Caller
from batuta.plumbing.web.browsers import own_cookie, session_token
from batuta.plumbing.web.moments import moment
from batuta.web.catalogue import Speech, language_asked, language_of

HTML = "text/html"
LANGUAGE_COOKIE = "batuta_language"
LANGUAGE_LASTS_S = 365 * 24 * 3_600
UTC_ZONE = ZoneInfo("UTC")
ADDRESS_LENGTH_MAX = 2_000

# No script runs and no style applies but the one file of ours; nothing of a page may be shown inside another site.
SAFETY: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
FRESH: Mapping[str, str] = {"cache-control": "no-store"}

_templates = Environment(
    loader=PackageLoader("batuta.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads the page, in the frame's corner."""

    name: str
    email: str
    role: str
    initials: str


async def reader_of(db: Connection, caller: Caller, speech: Speech) -> Reader:
    """The member of staff who reads; an API key reads under its own name."""
    staff: Staff | None = (await staff_by_id(db, [caller.id])).get(caller.id)
    if staff is None:
        return Reader(name=caller.actor, email="", role="", initials="·")
    names = staff.name.split()
    initials = (names[0][0] + (names[-1][0] if len(names) > 1 else "")).upper()
    return Reader(name=staff.name, email=staff.email, role=speech(f"roles.{staff.role}"), initials=initials)


def speech_for(request: AnyRequest, caller: Caller | None, zone: ZoneInfo = UTC_ZONE) -> Speech:
    """The language that was chosen on this browser, else the reader's own, else what the browser asks for."""
    chosen = language_of(request.cookies.get(LANGUAGE_COOKIE))
    own = language_of(caller.locale) if caller else None
    return Speech(chosen or own or language_asked(request.headers.get("accept-language", "")), zone, moment())


def draw(
    request: AnyRequest,
    template: str,
    speech: Speech,
    reader: Reader | None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **view: object,
) -> Response[str]:
    """Draw a page for its reader."""
    other = "en" if speech.language == "es" else "es"
    token = session_token(request)
    frame: dict[str, Any] = {
        "say": speech,
        "reader": reader,
        "csrf": csrf_of(token) if reader and token else "",
        "asset": asset_address,
        "section": "orders",
        "is_section_itself": False,
        "notice": None,
        "notice_tone": None,
        "other_language": other,
        "other_language_address": f"/language/{other}?{urlencode({'to': here(request)})}",
    }
    body = _templates.get_template(template).render(**{**frame, **view})
    return Response(body, status_code=status, media_type=HTML, headers={**SAFETY, **FRESH, **(headers or {})})


def go_to(address: str, *, cookies: list[Cookie] | None = None) -> Response[None]:
    """Send the browser on, to read and not to repeat what it has just sent."""
    headers = {**SAFETY, **FRESH, "location": address}
    return Response(None, status_code=303, headers=headers, cookies=cookies or [])


def here(request: AnyRequest) -> str:
    """The address of the page that is read; of what a form sent, the page that the form was on."""
    if request.method not in {"GET", "HEAD"}:
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")


def sign_in_address(then: str, **told: str) -> str:
    """Where to sign in, and go on to a page afterwards."""
    given = ({"next": then} if then != "/" else {}) | told
    return f"/sign-in?{urlencode(given)}" if given else "/sign-in"


def own_address(given: str | None) -> str:
    """An address within this site, whatever was given; browsers read `//` and a backslash as another site."""
    given = given or "/"
    is_own = given.startswith("/") and not given.startswith("//") and "\\" not in given and given.isprintable()
    return given if is_own and len(given) <= ADDRESS_LENGTH_MAX else "/"


def language_cookie(request: AnyRequest, language: str) -> Cookie:
    """The cookie that remembers the language of this browser."""
    return own_cookie(request, LANGUAGE_COOKIE, language, lasts_s=LANGUAGE_LASTS_S)


@cache
def asset(name: str) -> bytes:
    """A file that pages are made with."""
    return files("batuta.web").joinpath("assets", name).read_bytes()


@cache
def asset_address(name: str) -> str:
    """Where a browser finds a file; another content is another address, so that it may be kept for ever."""
    return f"/assets/{name}?v={sha256(asset(name)).hexdigest()[:12]}"
