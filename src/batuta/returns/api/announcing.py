"""Returns that are announced, and on their way here."""

from datetime import datetime, timedelta
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.errors import Refused
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import ScopesOf
from batuta.returns import commands
from batuta.returns.api.bodies import LabelBody, RequestBody
from batuta.returns.api.sight import act_on, check_order_returnable, good_one
from batuta.returns.domain import (
    Approve,
    ApproveKept,
    CancelReturn,
    MarkSent,
    RequestReturn,
    Return,
    ReturnedUnits,
    SendLabel,
)

PATH = "/api/returns/{return_id:uuid}"
MAY_WRITE = requires("returns.write")
WAITING_MAX = timedelta(days=366)


class BadEnd(Refused):
    """A return is waited for from now on, for at most a year."""


@post("/api/returns", guards=[MAY_WRITE])
async def request_return(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    data: JSONBody[RequestBody],
) -> Response[Return]:
    """Announce that delivered units come back; refused with how many can, where fewer were delivered."""
    caller, now = caller_of(request), moment()
    wish = RequestReturn(
        id=fresh_id(),
        order_id=data.order_id,
        lines=tuple(
            ReturnedUnits(order_line_id=one.order_line_id, quantity=one.quantity, reason=one.reason)
            for one in data.lines
        ),
        expires_at=_checked(data.expires_at, now),
        is_faulty=data.is_faulty,
        actor=caller.actor,
    )

    async def act(db: Connection) -> Answer[Return]:
        await check_order_returnable(db, caller, order_scopes, data.order_id)
        return Answer(good_one(await commands.request(db, requests=[wish], now=now)))

    return await once(engine, request, act)


@post(f"{PATH}/approve", status_code=200, guards=[MAY_WRITE])
async def approve_return(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID]
) -> Response[Return]:
    """Agree that the goods may be sent back."""
    wish = Approve(return_id=return_id, actor=caller_of(request).actor)
    return await act_on(request, engine, return_id, lambda db, now: commands.approve(db, approvals=[wish], now=now))


@post(f"{PATH}/approve-kept", status_code=200, guards=[MAY_WRITE])
async def approve_kept_goods(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID]
) -> Response[Return]:
    """Agree to give money back and leave the goods with the customer (RET-02)."""
    wish = ApproveKept(return_id=return_id, actor=caller_of(request).actor)
    return await act_on(
        request, engine, return_id, lambda db, now: commands.approve_kept(db, approvals=[wish], now=now)
    )


@post(f"{PATH}/sent", status_code=200, guards=[MAY_WRITE])
async def mark_as_sent(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID]
) -> Response[Return]:
    """A carrier has the goods."""
    wish = MarkSent(return_id=return_id, actor=caller_of(request).actor)
    return await act_on(request, engine, return_id, lambda db, now: commands.mark_sent(db, sendings=[wish], now=now))


@post(f"{PATH}/cancel", status_code=200, guards=[MAY_WRITE])
async def cancel_return(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID]
) -> Response[Return]:
    """The goods stay where they are; should they arrive nevertheless, they are received."""
    wish = CancelReturn(return_id=return_id, actor=caller_of(request).actor)
    return await act_on(request, engine, return_id, lambda db, now: commands.cancel(db, cancellations=[wish], now=now))


@post(f"{PATH}/label", status_code=200, guards=[MAY_WRITE])
async def send_label(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID], data: JSONBody[LabelBody]
) -> Response[Return]:
    """The customer has the label, or the code, to send the goods with."""
    wish = SendLabel(return_id=return_id, tracking_number=data.tracking_number, actor=caller_of(request).actor)
    return await act_on(request, engine, return_id, lambda db, now: commands.send_labels(db, labels=[wish], now=now))


def _checked(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Raises:
    BadEnd.
    """
    if expires_at is not None and not now < expires_at <= now + WAITING_MAX:
        raise BadEnd("a return is waited for from now on, at most a year", expires_at=expires_at.isoformat())
    return expires_at
