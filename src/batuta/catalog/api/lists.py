"""What is said of a SKU as a whole: its units, what it is built of and how, and what may replace it."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from batuta.catalog.api.skus import COMPONENTS_MAX, ComponentBody, sku_of, sku_tag
from batuta.catalog.commands import lock_sku, set_kit_parts, set_recipes, set_substitutes, set_units
from batuta.catalog.domain import (
    Component,
    Converted,
    Recipe,
    Sku,
    Substitute,
    Unit,
    UnknownRecipe,
    convert,
    unit_named,
)
from batuta.catalog.queries import kit_parts_of, recipes_of, substitutes_of, units_of
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import QUANTITY_MAX
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, once, requires
from batuta.plumbing.web.moments import moment

UNITS_MAX = 50
SUBSTITUTES_MAX = 100

UnitCode = Annotated[str, QueryParameter(min_length=1, max_length=100)]
Count = Annotated[int, QueryParameter(ge=0, le=QUANTITY_MAX)]


class UnitsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All units in which a SKU is measured, besides its base unit."""

    units: Annotated[list[Unit], msgspec.Meta(max_length=UNITS_MAX)]


class PartsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of what one unit of the kit is built."""

    parts: Annotated[list[ComponentBody], msgspec.Meta(max_length=COMPONENTS_MAX)]


class SubstitutesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that may be sent instead of the SKU."""

    substitutes: Annotated[list[Substitute], msgspec.Meta(max_length=SUBSTITUTES_MAX)]


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """base: the unit in which stock is counted. units: the others."""

    base: str
    units: list[Unit]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Of what one unit of a kit is built, in the order of the SKUs."""

    parts: list[Component]


class Substitutes(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent instead, the first choice first."""

    substitutes: list[Substitute]


@get("/api/skus/{sku_id:uuid}/units", guards=[requires("catalog.read")])
async def units(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Units]:
    """Answer with the units in which a SKU is sold, stocked and bought; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        sku = await sku_of(db, sku_id)
        found = (await units_of(db, [sku_id])).get(sku_id, [])
    return Response(Units(base=sku.unit, units=found), headers=tag)


@put("/api/skus/{sku_id:uuid}/units", guards=[requires("catalog.write")])
async def put_units(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[UnitsBody],
) -> Response[Units]:
    """Say anew in which units a SKU is measured, each as an exact fraction of base units."""

    async def act(db: Connection) -> Answer[Units]:
        sku = await _locked(db, request, sku_id)
        saved = only(await set_units(db, units={sku_id: data.units}, now=moment(), actor=caller.actor))
        return Answer(Units(base=sku.unit, units=saved), headers=await sku_tag(db, sku_id))

    return await once(engine, request, act)


@get("/api/skus/{sku_id:uuid}/conversion", guards=[requires("catalog.read")])
async def conversion(
    engine: NamedDependency[Engine], sku_id: FromPath[UUID], quantity: Count, source: UnitCode, target: UnitCode
) -> Converted:
    """Say how many of one unit are in so many of another, exactly: whole ones and the fraction that is left."""
    async with engine.connect() as db:
        sku = await sku_of(db, sku_id)
        known = (await units_of(db, [sku_id])).get(sku_id, [])
    return convert(quantity, unit_named(sku, known, source), unit_named(sku, known, target))


@get("/api/skus/{sku_id:uuid}/kit-parts", guards=[requires("catalog.read")])
async def kit_parts(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Parts]:
    """Answer with what one unit of a kit is built of; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        await sku_of(db, sku_id)
        found = (await kit_parts_of(db, [sku_id])).get(sku_id, [])
    return Response(Parts(parts=found), headers=tag)


@put("/api/skus/{sku_id:uuid}/kit-parts", guards=[requires("catalog.write")])
async def put_kit_parts(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[PartsBody],
) -> Response[Parts]:
    """Say anew of what a kit is built. A kit has stock of its own; a bundle is put together as it is sold."""

    async def act(db: Connection) -> Answer[Parts]:
        await _locked(db, request, sku_id)
        parts = [Component(sku_id=part.sku_id, quantity=part.quantity) for part in data.parts]
        saved = only(await set_kit_parts(db, kits={sku_id: parts}, now=moment(), actor=caller.actor))
        return Answer(Parts(parts=saved), headers=await sku_tag(db, sku_id))

    return await once(engine, request, act)


@get("/api/skus/{sku_id:uuid}/substitutes", guards=[requires("catalog.read")])
async def substitutes(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Substitutes]:
    """Answer with what may be sent instead of a SKU, by rank; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        await sku_of(db, sku_id)
        found = (await substitutes_of(db, [sku_id])).get(sku_id, [])
    return Response(Substitutes(substitutes=found), headers=tag)


@put("/api/skus/{sku_id:uuid}/substitutes", guards=[requires("catalog.write")])
async def put_substitutes(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[SubstitutesBody],
) -> Response[Substitutes]:
    """Say anew what may be sent instead of a SKU, in which order, at which price, and whether the customer is asked."""

    async def act(db: Connection) -> Answer[Substitutes]:
        await _locked(db, request, sku_id)
        saved = only(
            await set_substitutes(db, substitutes={sku_id: data.substitutes}, now=moment(), actor=caller.actor)
        )
        return Answer(Substitutes(substitutes=saved), headers=await sku_tag(db, sku_id))

    return await once(engine, request, act)


@get("/api/skus/{sku_id:uuid}/recipe", guards=[requires("catalog.read")])
async def recipe(engine: NamedDependency[Engine], sku_id: FromPath[UUID]) -> Response[Recipe]:
    """Answer with how a SKU is made to order; its version is the ETag."""
    async with engine.connect() as db:
        tag = await sku_tag(db, sku_id)
        await sku_of(db, sku_id)
        found = (await recipes_of(db, [sku_id])).get(sku_id)
    if found is None:
        raise UnknownRecipe("nothing says how this is made", sku_id=str(sku_id))
    return Response(found[0], headers=tag)


@put("/api/skus/{sku_id:uuid}/recipe", guards=[requires("catalog.write")])
async def put_recipe(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    sku_id: FromPath[UUID],
    data: JSONBody[Recipe],
) -> Response[Recipe]:
    """Say anew how a SKU is made of its kit parts: who can, by which steps, and what its buyer is asked."""

    async def act(db: Connection) -> Answer[Recipe]:
        await _locked(db, request, sku_id)
        saved = only(await set_recipes(db, recipes={sku_id: data}, now=moment(), actor=caller.actor))
        return Answer(saved, headers=await sku_tag(db, sku_id))

    return await once(engine, request, act)


async def _locked(db: Connection, request: AnyRequest, sku_id: UUID) -> Sku:
    sku = await sku_of(db, sku_id)
    check_version(request, await lock_sku(db, code=sku.code))
    return sku


ROUTES = [
    units,
    put_units,
    conversion,
    kit_parts,
    put_kit_parts,
    recipe,
    put_recipe,
    substitutes,
    put_substitutes,
]
