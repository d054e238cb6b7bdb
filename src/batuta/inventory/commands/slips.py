"""Recording what people and systems outside say that moved, by codes (INV-01)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku, Unit
from batuta.catalog.queries import skus_by_code, units_of
from batuta.inventory.commands.lots import open_lots
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.safety import SafetyLevel, set_safety_stock
from batuta.inventory.domain import Account, Movement, UnknownStock
from batuta.inventory.domain.lots import NewLot
from batuta.inventory.domain.slips import (
    At,
    Bundle,
    Outside,
    SafetySlip,
    Slip,
    SlipAnswer,
    SlipAnswers,
    account,
    answer_of,
    as_movement,
    lot_told,
)
from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import each, good
from batuta.locations.queries import location_ids_by_code
from batuta.plumbing.database import Connection


class _Places(msgspec.Struct, frozen=True):
    skus: Mapping[str, Sku]
    location_ids: Mapping[str, UUID]

    def sku(self, code: str) -> Sku:
        if code not in self.skus:
            raise UnknownStock("there is no such SKU", sku_code=code)
        return self.skus[code]

    def location_id(self, code: str, seen: frozenset[UUID] | None) -> UUID:
        found = self.location_ids.get(code)
        if found is None or (seen is not None and found not in seen):
            raise UnknownStock("there is no such location", location_code=code)
        return found

    def account(self, side: Outside | At, seen: frozenset[UUID] | None) -> Account:
        return account(side, self.location_id(side.location_code, seen) if isinstance(side, At) else None)


async def record_slips(
    db: Connection, *, bundles: Sequence[Bundle], now: datetime
) -> list[SlipAnswers | SlipAnswer | BatutaError]:
    """Record the slips of many requests, in their order; each slip is recorded, or why not (PLT-08).

    A request that is one slip is answered, and refused, with it.
    """
    slips = [slip for bundle in bundles for slip in bundle.slips]
    sides = [side for slip in slips for side in (slip.source, slip.target) if isinstance(side, At)]
    places = await _places(db, {slip.sku_code for slip in slips}, {side.location_code for side in sides})
    units = await units_of(
        db, {places.skus[slip.sku_code].id for slip in slips if slip.unit and slip.sku_code in places.skus}
    )
    barred = await _open_lots(db, slips, places, now=now)
    movements = [
        movement for bundle in bundles for movement in each(bundle.slips, _reader(bundle, places, units, barred, now))
    ]
    recorded = iter(await record_movements(db, movements=good(movements), now=now))
    outcomes = iter([one if isinstance(one, BatutaError) else next(recorded) for one in movements])
    return [_answer(bundle, [next(outcomes) for _ in bundle.slips]) for bundle in bundles]


async def keep_back(
    db: Connection, *, slips: Sequence[SafetySlip], location_ids: frozenset[UUID] | None, now: datetime
) -> list[SafetyLevel | BatutaError]:
    """Keep units back from sale, by codes. location_ids: those that the asker may see; None is all."""
    places = await _places(db, {slip.sku_code for slip in slips}, {slip.location_code for slip in slips})
    levels = each(
        slips,
        lambda slip: SafetyLevel(
            sku_id=places.sku(slip.sku_code).id,
            location_id=places.location_id(slip.location_code, location_ids),
            units=slip.units,
        ),
    )
    done = iter(await set_safety_stock(db, levels=good(levels), now=now))
    return [one if isinstance(one, BatutaError) else next(done) for one in levels]


async def _places(db: Connection, sku_codes: set[str], location_codes: set[str]) -> _Places:
    return _Places(await skus_by_code(db, sku_codes), await location_ids_by_code(db, location_codes))


async def _open_lots(
    db: Connection, slips: Sequence[Slip], places: _Places, *, now: datetime
) -> dict[NewLot, BatutaError]:
    """Register the lots that receipts bring along; the answer is those that cannot be."""
    lots = [new for slip in slips if (sku := places.skus.get(slip.sku_code)) and (new := lot_told(slip, sku))]
    if not lots:
        return {}
    outcomes = await open_lots(db, lots=lots, now=now)
    return {new: one for new, one in zip(lots, outcomes, strict=True) if isinstance(one, BatutaError)}


def _reader(
    bundle: Bundle,
    places: _Places,
    units: Mapping[UUID, Sequence[Unit]],
    barred: Mapping[NewLot, BatutaError],
    now: datetime,
) -> Callable[[Slip], Movement]:
    def read(slip: Slip) -> Movement:
        sku = places.sku(slip.sku_code)
        if (new := lot_told(slip, sku)) and new in barred:
            raise barred[new]
        return as_movement(
            slip,
            sku=sku,
            units=units.get(sku.id, ()),
            source=places.account(slip.source, bundle.location_ids),
            target=places.account(slip.target, bundle.location_ids),
            actor=bundle.actor,
            now=now,
        )

    return read


def _answer(bundle: Bundle, outcomes: Sequence[object]) -> SlipAnswers | SlipAnswer | BatutaError:
    if bundle.is_alone and isinstance(outcomes[0], BatutaError):
        return outcomes[0]
    told = [answer_of(slip.key, outcome) for slip, outcome in zip(bundle.slips, outcomes, strict=True)]
    return told[0] if bundle.is_alone else SlipAnswers(answers=told)
