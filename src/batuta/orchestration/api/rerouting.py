"""The link of a customer whose store cannot serve them: what there is to choose, and the choice (SRC-16)."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from batuta.kernel.addresses import Address
from batuta.kernel.errors import Refused
from batuta.kernel.outcomes import only
from batuta.orchestration.commands.rerouting import CUSTOMER, Choose, admit, choose, open_question, open_ways
from batuta.orchestration.queries import Ways
from batuta.orchestration.queries.asking import units_waiting
from batuta.ordering.commands import UnknownOrder
from batuta.ordering.domain.rerouting import Choice, ChoiceId, Reroute
from batuta.ordering.queries import reroutes_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, anyone, once, requires
from batuta.plumbing.web.callers import become
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import ScopesOf, check_seen

Link = Annotated[str, PathParameter(min_length=1, max_length=100)]
Country = Annotated[str | None, QueryParameter(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
PostalCode = Annotated[str | None, QueryParameter(max_length=20, pattern=r"^[^\x00]*$")]
PriceMinor = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]


class HalfAPlace(Refused):
    """A place of delivery is a country and a postal code."""


class WaitingLine(msgspec.Struct, frozen=True, kw_only=True):
    """quantity: the units that the store cannot have ready."""

    line_id: UUID
    sku_code: str
    name: str
    quantity: int


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the link asks. store_name: who cannot have it ready. country, postal_code: where a delivery would go.

    choices: as they are now; one is chosen by its id, price and date.
    """

    order_number: str
    store_name: str
    lines: list[WaitingLine]
    expires_at: datetime
    country: str
    postal_code: str
    choices: tuple[Choice, ...]


class ChoiceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is chosen, with the price and the date that were shown. ship_to: for a choice with a delivery."""

    choice: ChoiceId
    price_minor: PriceMinor
    p90_on: date | None = None
    ship_to: Address | None = None


class Reroutes(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer of an order was asked, the oldest first; `chosen` is the answer, as it was shown."""

    items: list[Reroute]


@get("/api/reroutes/{link:str}", guards=[anyone()])
async def read_reroute(
    engine: NamedDependency[Engine], link: Link, country: Country = None, postal_code: PostalCode = None
) -> Response[Question]:
    """What a customer may choose whose store cannot serve them, as it is possible, priced and promised now.

    country, postal_code: where a delivery would go; without them, where the order says.
    """
    now = moment()
    deliver_to = place(country, postal_code)
    async with engine.begin() as db:
        reroute_id = await admit(db, link, now=now)
    async with engine.connect() as db:
        asked = await open_question(db, reroute_id, now=now)
        ways = await open_ways(db, asked, deliver_to=deliver_to, now=now)
    return Response(_question(ways, asked), headers={"cache-control": "no-store"})


@post("/api/reroutes/{link:str}", guards=[anyone()], status_code=HTTPStatus.OK)
async def choose_reroute(
    request: AnyRequest, engine: NamedDependency[Engine], link: Link, data: JSONBody[ChoiceBody]
) -> Response[Choice]:
    """Choose one; it is planned, promised and done at once. What costs more or comes later than shown is refused.

    A link is good for one choice.
    """
    now = moment()
    async with engine.begin() as db:
        reroute_id = await admit(db, link, now=now)
    # What is asked by a link is kept under it: another link is answered for itself.
    become(request, Caller(id=reroute_id, actor=CUSTOMER, permissions=frozenset()))
    wish = wish_of(data, reroute_id)

    async def act(db: Connection) -> Answer[Choice]:
        return Answer(only(await choose(db, wishes=[wish], now=now)))

    return await once(engine, request, act)


@get("/api/orders/{order_id:uuid}/reroutes", guards=[requires("orders.read")])
async def reroutes_of_order(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    order_scopes: NamedDependency[ScopesOf],
    order_id: FromPath[UUID],
) -> Reroutes:
    """What the customer was asked when a store could not serve them, and what they chose."""
    async with engine.connect() as db:
        refusal = UnknownOrder("there is no such order", order_id=str(order_id))
        await check_seen(db, caller, order_scopes, order_id, refusal)
        return Reroutes(items=await reroutes_of(db, order_id))


def wish_of(body: ChoiceBody, reroute_id: UUID) -> Choose:
    """What a customer chooses, as orchestration takes it."""
    return Choose(
        reroute_id=reroute_id,
        choice_id=body.choice,
        price_minor=body.price_minor,
        p90_on=body.p90_on,
        ship_to=body.ship_to,
        actor=CUSTOMER,
    )


def _question(ways: Ways, asked: Reroute) -> Question:
    to = ways.deliver_to
    return Question(
        order_number=ways.order.number,
        store_name=ways.store.name,
        lines=[
            WaitingLine(line_id=line.id, sku_code=line.sku_code, name=line.name, quantity=units_waiting(line))
            for line in ways.lines
        ],
        expires_at=asked.expires_at,
        country=to.country if to else "",
        postal_code=to.postal_code if to else "",
        choices=ways.choices,
    )


def place(country: str | None, postal_code: str | None) -> Address | None:
    """Where a delivery would go.

    Raises:
        HalfAPlace: one of the two is missing.
    """
    if not country and not postal_code:
        return None
    if not country or not postal_code:
        raise HalfAPlace("say country and postal_code", field="postal_code" if country else "country")
    return Address(street=[], city="", country=country, postal_code=postal_code)


ROUTES = [read_reroute, choose_reroute, reroutes_of_order]
