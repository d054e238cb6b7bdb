"""From units by SKU to units by line, and from where they are held to where they ship from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.kernel.money import split_minor
from batuta.sourcing.domain.known import Claims, Good
from batuta.sourcing.domain.requests import Assignment
from batuta.sourcing.domain.search.candidates import Choice, Parts, placement_of

Wanted = Mapping[UUID, tuple[Parts, int]]
"""What a unit of each line is made of, and how many units it wants."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that the order holds in one place and shall hold in another."""

    line_id: UUID
    sku_id: UUID
    source_location_id: UUID
    target_location_id: UUID
    quantity: int


def deal(wanted: Wanted, choice: Choice, claims: Claims) -> dict[tuple[UUID, UUID], int]:
    """Give the shipments' units to lines, by line and location: first where a line holds them, then in order."""
    left = placement_of(choice.shipments)
    missing = {line_id: units for line_id, (_, units) in wanted.items()}
    dealt: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for is_held in (True, False):
        for line_id, (parts, _) in wanted.items():
            for location_id, here in left.items():
                most = missing[line_id]
                if is_held:
                    most = min(most, *(claims.get((line_id, sku_id, location_id), 0) // per for sku_id, per in parts))
                units = min(most, here.get(parts, 0))
                if units:
                    dealt[line_id, location_id] += units
                    here[parts] -= units
                    missing[line_id] -= units
    assert not any(missing.values()), "a choice places every unit"
    return dealt


def pieces_of(wanted: Wanted, dealt: Mapping[tuple[UUID, UUID], int]) -> dict[tuple[UUID, UUID, UUID], int]:
    """The dealt units as SKUs, by line, SKU and location."""
    return {
        (line_id, sku_id, location_id): per_unit * units
        for (line_id, location_id), units in dealt.items()
        for sku_id, per_unit in wanted[line_id][0]
    }


def moves_for(
    pieces: Mapping[tuple[UUID, UUID, UUID], int], claims: Claims, goods: Mapping[UUID, Good]
) -> Iterator[Moved]:
    """What to move so that every line holds its units where they ship from; what is not tracked is not held."""
    spare = {key: held - pieces.get(key, 0) for key, held in sorted(claims.items())}
    for (line_id, sku_id, target), units in sorted(pieces.items()):
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
    pieces: Mapping[tuple[UUID, UUID, UUID], int], choice: Choice, goods: Mapping[UUID, Good]
) -> tuple[Assignment, ...]:
    """The pieces as assignments; each shipment's freight is shared over them by weight."""
    found = []
    for shipment in choice.shipments:
        parts = [(key, units) for key, units in pieces.items() if key[2] == shipment.location_id]
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
