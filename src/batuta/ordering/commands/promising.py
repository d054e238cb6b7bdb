"""Promises of orders: those that buyers bring along, and those that plans make later (PRM-05)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.addresses import bare_postal_code
from batuta.kernel.errors import BatutaError
from batuta.ordering.domain import (
    Method,
    MovePromise,
    NewPromise,
    Promise,
    PromiseBasis,
    PromiseDoesNotFit,
    PromiseKind,
    moved,
)
from batuta.ordering.domain.drafts import Draft
from batuta.ordering.queries import promises_of
from batuta.ordering.tables import promise
from batuta.plumbing.database import Connection, insert_new
from batuta.sourcing.domain import PromiseTerms
from batuta.sourcing.domain.promises.promising import goods_digest, read_signed
from batuta.sourcing.queries import promise_secret


async def read_promises(
    db: Connection, drafts: Mapping[int, Draft], *, now: datetime
) -> tuple[dict[int, PromiseTerms], dict[int, BatutaError]]:
    """What was promised for the orders that bring a promise, and which of these are none of ours, or not for them.

    Nothing is asked where no order brings one.
    """
    brought = {i: one.asked.promise for i, one in drafts.items() if one.asked.promise is not None}
    terms: dict[int, PromiseTerms] = {}
    refused: dict[int, BatutaError] = {}
    if not brought:
        return terms, refused
    secret = await promise_secret(db)
    for i, token in brought.items():
        try:
            terms[i] = read_signed(token, secret, now=now)
            _check(drafts[i], terms[i])
        except BatutaError as problem:
            terms.pop(i, None)
            refused[i] = problem
    return terms, refused


async def keep_told(db: Connection, told: Collection[tuple[UUID, PromiseTerms]]) -> None:
    """Keep with new orders what their buyers were told."""
    rows = [
        NewPromise(
            order_id=order_id, basis=PromiseBasis.TOLD, cause="placed", promised=one.promised, made_at=one.made_at
        ).as_kind(PromiseKind.ORIGINAL)
        for order_id, one in told
    ]
    await _insert(db, rows)


async def record_promises(db: Connection, *, promises: Sequence[NewPromise]) -> list[Promise]:
    """Keep what is promised now: an order's first is what it is measured by, later ones stand beside it.

    One that says the same dates as the last is not kept. Returns those that were.
    """
    known = await promises_of(db, {one.order_id for one in promises})
    rows = []
    for one in promises:
        last = known[one.order_id][-1] if known[one.order_id] else None
        new = one.as_kind(PromiseKind.LATEST if last else PromiseKind.ORIGINAL)
        if last is not None and one.is_part:
            new = _with_the_rest(new, last)
        if last is None or _dates(last) != _dates(new):
            known[one.order_id].append(new)
            rows.append(new)
    kept = await _insert(db, rows)
    return [one for one in rows if one.id in kept]


async def move_promises(db: Connection, *, moves: Sequence[MovePromise], now: datetime) -> None:
    """Keep the new dates of orders whose goods come at another time; what was promised nothing stays so.

    An order is whole when the last of its goods is there: of several moves, the one that is latest counts.
    """
    latest = {one.order_id: one for one in sorted(moves, key=lambda one: one.by)}
    known = await promises_of(db, latest)
    await _insert(db, [moved(known[order_id][-1], one, now=now) for order_id, one in latest.items() if known[order_id]])


async def _insert(db: Connection, rows: Sequence[Promise]) -> set[UUID]:
    given = sorted((msgspec.structs.asdict(one) for one in rows), key=lambda row: row["id"])
    return {id_ for (id_,) in await insert_new(db, promise, given, returning=["id"])}


def _with_the_rest(new: Promise, last: Promise) -> Promise:
    """The order is whole when the last of its goods is there."""
    return msgspec.structs.replace(
        new,
        earliest_at=max(new.earliest_at, last.earliest_at),
        p50_at=max(new.p50_at, last.p50_at),
        p90_at=max(new.p90_at, last.p90_at),
    )


def _dates(one: Promise) -> tuple[datetime, datetime, datetime]:
    return one.earliest_at, one.p50_at, one.p90_at


def _check(one: Draft, terms: PromiseTerms) -> None:
    """Accept a promise that was made for such an order.

    Raises:
        PromiseDoesNotFit: with what is another.
    """
    asked, promised = one.asked, terms.promised
    is_collected = asked.method is Method.PICKUP
    to = one.ship_to
    differs = {
        "channel": terms.channel_id != one.channel.id,
        "lines": terms.goods != goods_digest([(line.sku_code, line.quantity) for line in asked.lines]),
        "method": promised.method != asked.method.value,
        "pickup_location": promised.pickup_location_id != one.pickup_location_id,
        "service_kind": not is_collected and promised.service_kind != asked.service_kind,
        "destination": not is_collected
        and (terms.country, terms.postal_code) != (to.country, bare_postal_code(to.postal_code)),
    }
    if any(differs.values()):
        raise PromiseDoesNotFit(
            "the promise was made for another order: ask for a new one",
            differs=[part for part, is_other in differs.items() if is_other],
        )
