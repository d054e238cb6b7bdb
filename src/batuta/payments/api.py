"""The JSON routes of payments: an order's money, what people do with it by hand, and what providers tell."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.errors import BatutaError, NotFound
from batuta.kernel.limits import check_limit
from batuta.kernel.quantities import Text
from batuta.payments.commands import capture_by_hand, refund_by_hand, retry_by_hand, take_webhook, void_by_hand
from batuta.payments.domain import (
    Amount,
    Balance,
    Book,
    CaptureByHand,
    CaptureMoment,
    CaptureRequested,
    Coverage,
    Instruction,
    InstructionKind,
    Method,
    PaymentStatus,
    RefundByHand,
    RefundRequested,
    ReportTooEarly,
    Retried,
    Settled,
    Sums,
    UnknownInstruction,
    VoidByHand,
    VoidRequested,
)
from batuta.payments.queries import balances, books_of, instructions_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, anyone, caller_of, once, requires
from batuta.plumbing.web.callers import check_permission
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import ScopesOf, sees

ORDER = "/api/orders/{order_id:uuid}"
REFUND = "payments.refund"

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["EUR"])]

log = structlog.get_logger("batuta.payments")


class UnknownOrder(NotFound):
    """There is no such order."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class RefundBody(Body, frozen=True):
    """currency: of the order, so that nobody gives back yen for euros."""

    amount_minor: Amount
    currency: Currency
    reason: Text


class MoveBody(Body, frozen=True):
    """amount_minor: without it, all that can be."""

    reason: Text
    amount_minor: Amount | None = None
    currency: Currency | None = None


class PaymentShown(msgspec.Struct, frozen=True, kw_only=True):
    """A way of paying, without the token that stands for the customer's card."""

    id: UUID
    position: int
    method: Method
    provider: str
    currency: str
    amount_minor: int
    status: PaymentStatus
    capture_moment: CaptureMoment
    authorised_until: datetime | None
    sums: Sums
    instructions: list[Instruction]


class OrderMoney(msgspec.Struct, frozen=True, kw_only=True):
    """All money of an order, summed from its entries (PAY-01).

    held_minor: authorised and still there to be captured. owed_minor: due and covered by nothing.
    """

    order_id: UUID
    balance: Balance | None
    held_minor: int = 0
    paid_minor: int = 0
    owed_minor: int = 0
    refund_owed_minor: int = 0
    authorisation: Coverage = Coverage.NONE
    capture: Coverage = Coverage.NONE
    payments: list[PaymentShown] = []


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """reports: how many there were; news: how many of them told something new."""

    reports: int
    news: int


@get(f"{ORDER}/payments", guards=[requires("payments.read")])
async def money_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> OrderMoney:
    """What an order owes, and how that is promised, taken and given back."""
    async with engine.connect() as db:
        await _check_order_seen(db, caller, order_scopes, order_id)
        balance = (await balances(db, [order_id])).get(order_id)
        book = (await books_of(db, [order_id])).get(order_id)
    if balance is None:
        return OrderMoney(order_id=order_id, balance=None)
    return OrderMoney(
        order_id=order_id,
        balance=balance,
        held_minor=balance.held_minor,
        paid_minor=balance.paid_minor,
        owed_minor=balance.owed_minor,
        refund_owed_minor=balance.refund_owed_minor,
        authorisation=balance.authorisation,
        capture=balance.capture,
        payments=_shown(book) if book else [],
    )


@post(f"{ORDER}/refunds", guards=[requires(REFUND)])
async def give_back(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[RefundBody],
) -> Response[RefundRequested]:
    """Give money back, up to the caller's limit for one order; the provider is asked afterwards.

    What was not owed back is credited to the order as goodwill.
    """
    caller = caller_of(request)
    wish = RefundByHand(
        id=fresh_id(),
        order_id=order_id,
        amount_minor=data.amount_minor,
        currency=data.currency,
        reason=data.reason,
        actor=caller.actor,
        limit_minor=caller.limits.get(REFUND),
    )

    async def act(db: Connection) -> Answer[RefundRequested]:
        await _check_order_seen(db, caller, order_scopes, order_id)
        return _answer(await refund_by_hand(db, refunds=[wish], now=moment()))

    return await once(engine, request, act)


