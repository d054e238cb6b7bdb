"""Money for what came back, or is left with the customer."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.errors import BatutaError
from batuta.kernel.limits import check_limit
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.returns.api.bodies import RefundBody
from batuta.returns.api.sight import check_return_seen
from batuta.returns.commands import resolve
from batuta.returns.domain import Refund, RefundUnits, Resolve
from batuta.returns.queries import refunded_of

REFUND = "payments.refund"


@post("/api/returns/{return_id:uuid}/refunds", guards=[requires(REFUND)])
async def give_back(
    request: AnyRequest, engine: NamedDependency[Engine], return_id: FromPath[UUID], data: JSONBody[RefundBody]
) -> Response[Refund]:
    """Decide what is given back, out of amounts stored at the sale and up to the caller's limit (RET-04, PLT-07).

    It does not matter whether the goods have come (RET-10).
    """
    caller = caller_of(request)
    lines = None
    if data.lines is not None:
        lines = tuple(RefundUnits(line_id=one.line_id, quantity=one.quantity) for one in data.lines)
    wish = Resolve(
        id=fresh_id(),
        return_id=return_id,
        lines=lines,
        shipping_minor=data.shipping_minor,
        fee_minor=data.fee_minor,
        reason=data.reason,
        actor=caller.actor,
    )

    async def act(db: Connection) -> Answer[Refund]:
        await check_return_seen(db, caller, return_id)
        (made,) = await resolve(db, resolutions=[wish], now=moment())
        if isinstance(made, BatutaError):
            raise made
        total_minor = (await refunded_of(db, [return_id]))[return_id]
        check_limit(
            caller.limits.get(REFUND),
            made.amount_minor,
            before_minor=total_minor - made.amount_minor,
            currency=made.currency,
            return_id=str(return_id),
        )
        return Answer(made)

    return await once(engine, request, act)
