"""Reading all that questions for promises are answered with, in a handful of statements however many there are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from math import cos, inf, radians
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from batuta.catalog.domain import Sku
from batuta.catalog.queries import composed_of, recipes_of, skus_by_code, skus_by_id
from batuta.company.queries import channels_by_code
from batuta.customers.queries import customers_by_id
from batuta.inventory.domain import Asker
from batuta.inventory.queries import availability, lots_of
from batuta.kernel.addresses import Address
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each
from batuta.locations.domain import Coordinates, Location
from batuta.locations.queries import AllLocations, all_locations, countries_with_places, places_of
from batuta.plumbing.database import Connection
from batuta.pricing.domain import Quote, QuoteLine, QuoteRequest
from batuta.pricing.queries import quote
from batuta.shipping.domain import ServiceKind
from batuta.sourcing.domain import Good, Known, Shelf, SourcingRequest
from batuta.sourcing.domain.capacity import Capacity
from batuta.sourcing.domain.known import Claims
from batuta.sourcing.domain.promises.asking import Ask, Case, Place, Trade, UnknownPostalCode, case_of, takes_pickups
from batuta.sourcing.queries.capacity import capacities_of
from batuta.sourcing.queries.dating import door_of
from batuta.sourcing.queries.facts import goods_of, said_of, sites_of
from batuta.sourcing.queries.lanes import LaneRequest, Lanes, days_at_most, lanes_of
from batuta.sourcing.queries.strategies import categories_of, strategies

PICKUP = str(ServiceKind.PICKUP)
SHIPPED = [str(kind) for kind in ServiceKind if kind is not ServiceKind.PICKUP]

Stock = tuple[dict[tuple[UUID, UUID], Shelf], dict[UUID, list[UUID]]]
"""Shelves by SKU and location, and the locations that have one by SKU."""


Units = Mapping[tuple[UUID, UUID], int]
"""By SKU and location."""


class Wish(msgspec.Struct, frozen=True):
    """A way in which a case may be served, as the order that nobody has placed. store: where the buyer comes."""

    case: Case
    place: Place
    request: SourcingRequest
    store: Location | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """cases: by ask, or why it cannot be answered. known: by asker. capacity: of locations that have limits.

    fleeting: by ask, the units that would not last for as long after the delivery as it asks for.
    """

    cases: Sequence[Case | BatutaError]
    wishes: Sequence[Wish]
    known: Mapping[Asker, Known]
    every: AllLocations
    capacity: Mapping[UUID, Capacity]
    fleeting: Mapping[UUID, Units] = {}

    def known_for(self, wish: Wish) -> Known:
        """What the plan of a wish is made on; of a pickup, its store and what sends goods there."""
        known = self.known[asker_of(wish.case)]
        if fleeting := self.fleeting.get(wish.case.ask.id):
            known = without(known, fleeting)
        if wish.store is None:
            return known
        shelves = self.every.shelves_for(wish.store.id, ships_to_store=wish.request.ships_to_store)
        return only_at(known, shelves)


def only_at(known: Known, location_ids: Collection[UUID]) -> Known:
    """The same facts without other locations."""
    return msgspec.structs.replace(
        known,
        holders={sku_id: [at for at in location_ids if (sku_id, at) in known.shelves] for sku_id in known.holders},
        sites={at: known.sites[at] for at in location_ids if at in known.sites},
    )


def without(known: Known, units: Units) -> Known:
    """The same facts with fewer units."""
    shelves = {
        place: Shelf(on_hand=shelf.on_hand - units.get(place, 0), room=shelf.room - units.get(place, 0))
        for place, shelf in known.shelves.items()
    }
    return msgspec.structs.replace(known, shelves=shelves)


def asker_of(case: Case) -> Asker:
    """For whom the units are wanted."""
    region = case.ask.destination.region if case.ask.destination else ""
    return Asker(channel_id=case.channel.id, region=region, customer_group=case.customer_group)


async def survey(db: Connection, asks: Sequence[Ask], *, now: datetime) -> Survey:
    """Read what there is to be bought, where it lies, and how it could travel."""
    every = await all_locations(db)
    trade = await _trade(db, asks, every)
    cases: list[Case | BatutaError] = list(each(asks, lambda ask: case_of(ask, trade, now=now)))
    cases, addresses = await _on_the_map(db, cases)
    known_skus = {one.id: one for one in trade.skus.values()} | await _parts(db, trade)
    good = [case for case in cases if isinstance(case, Case)]
    asked = {sku_id for case in good for line in case.lines for sku_id, _ in line.components}
    live = await strategies(db)
    goods = goods_of(asked, known_skus, await categories_of(db, live, known_skus))
    tracked = [sku_id for sku_id, one in goods.items() if one.is_tracked]
    stocks = {asker: await _stock(db, tracked, asker, now) for asker in dict.fromkeys(map(asker_of, good))}
    said = await said_of(db, asked, now=now)
    if said.worths.needs_margins:
        good = await _with_prices(db, good)
    wishes, lanes = await _wishes(db, good, addresses, every)
    claims = _claims(wishes, stocks)
    sites = sites_of(every, _sites_needed(stocks, wishes, every, goods), now=now)
    capacity = await capacities_of(db, [every.by_id[id_] for id_ in sites], sites, now=now)
    known = {
        asker: Known(
            now=now,
            goods=goods,
            sites=sites,
            shelves=shelves,
            holders=holders,
            claims=claims,
            lanes=lanes,
            capacity=capacity,
            barred=frozenset((None, sku_id, location_id) for sku_id, location_id in said.barred),
            strategies=live,
            costs=said.costs,
            worths=said.worths,
            transfer_lanes=every.lanes,
        )
        for asker, (shelves, holders) in stocks.items()
    }
    fleeting = await _fleeting(db, wishes, tracked, every, now=now)
    return Survey(cases=cases, wishes=wishes, known=known, every=every, capacity=capacity, fleeting=fleeting)


async def _fleeting(
    db: Connection, wishes: Sequence[Wish], sku_ids: Sequence[UUID], every: AllLocations, *, now: datetime
) -> dict[UUID, Units]:
    """What would not last, counted from the slowest way that is open, so that no order is refused what was promised.

    Where nobody asks for days that are left, nothing is read.
    """
    asking = [one for one in wishes if one.case.min_remaining_days is not None]
    if not asking:
        return {}
    ways = [
        LaneRequest(
            order_id=one.case.ask.id,
            destination=one.request.destination,
            service_kind=one.request.service_kind,
            currency=one.case.channel.currency,
        )
        for one in asking
        if one.store is None
    ]
    days = await days_at_most(db, ways, every)
    lots = await lots_of(db, sku_ids, now=now)
    found: dict[UUID, Units] = {}
    for case in {one.case.ask.id: one.case for one in asking}.values():
        until_at = case.ask.at + timedelta(days=days.get(case.ask.id, 0) + (case.min_remaining_days or 0))
        found[case.ask.id] = {
            place: sum(units for ends_at, units in several if ends_at < until_at) for place, several in lots.items()
        }
    return found


async def _trade(db: Connection, asks: Sequence[Ask], every: AllLocations) -> Trade:
    skus = await skus_by_code(db, {line.sku_code for ask in asks for line in ask.lines})
    made = [sku.id for sku in skus.values() if sku.is_made_to_order]
    customers = {ask.customer_id for ask in asks if ask.customer_id}
    codes = {ask.store_code for ask in asks if ask.store_code}
    return Trade(
        channels=await channels_by_code(db, {ask.channel_code for ask in asks}),
        skus=skus,
        parts=await composed_of(db, skus.values()),
        recipes=await recipes_of(db, made) if made else {},
        customers=await customers_by_id(db, customers),
        stores={one.code: one for one in every.by_id.values() if one.code in codes} if codes else {},
    )


async def _with_prices(db: Connection, cases: Sequence[Case]) -> list[Case]:
    """The cases with what their lines would be sold for, where that is known."""
    there = [case.ask.destination for case in cases]
    requests = [
        quote_request(case, id_=case.ask.id, country=to.country if to else case.channel.country)
        for case, to in zip(cases, there, strict=True)
    ]
    return [
        case.priced(answer) if isinstance(answer, Quote) else case
        for case, answer in zip(cases, await quote(db, requests=requests), strict=True)
    ]


def quote_request(
    case: Case, *, id_: UUID, country: str, region: str = "", service_kind: str | None = None
) -> QuoteRequest:
    """What the buyer would pay for what is asked; for shipping too, where it names a kind of service."""
    channel = case.channel
    return QuoteRequest(
        id=id_,
        channel_id=channel.id,
        currency=channel.currency,
        tax_mode=channel.tax_mode,
        country=country,
        region=region,
        at=case.ask.at,
        rounding_rule=channel.policies.rounding_rule,
        service_kind=service_kind,
        lines=[
            QuoteLine(line_id=line.line_id, sku_id=sku.id, tax_category=sku.tax_category, quantity=line.quantity)
            for line, sku in zip(case.lines, case.skus, strict=True)
        ],
    )


async def _parts(db: Connection, trade: Trade) -> dict[UUID, Sku]:
    wanted = {part.sku_id for several in trade.parts.values() for part in several}
    return dict(await skus_by_id(db, wanted)) if wanted else {}


async def _on_the_map(
    db: Connection, cases: Sequence[Case | BatutaError]
) -> tuple[list[Case | BatutaError], dict[UUID, Address]]:
    """The destinations with coordinates where they are known; a postal code that a listed country lacks is refused."""
    addresses = {one.ask.id: one.ask.destination for one in cases if isinstance(one, Case) and one.ask.destination}
    lost = {id_: (to.country, to.postal_code) for id_, to in addresses.items() if to.latitude is None}
    found = await places_of(db, set(lost.values())) if lost else {}
    missing = {key for key in lost.values() if key not in found}
    listed = await countries_with_places(db, {country for country, _ in missing}) if missing else set()
    for id_, key in lost.items():
        if key in found:
            addresses[id_] = _placed(addresses[id_], found[key])
    refused = {id_ for id_, key in lost.items() if key[0] in listed and key not in found}
    whole = [
        UnknownPostalCode("there is no such postal code", country=lost[one.ask.id][0], postal_code=lost[one.ask.id][1])
        if isinstance(one, Case) and one.ask.id in refused
        else one
        for one in cases
    ]
    return whole, addresses


def _placed(address: Address, at: Coordinates) -> Address:
    return msgspec.structs.replace(address, latitude=at.latitude, longitude=at.longitude)


async def _stock(db: Connection, sku_ids: Sequence[UUID], asker: Asker, now: datetime) -> Stock:
    """What who asks may have of each SKU, and where."""
    shelves: dict[tuple[UUID, UUID], Shelf] = {}
    holders: dict[UUID, list[UUID]] = {sku_id: [] for sku_id in sku_ids}
    for one in await availability(db, sku_ids=sku_ids, asker=asker, now=now):
        shelves[one.sku_id, one.location_id] = Shelf(on_hand=one.on_hand - one.expired, room=one.available)
        if one.available:
            holders[one.sku_id].append(one.location_id)
    return shelves, holders


def _claims(wishes: Sequence[Wish], stocks: Mapping[Asker, Stock]) -> Mapping[UUID, Claims]:
    """What orders that are placed hold; they may have it, also where nothing else is left."""
    found = {one.request.order_id: held for one in wishes if (held := one.case.held)}
    for one in wishes:
        shelves, holders = stocks[asker_of(one.case)]
        for _, sku_id, location_id in found.get(one.request.order_id, ()):
            if (sku_id, location_id) in shelves and location_id not in holders[sku_id]:
                holders[sku_id].append(location_id)
    return found


async def _wishes(
    db: Connection, cases: Sequence[Case], addresses: Mapping[UUID, Address], every: AllLocations
) -> tuple[list[Wish], Lanes]:
    """Every way that may be open: each kind of service that goes there from anywhere, and stores."""
    wishes, asked = [], []
    for case in cases:
        address = addresses.get(case.ask.id)
        if address is not None and case.store is None:
            place = Place(address=address, door=door_of(address))
            for kind in SHIPPED:
                wish = Wish(case, place, case.request(kind, destination=address))
                wishes.append(wish)
                asked.append(
                    LaneRequest(
                        order_id=wish.request.order_id,
                        destination=address,
                        service_kind=kind,
                        currency=case.channel.currency,
                    )
                )
        wishes += [_collected(case, store) for store in _stores(case, address, every)]
    lanes = await lanes_of(db, asked, every)
    return [one for one in wishes if one.store or lanes.goes(one.request.order_id)], lanes


def _collected(case: Case, store: Location) -> Wish:
    place = Place(address=store.address, door=door_of(store.address))
    return Wish(case, place, case.request(PICKUP, store=store, destination=store.address), store)


def _stores(case: Case, address: Address | None, every: AllLocations) -> list[Location]:
    """The store that was named, or the nearest; without a map, in the order of their codes."""
    if case.store:
        return [case.store]
    if not case.ask.stores_max:
        return []
    if (stores := _collecting.get(every)) is None:
        found = [one for one in every.by_id.values() if takes_pickups(one)]
        stores = _collecting[every] = sorted(found, key=lambda one: one.code)
    if address is None or address.latitude is None or address.longitude is None:
        return stores[: case.ask.stores_max]
    north, east = address.latitude, address.longitude
    narrow = cos(radians(north))
    return nsmallest(case.ask.stores_max, stores, key=lambda one: _far(one, north, east, narrow))


def _far(one: Location, north: float, east: float, narrow: float) -> float:
    """A measure of distance that orders what is near by; across the earth it need not."""
    if one.latitude is None or one.longitude is None:
        return inf
    return float((one.latitude - north) ** 2 + ((one.longitude - east) * narrow) ** 2)


_collecting: WeakKeyDictionary[AllLocations, list[Location]] = WeakKeyDictionary()


def _sites_needed(
    stocks: Mapping[Asker, Stock], wishes: Sequence[Wish], every: AllLocations, goods: Mapping[UUID, Good]
) -> Iterable[UUID]:
    """The locations that have something, or are a store that was asked for; all where something lies everywhere."""
    if not all(one.is_tracked for one in goods.values()):
        return [one.id for one in every.by_id.values() if one.is_active]
    needed: dict[UUID, None] = {}
    for _, holders in stocks.values():
        for location_ids in holders.values():
            needed.update(dict.fromkeys(location_ids))
    needed.update((one.store.id, None) for one in wishes if one.store)
    return [id_ for id_ in needed if id_ in every.by_id]
