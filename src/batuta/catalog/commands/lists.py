"""What is said of a SKU as a whole: its units, what it is built of and how, and what may replace it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Column, Uuid, any_, bindparam, delete, select, update

from batuta.catalog.domain import (
    Component,
    Recipe,
    Sku,
    Substitute,
    Unit,
    UnknownSku,
    check_parts,
    check_recipe,
    check_substitutes,
    check_units,
)
from batuta.catalog.queries import kit_parts_of, recipes_of, stored_skus_by_id, substitutes_of, units_of
from batuta.catalog.tables import kit_part, recipe, sku, substitute, unit
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, Instant, insert_rows

Item = TypeVar("Item", Unit, Component, Substitute, Recipe)
Lists = Mapping[UUID, Sequence[Item]]
Read = Callable[[Connection, Collection[UUID]], Awaitable[Mapping[UUID, list[Item]]]]

_sku_ids = bindparam("sku_ids", type_=ARRAY(Uuid(), dimensions=1))
_LOCK = select(sku.c.id).where(sku.c.id == any_(_sku_ids)).order_by(sku.c.id).with_for_update(key_share=True)
_COUNT = (
    update(sku)
    .where(sku.c.id == any_(_sku_ids))
    .values(updated_at=bindparam("now", type_=Instant), version=sku.c.version + 1)
)


async def set_units(db: Connection, *, units: Lists[Unit], now: datetime) -> list[list[Unit] | BatutaError]:
    """Say anew in which units each SKU is measured; the answers come in the order of `units`."""
    known = await stored_skus_by_id(db, units)
    checked = _checked(units, known, check_units)
    wanted = dict(good(checked))
    changed = await _news(db, wanted, units_of, unit.c.sku_id, now)
    await insert_rows(db, unit, [_row(one, sku_id=sku_id) for sku_id in changed for one in wanted[sku_id]])
    return _answers(checked)


async def set_kit_parts(
    db: Connection, *, kits: Lists[Component], now: datetime
) -> list[list[Component] | BatutaError]:
    """Say anew of what one unit of each kit is built; work on kits keeps what it was done with."""
    known = await stored_skus_by_id(db, {*kits, *(part.sku_id for parts in kits.values() for part in parts)})
    checked = _checked(kits, known, lambda one, parts: check_parts(one, parts, known))
    wanted = dict(good(checked))
    changed = await _news(db, wanted, kit_parts_of, kit_part.c.kit_id, now)
    await insert_rows(db, kit_part, [_row(part, kit_id=kit_id) for kit_id in changed for part in wanted[kit_id]])
    return _answers(checked)


async def set_substitutes(
    db: Connection, *, substitutes: Lists[Substitute], now: datetime
) -> list[list[Substitute] | BatutaError]:
    """Say anew what may be sent instead of each SKU (INV-17)."""
    known = await stored_skus_by_id(
        db, {*substitutes, *(one.sku_id for those in substitutes.values() for one in those)}
    )
    checked = _checked(substitutes, known, lambda one, those: check_substitutes(one, those, known))
    wanted = dict(good(checked))
    changed = await _news(db, wanted, substitutes_of, substitute.c.instead_of_id, now)
    await insert_rows(db, substitute, [_row(one, instead_of_id=sku_id) for sku_id in changed for one in wanted[sku_id]])
    return _answers(checked)


async def set_recipes(db: Connection, *, recipes: Mapping[UUID, Recipe], now: datetime) -> list[Recipe | BatutaError]:
    """Say anew how each SKU is made to order; orders keep the recipe they were placed with (FUL-14)."""
    known = await stored_skus_by_id(db, recipes)
    lists = {sku_id: [one] for sku_id, one in recipes.items()}
    checked = _checked(lists, known, lambda one, those: [check_recipe(one, those[0])])
    wanted = dict(good(checked))
    changed = await _news(db, wanted, recipes_of, recipe.c.sku_id, now)
    await insert_rows(db, recipe, [_row(one, sku_id=sku_id) for sku_id in changed for one in wanted[sku_id]])
    return [one if isinstance(one, BatutaError) else one[0] for one in _answers(checked)]


def _checked(
    lists: Lists[Item], known: Mapping[UUID, Sku], check: Callable[[Sku, Sequence[Item]], list[Item]]
) -> list[tuple[UUID, list[Item]] | BatutaError]:
    def decide(given: tuple[UUID, Sequence[Item]]) -> tuple[UUID, list[Item]]:
        sku_id, items = given
        if sku_id not in known:
            raise UnknownSku("there is no such SKU", sku_id=str(sku_id))
        return sku_id, check(known[sku_id], items)

    return each(lists.items(), decide)


async def _news(db: Connection, wanted: Lists[Item], read: Read[Item], key: Column[UUID], now: datetime) -> list[UUID]:
    """Lock the SKUs, and take away the lists that say something new, which count as a new version."""
    await db.execute(_LOCK, {"sku_ids": sorted(wanted)})
    before = await read(db, wanted)
    changed = [sku_id for sku_id in sorted(wanted) if list(wanted[sku_id]) != list(before.get(sku_id, []))]
    if changed:
        await db.execute(_COUNT, {"sku_ids": changed, "now": now})
        await db.execute(delete(key.table).where(key == any_(_sku_ids)), {"sku_ids": changed})
    return changed


def _row(item: msgspec.Struct, **key: UUID) -> dict[str, Any]:
    return {**key, **msgspec.structs.asdict(item)}


def _answers(checked: Sequence[tuple[UUID, list[Item]] | BatutaError]) -> list[list[Item] | BatutaError]:
    return [one if isinstance(one, BatutaError) else one[1] for one in checked]
