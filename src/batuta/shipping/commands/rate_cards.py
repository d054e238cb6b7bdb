"""What carriers offer, as the merchant agreed it with them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from batuta.plumbing.database import Connection, insert_rows
from batuta.shipping.domain import (
    BadRateCard,
    Carrier,
    RateCard,
    Service,
    UnknownService,
    check_rate_card,
)
from batuta.shipping.tables import carrier, rate, service, tariff_change, transit, zone_rule


async def save_carriers(db: Connection, *, carriers: Sequence[Carrier], now: datetime) -> None:
    """Create carriers, or change those of the same code; a carrier keeps the id it first had."""
    for one in sorted(carriers, key=lambda each: each.code):
        await _upsert(
            db,
            carrier,
            {
                "id": one.id,
                "code": one.code,
                "name": one.name,
                "adapter": one.adapter,
                "gs1_prefix": one.gs1_prefix,
            },
        )
    await mark_changed(db, now)


async def save_services(db: Connection, *, services: Sequence[Service], now: datetime) -> None:
    """Create services, or change those of the same code; a service keeps the id it first had."""
    for one in sorted(services, key=lambda each: each.code):
        await _upsert(
            db,
            service,
            {
                "id": one.id,
                "carrier_id": one.carrier_id,
                "code": one.code,
                "name": one.name,
                "kind": one.kind,
                "weight_max_g": one.weight_max_g,
                "length_max_mm": one.length_max_mm,
                "currency": one.currency,
            },
        )
    await mark_changed(db, now)


async def set_rate_cards(
    db: Connection, *, cards: Sequence[RateCard], now: datetime
) -> list[RateCard | BadRateCard | UnknownService]:
    """Replace the whole rate card of each service, and answer with it."""
    asked = sorted({card.service_id for card in cards})
    locked = select(service.c.id).where(service.c.id == func.any(asked)).order_by(service.c.id)
    known = set((await db.execute(locked.with_for_update())).scalars())
    answers: list[RateCard | BadRateCard | UnknownService] = []
    good: dict[UUID, RateCard] = {}
    for card in cards:
        refusal = _refusal(card, is_known=card.service_id in known)
        answers.append(refusal or card)
        if refusal is None:
            good[card.service_id] = card
    await _replace(db, list(good.values()))
    await mark_changed(db, now)
    return answers


async def _replace(db: Connection, cards: Sequence[RateCard]) -> None:
    ids = [card.service_id for card in cards]
    for table in (zone_rule, rate, transit):
        await db.execute(delete(table).where(table.c.service_id == func.any(ids)))
    await insert_rows(
        db,
        zone_rule,
        (
            {
                "service_id": card.service_id,
                "origin_country": rule.origin_country,
                "origin_prefix": rule.origin_prefix,
                "destination_country": rule.destination_country,
                "destination_prefix": rule.destination_prefix,
                "zone": rule.zone,
            }
            for card in cards
            for rule in card.zones
        ),
    )
    await insert_rows(
        db,
        rate,
        (
            {
                "service_id": card.service_id,
                "zone": step.zone,
                "weight_up_to_g": step.weight_up_to_g,
                "price_minor": step.price_minor,
            }
            for card in cards
            for step in card.rates
        ),
    )
    await insert_rows(
        db,
        transit,
        (
            {
                "service_id": card.service_id,
                "zone": days.zone,
                "days_min": days.days_min,
                "days_max": days.days_max,
            }
            for card in cards
            for days in card.transits
        ),
    )


def _refusal(card: RateCard, *, is_known: bool) -> BadRateCard | UnknownService | None:
    if not is_known:
        return UnknownService("no service has this id", service_id=str(card.service_id))
    try:
        check_rate_card(card)
    except BadRateCard as problem:
        return problem
    return None


async def _upsert(db: Connection, table: Table, row: dict[str, object]) -> None:
    statement = insert(table).values(row)
    changed = {name: statement.excluded[name] for name in row if name not in {"id", "code"}}
    await db.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changed))


async def mark_changed(db: Connection, now: datetime) -> None:
    """Let whoever keeps what carriers offer in memory read it again."""
    transaction: ColumnElement[int] = func.pg_current_xact_id()
    statement = insert(tariff_change).values(id=1, changed_by=transaction, changed_at=now)
    changed = {"changed_by": statement.excluded.changed_by, "changed_at": statement.excluded.changed_at}
    await db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
