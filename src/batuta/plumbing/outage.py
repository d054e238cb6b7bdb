"""Which errors of the driver mean that the database is away or overloaded, rather than that we have a bug."""

from types import TracebackType

import asyncpg

from batuta.kernel.errors import Unavailable

AWAY = ("08", "57P01", "57P02", "57P03")
BUSY = ("53300", "55P03", "57014", "25P04", "40001", "40P01")
FULL = ("53100",)


class DatabaseAway(Unavailable):
    """The database does not answer; nothing of the request was kept unless it was answered before."""


class DatabaseBusy(Unavailable):
    """The database did not come to it in time."""


class DatabaseDiskFull(Unavailable):
    """The database has no room left to write."""


def outage(error: BaseException) -> Unavailable | None:
    """Return the problem to tell for a driver's error, None if it is no outage."""
    if isinstance(error, TimeoutError):
        return DatabaseBusy("the database is busy: try again in a moment")
    if isinstance(error, OSError):
        is_connecting = _passed_through(error.__traceback__, "asyncpg")
        return DatabaseAway("the database does not answer", reason=str(error)) if is_connecting else None
    if isinstance(error, asyncpg.InternalClientError):
        # What asyncpg says when it is asked to go on with a connection that broke in the middle of a message.
        return DatabaseAway("the database does not answer", reason=str(error))
    if isinstance(error, asyncpg.InterfaceError):
        is_lost = "closed" in str(error) or "released" in str(error)
        return DatabaseAway("the database does not answer", reason=str(error)) if is_lost else None
    return _by_state(error) if isinstance(error, asyncpg.PostgresError) else None


def _by_state(error: asyncpg.PostgresError) -> Unavailable | None:
    state = str(error.sqlstate or "")
    if state.startswith(FULL):
        return DatabaseDiskFull("the disk of the database is full: make room; reading still works")
    if state.startswith(BUSY):
        return DatabaseBusy("the database is busy: try again in a moment", sqlstate=state)
    if state.startswith(AWAY):
        return DatabaseAway("the database does not answer", reason=str(error))
    return None


def _passed_through(trace: TracebackType | None, package: str) -> bool:
    while trace:
        if str(trace.tb_frame.f_globals.get("__name__")).split(".", 1)[0] == package:
            return True
        trace = trace.tb_next
    return False
