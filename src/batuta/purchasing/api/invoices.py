"""Suppliers' invoices."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, caller_of, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.purchasing.api.bodies import AcceptBody, InvoiceBody, Invoices
from batuta.purchasing.api.sight import PATH, seen
from batuta.purchasing.commands import accept_invoices, record_invoices
from batuta.purchasing.domain import AcceptInvoice, Invoice, NewInvoice
from batuta.purchasing.queries import invoices_of

MAY_MANAGE = requires("purchasing.manage")


@get(f"{PATH}/invoices", guards=[requires("purchasing.read")])
async def invoices(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], purchase_id: FromPath[UUID]
) -> Invoices:
    """List the invoices of a purchase order, the oldest first."""
    async with engine.connect() as db:
        await seen(db, caller, purchase_id)
        return Invoices(invoices=(await invoices_of(db, [purchase_id]))[purchase_id])


@post(f"{PATH}/invoices", guards=[MAY_MANAGE])
async def record_invoice(
    request: AnyRequest, engine: NamedDependency[Engine], purchase_id: FromPath[UUID], data: JSONBody[InvoiceBody]
) -> Response[Invoice]:
    """Record an invoice of the supplier: it matches what was agreed and sent, or is disputed with its differences."""
    caller = caller_of(request)
    new = NewInvoice(
        id=fresh_id(),
        purchase_id=purchase_id,
        number=data.number,
        currency=data.currency,
        lines=data.lines,
        actor=caller.actor,
    )

    async def act(db: Connection) -> Answer[Invoice]:
        await seen(db, caller, purchase_id)
        return Answer(only(await record_invoices(db, invoices=[new], now=moment())))

    return await once(engine, request, act)


@post(f"{PATH}/invoices/{{invoice_id:uuid}}/accept", guards=[MAY_MANAGE], status_code=200)
async def accept_invoice(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    purchase_id: FromPath[UUID],
    invoice_id: FromPath[UUID],
    data: JSONBody[AcceptBody],
) -> Response[Invoice]:
    """Take a disputed invoice although it differs, with the reason why."""
    caller = caller_of(request)
    wish = AcceptInvoice(purchase_id=purchase_id, invoice_id=invoice_id, reason=data.reason, actor=caller.actor)

    async def act(db: Connection) -> Answer[Invoice]:
        await seen(db, caller, purchase_id)
        return Answer(only(await accept_invoices(db, acceptances=[wish], now=moment())))

    return await once(engine, request, act)


ROUTES: Sequence[Any] = [invoices, record_invoice, accept_invoice]
