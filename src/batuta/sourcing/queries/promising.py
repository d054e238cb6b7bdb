"""Promises before the order: the search that plans orders, asked what it would do, and the dates of that (PRM-02)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.errors import BatutaError
from batuta.locations.domain import Location
from batuta.locations.queries import AllLocations
from batuta.plumbing.database import Connection
from batuta.pricing.domain import NoShippingCharge, Quote, QuoteRequest
from batuta.pricing.queries import quote
from batuta.sourcing.domain import Known, Method, Rule, Sketch, sketch, sketch_each
from batuta.sourcing.domain.capacity import Work
from batuta.sourcing.domain.promises.asking import Ask, Case, NotOffered, Offers
from batuta.sourcing.domain.promises.dates import Asked, queue_until
from batuta.sourcing.domain.promises.promising import Promised, PromisedLine, PromisedShipment, keeps_its_word, together
from batuta.sourcing.queries.dating import Dated, Way, date_ways
from batuta.sourcing.queries.later import later
from batuta.sourcing.queries.supplying import Supply, supply_for
from batuta.sourcing.queries.surveying import Survey, Wish, only_at, quote_request, survey

NO_CHARGE, TOO_LATE, NEVER = "no_charge", "too_late", "never"
MOMENTS_MAX = 20
SHORT = frozenset({Rule.NO_STOCK, Rule.NOT_ENOUGH})


class _Option(msgspec.Struct):
    """A wish on its way to a promise.

    goods_at: by location, when what is missing there will be there. queue_until_at: by location that limits what it
    does, until when it works on what it was given before, or when it first has room.
    """

    wish: Wish
    found: Sketch | Rule
    price_minor: int | None = None
    goods_at: Mapping[UUID, datetime] = {}
    queue_until_at: Mapping[UUID, datetime] = {}
    refusal: str | None = None

    @property
    def is_open(self) -> bool:
        return isinstance(self.found, Sketch) and self.refusal is None


async def offers(db: Connection, *, asks: Sequence[Ask], now: datetime) -> list[Offers | BatutaError]:
    """Say of many questions how, when and for how much their goods could be had; nothing is written or taken.

    Each way is the plan that sourcing would make of such an order now, so that no date or cut-off is told of a location
    that would not win (PRM-04). What is not there is promised from supply where the channel may sell ahead (INV-20).
    """
    seen = await survey(db, asks, now=now)
    options = _sketched(seen)
    await _from_supply(db, options, seen, now=now)
    await _from_later_hours(db, options, seen, now=now)
    await _price(db, options)
    dated = await _dated(db, options, seen, now=now)
    by_case: dict[UUID, list[tuple[_Option, Promised | None]]] = defaultdict(list)
    for option, dates in zip(options, dated, strict=True):
        promised = _promised(option, dates, seen.every.by_id)
        by_case[option.wish.case.ask.id].append((option, promised))
    return [one if isinstance(one, BatutaError) else _offers(one, by_case[one.ask.id]) for one in seen.cases]


def _sketched(seen: Survey) -> list[_Option]:
    """What would be planned for each wish; those of a case that are shipped share what is known of it."""
    shipped: dict[UUID, list[Wish]] = defaultdict(list)
    for wish in seen.wishes:
        if wish.store is None:
            shipped[wish.case.ask.id].append(wish)
    options = [
        _Option(wish, found)
        for wishes in shipped.values()
        for wish, found in zip(
            wishes, sketch_each([one.request for one in wishes], seen.known_for(wishes[0])), strict=True
        )
    ]
    return options + [_Option(one, sketch(one.request, seen.known_for(one))) for one in seen.wishes if one.store]


async def _from_supply(db: Connection, options: Sequence[_Option], seen: Survey, *, now: datetime) -> None:
    """Look again for what is short, among what will be there."""
    short = [
        one
        for one in options
        if isinstance(one.found, Rule) and one.found in SHORT and one.wish.case.ask.standing is None
    ]
    if not short:
        return
    cases = {one.wish.case.ask.id: one.wish.case for one in short}
    supplies = await supply_for(db, list(cases.values()), now=now)
    for option in short:
        supply, known = supplies.get(option.wish.case.ask.id), seen.known_for(option.wish)
        if supply is not None and supply.allows(option.wish.case.lines, known):
            _look_later(option, supply, known)


def _look_later(option: _Option, supply: Supply, known: Known) -> None:
    """Take the plan of the first date that has one; what may be promised never falls with time, so halving finds it."""
    wish, dates = option.wish, supply.dates

    def at(moment: datetime) -> Sketch | Rule:
        shelves = supply.shelves_at(moment, known)
        holders: dict[UUID, list[UUID]] = defaultdict(list)
        for sku_id, location_id in shelves:
            holders[sku_id].append(location_id)
        later = msgspec.structs.replace(known, shelves=shelves, holders=holders)
        return sketch(wish.request, only_at(later, [wish.store.id]) if wish.store else later)

    first, last = 0, len(dates) - 1
    found = at(dates[last]) if dates else option.found
    if not isinstance(found, Sketch):
        return
    while first < last:
        middle = (first + last) // 2
        sooner = at(dates[middle])
        if isinstance(sooner, Sketch):
            found, last = sooner, middle
        else:
            first = middle + 1
    option.found = found
    ready = {id_: supply.ready_at(id_, wanted, known) for id_, wanted in _needs(found).items()}
    option.goods_at = {id_: at_ for id_, at_ in ready.items() if at_ is not None}


async def _from_later_hours(db: Connection, options: Sequence[_Option], seen: Survey, *, now: datetime) -> None:
    """Look again for what nobody has the hands for now, among the hours and days ahead; the first that will do."""
    for option in options:
        if isinstance(option.found, Sketch):
            option.queue_until_at = _queues(option, seen, {}, now)
    unserved = [one for one in options if isinstance(one.found, Rule) and seen.capacity]
    tight = {id_ for one in unserved for id_ in _tight(one, seen)}
    if not tight:
        return
    ahead = await later(db, [seen.every.by_id[id_] for id_ in tight], now=now)
    for option in unserved:
        mine = _tight(option, seen)
        known, method = seen.known_for(option.wish), option.wish.request.method
        reachable = msgspec.structs.replace(ahead, locations={id_: ahead.locations[id_] for id_ in mine})
        for moment in reachable.moments(method, _work(option), now)[:MOMENTS_MAX]:
            then, begins = reachable.known_at(moment, known)
            found = sketch(option.wish.request, then)
            if isinstance(found, Sketch):
                option.found = found
                option.queue_until_at = _queues(option, seen, begins, now)
                break


def _tight(option: _Option, seen: Survey) -> set[UUID]:
    """The locations that have what the wish wants, and have no hands for all of it now."""
    known, work, method = seen.known_for(option.wish), _work(option), option.wish.request.method
    having = {at for sku_id in known.holders for at in known.holders[sku_id]} | {
        option.wish.store.id if option.wish.store else at for at in known.sites if not known.holders
    }
    return {at for at in having if at in known.sites and known.full_for(at, method, work)}


def _work(option: _Option) -> Work:
    """All that a wish asks of a location."""
    lines = option.wish.request.lines
    units = sum(per_unit * line.quantity for line in lines for _, per_unit in line.components)
    return Work(orders=1, lines=len(lines), units=units, packages=1)


def _queues(option: _Option, seen: Survey, begins: Mapping[UUID, datetime], now: datetime) -> dict[UUID, datetime]:
    """Until when the locations of a plan are busy with what they were given of their day."""
    assert isinstance(option.found, Sketch)
    method, found = option.wish.request.method, {}
    for one in option.found.sent:
        capacity = seen.capacity.get(one.location_id)
        if one.location_id in begins:
            found[one.location_id] = begins[one.location_id]
        elif capacity is not None:
            begins_at = seen.known_for(option.wish).sites[one.location_id].opens_at or now
            busy_until = queue_until(capacity.location, capacity.share_of_day(method), begins_at)
            found |= {one.location_id: busy_until} if busy_until else {}
    return found


def _needs(found: Sketch) -> dict[UUID, dict[UUID, int]]:
    """Units of each SKU that each location gives."""
    needed: dict[UUID, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for shipment in found.sent:
        for parts, units in shipment.units:
            for sku_id, per_unit in parts:
                needed[shipment.location_id][sku_id] += units * per_unit
    return needed


async def _price(db: Connection, options: Sequence[_Option]) -> None:
    """What the buyer pays for each way that can be planned; a way that has no charge is not offered."""
    planned = [one for one in options if one.is_open and not _is_free(one.wish)]
    answers = await quote(db, requests=[_quote_request(one.wish) for one in planned])
    for option, answer in zip(planned, answers, strict=True):
        if isinstance(answer, Quote):
            option.price_minor = answer.shipping.gross_minor
        else:
            option.refusal = NO_CHARGE if isinstance(answer, NoShippingCharge) else answer.code
    for option in options:
        if _is_free(option.wish):
            option.price_minor = 0


def _is_free(wish: Wish) -> bool:
    standing = wish.case.ask.standing
    return wish.request.method is Method.PICKUP or (standing is not None and standing.is_free)


def _quote_request(wish: Wish) -> QuoteRequest:
    address, request = wish.place.address, wish.request
    return quote_request(
        wish.case,
        id_=request.order_id,
        country=address.country,
        region=address.region,
        service_kind=request.service_kind,
    )


async def _dated(
    db: Connection, options: Sequence[_Option], seen: Survey, *, now: datetime
) -> list[Sequence[Dated | None]]:
    """The dates of each option's shipments, in the order of its plan; none where it is not open."""
    ways = [_ways(one, seen.every) if one.is_open else [] for one in options]
    flat = [way for several in ways for way in several]
    dated = iter(await date_ways(db, flat, every=seen.every, now=now))
    return [[next(dated) for _ in several] for several in ways]


