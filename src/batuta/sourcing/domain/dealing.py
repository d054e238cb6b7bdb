"""From units by SKU to units by line, and from where they are held to where they ship from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.kernel.money import split_minor
from batuta.sourcing.domain.candidates import Choice, placement_of
from batuta.sourcing.domain.known import Claims, Good
from batuta.sourcing.domain.requests import Assignment

Wanted = Mapping[UUID, Mapping[UUID, int]]
"""Units by line and SKU."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that the order holds in one place and shall hold in another."""

    line_id: UUID
    sku_id: UUID
    source_location_id: UUID
    target_location_id: UUID
    quantity: int


def deal(wanted: Wanted, choice: Choice, claims: Claims) -> dict[tuple[UUID, UUID, UUID], int]:
    """Give the shipments' units to lines: first where a line holds them already, then in the lines' order."""
    left = placement_of(choice.shipments)
    missing = {(line_id, sku_id): units for line_id, skus in wanted.items() for sku_id, units in skus.items()}
    dealt: dict[tuple[UUID, UUID, UUID], int] = defaultdict(int)
    for is_held in (True, False):
        for (line_id, sku_id), wanted_yet in list(missing.items()):
            need = wanted_yet
            for location_id, here in left.items():
                most = min(need, claims.get((line_id, sku_id, location_id), 0)) if is_held else need
                units = min(most, here.get(sku_id, 0))
                if units:
                    dealt[line_id, sku_id, location_id] += units
                    here[sku_id] -= units
                    need -= units
            missing[line_id, sku_id] = need
    assert not any(missing.values()), "a choice places every unit"
    return dealt


def moves_for(
    dealt: Mapping[tuple[UUID, UUID, UUID], int], claims: Claims, goods: Mapping[UUID, Good]
) -> Iterator[Moved]:
    """What to move so that every line holds its units where they ship from; what is not tracked is not held."""
    spare = {key: held - dealt.get(key, 0) for key, held in sorted(claims.items())}
    for (line_id, sku_id, target), units in sorted(dealt.items()):
        missing = units - claims.get((line_id, sku_id, target), 0) if goods[sku_id].is_tracked else 0
        for key, left in list(spare.items()):
            moved = min(missing, left) if key[:2] == (line_id, sku_id) else 0
            if moved > 0:
                spare[key] = left - moved
                missing -= moved
                yield Moved(
                    line_id=line_id,
                    sku_id=sku_id,
                    source_location_id=key[2],
                    target_location_id=target,
                    quantity=moved,
                )


def assignments_of(
    dealt: Mapping[tuple[UUID, UUID, UUID], int], choice: Choice, goods: Mapping[UUID, Good]
) -> tuple[Assignment, ...]:
    """The dealt units as assignments; each shipment's freight is shared over them by weight."""
    found = []
    for shipment in choice.shipments:
        parts = [(key, units) for key, units in dealt.items() if key[2] == shipment.location_id]
        for (key, units), price_minor in zip(parts, _by_weight(parts, shipment.freight_minor, goods), strict=True):
            found.append(
                Assignment(
                    line_id=key[0],
                    sku_id=key[1],
                    location_id=key[2],
                    quantity=units,
                    service_id=shipment.service_id,
                    price_minor=price_minor,
                )
            )
    return tuple(found)


def _by_weight(
    parts: Sequence[tuple[tuple[UUID, UUID, UUID], int]], freight_minor: int, goods: Mapping[UUID, Good]
) -> list[int]:
    return split_minor(freight_minor, [max(1, goods[key[1]].weight_g) * units for key, units in parts])
