"""What an order's lines want, as the search sees it: the parts of units, and how many of each."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from uuid import UUID

from batuta.sourcing.domain.known import Good
from batuta.sourcing.domain.requests import SourcingLine, SourcingRequest
from batuta.sourcing.domain.search.candidates import Demand, Parts

_TENTHS_OF_BP = 100_000


def parts_of(line: SourcingLine, goods: Mapping[UUID, Good]) -> Parts:
    """What has to come from somewhere for one unit of the line; services are no goods and are left out."""
    per_unit: dict[UUID, int] = defaultdict(int)
    for sku_id, units in line.components:
        if sku_id in goods:
            per_unit[sku_id] += units
    return tuple(sorted(per_unit.items()))


def lots_of(parts: Parts, quantity: int, lot: int) -> tuple[Parts, int]:
    """So many units as lots, each of which travels whole."""
    return tuple((sku_id, per_unit * lot) for sku_id, per_unit in parts), quantity // lot


def demands_of(
    request: SourcingRequest,
    wanted: Mapping[UUID, tuple[Parts, int]],
    lots: Mapping[UUID, int],
    goods: Mapping[UUID, Good],
    *,
    is_whole: bool,
) -> list[Demand]:
    """The demands of all lines, those of the same parts together.

    wanted: by line, its parts and how many lots; lots: how many units each.
    """
    units: dict[Parts, int] = defaultdict(int)
    values_minor: dict[Parts, int] = defaultdict(int)
    heaviest_g: dict[Parts, int] = defaultdict(int)
    lines = {line.line_id: line for line in request.lines}
    sharing = Counter(parts for parts, _ in wanted.values())
    for line_id, (parts, quantity) in wanted.items():
        units[parts] += quantity
        values_minor[parts] += lines[line_id].unit_value_minor * lines[line_id].quantity
        weight_g = sum(goods[sku_id].weight_g * per_unit for sku_id, per_unit in parts)
        heaviest_g[parts] = max(heaviest_g[parts], weight_g // lots[line_id])
    return [
        Demand(
            parts=parts,
            quantity=quantity,
            weight_g=sum(goods[sku_id].weight_g * per_unit for sku_id, per_unit in parts),
            length_mm=max(goods[sku_id].length_mm for sku_id, _ in parts),
            value_minor=values_minor[parts] // quantity,
            late_tenth_minor=_rounded(values_minor[parts] * request.late_day_bp, quantity * _TENTHS_OF_BP),
            heaviest_g=heaviest_g[parts] if is_whole else None,
            lines=sharing[parts],
        )
        for parts, quantity in units.items()
    ]


def _rounded(amount: int, parts: int) -> int:
    return (2 * amount + parts) // (2 * parts)
