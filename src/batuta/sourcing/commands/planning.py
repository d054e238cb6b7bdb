"""Planning: where the units of many orders ship from, with their claims moved there in the same transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from batuta.inventory.commands import relocate
from batuta.inventory.domain import Relocate, Relocated
from batuta.plumbing.database import Connection, insert_rows
from batuta.plumbing.events import publish
from batuta.sourcing.commands.capacity import hold_capacity
from batuta.sourcing.commands.gathering import Refusals, gather, ranks_of
from batuta.sourcing.commands.locating import locate
from batuta.sourcing.domain import Assignment, Costs, Draft, Plan, SourcingRequest, Unfillable, decide_all
from batuta.sourcing.domain.search.candidates import Placement
from batuta.sourcing.events import LinesPlanned, LinesUnfillable
from batuta.sourcing.queries import History, Standing, decisions_of, history_of
from batuta.sourcing.tables import assignment, decision

ORDERS_AT_ONCE = 100
"""So many are decided between two statements: the server ends a transaction that says nothing for ten seconds."""

ROUNDS_MAX = 5
"""How often an order is decided again because others were faster."""


async def plan(
    db: Connection,
    *,
    requests: Sequence[SourcingRequest],
    now: datetime,
    preset: Mapping[UUID, Placement] | None = None,
) -> list[Plan | Unfillable]:
    """Choose for each order the cheapest locations for all units asked for, and move their claims there (SRC-01 to 03).

    Orders are served in turn, customers first whom a strategy serves first. Each sees what those before it took. All
    units of a request are planned, or none, and then the reason says so; either way each line has a decision record
    (SRC-12). The same request again, with nothing given back since, answers the plan that stands. Locks stock, then
    capacity, which is held until locations answer.

    preset: where orders of a pool ship from, decided together before, as long as they can.
    """
    answers: list[Plan | Unfillable | None] = [None] * len(requests)
    waiting = list(range(len(requests)))
    ranks = await ranks_of(db, requests, now=now) if len(requests) > ORDERS_AT_ONCE else [0] * len(requests)
    while waiting:
        first = {requests[i].order_id: i for i in reversed(waiting)}
        turn = sorted(first.values(), key=lambda i: (ranks[i], i))[:ORDERS_AT_ONCE]
        for i, answer in zip(
            turn, await _plan_once(db, [requests[i] for i in turn], preset or {}, now=now), strict=True
        ):
            answers[i] = answer
        waiting = [i for i in waiting if answers[i] is None]
    return [answer for answer in answers if answer is not None]


async def _plan_once(
    db: Connection, requests: Sequence[SourcingRequest], preset: Mapping[UUID, Placement], *, now: datetime
) -> list[Plan | Unfillable]:
    """Plan orders that come once each."""
    order_ids = [request.order_id for request in requests]
    sku_ids = {sku_id for request in requests for line in request.lines for sku_id, _ in line.components}
    history = await history_of(db, order_ids, sku_ids=sku_ids, now=now)
    answers: dict[UUID, Plan | Unfillable] = {}
    answers.update(await _standing_plans(db, requests, history))

    settled: list[Draft] = []
    refusals = Refusals()
    left = await locate(db, [request for request in requests if request.order_id not in answers])
    for _ in range(ROUNDS_MAX):
        if not left:
            break
        known = await gather(db, left, history, refusals, now=now)
        drafts = decide_all(left, known, preset)
        refused = await _move_claims(db, drafts, refusals, now=now)
        there = [draft for draft in drafts if draft.request.order_id not in refused]
        refused |= await hold_capacity(db, there, known, refusals, now=now)
        settled += [draft for draft in drafts if draft.request.order_id not in refused]
        left = [request for request in left if request.order_id in refused]

    await _keep(db, settled, now=now)
    answers.update({draft.request.order_id: draft.answer for draft in settled})
    for request in left:
        answers[request.order_id] = Unfillable(
            "others took what was planned, again and again; ask again", order_id=str(request.order_id), line_ids=[]
        )
    return [answers[order_id] for order_id in order_ids]


async def _standing_plans(db: Connection, requests: Sequence[SourcingRequest], history: History) -> dict[UUID, Plan]:
    """The plans of requests that were planned before, and of which no unit was given back since."""
    repeated = {}
    for request in requests:
        attempt = history.attempts.get(request.order_id, 0)
        last = [one for one in history.standing.get(request.order_id, ()) if one.attempt == attempt]
        if last and _is_same(request, last):
            repeated[request.order_id] = request, last
    decisions = await decisions_of(db, repeated)
    plans = {}
    for order_id, (request, last) in repeated.items():
        records = [one for one in decisions[order_id] if one.attempt == last[0].attempt]
        if {one.line_id for one in records} == {line.line_id for line in request.lines}:
            plans[order_id] = Plan(
                order_id=order_id,
                attempt=records[0].attempt,
                assignments=tuple(_assignment(one) for one in last),
                costs=records[0].costs or Costs(freight_minor=0, handling_minor=0, split_minor=0),
                currency=records[0].currency,
                is_greedy=records[0].is_greedy,
            )
    return plans


def _is_same(request: SourcingRequest, last: Sequence[Standing]) -> bool:
    """Whether the units planned are those asked for (services are never planned), and none was given back."""
    planned: dict[tuple[UUID, UUID], int] = defaultdict(int)
    wanted: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for one in last:
        planned[one.line_id, one.sku_id] += one.planned
    for line in request.lines:
        for sku_id, units in line.components:
            wanted[line.line_id, sku_id] += units * line.quantity
    return planned.items() <= wanted.items() and all(one.planned == one.quantity for one in last)


def _assignment(one: Standing) -> Assignment:
    return Assignment(
        line_id=one.line_id,
        sku_id=one.sku_id,
        location_id=one.location_id,
        quantity=one.planned,
        service_id=one.service_id,
        price_minor=one.price_minor,
    )


async def _move_claims(db: Connection, drafts: Sequence[Draft], refusals: Refusals, *, now: datetime) -> set[UUID]:
    """Move the claims to where the units ship from; return the orders of which a move was refused.

    What was moved of a refused order stays: it holds as many units as before, and is decided again from there.
    """
    moves = [
        Relocate(
            holder_id=draft.request.order_id,
            line_id=one.line_id,
            sku_id=one.sku_id,
            source_location_id=one.source_location_id,
            target_location_id=one.target_location_id,
            quantity=one.quantity,
            asker=draft.request.asker,
        )
        for draft in drafts
        for one in draft.moves
    ]
    if not moves:
        return set()
    refused = set()
    for move, outcome in zip(moves, await relocate(db, moves=moves, now=now), strict=True):
        if not isinstance(outcome, Relocated):
            refused.add(move.holder_id)
            refusals.barred.add((move.holder_id, move.sku_id, move.target_location_id))
    return refused


async def _keep(db: Connection, settled: Sequence[Draft], *, now: datetime) -> None:
    """Write decisions and assignments, and tell of them."""
    await insert_rows(
        db,
        decision,
        [
            {
                "order_id": one.order_id,
                "line_id": one.line_id,
                "attempt": one.attempt,
                "at": one.at,
                "outcome": one.outcome.value,
                "record": one,
            }
            for draft in settled
            for one in draft.decisions
        ],
    )
    await insert_rows(
        db,
        assignment,
        [
            {
                "order_id": draft.request.order_id,
                "line_id": one.line_id,
                "sku_id": one.sku_id,
                "location_id": one.location_id,
                "attempt": draft.answer.attempt,
                "planned": one.quantity,
                "quantity": one.quantity,
                "service_id": one.service_id,
                "price_minor": one.price_minor,
                "planned_at": now,
            }
            for draft in settled
            if isinstance(draft.answer, Plan)
            for one in draft.answer.assignments
        ],
    )
    await publish(db, [_event(draft, now) for draft in settled if draft.decisions])


def _event(draft: Draft, now: datetime) -> LinesPlanned | LinesUnfillable:
    request, answer = draft.request, draft.answer
    if isinstance(answer, Plan):
        return LinesPlanned(
            stream=request.order_id,
            happened_at=now,
            actor=request.actor,
            attempt=answer.attempt,
            assignments=answer.assignments,
            cost_minor=answer.cost_minor,
            currency=answer.currency,
            is_greedy=answer.is_greedy,
        )
    return LinesUnfillable(
        stream=request.order_id,
        happened_at=now,
        actor=request.actor,
        attempt=draft.decisions[0].attempt,
        line_ids=tuple(line.line_id for line in request.lines),
    )
