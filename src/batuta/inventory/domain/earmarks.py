"""Earmarks: units of a transfer that are an order's all the way, from one shelf to the other (FUL-12).

Pure. While they lie at the source the transfer claims them; once they have left nobody does, and the earmark alone says
whose they are; on arrival they are claimed for the order's line, before anybody else can have them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.quantities import Quantity, Text


class Earmark(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a transfer's line that are an order line's. asked: at first. units: that are still to come to it."""

    transfer_line_id: UUID
    line_id: UUID
    transfer_id: UUID
    order_id: UUID
    sku_id: UUID
    asked: int
    units: int


class SentUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU that an order's line holds at the source."""

    line_id: UUID
    sku_id: UUID
    quantity: Quantity


class SendToStore(msgspec.Struct, frozen=True, kw_only=True):
    """Let units that an order holds in one place go to another. id: the transfer's; the same again is the same."""

    id: UUID
    order_id: UUID
    source_location_id: UUID
    target_location_id: UUID
    units: tuple[SentUnits, ...]
    due_at: datetime | None
    actor: Text


def lessen_earmarks(earmarks: Iterable[Earmark], units: int) -> tuple[list[tuple[Earmark, int]], int]:
    """Take units off earmarks, the last first: each with what it loses, and how many units none of them had."""
    lost = []
    for one in sorted(earmarks, key=lambda one: (one.order_id, one.line_id), reverse=True):
        part = min(units, one.units)
        if part:
            lost.append((msgspec.structs.replace(one, units=one.units - part), part))
            units -= part
    return lost, units


def fill_earmarks(earmarks: Iterable[Earmark], units: int) -> list[tuple[Earmark, int]]:
    """Give units that came to earmarks, the first first: each as it is then, with what it gets."""
    given = []
    for one in sorted(earmarks, key=lambda one: (one.order_id, one.line_id)):
        part = min(units, one.units)
        if part:
            given.append((msgspec.structs.replace(one, units=one.units - part), part))
            units -= part
    return given


def of_line(earmarks: Sequence[Earmark], transfer_line_id: UUID) -> list[Earmark]:
    return [one for one in earmarks if one.transfer_line_id == transfer_line_id]
