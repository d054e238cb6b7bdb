"""Units of measure: how many base units of a SKU a box, a pallet or a pair is, exactly (INV-15)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

import msgspec

from batuta.catalog.domain.skus import Sku
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import QUANTITY_MAX, Code

TERM_MAX = 1_000_000

Term = Annotated[int, msgspec.Meta(ge=1, le=TERM_MAX)]


class Unit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of these is `numerator / denominator` of the SKU's base units: a box of 12 is 12/1, a gram of a kilo 1/1000.

    is_sold, is_stocked, is_bought: in what it is sold to customers, counted in stock, ordered from suppliers.
    """

    code: Code
    numerator: Term
    denominator: Term = 1
    is_sold: bool = False
    is_stocked: bool = False
    is_bought: bool = False

    @property
    def of_base(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """So many of one unit in another, exactly: whole ones and a proper fraction that is left."""

    source: str
    target: str
    quantity: int
    whole: int
    left_numerator: int
    left_denominator: int

    @property
    def is_whole(self) -> bool:
        return not self.left_numerator


class UnknownUnit(NotFound):
    """The SKU has no such unit of measure."""


class UnitTwice(Refused):
    """Each unit of a SKU comes once, and its base unit is no other."""


class NotWhole(Refused):
    """So many of the unit are no whole number of base units; stock is counted in those."""


class TooMany(Refused):
    """So many of the unit are more base units than anything holds."""


def check_units(sku: Sku, units: Sequence[Unit]) -> list[Unit]:
    """Return the units in the order of their codes, each fraction in lowest terms.

    Raises:
        UnitTwice: a code comes twice, or is the base unit's and says that it is not one.
    """
    seen: set[str] = set()
    for unit in units:
        if unit.code in seen or (unit.code == sku.unit and unit.of_base != 1):
            raise UnitTwice("a unit comes once, and the base unit is one of itself", code=sku.code, unit=unit.code)
        seen.add(unit.code)
    return [
        msgspec.structs.replace(unit, numerator=unit.of_base.numerator, denominator=unit.of_base.denominator)
        for unit in sorted(units, key=lambda unit: unit.code)
    ]


def unit_named(sku: Sku, units: Sequence[Unit], code: str) -> Unit:
    """The unit of a SKU that goes by a code; the base unit is always one.

    Raises:
        UnknownUnit
    """
    found = {unit.code: unit for unit in (Unit(code=sku.unit, numerator=1), *units)}
    if code not in found:
        raise UnknownUnit("the SKU is not measured so", sku_code=sku.code, unit=code, known=sorted(found))
    return found[code]


def convert(quantity: int, source: Unit, target: Unit) -> Converted:
    """So many of `source`, in `target`."""
    exact = quantity * source.of_base / target.of_base
    whole = exact.numerator // exact.denominator
    left = exact - whole
    return Converted(
        source=source.code,
        target=target.code,
        quantity=quantity,
        whole=whole,
        left_numerator=left.numerator,
        left_denominator=left.denominator,
    )


def to_base(quantity: int, unit: Unit) -> int:
    """So many of a unit in base units.

    Raises:
        NotWhole: they are none. TooMany.
    """
    exact = quantity * unit.of_base
    if exact.denominator != 1:
        raise NotWhole("so many are no whole number of base units", quantity=quantity, unit=unit.code)
    if exact.numerator > QUANTITY_MAX:
        raise TooMany("nothing holds so many base units", quantity=quantity, unit=unit.code)
    return exact.numerator
