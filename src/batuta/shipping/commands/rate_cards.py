"""What carriers offer, as the merchant agreed it with them; saving the same again changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Table, Uuid, any_, bindparam, delete, update

from batuta.kernel.codes import Codes
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, Changed
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, insert_rows, locked_rows
from batuta.plumbing.knowledge import mark_changed
from batuta.plumbing.saving import Saving, tell
from batuta.shipping.domain import (
    Carrier,
    RateCard,
    Service,
    UnknownCarrier,
    UnknownService,
    check_carrier,
    check_rate_card,
    check_service,
)
from batuta.shipping.events import CarrierSaved, RateCardSaved, ServiceSaved
from batuta.shipping.queries import carriers_by_id, rate_cards_of, stored_services_by_id
from batuta.shipping.queries.rates import SHIPPING
from batuta.shipping.tables import carrier, rate, service, transit, zone_rule

_CARRIERS = Saving(Carrier, carrier, told=CarrierSaved, subject=SHIPPING)
_SERVICES = Saving(Service, service, told=ServiceSaved, subject=SHIPPING)
_PARTS: Mapping[str, Table] = {"zones": zone_rule, "rates": rate, "transits": transit}

_ids = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
_FORGET = [delete(table).where(table.c.service_id == any_(_ids)) for table in _PARTS.values()]
_COUNT = update(service).where(service.c.id == any_(_ids)).values(version=service.c.version + 1)


async def save_carriers(
    db: Connection, *, carriers: Sequence[Carrier], now: datetime, actor: str = SETUP
) -> list[Carrier | BatutaError]:
    """Save carriers by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _CARRIERS.locked(db, carriers)
    names = Codes(await carriers_by_id(db, {one.id for one in carriers}))

    def decide(one: Carrier) -> Carrier:
        names.check(one)
        return check_carrier(one)

    return await _CARRIERS.save(db, each(carriers, decide), present, now=now, actor=actor)


async def save_services(
    db: Connection, *, services: Sequence[Service], now: datetime, actor: str = SETUP
) -> list[Service | BatutaError]:
    """Save services by code; each answer is the one stored (an old code keeps its id) or why not."""
    present = await _SERVICES.locked(db, services)
    owners = await carriers_by_id(db, {one.carrier_id for one in services})
    names = Codes(await stored_services_by_id(db, {one.id for one in services}))

    def decide(one: Service) -> Service:
        names.check(one)
        if one.carrier_id not in owners:
            raise UnknownCarrier("there is no such carrier", code=one.code, carrier_id=str(one.carrier_id))
        return check_service(one, present.get(one.code))

    return await _SERVICES.save(db, each(services, decide), present, now=now, actor=actor)


async def lock_carrier(db: Connection, *, code: str) -> int:
    """Lock a carrier that is going to be saved and return its version; 0 when there is none yet."""
    return await _CARRIERS.lock(db, code=code)


async def lock_service(db: Connection, *, code: str) -> int:
    """Lock a service that, or whose rate card, is going to be saved; return its version, 0 when there is none yet."""
    return await _SERVICES.lock(db, code=code)


async def set_rate_cards(
    db: Connection, *, cards: Sequence[RateCard], now: datetime, actor: str = SETUP
) -> list[RateCard | BatutaError]:
    """Replace the whole rate card of each service, and answer with it; it counts as a version of the service."""
    locked = await locked_rows(db, service.c.id, sorted({card.service_id for card in cards}))
    known = {row["id"]: msgspec.convert(row, Service) for row in locked}

    def decide(card: RateCard) -> RateCard:
        if card.service_id not in known:
            raise UnknownService("no service has this id", service_id=str(card.service_id))
        check_rate_card(card)
        return card

    answers = each(cards, decide)
    wanted = {card.service_id: card for card in good(answers)}
    before = await rate_cards_of(db, wanted)
    changes = {id_: _changes(before[id_], card) for id_, card in sorted(wanted.items())}
    news = [wanted[id_] for id_, changed in changes.items() if changed]
    await _replace(db, news)
    await mark_changed(db, SHIPPING)
    await tell(db, RateCardSaved, known, changes, now=now, actor=actor)
    return answers


def _changes(before: RateCard, after: RateCard) -> dict[str, Changed]:
    """By part of the card: the rows that are gone, and those that are new."""
    found: dict[str, Changed] = {}
    for part in _PARTS:
        old, new = (dict.fromkeys(getattr(card, part)) for card in (before, after))
        if old.keys() != new.keys():
            found[part] = Changed(
                before=[one for one in old if one not in new], after=[one for one in new if one not in old]
            )
    return found


async def _replace(db: Connection, cards: Sequence[RateCard]) -> None:
    ids = {"ids": [card.service_id for card in cards]}
    for statement in (*_FORGET, _COUNT):
        await db.execute(statement, ids)
    for part, table in _PARTS.items():
        rows: list[dict[str, Any]] = [
            msgspec.structs.asdict(one) | {"service_id": card.service_id}
            for card in cards
            for one in getattr(card, part)
        ]
        await insert_rows(db, table, rows)
