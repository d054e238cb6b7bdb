"""The verbs at the shelf and the packing table, and the answers to those who ask to stop."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.fulfillment.api.bodies import AnswerBody, DispatchBody, PackBody, PickBody, RejectBody, ShortBody
from batuta.fulfillment.api.sight import check_work_seen, work
from batuta.fulfillment.commands import (
    accept,
    agree_to_cancel,
    dispatch,
    pack,
    pick,
    refuse_to_cancel,
    reject,
    report_short,
    start_picking,
)
from batuta.fulfillment.commands.carrying import lock_fulfillments, unknown
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    CancellationPart,
    Dispatch,
    FulfillmentOrder,
    Pack,
    PackedParcel,
    Pick,
    Reject,
    RejectionReason,
    ReportShort,
    StartPicking,
)
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, caller_of, once, requires
from batuta.plumbing.web.moments import moment

PATH = "/api/fulfillment-orders/{fulfillment_order_id:uuid}"
MAY_WORK = requires("fulfillment.work")

AnswerIt = Callable[..., Awaitable[Sequence[CancellationPart | BatutaError]]]


@post(f"{PATH}/accept", status_code=200, guards=[MAY_WORK])
async def accept_work(
    request: AnyRequest, engine: NamedDependency[Engine], fulfillment_order_id: FromPath[UUID]
) -> Response[FulfillmentOrder]:
    """Take the work on. Refused once the offer has lapsed."""
    wish = Accept(fulfillment_order_id=fulfillment_order_id, actor=caller_of(request).actor)
    return await work(request, engine, fulfillment_order_id, lambda db, now: accept(db, acceptances=[wish], now=now))


@post(f"{PATH}/reject", status_code=200, guards=[MAY_WORK])
async def reject_work(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[RejectBody],
) -> Response[FulfillmentOrder]:
    """Say no, with a reason that says what becomes of the stock; the units are looked for elsewhere."""
    wish = Reject(
        fulfillment_order_id=fulfillment_order_id,
        reason=RejectionReason(data.reason),
        sku_ids=data.sku_ids,
        takes_all=data.others == "go",
        actor=caller_of(request).actor,
    )
    return await work(request, engine, fulfillment_order_id, lambda db, now: reject(db, rejections=[wish], now=now))


@post(f"{PATH}/start-picking", status_code=200, guards=[MAY_WORK])
async def start_work(
    request: AnyRequest, engine: NamedDependency[Engine], fulfillment_order_id: FromPath[UUID]
) -> Response[FulfillmentOrder]:
    """Walk to the shelf; a cancellation is asked for, and no longer just done, from then on."""
    wish = StartPicking(fulfillment_order_id=fulfillment_order_id, actor=caller_of(request).actor)
    return await work(request, engine, fulfillment_order_id, lambda db, now: start_picking(db, starts=[wish], now=now))


@post(f"{PATH}/pick", status_code=200, guards=[MAY_WORK])
async def pick_goods(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[PickBody],
) -> Response[FulfillmentOrder]:
    """Count what has been picked by now, in total; a count that is said again changes nothing."""
    wish = Pick(fulfillment_order_id=fulfillment_order_id, lines=data.lines, actor=caller_of(request).actor)
    return await work(request, engine, fulfillment_order_id, lambda db, now: pick(db, picks=[wish], now=now))


@post(f"{PATH}/short", status_code=200, guards=[MAY_WORK])
async def report_missing(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[ShortBody],
) -> Response[FulfillmentOrder]:
    """Units were looked for and are not there, in total: the stock is corrected and they are looked for elsewhere."""
    wish = ReportShort(
        fulfillment_order_id=fulfillment_order_id,
        lines=data.lines,
        reason=RejectionReason(data.reason),
        takes_all=data.others == "go",
        actor=caller_of(request).actor,
    )
    return await work(request, engine, fulfillment_order_id, lambda db, now: report_short(db, reports=[wish], now=now))


@post(f"{PATH}/pack", status_code=200, guards=[MAY_WORK])
async def pack_goods(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[PackBody],
) -> Response[FulfillmentOrder]:
    """Pack all that was picked into parcels, and label those of shipments."""
    actor = caller_of(request).actor

    async def verb(db: Connection, now: datetime) -> list[FulfillmentOrder | BatutaError]:
        found = (await lock_fulfillments(db, [fulfillment_order_id])).get(fulfillment_order_id)
        if found is None:
            raise unknown(fulfillment_order_id)
        wish = Pack(
            fulfillment_order_id=fulfillment_order_id,
            parcels=_parcels(found, data),
            label_format=data.label_format,
            actor=actor,
        )
        return await pack(db, packs=[wish], now=now)

    return await work(request, engine, fulfillment_order_id, verb)


def _parcels(found: FulfillmentOrder, data: PackBody) -> tuple[PackedParcel, ...] | None:
    """The boxes, with the ids they have when the same is said again; what was unpacked before were others."""
    if data.parcels is None:
        return None
    unpacked = sum(package.unpacked_at is not None for package in found.packages)
    return tuple(
        PackedParcel(
            id=child_id(found.id, "box", unpacked, position),
            contents=one.contents,
            weight_g=one.weight_g,
            length_mm=one.length_mm,
            width_mm=one.width_mm,
            height_mm=one.height_mm,
        )
        for position, one in enumerate(data.parcels)
    )


@post(f"{PATH}/dispatch", status_code=200, guards=[MAY_WORK])
async def dispatch_work(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    data: JSONBody[DispatchBody],
) -> Response[FulfillmentOrder]:
    """Accept, pick and pack all of it into boxes, and hand them to the carrier, in one go; or none of it."""
    wish = Dispatch(
        fulfillment_order_id=fulfillment_order_id, label_format=data.label_format, actor=caller_of(request).actor
    )
    return await work(request, engine, fulfillment_order_id, lambda db, now: dispatch(db, dispatches=[wish], now=now))


@post(f"{PATH}/cancellations/{{cancellation_id:uuid}}/agree", status_code=200, guards=[MAY_WORK])
async def agree_to_stop(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    cancellation_id: FromPath[UUID],
    data: JSONBody[AnswerBody],
) -> Response[CancellationPart]:
    """Stop: what is still here of the units is cancelled, and what was packed is unpacked."""
    return await _answer(request, engine, (fulfillment_order_id, cancellation_id), data.reason, agree_to_cancel)


@post(f"{PATH}/cancellations/{{cancellation_id:uuid}}/refuse", status_code=200, guards=[MAY_WORK])
async def refuse_to_stop(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    fulfillment_order_id: FromPath[UUID],
    cancellation_id: FromPath[UUID],
    data: JSONBody[AnswerBody],
) -> Response[CancellationPart]:
    """Go on with the work all the same."""
    return await _answer(request, engine, (fulfillment_order_id, cancellation_id), data.reason, refuse_to_cancel)


async def _answer(
    request: AnyRequest, engine: Engine, ids: tuple[UUID, UUID], reason: str, answer_it: AnswerIt
) -> Response[CancellationPart]:
    fulfillment_order_id, cancellation_id = ids
    caller = caller_of(request)
    said = AnswerCancellation(
        cancellation_id=cancellation_id, fulfillment_order_id=fulfillment_order_id, actor=caller.actor, reason=reason
    )

    async def act(db: Connection) -> Answer[CancellationPart]:
        await check_work_seen(db, caller, fulfillment_order_id)
        (outcome,) = await answer_it(db, answers=[said], now=moment())
        if isinstance(outcome, BatutaError):
            raise outcome
        return Answer(outcome)

    return await once(engine, request, act)
