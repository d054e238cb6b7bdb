"""The pages behind the link of a customer whose store cannot serve them: look, choose one, done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from batuta.company.queries import brands_by_id, channels_by_id
from batuta.kernel.addresses import BadAddress
from batuta.kernel.errors import BatutaError
from batuta.kernel.links import LinkHasEnded, UnknownLink
from batuta.locations.queries import locations_by_id
from batuta.orchestration.commands.rerouting import (
    CUSTOMER,
    ChoiceHasChanged,
    ChoiceIsGone,
    Choose,
    admit,
    choose,
    open_question,
    open_ways,
)
from batuta.orchestration.queries import Ways
from batuta.orchestration.queries.asking import units_waiting
from batuta.ordering.domain import Order
from batuta.ordering.domain.rerouting import LinkIsUsed, NothingToChoose, Reroute
from batuta.ordering.queries import orders_by_id, reroutes_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import AnyRequest, Caller, anyone, status_of
from batuta.plumbing.web.browsers import refuse_elsewhere
from batuta.plumbing.web.moments import moment
from batuta.sourcing.domain.promises.asking import UnknownPostalCode
from batuta.web.api.frame import PAGE
from batuta.web.catalogue import Speech
from batuta.web.faces import draw, go_to, speech_for
from batuta.web.queries import line_names
from batuta.web.rerouting import COUNTRIES, Typed, amount_in, choice_view, day_in, typed_in

Link = Annotated[str, PathParameter(min_length=1, max_length=100)]
ChoiceAsked = Annotated[str, QueryParameter(max_length=250)]
PostalCode = Annotated[str, QueryParameter(max_length=20, pattern=r"^[^\x00]*$")]
Country = Annotated[str, QueryParameter(pattern="^([A-Z]{2})?$")]
_OVER = (UnknownLink, LinkHasEnded, NothingToChoose)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked, and in which words. names: of the lines that wait, with their units."""

    link: str
    reroute: Reroute
    shop: str
    speech: Speech


@get("/reroutes/{link:str}", guards=[anyone()], **PAGE)
async def look(  # noqa: PLR0917 - each is a part of the address
    request: AnyRequest,
    engine: NamedDependency[Engine],
    link: Link,
    choice: ChoiceAsked = "",
    country: Country = "",
    postal_code: PostalCode = "",
) -> Response[str]:
    """What there is to choose; one of it, to be confirmed; or what was chosen."""
    typed = Typed(country=country, postal_code=postal_code)
    return await _show(request, engine, link, choice, typed)


@post("/reroutes/{link:str}", guards=[anyone()], status_code=303, **PAGE)
async def confirm(request: AnyRequest, engine: NamedDependency[Engine], link: Link) -> Response[Any]:
    """Do what was chosen, and show it; where it is not possible any more, show what is."""
    refuse_elsewhere(request)
    form = await request.form()
    typed, now = typed_in(form), moment()
    try:
        async with engine.begin() as db:
            reroute_id = await admit(db, link, now=now)
    except _OVER as refusal:
        return link_is_over(request, refusal)
    wish = Choose(
        reroute_id=reroute_id,
        choice_id=str(form.get("choice") or "")[:250],
        price_minor=amount_in(form),
        p90_on=day_in(form),
        ship_to=typed.address if typed.street else None,
        actor=CUSTOMER,
    )
    async with engine.begin() as db:
        (outcome,) = await choose(db, wishes=[wish], now=now)
    if isinstance(outcome, (ChoiceHasChanged, ChoiceIsGone, BadAddress, UnknownPostalCode)):
        return await _show(request, engine, link, wish.choice_id, typed, problem=outcome)
    if isinstance(outcome, BatutaError) and not isinstance(outcome, (LinkIsUsed, *_OVER)):
        raise outcome
    return go_to(f"/reroutes/{link}")


