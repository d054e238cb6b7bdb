"""What is said of a SKU as a whole: its units, what it is made or built of and how, and what may replace it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar
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
    check_components,
    check_parts,
    check_recipe,
    check_substitutes,
    check_units,
)
from batuta.catalog.events import SkuSaved
from batuta.catalog.queries import components_of, kit_parts_of, recipes_of, stored_skus_by_id, substitutes_of, units_of
from batuta.catalog.tables import component, kit_part, recipe, sku, substitute, unit
from batuta.kernel.errors import BatutaError
from batuta.kernel.events import SETUP, Changed
from batuta.kernel.outcomes import each, good
from batuta.plumbing.database import Connection, Instant, insert_rows
from batuta.plumbing.saving import tell

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


class _List(Generic[Item]):
    """One list that SKUs have. field: as which it is told. key: the column that says whose row it is."""

    def __init__(
        self,
        field: str,
        key: Column[UUID],
        read: Read[Item],
    ) -> None:
        self._field = field
        self._key = key
        self._read: Read[Item] = read
        self._forget = delete(key.table).where(key == any_(_sku_ids))

    async def set(
        self, db: Connection, checked: Sequence[tuple[Sku, list[Item]] | BatutaError], *, now: datetime, actor: str
    ) -> list[list[Item] | BatutaError]:
        """Write the lists that say something new, each as a new version of its SKU, and tell them."""
        wanted = {one.id: items for one, items in good(checked)}
        await db.execute(_LOCK, {"sku_ids": sorted(wanted)})
        before = await self._read(db, wanted)
        changes = {
            sku_id: {self._field: Changed(before=before.get(sku_id, []), after=items)}
            for sku_id, items in sorted(wanted.items())
            if items != before.get(sku_id, [])
        }
        if changes:
            changed = {"sku_ids": list(changes)}
            await db.execute(_COUNT, changed | {"now": now})
            await db.execute(self._forget, changed)
            rows = [{self._key.name: id_, **msgspec.structs.asdict(one)} for id_ in changes for one in wanted[id_]]
            await insert_rows(db, self._key.table, rows)
            await tell(db, SkuSaved, {one.id: one for one, _ in good(checked)}, changes, now=now, actor=actor)
        return [one if isinstance(one, BatutaError) else one[1] for one in checked]


_UNITS = _List("units", unit.c.sku_id, units_of)
_COMPONENTS = _List("components", component.c.bundle_id, components_of)
_KIT_PARTS = _List("kit_parts", kit_part.c.kit_id, kit_parts_of)
_SUBSTITUTES = _List("substitutes", substitute.c.instead_of_id, substitutes_of)
_RECIPES = _List("recipe", recipe.c.sku_id, recipes_of)


async def set_units(
    db: Connection, *, units: Lists[Unit], now: datetime, actor: str = SETUP
) -> list[list[Unit] | BatutaError]:
    """Say anew in which units each SKU is measured; the answers come in the order of `units`."""
    known = await stored_skus_by_id(db, units)
    return await _UNITS.set(db, _checked(units, known, check_units), now=now, actor=actor)


async def set_components(
    db: Connection, *, bundles: Lists[Component], now: datetime, actor: str = SETUP
) -> list[list[Component] | BatutaError]:
    """Say anew what each bundle is made of; orders keep the components they were placed with."""
    known = await stored_skus_by_id(db, {*bundles, *(part.sku_id for parts in bundles.values() for part in parts)})
    checked = _checked(bundles, known, lambda one, parts: check_components(one, parts, known))
    return await _COMPONENTS.set(db, checked, now=now, actor=actor)


async def set_kit_parts(
    db: Connection, *, kits: Lists[Component], now: datetime, actor: str = SETUP
) -> list[list[Component] | BatutaError]:
    """Say anew of what one unit of each kit is built; work on kits keeps what it was done with."""
    known = await stored_skus_by_id(db, {*kits, *(part.sku_id for parts in kits.values() for part in parts)})
    checked = _checked(kits, known, lambda one, parts: check_parts(one, parts, known))
    return await _KIT_PARTS.set(db, checked, now=now, actor=actor)


async def set_substitutes(
    db: Connection, *, substitutes: Lists[Substitute], now: datetime, actor: str = SETUP
) -> list[list[Substitute] | BatutaError]:
    """Say anew what may be sent instead of each SKU (INV-17)."""
    known = await stored_skus_by_id(
        db, {*substitutes, *(one.sku_id for those in substitutes.values() for one in those)}
    )
    checked = _checked(substitutes, known, lambda one, those: check_substitutes(one, those, known))
    return await _SUBSTITUTES.set(db, checked, now=now, actor=actor)


async def set_recipes(
    db: Connection, *, recipes: Mapping[UUID, Recipe], now: datetime, actor: str = SETUP
) -> list[Recipe | BatutaError]:
    """Say anew how each SKU is made to order; orders keep the recipe they were placed with (FUL-14)."""
    known = await stored_skus_by_id(db, recipes)
    lists = {sku_id: [one] for sku_id, one in recipes.items()}
    checked = _checked(lists, known, lambda one, those: [check_recipe(one, those[0])])
    answers = await _RECIPES.set(db, checked, now=now, actor=actor)
    return [one if isinstance(one, BatutaError) else one[0] for one in answers]


def _checked(
    lists: Lists[Item], known: Mapping[UUID, Sku], check: Callable[[Sku, Sequence[Item]], list[Item]]
) -> list[tuple[Sku, list[Item]] | BatutaError]:
    def decide(given: tuple[UUID, Sequence[Item]]) -> tuple[Sku, list[Item]]:
        sku_id, items = given
        if sku_id not in known:
            raise UnknownSku("there is no such SKU", sku_id=str(sku_id))
        return known[sku_id], check(known[sku_id], items)

    return each(lists.items(), decide)
