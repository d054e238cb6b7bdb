"""Reservations by the API: what they may hold, and what those who ask are told (RES-01, RES-03)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.company.domain import Policies
from batuta.inventory.domain.claims import HOLD_MINUTES_MAX, Claim, Grant, grant_of
from batuta.inventory.domain.sharing import LOCATIONS_TOLD_MAX
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code, Quantity

LINES_MAX = 1_000
PLACES_MAX = 200

Minutes = Annotated[int, msgspec.Meta(ge=1, le=HOLD_MINUTES_MAX)]


class WishLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a SKU. line_id: the asker's own name of the line; made up when it gives none."""

    sku_code: Code
    quantity: Quantity
    line_id: UUID | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be held, and for how long; the channel says how long at most, and how long by itself.

    location_codes: from where alone, the preferred first. allow_partial: hold what there is of what is short.
    """

    channel_code: Code
    lines: Annotated[list[WishLine], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    location_codes: Annotated[list[Code], msgspec.Meta(min_length=1, max_length=PLACES_MAX)] | None = None
    minutes: Minutes | None = None
    allow_partial: bool = False


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A wish with who asks. channel_ids, location_ids: what the asker may see; None is all."""

    id: UUID
    wish: Wish
    actor: str
    channel_ids: frozenset[UUID] | None = None
    location_ids: frozenset[UUID] | None = None


class RefusalReason(StrEnum):
    """all_or_nothing: the line could be had, but another could not."""

    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_SKU = "unknown_sku"
    NOT_STOCKED = "not_stocked"
    ALL_OR_NOTHING = "all_or_nothing"


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """How many units of the SKU another may still have from there."""

    location_id: UUID
    left: int


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line: units granted and refused, why, and where there is more of it now.

    grants: of the stock rows, a bundle's for each of its components.
    """

    line_id: UUID
    sku_code: str
    asked: int
    granted: int
    refused: int
    reason: RefusalReason | None
    grants: list[Grant]
    alternatives: list[Left]


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """Units held until a moment. An order that names its id as `reservation_id` gets them."""

    id: UUID
    until_at: datetime
    lines: list[HeldLine]


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a reservation holds now; no units and no end once it has ended."""

    id: UUID
    units: int
    until_at: datetime | None
    grants: list[Grant]


class UnknownReservation(NotFound):
    """There is no such reservation."""


class NoSuchChannel(NotFound):
    """There is no channel of that code."""


class NoSuchPlace(NotFound):
    """There is no location of that code."""


class HoldTooLong(Refused):
    """The channel holds nothing for so long; `minutes_max` says how long at most."""


class TooManyUnits(Refused):
    """The channel holds fewer units of a SKU for one; `units_max` says how many."""


class TwoOfOneName(Refused):
    """Two lines of a reservation have the same id."""


class TooManyLines(Refused):
    """The channel holds fewer lines for one; `lines_max` says how many."""


def hold_until(wish: Wish, policies: Policies, *, now: datetime) -> datetime:
    """Say until when the channel holds what is wished.

    Raises:
        HoldTooLong, TooManyLines, TooManyUnits: the channel's caps (RES-03); units of a SKU are added up (INV-13).
    """
    minutes = policies.cart_hold_minutes if wish.minutes is None else wish.minutes
    if minutes > policies.hold_minutes_max:
        raise HoldTooLong(
            "the channel does not hold units for so long", minutes=minutes, minutes_max=policies.hold_minutes_max
        )
    if len(wish.lines) > policies.lines_max:
        raise TooManyLines(
            "a reservation has at most so many lines", lines=len(wish.lines), lines_max=policies.lines_max
        )
    wanted: dict[str, int] = defaultdict(int)
    for line in wish.lines:
        wanted[line.sku_code] += line.quantity
        if wanted[line.sku_code] > policies.units_per_line_max:
            raise TooManyUnits(
                "a reservation holds at most so many units of one SKU",
                sku_code=line.sku_code,
                asked=wanted[line.sku_code],
                units_max=policies.units_per_line_max,
            )
    return now + timedelta(minutes=minutes)


def whole_units(line_parts: Mapping[UUID, int], grants: Sequence[Grant]) -> int:
    """How many units of a line its grants make up. line_parts: SKU to units that go into one unit of the line."""
    held: dict[UUID, int] = defaultdict(int)
    for grant in grants:
        held[grant.sku_id] += grant.quantity
    return min((held[sku_id] // units for sku_id, units in line_parts.items()), default=0)


def holding_of(reservation_id: UUID, claims: Sequence[Claim]) -> Holding:
    """What a reservation holds, from its live claims."""
    ends = [claim.expires_at for claim in claims if claim.expires_at]
    return Holding(
        id=reservation_id,
        units=sum(claim.held for claim in claims),
        until_at=min(ends, default=None),
        grants=[grant_of(claim, quantity=claim.held) for claim in claims],
    )


def wholes_left(line_parts: Mapping[UUID, int], left: Mapping[UUID, Mapping[UUID, int]]) -> list[Left]:
    """Where how many whole units of a line are left, most first. left: SKU to location to units."""
    if not line_parts:
        return []
    places = {
        location_id: min(left.get(sku_id, {}).get(location_id, 0) // units for sku_id, units in line_parts.items())
        for location_id in left.get(next(iter(line_parts)), {})
    }
    most = sorted(places.items(), key=lambda place: (-place[1], place[0]))[:LOCATIONS_TOLD_MAX]
    return [Left(location_id=location_id, left=units) for location_id, units in most if units > 0]
