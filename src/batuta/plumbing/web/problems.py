"""Problem details (RFC 9457): every error's status, its stable code and its facts."""

import re
import tomllib
from collections.abc import Mapping, Sequence
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
from batuta.plumbing.web.nowhere import facts_of_nowhere

STATUS_BY_KIND: Mapping[type[BatutaError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    TooMany: 429,
    Unavailable: 503,
}
CODE_BY_STATUS: Mapping[int, str] = {
    400: "invalid",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "request_entity_too_large",
    415: "unsupported_media_type",
}
"""Codes of what the framework refuses; they stay, whatever Python calls a status."""

SENTENCES: Mapping[str, str] = {
    "not_found": "there is nothing at this address",
    "method_not_allowed": "this address does not take this method",
    "bug": "batuta made a mistake; it is logged under the request id",
}
ENGLISH: Mapping[str, str] = {}
"""Sentences are written in English where they are raised."""

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
    return Response(
        problem_body(request, status, error.code, error.sentence, facts=error.facts),
        status_code=status,
        media_type=PROBLEM_TYPE,
        headers=problem_headers(error),
    )


def explain_http(request: AnyRequest, error: HTTPException) -> Problem:
    """Answer for what the framework itself refuses: no such route, a body that does not fit, a body too large."""
    if error.status_code >= BUG_STATUS:
        return explain_accident(request, error)
    code = CODE_BY_STATUS.get(error.status_code) or HTTPStatus(error.status_code).name.lower()
    misfit = [_misfit(error.detail)] if error.status_code == STATUS_BY_KIND[Invalid] else None
    errors = error.extra or misfit
    facts = {"errors": errors} if errors else facts_of_nowhere(request, error)
    sentence = SENTENCES.get(code, error.detail)
    body = problem_body(
        request, error.status_code, code, sentence, facts=facts, misfits=errors if isinstance(errors, list) else ()
    )
    return Response(
        body,
        status_code=error.status_code,
        media_type=PROBLEM_TYPE,
        headers=dict(error.headers or {}),
    )


def _misfit(detail: str) -> dict[str, str]:
    """What does not fit of a body, as a fact that is told in every language; key: where, as `policies.return_days`."""
    message, _, where = detail.partition(" - at `$")
    return {"message": message, "key": where.rstrip("`").lstrip("."), "source": "body"}


def _misfit_in_spanish(misfit: Mapping[str, str]) -> str:
    said, key = misfit.get("message", ""), misfit.get("key", "")
    for english, spanish in misfits_in_spanish().items():
        if found := english.fullmatch(said):
            said = spanish.format(*found.groups())
            break
    return f"{said}, en `{key}`" if key else said


def explain_accident(request: AnyRequest, error: Exception) -> Problem:
    """Answer 503 when the database is away or busy; anything else is a bug: 500, logged with its trace."""
    if away := outage(error):
        log.warning("outage", code=away.code, path=request.url.path, **away.facts)
        return explain(request, away)
    log.error("bug", path=request.url.path, method=request.method, exc_info=error)
    body = problem_body(request, BUG_STATUS, "bug", SENTENCES["bug"], facts={})
    return Response(body, status_code=BUG_STATUS, media_type=PROBLEM_TYPE)


def sentence_for(request: AnyRequest, code: str, sentence: str) -> str:
    """What a problem says to who asks: in Spanish if that is their language, else in English."""
    return _words_for(request).get(code, sentence)


def _words_for(request: AnyRequest) -> Mapping[str, str]:
    """Words in the language that the request asks for; a caller who asks for none has one of their own."""
    caller: Caller | None = request.scope.get("state", {}).get(CALLER)
    wish = request.headers.get("accept-language") or (caller.locale if caller else "")
    return words_in_spanish() if wish.strip().lower().startswith("es") else ENGLISH


@cache
def words_in_spanish() -> Mapping[str, str]:
    """Sentences by codes, and titles by statuses."""
    words = tomllib.loads(files("batuta.plumbing.web").joinpath("problems.es.toml").read_text("utf-8"))
    titles: Mapping[str, str] = words.pop("titles")
    del words["misfits"]
    return {**words, **titles}


@cache
def misfits_in_spanish() -> Mapping[re.Pattern[str], str]:
    """What the reader of bodies says in English, and the same in Spanish."""
    words = tomllib.loads(files("batuta.plumbing.web").joinpath("problems.es.toml").read_text("utf-8"))
    return {re.compile(english): spanish for english, spanish in words["misfits"].items()}


def problem_headers(error: BatutaError) -> dict[str, str]:
    """What besides the body tells the asker when or how to ask again."""
    if isinstance(error, Unavailable):
        return {"retry-after": RETRY_AFTER_S}
    if isinstance(error, TooMany):
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": CHALLENGE}
    return {}


def problem_body(
    request: AnyRequest,
    status: int,
    code: str,
    sentence: str,
    *,
    facts: Mapping[str, object],
    misfits: Sequence[Mapping[str, str]] = (),
) -> bytes:
    """The problem as JSON, in the language of who asks. sentence: in English. misfits: what does not fit, and where."""
    words = _words_for(request)
    if words and misfits:
        sentence = "; ".join(map(_misfit_in_spanish, misfits))
        words = {**words, code: f"{words.get(code, '')} {sentence[0].upper()}{sentence[1:]}."}
    content: dict[str, object] = {
        "type": f"urn:batuta:problem:{code}",
        "title": words.get(str(status), code.replace("_", " ").capitalize()),
        "status": status,
        "detail": words.get(code, sentence),
        "instance": request.scope["path"],
        "code": code,
        "facts": dict(facts),
    }
    # Facts may be of any type; a problem must never fail to be told.
    return msgspec.json.encode(content, enc_hook=str)
