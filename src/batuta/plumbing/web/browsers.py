"""What a browser tells of itself, and the cookie that it holds for us."""

from ipaddress import ip_address

from litestar.datastructures import Cookie

from batuta.kernel.errors import Forbidden
from batuta.plumbing.web.callers import AnyRequest

SESSION_COOKIE = "batuta_session"
SESSION_LASTS_S = 7 * 24 * 3_600
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BROWSER_LENGTH_MAX = 500
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class FromElsewhere(Forbidden):
    """A page of another site has made the browser ask for this."""


def address_of(request: AnyRequest) -> str:
    """The network address that the request came from."""
    return request.client.host if request.client else "nowhere"


def browser_of(request: AnyRequest) -> str:
    """What the browser says it is."""
    return request.headers.get("user-agent", "")[:BROWSER_LENGTH_MAX]


def session_token(request: AnyRequest) -> str | None:
    """The token of the session that the browser holds."""
    return request.cookies.get(SESSION_COOKIE)


async def csrf_given(request: AnyRequest) -> str | None:
    """The CSRF token that came with the request, in its header or its form."""
    if given := request.headers.get(CSRF_HEADER):
        return given
    if not request.headers.get("content-type", "").startswith(FORMS):
        return None
    in_form = (await request.form()).get(CSRF_FIELD)
    return in_form if isinstance(in_form, str) else None


def changes_nothing(request: AnyRequest) -> bool:
    """Whether the request's method only reads."""
    return request.method in SAFE


def refuse_elsewhere(request: AnyRequest) -> None:
    """Refuse what a page of another site asks for, where no session's token can prove it, as at sign-in.

    Raises:
        FromElsewhere: the browser says that it is so.
    """
    origin = request.headers.get("origin")
    is_other = origin is not None and origin.partition("://")[2] != request.headers.get("host", "")
    if is_other or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise FromElsewhere("a page of another site asked for this")


def session_cookie(request: AnyRequest, token: str) -> Cookie:
    """The cookie that holds a session; scripts never see it."""
    return own_cookie(request, SESSION_COOKIE, token, lasts_s=SESSION_LASTS_S)


def no_session_cookie(request: AnyRequest) -> Cookie:
    """The cookie that makes the browser forget the session."""
    return own_cookie(request, SESSION_COOKIE, "", lasts_s=0)


def own_cookie(request: AnyRequest, name: str, value: str, *, lasts_s: int) -> Cookie:
    """A cookie for this site alone, which goes over TLS only, unless the site is this machine itself."""
    return Cookie(
        key=name,
        value=value,
        path="/",
        max_age=lasts_s,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or not _is_this_machine(request.url.hostname or ""),
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
