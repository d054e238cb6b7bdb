"""Placing orders: one a request, or many as lines of JSON."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus

import msgspec
from litestar import Response, post
from litestar.params import JSONBody
from litestar.response import Stream

from batuta.kernel.errors import BatutaError, Invalid
from batuta.ordering.commands import check_out
from batuta.ordering.domain import CheckOut, Placed, PlaceOrder
from batuta.ordering.domain.asking import NewOrder, Placing, check_prices, order_of
from batuta.plumbing.batching import Batcher, QueueFull
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.keys import Kept, Key
from batuta.plumbing.web import AnyRequest, Caller, batched, caller_of, requires
from batuta.plumbing.web.idempotency import batcher_of, kept_refusal, key_of
from batuta.plumbing.web.moments import fresh_id, moment

CART_WEIGHT = 10
"""Lines that a cart is taken to have until it is read."""

DISCOUNT = "orders.discount"

LINES_AT_ONCE = 100
PAUSE_WHEN_FULL_S = 0.02

Wish = PlaceOrder | CheckOut

_read_order = msgspec.json.Decoder(NewOrder).decode
_encode_lines = msgspec.json.Encoder().encode_lines


class BadLine(Invalid):
    """The line is no order."""


class LineOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one line of a batch: status and answer as if it had been asked alone."""

    line: int
    status: int
    outcome: msgspec.Raw


def place_batcher(engine: Engine) -> Batcher[Wish, Placed]:
    return Batcher(engine, _place, name="place", weight=_weight)


async def _place(db: Connection, wishes: Sequence[Wish], now: datetime) -> Sequence[Placed | BatutaError]:
    return await check_out(db, wishes=wishes, now=now)


def _weight(wish: Wish) -> int:
    return len(wish.lines) if isinstance(wish, PlaceOrder) else CART_WEIGHT


@post("/api/orders", guards=[requires("orders.place")], is_express=True)
async def place_order(request: AnyRequest, data: JSONBody[NewOrder]) -> Response[Placed]:
    """Place an order: it stands whole, with its prices, its claims on stock and what is due, or not at all.

    Prices, discounts, charges and adjustments of one's own need `orders.discount`, and stay within its limit.
    """
    wish: Wish = _wish(data, caller_of(request))
    return await batched(request, place_batcher, wish)


@post(
    "/api/orders/batch",
    guards=[requires("orders.place")],
    status_code=HTTPStatus.OK,
    media_type="application/x-ndjson",
)
async def place_orders(request: AnyRequest) -> Stream:
    """Place one order a line (`application/x-ndjson`); one outcome a line comes back, in the same order.

    An `Idempotency-Key` makes each line's order one, however often the batch is sent.
    """
    key = await key_of(request)
    lines = [line for line in (await request.body()).split(b"\n") if line.strip()]
    batcher = batcher_of(request, place_batcher)
    outcomes = _outcomes(batcher, lines, _Asking(request, key))
    return Stream(outcomes, media_type="application/x-ndjson")


class _Asking(msgspec.Struct, frozen=True):
    """Who asks for a batch. key: of the whole of it."""

    request: AnyRequest
    key: Key | None

    def encode(self, outcome: Placed | BatutaError) -> Kept:
        if isinstance(outcome, BatutaError):
            return kept_refusal(self.request, outcome)
        return Kept(HTTPStatus.CREATED, msgspec.json.encode(outcome))

    def key_of_line(self, i: int, line: bytes) -> Key | None:
        if self.key is None:
            return None
        return Key(self.key.scope, f"{self.key.key}#{i}", self.key.route, blake2b(line, digest_size=16).digest())


async def _outcomes(batcher: Batcher[Wish, Placed], lines: Sequence[bytes], asking: _Asking) -> AsyncIterator[bytes]:
    """The outcomes of all lines, a hundred at once; the next hundred are read while these are placed."""
    waiting: asyncio.Task[bytes] | None = None
    try:
        for begin in range(0, len(lines), LINES_AT_ONCE):
            some = list(enumerate(lines[begin : begin + LINES_AT_ONCE], start=begin))
            before, waiting = waiting, asyncio.create_task(_place_lines(batcher, some, asking))
            if before:
                yield await before
        if waiting:
            yield await waiting
    finally:
        if waiting:
            waiting.cancel()


async def _place_lines(batcher: Batcher[Wish, Placed], lines: Sequence[tuple[int, bytes]], asking: _Asking) -> bytes:
    kept = await asyncio.gather(*(_kept(batcher, i, line, asking) for i, line in lines))
    outcomes = [
        LineOutcome(line=i + 1, status=one.status, outcome=msgspec.Raw(one.body))
        for (i, _), one in zip(lines, kept, strict=True)
    ]
    return _encode_lines(outcomes)


async def _kept(batcher: Batcher[Wish, Placed], i: int, line: bytes, asking: _Asking) -> Kept:
    try:
        wish = _wish(_read_order(line), caller_of(asking.request))
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        return asking.encode(BadLine(str(problem), line=i + 1))
    except BatutaError as problem:
        return asking.encode(problem)
    while True:
        try:
            return await batcher.answer(wish, key=asking.key_of_line(i, line), encode=asking.encode)
        except QueueFull:
            await asyncio.sleep(PAUSE_WHEN_FULL_S)
        except BatutaError as problem:
            return asking.encode(problem)


def _wish(asked: NewOrder, caller: Caller) -> PlaceOrder:
    check_prices(asked, may_discount=caller.may(DISCOUNT), limit_minor=caller.limits.get(DISCOUNT))
    return order_of(
        asked,
        Placing(
            id=fresh_id(),
            actor=caller.actor,
            placed_at=moment(),
            customer_id=caller.customer_id,
            channel_ids=caller.channel_ids,
        ),
    )


ROUTES = [place_order, place_orders]
