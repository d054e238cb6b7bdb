"""The web shell: what every route shares. Only this package knows HTTP's numbers.

A room's `api` declares its routes in `ROUTES`; each names its permission (`requires`, `signed_in`, `anyone`), and what
changes something goes through `once` or `batched`, so that a request that is sent again is answered as before.
"""

from batuta.plumbing.web.bodies import NulInText
from batuta.plumbing.web.callers import (
    AnyRequest,
    Caller,
    Guard,
    NotSignedIn,
    PermissionMissing,
    anyone,
    become,
    caller_if_any,
    caller_of,
    nobody,
    requires,
    signed_in,
)
from batuta.plumbing.web.idempotency import Answer, IdempotencyKeyReused, batched, once
from batuta.plumbing.web.paging import (
    CURSOR_MAX,
    LIMIT_MAX,
    LIMIT_USUAL,
    BadCursor,
    Cursor,
    Limit,
    Page,
    cursor_of,
    page_of,
    read_code,
    read_cursor,
    read_id,
)
from batuta.plumbing.web.problems import explain, explain_accident, explain_http, sentence_for, status_of
from batuta.plumbing.web.shell import create_shell
from batuta.plumbing.web.versions import VersionConflict, check_version, etag

__all__ = [
    "CURSOR_MAX",
    "LIMIT_MAX",
    "LIMIT_USUAL",
    "Answer",
    "AnyRequest",
    "BadCursor",
    "Caller",
    "Cursor",
    "Guard",
    "IdempotencyKeyReused",
    "Limit",
    "NotSignedIn",
    "NulInText",
    "Page",
    "PermissionMissing",
    "VersionConflict",
    "anyone",
    "batched",
    "become",
    "caller_if_any",
    "caller_of",
    "check_version",
    "create_shell",
    "cursor_of",
    "etag",
    "explain",
    "explain_accident",
    "explain_http",
    "nobody",
    "once",
    "page_of",
    "read_code",
    "read_cursor",
    "read_id",
    "requires",
    "sentence_for",
    "signed_in",
    "status_of",
]