def _ways(option: _Option, every: AllLocations) -> list[Way]:
    assert isinstance(option.found, Sketch)
    wish, policies = option.wish, option.wish.case.channel.policies
    asked = Asked(
        at=wish.case.ask.at,
        remorse_minutes=policies.remorse_minutes,
        clearance_minutes=policies.clearance_minutes,
    )
    minutes = {line.line_id: line.making_minutes for line in wish.case.lines}
    return [
        Way(
            asked=asked,
            location_id=one.location_id,
            service_id=one.service_id,
            address=wish.place.address,
            door=wish.place.door,
            goods_at=option.goods_at.get(one.location_id),
            transfer=every.lane(one.location_id, wish.request.pickup_location_id),
            making_minutes=sum(
                minutes[line_id] * units
                for (line_id, location_id), units in option.found.dealt.items()
                if location_id == one.location_id
            ),
            queue_until_at=option.queue_until_at.get(one.location_id),
        )
        for one in option.found.sent
    ]


def _promised(option: _Option, dated: Sequence[Dated | None], places: Mapping[UUID, Location]) -> Promised | None:
    """The promise of an option; none where it is not open, never arrives, or later than its name says."""
    if not isinstance(option.found, Sketch) or option.refusal or not dated:
        return None
    known = [one for one in dated if one is not None]
    if len(known) < len(dated):
        option.refusal = NEVER
        return None
    wish = option.wish
    shipments = [
        PromisedShipment(
            location_id=sent.location_id,
            location_code=places[sent.location_id].code,
            service_id=sent.service_id,
            lines=tuple(
                PromisedLine(sku_code=wish.case.sku_codes[line_id], quantity=units)
                for (line_id, location_id), units in option.found.dealt.items()
                if location_id == sent.location_id
            ),
            ready_at=one.dates.ready_at,
            leaves_at=one.dates.leaves_at,
            earliest_at=one.dates.earliest_at,
            p50_at=one.dates.p50_at,
            p90_at=one.dates.p90_at,
            limiting_step=one.dates.limiting_step,
        )
        for sent, one in zip(option.found.sent, known, strict=True)
    ]
    whole = together(
        shipments,
        [one.dates for one in known],
        is_estimated=any(one.is_estimated for one in known),
        method=wish.request.method,
        service_kind=wish.request.service_kind,
        pickup_location_id=wish.store.id if wish.store else None,
        time_zone=wish.place.door.zone.key,
        price_minor=option.price_minor,
        currency=wish.request.currency,
    )
    if not keeps_its_word(wish.request.service_kind, whole.p90_at, wish.case.ask.at, wish.place.door.zone):
        option.refusal = TOO_LATE
        return None
    return whole


def _offers(case: Case, options: Sequence[tuple[_Option, Promised | None]]) -> Offers:
    given = [promised for _, promised in options if promised]
    address = next((one.wish.place.address for one, _ in options if not one.wish.store), case.ask.destination)
    return Offers(
        channel=case.channel,
        currency=case.channel.currency,
        destination=address,
        options=tuple(sorted(given, key=lambda one: (one.p50_at, one.p90_at, one.price_minor or 0, one.service_kind))),
        not_offered=tuple(
            NotOffered(
                service_kind=one.wish.request.service_kind,
                location_code=one.wish.store.code if one.wish.store else None,
                reason=one.refusal or (one.found if isinstance(one.found, Rule) else NEVER),
            )
            for one, promised in options
            if promised is None
        ),
        store_codes={one.wish.store.id: one.wish.store.code for one, _ in options if one.wish.store},
    )
