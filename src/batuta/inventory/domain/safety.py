"""Safety stock: how many units a location keeps back against demand that is higher than usual (INV-08). Pure."""

from collections.abc import Sequence
from datetime import date
from math import ceil, sqrt
from statistics import NormalDist, pstdev
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid
from batuta.kernel.quantities import QuantityOrNone

SEASONS_MAX = 50

ServiceBp = Annotated[int, msgspec.Meta(ge=5_000, le=9_999)]
Days = Annotated[int, msgspec.Meta(ge=1, le=365)]
WindowDays = Annotated[int, msgspec.Meta(ge=7, le=730)]


class Season(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Local dates, the last one too, on which so many units are kept back whatever demand was."""

    from_day: date
    until_day: date
    units: QuantityOrNone

    def __post_init__(self) -> None:
        if self.until_day < self.from_day:
            raise Invalid("a season ends after it begins", from_day=str(self.from_day), until_day=str(self.until_day))


class SafetyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """service_bp: hundredths of a percent of lead times in which stock shall not run out."""

    service_bp: ServiceBp
    lead_time_days: Days
    floor_units: QuantityOrNone = 0
    ceiling_units: QuantityOrNone | None = None
    seasons: Annotated[list[Season], msgspec.Meta(max_length=SEASONS_MAX)] = []


class SafetyPolicy(SafetyTerms, frozen=True, kw_only=True):
    """How the safety stock of a SKU at a location is computed, from the demand of so many days."""

    sku_id: UUID
    location_id: UUID
    window_days: WindowDays = 90


def safety_units(terms: SafetyTerms, demand: Sequence[int], *, today: date) -> int:
    """How many units to keep back. demand: units a day that left, days without any included.

    z * deviation * sqrt(lead time), the classic formula for independent daily demand (Silver, Pyke and Thomas,
    Inventory and Production Management in Supply Chains, 4th ed., ch. 6), rounded up, within floor and ceiling; a
    season's units stand over all of it.
    """
    for season in terms.seasons:
        if season.from_day <= today <= season.until_day:
            return season.units
    z = NormalDist().inv_cdf(terms.service_bp / 10_000)
    units = ceil(z * pstdev(demand) * sqrt(terms.lead_time_days) - 1e-9) if demand else 0
    ceiling = units if terms.ceiling_units is None else terms.ceiling_units
    return max(terms.floor_units, min(units, ceiling))
