"""Orders as they were planned, and as they would have been."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid
from batuta.sourcing.domain import Plan, SourcingRequest
from batuta.sourcing.domain.capacity import Windows, Work

Places = Mapping[tuple[UUID, UUID], int]
"""Units by SKU and location."""


class BadPeriod(Invalid):
    """A period begins before it ends."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An order and its first plan.

    claims: what it held before, by line, SKU and location. placed: where it was planned. promised_at: by when its buyer
    was first told to have it. net_minor: what was bought, without tax.
    """

    request: SourcingRequest
    number: str
    at: datetime
    claims: Mapping[tuple[UUID, UUID, UUID], int]
    placed: Places
    sku_codes: Mapping[UUID, str]
    net_minor: int
    promised_at: datetime | None

    @property
    def held(self) -> Places:
        found: dict[tuple[UUID, UUID], int] = {}
        for (_, sku_id, location_id), units in self.claims.items():
            found[sku_id, location_id] = found.get((sku_id, location_id), 0) + units
        return found


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order.

    plan: None where no location could serve it. windows: in which locations that have limits counted it. is_on_time:
    None where nothing is known.
    """

    plan: Plan | None
    windows: Mapping[UUID, Windows]
    is_on_time: bool | None = None

    @property
    def placed(self) -> Places:
        found: dict[tuple[UUID, UUID], int] = {}
        for one in self.plan.assignments if self.plan else ():
            found[one.sku_id, one.location_id] = found.get((one.sku_id, one.location_id), 0) + one.quantity
        return found

    @property
    def location_ids(self) -> set[UUID]:
        return {location_id for _, location_id in self.placed}


def work_of(placed: Places) -> dict[UUID, Work]:
    """What each location is given to do; each SKU is a line, all go in one package."""
    found: dict[UUID, Work] = {}
    for (_, location_id), units in placed.items():
        before = found.get(location_id, Work(orders=1, packages=1))
        found[location_id] = before.plus(Work(lines=1, units=units))
    return found
