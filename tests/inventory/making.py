"""Stock to test with: real SKUs and locations of one company, units received by movements."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import Product, Sku, SkuKind
from batuta.company.commands import save_legal_entities
from batuta.company.domain import LegalEntity
from batuta.inventory.commands import record_movements
from batuta.inventory.domain import (
    Account,
    Condition,
    Harden,
    Issue,
    Movement,
    MovementReason,
    Recorded,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.queries import AUDIT, availability
from batuta.kernel.addresses import Address
from batuta.locations.commands import save_locations
from batuta.locations.domain import Location, LocationKind
from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from tests.making import NOW, fresh_code, fresh_id


async def given_skus(db: Connection, count: int = 1, *, is_tracked: bool = True) -> list[UUID]:
    product = Product(id=fresh_id(), code=fresh_code("P"), name={"en": "Lamp"})
    await save_products(db, products=[product], now=NOW)
    kind = SkuKind.GOOD if is_tracked else SkuKind.SERVICE
    skus = [
        Sku(id=fresh_id(), code=fresh_code("S"), product_id=product.id, kind=kind, is_tracked=is_tracked)
        for _ in range(count)
    ]
    saved = await save_skus(db, skus=skus, now=NOW)
    return [one.id for one in saved if isinstance(one, Sku)]


async def given_locations(db: Connection, count: int = 1) -> list[UUID]:
    entity = LegalEntity(
        id=fresh_id(), code=fresh_code("LE"), name="Casa", country="ES", currency="EUR", time_zone="Europe/Madrid"
    )
    await save_legal_entities(db, legal_entities=[entity], now=NOW)
    address = Address(street=["Calle Mayor 1"], city="Madrid", region="Madrid", postal_code="28013", country="ES")
    locations = [
        Location(
            id=fresh_id(),
            code=fresh_code("L"),
            name="Store",
            kind=LocationKind.STORE,
            legal_entity_id=entity.id,
            address=address,
            time_zone="Europe/Madrid",
            currency="EUR",
        )
        for _ in range(count)
    ]
    saved = await save_locations(db, locations=locations, now=NOW)
    return [one.id for one in saved if isinstance(one, Location)]


async def given_stock(db: Connection, *, units: int, lot: str = "") -> tuple[UUID, UUID]:
    """One new SKU with so many sellable units at one new location."""
    (sku_id,) = await given_skus(db)
    (location_id,) = await given_locations(db)
    await receive(db, sku_id, location_id, units, lot=lot)
    return sku_id, location_id


def movement(
    sku_id: UUID,
    quantity: int,
    source: Account,
    target: Account,
    *,
    key: str = "",
    reason: MovementReason = MovementReason.RECEIPT,
    lot: str = "",
    document_id: UUID | None = None,
    at: datetime = NOW,
) -> Movement:
    return Movement(
        key=key or fresh_code("move"),
        sku_id=sku_id,
        quantity=quantity,
        source=source,
        target=target,
        lot=lot,
        reason=reason,
        document_id=document_id or fresh_id(),
        actor="test:ana",
        effective_at=at,
    )


def receipt(
    sku_id: UUID, location_id: UUID, quantity: int, *, lot: str = "", condition: Condition = Condition.SELLABLE
) -> Movement:
    return movement(sku_id, quantity, Account.supplier(), Account.location(location_id, condition), lot=lot)


def count_found_missing(sku_id: UUID, location_id: UUID, quantity: int, *, lot: str = "") -> Movement:
    source, target = Account.location(location_id), Account.loss()
    return movement(sku_id, quantity, source, target, reason=MovementReason.COUNT, lot=lot)


async def receive(db: Connection, sku_id: UUID, location_id: UUID, units: int, *, lot: str = "") -> None:
    recorded = await record_movements(db, movements=[receipt(sku_id, location_id, units, lot=lot)], now=NOW)
    assert isinstance(recorded[0], Recorded), recorded


def wish(
    *wanted: tuple[UUID, int],
    holder_id: UUID | None = None,
    line_id: UUID | None = None,
    until_at: datetime | None = None,
    location_ids: tuple[UUID, ...] | None = None,
    allow_partial: bool = False,
) -> ReserveRequest:
    """A request for (SKU, quantity), each in a line of its own unless `line_id` makes it one kit."""
    return ReserveRequest(
        holder_id=holder_id or fresh_id(),
        lines=[ReserveLine(line_id=line_id or fresh_id(), sku_id=sku_id, quantity=units) for sku_id, units in wanted],
        until_at=until_at,
        location_ids=location_ids,
        allow_partial=allow_partial,
    )


def hardening(request: ReserveRequest, *, new_holder_id: UUID | None = None) -> Harden:
    """The order's lines bear the ids of the cart's."""
    return Harden(
        holder_id=request.holder_id,
        new_holder_id=new_holder_id or fresh_id(),
        line_ids={line.line_id: line.line_id for line in request.lines},
    )


def issuing(request: ReserveRequest, location_id: UUID, quantity: int, *, key: str = "") -> Issue:
    """Hand out units of the request's first line to a new parcel."""
    return Issue(
        key=key or fresh_code("issue"),
        holder_id=request.holder_id,
        line_id=request.lines[0].line_id,
        sku_id=request.lines[0].sku_id,
        location_id=location_id,
        quantity=quantity,
        target=Account.parcel(fresh_id()),
        document_id=request.holder_id,
        actor="test:ana",
        effective_at=NOW,
    )


async def left(db: Connection, sku_id: UUID, *, now: datetime = NOW) -> int:
    """What the network may still promise of a SKU."""
    return sum(one.available for one in await availability(db, sku_ids=[sku_id], now=now))


async def on_hand(db: Connection, sku_id: UUID) -> int:
    return sum(one.on_hand for one in await availability(db, sku_ids=[sku_id], now=NOW))


async def reserved(db: Connection, sku_id: UUID, *, now: datetime = NOW) -> int:
    return sum(one.reserved for one in await availability(db, sku_ids=[sku_id], now=now))


async def assert_laws_hold(db: Connection) -> None:
    verdicts: Sequence[object] = [verdict for verdict in await examine(db, AUDIT) if verdict.broken]
    assert not verdicts, verdicts
