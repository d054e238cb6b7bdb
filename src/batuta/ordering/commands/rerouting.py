"""Asking customers whose store cannot serve them how they want it, and booking what they chose (SRC-16)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Text, Uuid, update

from batuta.ordering.domain.rerouting import Reroute, Rerouting
from batuta.ordering.events import LinesRerouted, RerouteAsked
from batuta.ordering.tables import line, reroute
from batuta.plumbing.database import Connection, Json, arrays, insert_new, params
from batuta.plumbing.events import publish

ACTOR = "system:ordering"

_routes = arrays("given", id=Uuid(), route=Json)
_SEND = update(line).where(line.c.id == _routes.c.id).values(route=_routes.c.route)
_answers = arrays("given", id=Uuid(), chosen=Json, chosen_by=Text())
_ANSWER = update(reroute).where(reroute.c.id == _answers.c.id)


async def ask_for_choices(db: Connection, *, questions: Sequence[Reroute], now: datetime) -> None:
    """Keep questions to customers, each once; what is new is told, with the link."""
    rows = [_row(one) for one in sorted(questions, key=lambda one: one.id)]
    new = {id_ for (id_,) in await insert_new(db, reroute, rows, returning=["id"])}
    await publish(
        db,
        [
            RerouteAsked(
                stream=one.order_id,
                happened_at=now,
                actor=ACTOR,
                reroute_id=one.id,
                location_id=one.location_id,
                line_ids=one.line_ids,
                expires_at=one.expires_at,
            )
            for one in questions
            if one.id in new
        ],
    )


async def book_choices(db: Connection, *, choices: Sequence[Rerouting], now: datetime) -> None:
    """Book answers of orders that the caller has locked, and has seen unanswered; their lines go another way."""
    answers = params(
        "given",
        id=[one.reroute_id for one in choices],
        chosen=[msgspec.to_builtins(one.choice) for one in choices],
        chosen_by=[one.actor for one in choices],
    )
    chosen = {"chosen": _answers.c.chosen, "chosen_by": _answers.c.chosen_by, "chosen_at": now}
    await db.execute(_ANSWER.values(chosen), answers)
    routes = [(line_id, msgspec.to_builtins(route)) for one in choices for line_id, route in one.routes]
    if routes:
        await db.execute(
            _SEND, params("given", id=[line_id for line_id, _ in routes], route=[route for _, route in routes])
        )
    await publish(
        db,
        [
            LinesRerouted(
                stream=one.order_id,
                happened_at=now,
                actor=one.actor,
                reroute_id=one.reroute_id,
                kind=one.choice.kind,
                choice=one.choice.id,
                line_ids=tuple(line_id for part in one.choice.parts for line_id in part.line_ids),
                amount_minor=one.choice.price_minor,
            )
            for one in choices
        ],
    )


def _row(one: Reroute) -> dict[str, Any]:
    return {**msgspec.structs.asdict(one), "line_ids": [str(id_) for id_ in one.line_ids]}
