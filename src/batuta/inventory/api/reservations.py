"""Reservations: units held for a while for whoever asks by the API (RES-01)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.company.queries import channels_by_id
from batuta.inventory.commands import extend, hold, release
from batuta.inventory.domain import Extend, Release
from batuta.inventory.domain.holding import (
    Asked,
    Holding,
    HoldTooLong,
    Minutes,
    Reservation,
    UnknownReservation,
    Wish,
    holding_of,
)
from batuta.inventory.queries import claims_of, holders_by_id
from batuta.kernel.errors import BatutaError
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, batched, once, requires
from batuta.plumbing.web.moments import fresh_id, moment

MINUTE = timedelta(minutes=1)


class ExtendBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """minutes: from now."""

    minutes: Minutes


@post("/api/reservations", guards=[requires("inventory.reserve")])
async def reserve(request: AnyRequest, caller: NamedDependency[Caller], data: JSONBody[Wish]) -> Response[Reservation]:
    """Hold units for a while: line by line what was granted and refused, why, and where there is more.

    All of it or nothing (409 `out_of_stock`), unless `allow_partial`. An order that names the reservation's id as its
    `reservation_id` gets the units.
    """
    asked = Asked(
        id=fresh_id(),
        wish=data,
        actor=caller.actor,
        channel_ids=caller.channel_ids,
        location_ids=caller.location_ids,
    )
    return await batched(request, reservation_batcher, asked)


@get("/api/reservations/{reservation_id:uuid}", guards=[requires("inventory.reserve")])
async def reservation(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], reservation_id: FromPath[UUID]
) -> Holding:
    """Answer with what a reservation holds now."""
    async with engine.connect() as db:
        await _check_holder(db, caller, reservation_id)
        return await _holding(db, reservation_id)


@post(
    "/api/reservations/{reservation_id:uuid}/extend", guards=[requires("inventory.reserve")], status_code=HTTPStatus.OK
)
async def extend_reservation(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    reservation_id: FromPath[UUID],
    data: JSONBody[ExtendBody],
) -> Response[Holding]:
    """Hold units for longer, but never longer than the channel allows since they were granted."""

    async def act(db: Connection) -> Answer[Holding]:
        now = moment()
        minutes_max = await _check_holder(db, caller, reservation_id)
        if data.minutes > minutes_max:
            raise HoldTooLong(
                "the channel does not hold units for so long", minutes=data.minutes, minutes_max=minutes_max
            )
        until_at = now + data.minutes * MINUTE
        await extend(
            db, holders=[Extend(holder_id=reservation_id, until_at=until_at, minutes_max=minutes_max)], now=now
        )
        return Answer(await _holding(db, reservation_id))

    return await once(engine, request, act)


@delete("/api/reservations/{reservation_id:uuid}", guards=[requires("inventory.reserve")])
async def release_reservation(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    reservation_id: FromPath[UUID],
) -> Response[None]:
    """Give the units back; what is no longer held is no problem."""

    async def act(db: Connection) -> Answer[None]:
        await _check_holder(db, caller, reservation_id)
        await release(db, releases=[Release(holder_id=reservation_id)], now=moment())
        return Answer(None)

    return await once(engine, request, act)


def reservation_batcher(engine: Engine) -> Batcher[Asked, Reservation]:
    """Reserves for requests that come together in one transaction."""

    async def run(db: Connection, wishes: Sequence[Asked], now: datetime) -> Sequence[Reservation | BatutaError]:
        return await hold(db, wishes=wishes, now=now)

    return Batcher(engine, run, name="reservations", weight=lambda one: len(one.wish.lines))


async def _check_holder(db: Connection, caller: Caller, reservation_id: UUID) -> int:
    """Say for how many minutes at most the reservation's channel holds units.

    Raises:
        UnknownReservation: there is none, or not for this caller.
    """
    found = (await holders_by_id(db, [reservation_id])).get(reservation_id)
    if found is None or not caller.sees_channel(found.channel_id):
        raise UnknownReservation("there is no such reservation", reservation_id=str(reservation_id))
    channel = (await channels_by_id(db, [found.channel_id]))[found.channel_id]
    return channel.policies.hold_minutes_max


async def _holding(db: Connection, reservation_id: UUID) -> Holding:
    return holding_of(reservation_id, (await claims_of(db, [reservation_id], now=moment()))[reservation_id])


ROUTES = [reserve, reservation, extend_reservation, release_reservation]
