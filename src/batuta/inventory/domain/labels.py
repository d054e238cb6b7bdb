"""What shoppers are told of stock: in stock, low or out, without flapping between them (INV-10). Pure."""

from enum import StrEnum

import msgspec

LOW_UNITS = 3
AMPLE_UNITS = 5


class Label(StrEnum):
    IN_STOCK = "in_stock"
    LOW = "low"
    OUT = "out"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Low from so few units; in stock again from so many, and not in between."""

    low_units: int = LOW_UNITS
    ample_units: int = AMPLE_UNITS


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