async def _show(
    request: AnyRequest,
    engine: Engine,
    link: str,
    choice_id: str,
    typed: Typed,
    *,
    problem: BatutaError | None = None,
) -> Response[str]:
    now = moment()
    try:
        async with engine.begin() as db:
            reroute_id = await admit(db, link, now=now)
        async with engine.connect() as db:
            asked, order = await _asked(db, request, link, reroute_id)
            try:
                question = await open_question(db, reroute_id, now=now)
            except LinkIsUsed:
                return _done(request, asked, order, await line_names(db, order))
            ways, problem = await _ways(db, question, typed, now, problem)
            names = await line_names(db, order)
    except _OVER as refusal:
        return link_is_over(request, refusal)
    return _drawn(request, asked, ways, names, choice_id=choice_id, typed=typed, problem=problem)


async def _ways(
    db: Connection, question: Reroute, typed: Typed, now: datetime, problem: BatutaError | None
) -> tuple[Ways, BatutaError | None]:
    """What there is to choose; where nobody lives at a postal code, for where the order says."""
    to = typed.address if typed.country and typed.postal_code else None
    try:
        return await open_ways(db, question, deliver_to=to, now=now), problem
    except UnknownPostalCode as refusal:
        return await open_ways(db, question, deliver_to=None, now=now), refusal


async def _asked(db: Connection, request: AnyRequest, link: str, reroute_id: UUID) -> tuple[Asked, Order]:
    found = (await reroutes_by_id(db, [reroute_id])).get(reroute_id)
    if found is None:
        raise UnknownLink("this is no link of ours")
    order = (await orders_by_id(db, [found.order_id]))[found.order_id]
    channel = (await channels_by_id(db, [order.channel_id]))[order.channel_id]
    brand = (await brands_by_id(db, [channel.brand_id]))[channel.brand_id]
    store = (await locations_by_id(db, [found.location_id]))[found.location_id]
    customer = Caller(id=found.id, actor=CUSTOMER, permissions=frozenset(), locale=order.locale)
    return Asked(
        link=link, reroute=found, shop=brand.name, speech=speech_for(request, customer, ZoneInfo(store.time_zone))
    ), order


def _drawn(
    request: AnyRequest,
    asked: Asked,
    ways: Ways,
    names: Mapping[UUID, str],
    *,
    choice_id: str,
    typed: Typed,
    problem: BatutaError | None,
) -> Response[str]:
    """The list of choices, or one of them to be confirmed."""
    speech = asked.speech
    counted = {
        line.id: speech("order.times", count=speech.number(units_waiting(line)), name=names[line.id])
        for line in ways.lines
    }
    views = [choice_view(one, counted, speech) for one in ways.choices]
    chosen = next((one for one in views if one.id == choice_id), None)
    to = ways.deliver_to
    default = Typed(country=to.country if to else ways.store.address.country, postal_code=to.postal_code if to else "")
    words = f"choose.{problem.code}" if problem else ""
    return draw(
        request,
        "reroute_confirm.html" if chosen else "reroute.html",
        speech,
        None,
        status=status_of(problem) if problem else 200,
        shop=asked.shop,
        link=asked.link,
        number=ways.order.number,
        store=ways.store.name,
        items=list(counted.values()),
        until=speech.date_and_time(asked.reroute.expires_at),
        choices=views,
        chosen=chosen,
        can_deliver=ways.can_deliver,
        typed=typed if typed.country else default,
        countries=sorted({*COUNTRIES, (typed.country or default.country)} - {""}),
        problem=speech(words if speech.knows(words) else "choose.choice_has_changed") if problem else None,
        # The address of what a form has sent is no page; its language is chosen where the form came from.
        other_language_address=f"/language/{'en' if speech.language == 'es' else 'es'}?to=/reroutes/{asked.link}",
    )


def _done(request: AnyRequest, asked: Asked, order: Order, names: Mapping[UUID, str]) -> Response[str]:
    assert asked.reroute.chosen
    return draw(
        request,
        "reroute_done.html",
        asked.speech,
        None,
        shop=asked.shop,
        number=order.number,
        chosen=choice_view(asked.reroute.chosen, names, asked.speech),
    )


def link_is_over(request: AnyRequest, refusal: BatutaError) -> Response[str]:
    """The link asks nothing any more, or never did."""
    speech = speech_for(request, None)
    return draw(
        request,
        "reroute_over.html",
        speech,
        None,
        status=status_of(refusal),
        shop="",
        title=speech(f"choose.{refusal.code}_title"),
        lead=speech(f"choose.{refusal.code}_lead"),
    )


ROUTES = [look, confirm]
