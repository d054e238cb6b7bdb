"""Lots and serial numbers of what comes back, as they are read at the dock (INV-14, RET-05)."""

from collections.abc import Collection, Mapping
from uuid import UUID

from batuta.inventory.domain.serials import Comeback
from batuta.kernel.ids import child_id
from batuta.returns.domain import (
    BlindReceipt,
    Component,
    Receipt,
    ReceivedUnits,
    Return,
    ReturnLine,
    SerialsMissing,
)

Lots = Mapping[UUID, list[tuple[str, int]]]


def line_ids(one: Receipt, lines: Collection[UUID]) -> list[UUID]:
    """The return line of each thing that arrived; what nobody announced has one of its own."""
    return [
        units.line_id if units.line_id in lines and units.line_id is not None else child_id(one.id, position)
        for position, units in enumerate(one.lines)
    ]


def lots_that_came(one: Receipt, after: Return) -> Lots:
    """Units by lot of each return line; those of which nobody said the lot are under none."""
    came: dict[UUID, list[tuple[str, int]]] = {}
    ids = {line.id for line in after.lines}
    for line_id, units in zip(line_ids(one, ids), one.lines, strict=True):
        came.setdefault(line_id, []).append((units.lot, units.quantity))
    return came


def pieces_that_came(one: Receipt, before: Return, after: Return, with_serials: Collection[UUID]) -> list[Comeback]:
    """The pieces that are here again. with_serials: SKUs whose pieces have numbers.

    Raises:
        SerialsMissing: announced pieces came back, and nobody read their numbers.
    """
    announced = {line.id for line in before.lines}
    lines = {line.id: line for line in after.lines}
    comebacks = []
    for line_id, units in zip(line_ids(one, announced), one.lines, strict=True):
        line = lines[line_id]
        part = _with_serials(line, with_serials)
        if part is None:
            continue
        if line_id in announced and len(set(units.serials)) != units.quantity * part.quantity:
            raise SerialsMissing(
                "each piece that comes back is received by its serial number",
                line_id=str(line_id),
                sku_id=str(part.sku_id),
                expected=units.quantity * part.quantity,
                told=len(set(units.serials)),
            )
        if units.serials:
            comebacks.append(_comeback(one, line, part, units))
    return comebacks


def lots_unannounced(one: BlindReceipt) -> Lots:
    """Units by lot of each line of what nobody announced."""
    return {child_id(one.id, position): [(units.lot, units.quantity)] for position, units in enumerate(one.lines)}


def pieces_unannounced(one: BlindReceipt, after: Return, with_serials: Collection[UUID]) -> list[Comeback]:
    """The pieces that are here again, whosever they were; what was not read is not asked for (RET-06)."""
    lines = {line.id: line for line in after.lines}
    comebacks = []
    for position, units in enumerate(one.lines):
        part = _with_serials(lines[child_id(one.id, position)], with_serials)
        if part and units.serials:
            comebacks.append(
                Comeback(sku_id=part.sku_id, serials=units.serials, line_id=None, location_id=one.location_id)
            )
    return comebacks


def _with_serials(line: ReturnLine, with_serials: Collection[UUID]) -> Component | None:
    """The part of a line whose pieces have numbers; where several parts have, their numbers cannot be told apart."""
    parts = [part for part in line.components if part.sku_id in with_serials]
    return parts[0] if len(parts) == 1 else None


def _comeback(one: Receipt, line: ReturnLine, part: Component, units: ReceivedUnits) -> Comeback:
    return Comeback(
        sku_id=part.sku_id,
        serials=units.serials,
        line_id=line.order_line_id,
        location_id=one.location_id,
    )
