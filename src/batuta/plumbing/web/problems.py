"""Problem details (RFC 9457): every error's status, its stable code and its facts."""

import tomllib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from batuta.kernel.errors import (
    BatutaError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from batuta.plumbing.outage import outage
from batuta.plumbing.web.callers import CALLER, AnyRequest, Caller

STATUS_BY_KIND: Mapping[type[BatutaError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    TooMany: 429,
    Unavailable: 503,
}
BUG_STATUS = 500
PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"
CHALLENGE = 'Bearer realm="batuta"'

Problem = Response[bytes]

log = structlog.get_logger("batuta.web")


def status_of(error: BatutaError) -> int:
    """The number that HTTP has for an error of ours."""
    return next(STATUS_BY_KIND[kind] for kind in type(error).__mro__ if kind in STATUS_BY_KIND)


def explain(request: AnyRequest, error: BatutaError) -> Problem:
    """Answer with the error's code and facts, and a sentence that the caller can read."""
    status = status_of(error)
    sentence = sentence_for(request, error.code, error.sentence)
    return Response(
        problem_body(status, error.code, sentence, instance=request.url.path, facts=error.facts),
        status_code=status,
        media_type=PROBLEM_TYPE,
        headers=problem_headers(error),
    )


def explain_http(request: AnyRequest, error: HTTPException) -> Problem:
    """Answer for what the framework itself refuses: no such route, a body that does not fit, a body too large."""
    if error.status_code >= BUG_STATUS:
        return explain_accident(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    code = "invalid" if error.status_code == STATUS_BY_KIND[Invalid] else phrase.lower().replace(" ", "_")
    facts = {"errors": error.extra} if error.extra else {}
    sentence = sentence_for(request, code, error.detail)
    return Response(
        problem_body(error.status_code, code, sentence, instance=request.url.path, facts=facts),
        status_code=error.status_code,
        media_type=PROBLEM_TYPE,
        headers=dict(error.headers or {}),
    )


def explain_accident(request: AnyRequest, error: Exception) -> Problem:
    """Answer 503 when the database is away or busy; anything else is a bug: 500, logged with its trace."""
    if away := outage(error):
        log.warning("outage", code=away.code, path=request.url.path, **away.facts)
        return explain(request, away)
    log.error("bug", path=request.url.path, method=request.method, exc_info=error)
    sentence = "batuta made a mistake; it is logged under the request id"
    body = problem_body(BUG_STATUS, "bug", sentence, instance=request.url.path, facts={})
    return Response(body, status_code=BUG_STATUS, media_type=PROBLEM_TYPE)


def sentence_for(request: AnyRequest, code: str, sentence: str) -> str:
    """What a problem says to who asks: in Spanish if that is their language and there are words, else in English."""
    return _in_spanish().get(code, sentence) if _reads_spanish(request) else sentence


def _reads_spanish(request: AnyRequest) -> bool:
    """The language that the request asks for; a caller who asks for none has one of their own."""
    caller: Caller | None = request.scope.get("state", {}).get(CALLER)
    wish = request.headers.get("accept-language") or (caller.locale if caller else "")
    return wish.strip().lower().startswith("es")


@cache
def _in_spanish() -> Mapping[str, str]:
    return tomllib.loads(files("batuta.plumbing.web").joinpath("problems.es.toml").read_text())


def problem_headers(error: BatutaError) -> dict[str, str]:
    """What besides the body tells the asker when or how to ask again."""
    if isinstance(error, Unavailable):
        return {"retry-after": RETRY_AFTER_S}
    if isinstance(error, TooMany):
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": CHALLENGE}
    return {}


def problem_body(status: int, code: str, sentence: str, *, instance: str, facts: Mapping[str, object]) -> bytes:
    """The problem as JSON."""
    content: dict[str, object] = {
        "type": f"urn:batuta:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": sentence,
        "instance": instance,
        "code": code,
        "facts": dict(facts),
    }
    # Facts may be of any type; a problem must never fail to be told.
    return msgspec.json.encode(content, enc_hook=str)
