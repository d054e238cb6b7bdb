"""What units cost us, so that it is known what is earned on them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from batuta.kernel.errors import Refused
from batuta.kernel.quantities import AmountMinor
from batuta.pricing.domain.lists import Currency


class NoSuchPlace(Refused):
    """There is no such location."""


class OtherCostCurrency(Refused):
    """What a location's goods cost is in the currency of the location."""


class UnitCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit of a SKU costs us, without tax.

    location_id: when it comes from there; None is wherever it comes from.
    """

    sku_id: UUID
    currency: Currency
    cost_minor: AmountMinor
    location_id: UUID | None = None


class UnitCosts:
    """The costs of some SKUs; what is known of a location goes before what is known of all."""

    def __init__(self, costs: Sequence[UnitCost]) -> None:
        self._minor = {(one.sku_id, one.location_id, one.currency): one.cost_minor for one in costs}
        known: dict[tuple[UUID, str], list[int]] = {}
        for one in costs:
            known.setdefault((one.sku_id, one.currency), []).append(one.cost_minor)
        self._least = {key: min(several) for key, several in known.items()}

    def __bool__(self) -> bool:
        return bool(self._minor)

    def at(self, sku_id: UUID, location_id: UUID, currency: str) -> int | None:
        """What a unit costs that comes from the location; None where nobody has said it."""
        own = self._minor.get((sku_id, location_id, currency))
        return self._minor.get((sku_id, None, currency)) if own is None else own

    def usual(self, sku_id: UUID, currency: str) -> int | None:
        """What a unit costs wherever it comes from, or else the least of what locations ask."""
        found = self._minor.get((sku_id, None, currency))
        return self._least.get((sku_id, currency)) if found is None else found


NO_COSTS = UnitCosts(())
