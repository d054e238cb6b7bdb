"""Promises before the order: how, when and for how much, and until when one must have ordered."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, post
from litestar.params import JSONBody

from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import STREET_LINES_MAX, Address, Line, bare_postal_code
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.quantities import Code, Quantity
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.shared_reads import SharedRead
from batuta.plumbing.web import AnyRequest, caller_of, requires
from batuta.plumbing.web.moments import fresh_id
from batuta.plumbing.web.reading import shared
from batuta.sourcing.domain.promises.asking import STORES_USUAL, Ask, AskedLine, NotOffered, Offers
from batuta.sourcing.domain.promises.cut_offs import order_within
from batuta.sourcing.domain.promises.dates import LimitingStep
from batuta.sourcing.domain.promises.promising import (
    Promised,
    PromisedShipment,
    PromiseTerms,
    ends_at,
    goods_digest,
    sign,
)
from batuta.sourcing.domain.requests import Method
from batuta.sourcing.domain.slots.windows import Destination as SlotDestination
from batuta.sourcing.domain.slots.windows import OfferedSlot
from batuta.sourcing.queries import offers, promise_secret
from batuta.sourcing.queries.slots import offered_slots

LINES_MAX = 200
STORES_MAX = 50
SLOT_DAYS_MAX = 30

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
Postal = Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[^\x00]*$")]


class NothingAsked(Refused):
    """A promise is for somewhere: a destination, a store, or both."""


class WantedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_code: Code
    quantity: Quantity = 1


class Destination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it goes: country and postal code will do; a whole address, or coordinates, make it no worse."""

    country: Country
    postal_code: Postal = ""
    street: Annotated[list[Line], msgspec.Meta(max_length=STREET_LINES_MAX)] = []
    city: Line = ""
    name: Line = ""
    company: Line = ""
    region: Line = ""
    phone: Line = ""
    email: Line = ""
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None


class PromiseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wanted, and where. store_code: that store alone; stores: of those nearest by, so many at most.

    at: when it would be ordered; left out, it is now, and only then the options carry a promise to order by.
    slot_days: also tell the windows of delivery of so many days, from when the goods can be there on. ship_terms: how
    the order may be split, as the order would say it.
    """

    channel_code: Code
    lines: Annotated[list[WantedLine], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    destination: Destination | None = None
    store_code: Code | None = None
    stores: Annotated[int, msgspec.Meta(ge=0, le=STORES_MAX)] = STORES_USUAL
    at: Moment | None = None
    slot_days: Annotated[int, msgspec.Meta(ge=0, le=SLOT_DAYS_MAX)] = 0
    ship_terms: ShipTerms = ShipTerms()


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """Who orders until then has these dates. sentence: the same for a shopper, in the caller's language."""

    at: datetime
    seconds: int
    sentence: str


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Between when the bell rings on the P50 day, or from when it can be collected."""

    from_at: datetime
    until_at: datetime


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One way to have all of it. Days are those of the destination; service_kind: `pickup` where the buyer comes.

    price_minor: what the buyer pays for shipping. is_estimated: days come from tables, not from deliveries.
    promise: to be sent with the order, which then keeps it; it holds until `promise_ends_at`.
    """

    service_kind: str
    method: Method
    store_code: str | None
    time_zone: str
    earliest_on: date
    p50_on: date
    p90_on: date
    earliest_at: datetime
    p50_at: datetime
    p90_at: datetime
    window: Window
    price_minor: int | None
    currency: str
    cut_off: CutOff
    limiting_step: LimitingStep
    is_estimated: bool
    shipments: tuple[PromisedShipment, ...]
    promise: str | None
    promise_ends_at: datetime | None


class PromiseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every way that is open, the earliest first, and why others are not.

    slots: windows of delivery, full ones with nothing left, that begin when the goods can be there; one is held by its
    own route and named in the order.
    """

    as_of: datetime
    currency: str
    options: list[Option]
    not_offered: tuple[NotOffered, ...]
    slots: list[OfferedSlot] = []


@post(
    "/api/promises",
    guards=[requires("inventory.read")],
    status_code=HTTPStatus.OK,
    opt={"takes_no_key": True},
    is_express=True,
)
async def read_promises(request: AnyRequest, data: JSONBody[PromiseBody]) -> Response[PromiseAnswer]:
    """Say how, when and for how much goods could be had: by each kind of service, and at stores near by.

    It is the plan that an order would get now; nothing is reserved. An order that brings an option's `promise` keeps
    its dates as the ones it is measured by.
    """
    caller = caller_of(request)
    if data.destination is None and data.store_code is None:
        raise NothingAsked("say where: a destination or a store")
    question = Question(
        asked=data,
        id=fresh_id(),
        channel_ids=caller.channel_ids,
        customer_id=caller.customer_id,
        locale=caller.locale,
    )
    return await shared(request, offers_reader, question)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and by whom."""

    asked: PromiseBody
    id: UUID
    channel_ids: frozenset[UUID] | None
    customer_id: UUID | None
    locale: str


