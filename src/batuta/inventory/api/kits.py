"""Kits that are built and broken up, and what is on hand in which condition, owned or not."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from batuta.catalog.queries import skus_by_code
from batuta.inventory.commands.kits import work_on_kits
from batuta.inventory.domain import Lot, UnknownStock
from batuta.inventory.domain.kits import PART_LOTS_MAX, KitTask, KitVerb, KitWork, PartLot, UnknownWork, work_id
from batuta.inventory.queries.kits import kit_work_by_id
from batuta.inventory.queries.owning import OnHand, on_hand_of
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Quantity
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, once, requires
from batuta.plumbing.web.moments import moment

SKUS_MAX = 200

SkuIds = Annotated[list[UUID], QueryParameter(name="sku_id", min_items=1, max_items=SKUS_MAX)]
LocationIds = Annotated[list[UUID] | None, QueryParameter(name="location_id", max_items=SKUS_MAX)]


class PartLotBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Under which lot the units of a part come out of the kit."""

    sku_code: Code
    lot: Code


class KitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Build kits, or break them up. key: the sender's own; sent again, it is answered and not repeated, for ever.

    lot: of the kits, where they have lots. part_lots: of the parts of a kit that is broken up.
    """

    key: Code
    sku_code: Code
    location_code: Code
    verb: KitVerb
    quantity: Quantity
    lot: Lot = ""
    part_lots: Annotated[list[PartLotBody], msgspec.Meta(max_length=PART_LOTS_MAX)] = []


class OnHands(msgspec.Struct, frozen=True, kw_only=True):
    """What is on hand of SKUs, place by place."""

    items: list[OnHand]


@post("/api/kit-work", guards=[requires("inventory.move")])
async def work_on_kit(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[KitBody]
) -> Response[KitWork]:
    """Build kits of free units of their parts, or break them up into them, in one document of the ledger."""

    async def act(db: Connection) -> Answer[KitWork]:
        skus = await skus_by_code(db, {data.sku_code, *(one.sku_code for one in data.part_lots)})
        location_id = (await location_ids_by_code(db, [data.location_code])).get(data.location_code)
        if location_id is None or not caller.sees_location(location_id):
            raise UnknownStock("there is no such location", location_code=data.location_code)
        for code in (data.sku_code, *(one.sku_code for one in data.part_lots)):
            if code not in skus:
                raise UnknownStock("there is no such SKU", sku_code=code)
        task = KitTask(
            id=work_id(data.key),
            kit_id=skus[data.sku_code].id,
            location_id=location_id,
            verb=data.verb,
            quantity=data.quantity,
            lot=data.lot,
            part_lots=tuple(PartLot(sku_id=skus[one.sku_code].id, lot=one.lot) for one in data.part_lots),
            actor=caller.actor,
        )
        return Answer(only(await work_on_kits(db, tasks=[task], now=moment())))

    return await once(engine, request, act)


@get("/api/kit-work/{work_id:uuid}", guards=[requires("inventory.read")])
async def kit_work(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], work_id: FromPath[UUID]
) -> KitWork:
    """Answer with work on kits, and what it moved."""
    async with engine.connect() as db:
        found = (await kit_work_by_id(db, [work_id])).get(work_id)
    if found is None or not caller.sees_location(found.location_id):
        raise UnknownWork("there is no such work on kits", id=str(work_id))
    return found


@get("/api/stock/on-hand", guards=[requires("inventory.read")])
async def on_hand(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_ids: SkuIds,
    location_ids: LocationIds = None,
) -> OnHands:
    """Say what is on hand of SKUs, place by place: owned and consigned goods apart, and by condition."""
    seen = location_ids
    if caller.location_ids is not None:
        wanted = caller.location_ids if location_ids is None else location_ids
        seen = sorted(caller.location_ids.intersection(wanted))
    async with engine.connect() as db:
        return OnHands(items=await on_hand_of(db, sku_ids=sku_ids, location_ids=seen))


ROUTES = [work_on_kit, kit_work, on_hand]
