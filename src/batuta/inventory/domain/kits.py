"""Kits, built of other goods and broken up again: one document, with movements on both sides of it (INV-01)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component
from batuta.inventory.domain.accounts import Account, Lot, Movement, MovementReason, StockRefusal
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.ids import id_from
from batuta.kernel.quantities import QUANTITY_MAX, Code, Quantity, Text

PART_LOTS_MAX = 200
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class KitVerb(StrEnum):
    BUILD = "build"
    BREAK = "break"


class PartLot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Under which lot the units of a part come out of a kit."""

    sku_id: UUID
    lot: Code


class KitTask(msgspec.Struct, frozen=True, kw_only=True):
    """Build kits, or break them up. id: of this work; the same id again changes nothing.

    lot: of the kits, where they have lots. part_lots: of the parts of a kit that is broken up.
    """

    id: UUID
    kit_id: UUID
    location_id: UUID
    verb: KitVerb
    quantity: Quantity
    actor: Text
    lot: Lot = ""
    part_lots: Annotated[tuple[PartLot, ...], msgspec.Meta(max_length=PART_LOTS_MAX)] = ()


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """Kits made for one order of what it has claimed; none of them ever lies on a shelf. id: as of a task.

    parts: of what one is made. target: where they go at once, a parcel.
    """

    id: UUID
    kit_id: UUID
    location_id: UUID
    quantity: Quantity
    parts: tuple[Component, ...]
    holder_id: UUID
    line_id: UUID
    target: Account
    actor: Text


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU and lot that went into kits or came out of them."""

    sku_id: UUID
    lot: str
    quantity: int


class KitWork(msgspec.Struct, frozen=True, kw_only=True):
    """Kits that were built or broken up, and what of. parts: of what one of them was built."""

    id: UUID
    kit_id: UUID
    location_id: UUID
    verb: KitVerb
    quantity: int
    lot: str
    parts: list[Component]
    moved: list[Taken]
    actor: str
    worked_at: datetime


class UnknownWork(NotFound):
    """There is no such work on kits."""


class NoParts(Refused):
    """Nothing says of what the kit is built."""


class NotEnoughFree(StockRefusal):
    """Fewer units are free there than are needed; what is promised to others stays theirs."""


class WorkReused(StockRefusal):
    """The id already stands for other work."""


class TooManyKits(StockRefusal):
    """So many kits hold more units of a part than anything counts."""


def work_id(key: str) -> UUID:
    """The id of work on kits that a sender calls by a key."""
    return id_from(f"kit work {key}", EARLIEST)


def needed(task: KitTask, parts: Sequence[Component]) -> list[tuple[UUID, int]]:
    """The units that are taken from the shelf, by SKU: parts to build with, or kits to break up.

    Raises:
        NoParts. TooManyKits.
    """
    if not parts:
        raise NoParts("nothing says of what this is built", kit_id=str(task.kit_id))
    wanted = [(part.sku_id, part.quantity * task.quantity) for part in parts]
    if any(units > QUANTITY_MAX for _, units in wanted):
        raise TooManyKits("so many kits hold too many parts", kit_id=str(task.kit_id), quantity=task.quantity)
    return wanted if task.verb is KitVerb.BUILD else [(task.kit_id, task.quantity)]


def made(task: KitTask, parts: Sequence[Component]) -> list[Taken]:
    """The units that come onto the shelf: kits that are built, or parts of what is broken up."""
    if task.verb is KitVerb.BUILD:
        return [Taken(sku_id=task.kit_id, lot=task.lot, quantity=task.quantity)]
    lots = {one.sku_id: one.lot for one in task.part_lots}
    return [
        Taken(sku_id=part.sku_id, lot=lots.get(part.sku_id, ""), quantity=part.quantity * task.quantity)
        for part in parts
    ]


def into_kits(task: KitTask, taken: Sequence[Taken], *, now: datetime) -> list[Movement]:
    """Movements from the shelf into the work."""
    return [_movement(task, one, now, is_in=True) for one in taken]


def out_of_kits(task: KitTask, made: Sequence[Taken], *, now: datetime) -> list[Movement]:
    """Movements out of the work onto the shelf."""
    return [_movement(task, one, now, is_in=False) for one in made]


def _movement(task: KitTask, one: Taken, now: datetime, *, is_in: bool) -> Movement:
    here = Account.location(task.location_id)
    return Movement(
        key=f"kit:{task.id}:{'in' if is_in else 'out'}:{one.sku_id}:{one.lot}",
        sku_id=one.sku_id,
        quantity=one.quantity,
        source=here if is_in else Account.kit(),
        target=Account.kit() if is_in else here,
        lot=one.lot,
        reason=MovementReason.KIT_BUILD if task.verb is KitVerb.BUILD else MovementReason.KIT_BREAK,
        document_id=task.id,
        actor=task.actor,
        effective_at=now,
    )


def is_same_work(task: KitTask, done: KitWork) -> bool:
    """Whether a task says what was done under its id before."""
    return (task.kit_id, task.location_id, task.verb, task.quantity, task.lot) == (
        done.kit_id,
        done.location_id,
        done.verb,
        done.quantity,
        done.lot,
    )
