"""What shoppers are told of stock: in stock, low or out, without flapping between them (INV-10). Pure."""

from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import QuantityOrNone

LOW_UNITS = 3
AMPLE_UNITS = 5


class Label(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    OUT = "out"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Low from so few units; in stock again from so many, and not in between."""

    low_units: QuantityOrNone = LOW_UNITS
    ample_units: QuantityOrNone = AMPLE_UNITS


class SkuThresholds(Thresholds, frozen=True, kw_only=True):
    """The thresholds of a SKU at a location, or at all of them together."""

    sku_id: UUID
    location_id: UUID | None = None


class BadThresholds(Refused):
    """A SKU is in stock again from no fewer units than it is low."""


def label_of(units: int, thresholds: Thresholds, before: Label | None) -> Label:
    """The label for so many units, after the one that was told before.

    Out is told at once, for it is a promise not to sell. Between the two thresholds the label stays as it was, and
    one that was out is low.
    """
    if units <= 0:
        return Label.OUT
    if units <= thresholds.low_units:
        return Label.LOW
    if units >= thresholds.ample_units or before in {None, Label.IN_STOCK}:
        return Label.IN_STOCK
    return Label.LOW