def offers_reader(engine: Engine) -> SharedRead[Question, PromiseAnswer]:
    """Answers questions that come together by the same few statements."""
    return SharedRead(engine, _read)


async def _read(db: Connection, questions: Sequence[Question], now: datetime) -> Sequence[PromiseAnswer | BatutaError]:
    found = await offers(db, asks=[_ask(one, now) for one in questions], now=now)
    secret = await promise_secret(db)
    answers = [
        one if isinstance(one, BatutaError) else _answer(question, one, now, secret)
        for question, one in zip(questions, found, strict=True)
    ]
    return [
        one if isinstance(one, BatutaError) else await _with_slots(db, question.asked, one, now)
        for question, one in zip(questions, answers, strict=True)
    ]


async def _with_slots(db: Connection, asked: PromiseBody, answer: PromiseAnswer, now: datetime) -> PromiseAnswer:
    """The answer with the windows of delivery in which the goods can come, where somebody asks for them."""
    arrivals = [one.earliest_at for one in answer.options if one.method is Method.SHIP]
    if not asked.slot_days or asked.destination is None or not arrivals:
        return answer
    to = SlotDestination(
        method=Method.SHIP, country=asked.destination.country, postal_code=asked.destination.postal_code
    )
    until_at = now + timedelta(days=asked.slot_days)
    slots = await offered_slots(db, to, from_at=min(arrivals), until_at=until_at, now=now)
    return msgspec.structs.replace(answer, slots=slots)


def _ask(question: Question, now: datetime) -> Ask:
    data, to = question.asked, question.asked.destination
    return Ask(
        id=question.id,
        channel_code=data.channel_code,
        lines=[AskedLine(sku_code=one.sku_code, quantity=one.quantity) for one in data.lines],
        destination=Address(**msgspec.structs.asdict(to)) if to else None,
        at=data.at or now,
        store_code=data.store_code,
        stores_max=data.stores,
        channel_ids=question.channel_ids,
        customer_id=question.customer_id,
        ship_terms=data.ship_terms,
    )


class _Signing(msgspec.Struct, frozen=True, kw_only=True):
    """For what all options of an answer are promised. secret: None where an order is not for now.

    store_codes: of the stores where some are picked up.
    """

    channel_id: UUID
    store_codes: Mapping[UUID, str]
    goods: bytes
    country: str
    postal_code: str
    now: datetime
    secret: bytes | None

    def promise(self, one: Promised) -> tuple[str | None, datetime | None]:
        """The option signed, and until when it holds."""
        if self.secret is None:
            return None, None
        is_collected = one.method is Method.PICKUP
        terms = PromiseTerms(
            channel_id=self.channel_id,
            goods=self.goods,
            country="" if is_collected else self.country,
            postal_code="" if is_collected else self.postal_code,
            made_at=self.now,
            promised=one,
        )
        return sign(terms, self.secret), ends_at(terms)


def _answer(question: Question, found: Offers, now: datetime, secret: bytes) -> PromiseAnswer:
    data = question.asked
    signing = _Signing(
        channel_id=found.channel.id,
        store_codes=found.store_codes,
        goods=goods_digest([(one.sku_code, one.quantity) for one in data.lines]),
        country=data.destination.country if data.destination else "",
        postal_code=bare_postal_code(data.destination.postal_code) if data.destination else "",
        now=now,
        secret=None if data.at else secret,
    )
    return PromiseAnswer(
        as_of=now,
        currency=found.currency,
        options=[_option(one, signing, question.locale) for one in found.options],
        not_offered=found.not_offered,
    )


def _option(one: Promised, signing: _Signing, locale: str) -> Option:
    zone = ZoneInfo(one.time_zone)
    seconds = max(0, int((one.order_by_at - signing.now).total_seconds()))
    promise, promise_ends_at = signing.promise(one)
    return Option(
        service_kind=one.service_kind,
        method=one.method,
        store_code=signing.store_codes[one.pickup_location_id] if one.pickup_location_id else None,
        time_zone=one.time_zone,
        earliest_on=one.earliest_at.astimezone(zone).date(),
        p50_on=one.p50_at.astimezone(zone).date(),
        p90_on=one.p90_at.astimezone(zone).date(),
        earliest_at=one.earliest_at,
        p50_at=one.p50_at,
        p90_at=one.p90_at,
        window=Window(from_at=one.window_from_at, until_at=max(one.p50_at, one.window_from_at)),
        price_minor=one.price_minor,
        currency=one.currency,
        cut_off=CutOff(at=one.order_by_at, seconds=seconds, sentence=order_within(seconds, locale)),
        limiting_step=one.limiting_step,
        is_estimated=one.is_estimated,
        shipments=one.shipments,
        promise=promise,
        promise_ends_at=promise_ends_at,
    )


ROUTES = [read_promises]
