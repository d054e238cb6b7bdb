"""Work orders: what is made to order, from the proof to the last signature."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.catalog.domain import Link
from batuta.fulfillment.api.bodies import Body
from batuta.fulfillment.commands import answer_proofs, fail_work, finish_work, send_proofs, sign_steps, start_work
from batuta.fulfillment.commands.making import lock_work_orders
from batuta.fulfillment.domain import (
    AnswerProof,
    FailWork,
    FinishWork,
    Scrapped,
    SendProof,
    SignStep,
    StartWork,
    UnknownWorkOrder,
    WorkOrder,
    WorkStatus,
)
from batuta.fulfillment.domain.work_orders import SCRAPPED_MAX, Note
from batuta.fulfillment.queries import WorkOrdersWanted, list_work_orders, work_order_scopes, work_orders_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    caller_of,
    check_version,
    etag,
    once,
    page_of,
    read_cursor,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_seen

PATH = "/api/work-orders/{work_order_id:uuid}"
MAY_WORK = requires("fulfillment.work")
STATUSES_MAX = 10
STEPS_MAX = 1_000

Step = Annotated[int, msgspec.Meta(ge=0, le=STEPS_MAX)]
Verb = Callable[[Connection, datetime], Awaitable[Sequence[WorkOrder | BatutaError]]]
LocationIds = Annotated[
    list[UUID] | None, QueryParameter(name="location_id", max_items=50, description="Only of these locations")
]
Statuses = Annotated[
    list[WorkStatus] | None,
    QueryParameter(name="status", max_items=STATUSES_MAX, description="Only in these statuses"),
]


class ProofBody(Body, frozen=True):
    """proof: where the picture or file is kept. note: what the buyer is told besides."""

    proof: Link
    note: Note = ""


class AnswerBody(Body, frozen=True):
    """proof: which one was looked at. note: what shall be otherwise."""

    proof: Link
    answer: Literal["approve", "change"]
    note: Note = ""


class SignBody(Body, frozen=True):
    note: Note = ""


class FailBody(Body, frozen=True):
    """scrapped: what of the parts is spoilt, and written off; others of the same shelf take their place."""

    reason: Text
    scrapped: Annotated[tuple[Scrapped, ...], msgspec.Meta(max_length=SCRAPPED_MAX)] = ()


@get("/api/work-orders", guards=[requires("fulfillment.read")])
async def work_orders(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    location_ids: LocationIds = None,
    statuses: Statuses = None,
    order_id: FromQuery[UUID | None] = None,
    limit: Limit = LIMIT_USUAL,
    cursor: Cursor = None,
) -> Page[WorkOrder]:
    """List what is made to order, the oldest first: its parts, steps, what its buyer asked for, and what was done."""
    own = caller.location_ids
    wanted = WorkOrdersWanted(
        location_ids=own if location_ids is None else frozenset(location_ids).intersection(own or location_ids),
        channel_ids=caller.channel_ids,
        customer_id=caller.customer_id,
        statuses=statuses,
        order_id=order_id,
    )
    behind = read_cursor(cursor, tuple[datetime, UUID])
    async with engine.connect() as db:
        found = await list_work_orders(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.created_at, one.id))


@get(PATH, guards=[requires("fulfillment.read")])
async def one_work_order(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], work_order_id: FromPath[UUID]
) -> Response[WorkOrder]:
    """Answer with a work order. Its version is the `ETag`."""
    async with engine.connect() as db:
        found = await _seen(db, caller, work_order_id)
    return Response(found, headers={"etag": etag(found.version)})


@post(f"{PATH}/proof", status_code=200, guards=[MAY_WORK])
async def show_proof(
    request: AnyRequest, engine: NamedDependency[Engine], work_order_id: FromPath[UUID], data: JSONBody[ProofBody]
) -> Response[WorkOrder]:
    """Show the buyer what it will look like; the work waits for their yes."""
    wish = SendProof(work_order_id=work_order_id, link=data.proof, note=data.note, actor=caller_of(request).actor)
    return await _do(request, engine, work_order_id, lambda db, now: send_proofs(db, proofs=[wish], now=now))


@post(f"{PATH}/proof/answer", status_code=200, guards=[requires("orders.cancel")])
async def answer_proof(
    request: AnyRequest, engine: NamedDependency[Engine], work_order_id: FromPath[UUID], data: JSONBody[AnswerBody]
) -> Response[WorkOrder]:
    """Say, as the buyer or for them, that it may be made so, or what shall be otherwise."""
    wish = AnswerProof(
        work_order_id=work_order_id,
        link=data.proof,
        is_approved=data.answer == "approve",
        note=data.note,
        actor=caller_of(request).actor,
    )
    return await _do(request, engine, work_order_id, lambda db, now: answer_proofs(db, answers=[wish], now=now))


@post(f"{PATH}/start", status_code=200, guards=[MAY_WORK])
async def begin_to_make(
    request: AnyRequest, engine: NamedDependency[Engine], work_order_id: FromPath[UUID]
) -> Response[WorkOrder]:
    """Begin to make it, once its parts are picked and its proof is approved."""
    wish = StartWork(work_order_id=work_order_id, actor=caller_of(request).actor)
    return await _do(request, engine, work_order_id, lambda db, now: start_work(db, starts=[wish], now=now))


@post(f"{PATH}/steps/{{step:int}}/sign", status_code=200, guards=[MAY_WORK])
async def sign_step(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    work_order_id: FromPath[UUID],
    step: FromPath[Step],
    data: JSONBody[SignBody],
) -> Response[WorkOrder]:
    """Sign for a step, counted from 0."""
    wish = SignStep(work_order_id=work_order_id, step=step, note=data.note, actor=caller_of(request).actor)
    return await _do(request, engine, work_order_id, lambda db, now: sign_steps(db, signs=[wish], now=now))


@post(f"{PATH}/finish", status_code=200, guards=[MAY_WORK])
async def finish_making(
    request: AnyRequest, engine: NamedDependency[Engine], work_order_id: FromPath[UUID]
) -> Response[WorkOrder]:
    """It is made: every step is signed, and it may be packed in the place of its parts."""
    wish = FinishWork(work_order_id=work_order_id, actor=caller_of(request).actor)
    return await _do(request, engine, work_order_id, lambda db, now: finish_work(db, finishes=[wish], now=now))


@post(f"{PATH}/fail", status_code=200, guards=[MAY_WORK])
async def make_again(
    request: AnyRequest, engine: NamedDependency[Engine], work_order_id: FromPath[UUID], data: JSONBody[FailBody]
) -> Response[WorkOrder]:
    """It is not good enough: it is made again, of new parts where the old ones are spoilt, and signed anew."""
    wish = FailWork(
        id=fresh_id(),
        work_order_id=work_order_id,
        reason=data.reason,
        scrapped=data.scrapped,
        actor=caller_of(request).actor,
    )
    return await _do(request, engine, work_order_id, lambda db, now: fail_work(db, failures=[wish], now=now))


async def _do(request: AnyRequest, engine: Engine, work_order_id: UUID, verb: Verb) -> Response[WorkOrder]:
    now = moment()

    async def act(db: Connection) -> Answer[WorkOrder]:
        refusal = await _check_seen(db, caller_of(request), work_order_id)
        locked, _ = await lock_work_orders(db, [work_order_id])
        if work_order_id not in locked:
            raise refusal
        check_version(request, locked[work_order_id].version)
        outcome = only(list(await verb(db, now)))
        return Answer(outcome, headers={"etag": etag(outcome.version)})

    return await once(engine, request, act)


async def _seen(db: Connection, caller: Caller, work_order_id: UUID) -> WorkOrder:
    refusal = await _check_seen(db, caller, work_order_id)
    found = (await work_orders_by_id(db, [work_order_id])).get(work_order_id)
    if found is None:
        raise refusal
    return found


async def _check_seen(db: Connection, caller: Caller, work_order_id: UUID) -> UnknownWorkOrder:
    """Raises:
    UnknownWorkOrder: there is none, or it is somebody else's; else it is the answer to its not being there any more.
    """
    refusal = UnknownWorkOrder("there is no such work order", work_order_id=str(work_order_id))
    await check_seen(db, caller, work_order_scopes, work_order_id, refusal)
    return refusal


ROUTES = [
    work_orders,
    one_work_order,
    show_proof,
    answer_proof,
    begin_to_make,
    sign_step,
    finish_making,
    make_again,
]