@post(f"{ORDER}/captures", guards=[requires("payments.capture")])
async def take_money(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[MoveBody],
) -> Response[CaptureRequested]:
    """Capture what is held, never more than is due, without waiting for goods to leave."""
    caller = caller_of(request)
    wish = CaptureByHand(
        id=fresh_id(),
        order_id=order_id,
        amount_minor=data.amount_minor,
        currency=data.currency,
        reason=data.reason,
        actor=caller.actor,
    )

    async def act(db: Connection) -> Answer[CaptureRequested]:
        await _check_order_seen(db, caller, order_scopes, order_id)
        return _answer(await capture_by_hand(db, captures=[wish], now=moment()))

    return await once(engine, request, act)


@post(f"{ORDER}/voids", guards=[requires("payments.capture")])
async def let_go(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
    data: JSONBody[MoveBody],
) -> Response[VoidRequested]:
    """Release money that is held and no longer needed."""
    caller = caller_of(request)
    wish = VoidByHand(
        id=fresh_id(),
        order_id=order_id,
        amount_minor=data.amount_minor,
        currency=data.currency,
        reason=data.reason,
        actor=caller.actor,
    )

    async def act(db: Connection) -> Answer[VoidRequested]:
        await _check_order_seen(db, caller, order_scopes, order_id)
        return _answer(await void_by_hand(db, voids=[wish], now=moment()))

    return await once(engine, request, act)


@post(
    "/api/payments/instructions/{instruction_id:uuid}/retry",
    status_code=200,
    guards=[requires("payments.capture")],
)
async def ask_again(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    order_scopes: NamedDependency[ScopesOf],
    instruction_id: FromPath[UUID],
) -> Response[Retried]:
    """Ask a provider once more for what it refused. A refund needs the right to refund, too."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[Retried]:
        unknown = UnknownInstruction("no such instruction", instruction_id=str(instruction_id))
        found = (await instructions_by_id(db, [instruction_id])).get(instruction_id)
        if found is None or not sees(caller, (await order_scopes(db, [found.order_id])).get(found.order_id)):
            raise unknown
        if found.kind is InstructionKind.REFUND:
            check_permission(caller, REFUND)
            check_limit(caller.limits.get(REFUND), found.amount_minor, instruction_id=str(instruction_id))
        return _answer(await retry_by_hand(db, instruction_ids=[instruction_id], actor=caller.actor, now=moment()))

    return await once(engine, request, act)


@post("/api/payments/webhooks/{provider:str}", status_code=200, guards=[anyone()])
async def hear_provider(request: AnyRequest, engine: NamedDependency[Engine], provider: FromPath[str]) -> Heard:
    """What a payment provider tells by itself, signed in its own way over the raw body.

    200 once it is recorded, also when it was known; 503 for what must be told again, in this order or another.
    """
    body = await request.body()
    outcomes = await take_webhook(engine, provider=provider, body=body, headers=dict(request.headers), now=moment())
    for outcome in outcomes:
        if isinstance(outcome, ReportTooEarly):
            raise outcome
    for outcome in outcomes:
        if not isinstance(outcome, Settled):
            log.warning("report_does_not_fit", provider=provider, **{k: str(v) for k, v in outcome.facts.items()})
            raise outcome
    return Heard(reports=len(outcomes), news=sum(one.is_news for one in outcomes if isinstance(one, Settled)))


async def _check_order_seen(db: Connection, caller: Caller, order_scopes: ScopesOf, order_id: UUID) -> None:
    scope = (await order_scopes(db, [order_id])).get(order_id)
    if scope is None or not sees(caller, scope):
        raise UnknownOrder("there is no such order", order_id=str(order_id))


def _answer(outcomes: list[Any]) -> Answer[Any]:
    """Raises:
    BatutaError: the only outcome, if it is a refusal.
    """
    (outcome,) = outcomes
    if isinstance(outcome, BatutaError):
        raise outcome
    return Answer(outcome)


def _shown(book: Book) -> list[PaymentShown]:
    views = [book.view(payment_id) for payment_id in book.payments]
    return [
        PaymentShown(
            id=one.payment.id,
            position=one.payment.position,
            method=one.payment.method,
            provider=one.payment.provider,
            currency=one.payment.currency,
            amount_minor=one.payment.amount_minor,
            status=one.status,
            capture_moment=one.payment.capture_moment,
            authorised_until=one.payment.authorised_until,
            sums=one.sums,
            instructions=[told for told in book.instructions.values() if told.payment_id == one.payment.id],
        )
        for one in views
    ]


ROUTES = [money_of_order, give_back, take_money, let_go, ask_again, hear_provider]
