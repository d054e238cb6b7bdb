"""Sending another SKU than was ordered: only before anybody has picked, and told to the customer (INV-17)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.catalog.domain import Consent, PriceRule, Sku, Substitute
from batuta.kernel.errors import Refused
from batuta.kernel.quantities import Code
from batuta.ordering.domain.buckets import Bucket, Share, value_of
from batuta.ordering.domain.orders import Line, Repriced

WAITING = (Bucket.RESERVED, Bucket.BACKORDERED, Bucket.PREORDERED)
ADJUSTMENT = "substitution"
"""The name of the adjustments by which what is sent instead costs more, or less."""


class SubstituteLine(msgspec.Struct, frozen=True, kw_only=True):
    """Send another SKU instead. id: of this; the same again changes nothing. consented_by: who of the customer's said
    yes, where somebody must.
    """

    id: UUID
    order_id: UUID
    line_id: UUID
    sku_code: Code
    actor: str
    consented_by: str = ""
    reason: str = ""


class Substituted(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent instead of what was ordered.

    amount_minor: by which the order costs more than it did before this; less when negative.
    """

    id: UUID
    order_id: UUID
    line_id: UUID
    instead_of_id: UUID
    sku_id: UUID
    sku_code: str
    quantity: int
    price_rule: PriceRule
    amount_minor: int
    consented_by: str
    reason: str
    actor: str
    substituted_at: datetime


class NotSubstitutable(Refused):
    """The line is of several goods, or of what has no stock: nothing replaces it."""


class NoSubstitute(Refused):
    """The SKU is not on the list of what may be sent instead; `known` are."""


class ConsentMissing(Refused):
    """The customer must have said yes to this very thing, and nobody says who did."""


class TooLateToSubstitute(Refused):
    """A location has been asked for units of the line, or has sent them; what it reports short can be replaced."""


class DearerThanHeld(Refused):
    """It costs more than the money covers that is held, which nobody can raise; `lacking_minor` is not covered."""


class SameAgain(Refused):
    """It is sent already."""


def waiting_units(line: Line) -> dict[Bucket, int]:
    """The units of a line that no location has been asked for, by bucket.

    Raises:
        NotSubstitutable. TooLateToSubstitute: some are in work or gone, or none is left.
    """
    if not line.is_tracked or len(line.components) != 1 or line.components[0].quantity != 1:
        raise NotSubstitutable("nothing replaces a line of several goods, or of none", line_id=str(line.id))
    waiting = {bucket: line.buckets.of(bucket) for bucket in WAITING if line.buckets.of(bucket)}
    if not waiting or sum(waiting.values()) != line.buckets.live:
        raise TooLateToSubstitute("a location is at work on it, or it is gone", line_id=str(line.id))
    return waiting


def allowed(
    wish: SubstituteLine, line: Line, sku: Sku | None, listed: Sequence[Substitute], codes: Mapping[UUID, str]
) -> Substitute:
    """How a SKU may be sent instead of a line's.

    Raises:
        NoSubstitute. ConsentMissing. SameAgain.
    """
    found = next((one for one in listed if sku and one.sku_id == sku.id), None)
    if found is None:
        known = [codes[one.sku_id] for one in listed if one.sku_id in codes]
        raise NoSubstitute("this is not on the list", sku_code=wish.sku_code, known=known)
    if line.components[0].sku_id == found.sku_id:
        raise SameAgain("it is sent already", sku_code=wish.sku_code)
    if found.consent is Consent.NEEDED and not wish.consented_by.strip():
        raise ConsentMissing("the customer has not said yes", sku_code=wish.sku_code)
    return found


def repriced(line: Line, rule: PriceRule, *, own_minor: int) -> Repriced:
    """What the units of a line that are left cost when something else is sent. own_minor: what that costs by itself."""
    units = line.buckets.live
    ordered_minor = value_of(line.gross_minor, line.quantity, Share(0, units))
    return Repriced(units, ordered_minor + difference(rule, ordered_minor=ordered_minor, own_minor=own_minor))


def check_covered(more_minor: int, *, room_minor: int | None, sku_code: str) -> None:
    """Refuse what costs more than is held or paid beyond what is due.

    room_minor: None where nothing is held yet, and all of it is paid later.

    Raises:
        DearerThanHeld.
    """
    if room_minor is not None and more_minor > max(0, room_minor):
        lacking = more_minor - max(0, room_minor)
        raise DearerThanHeld("less is held than it costs", sku_code=sku_code, lacking_minor=lacking)


def difference(rule: PriceRule, *, ordered_minor: int, own_minor: int) -> int:
    """By how much the order costs more when the substitute is sent; less when negative."""
    if rule is PriceRule.AS_ORDERED:
        return 0
    apart = own_minor - ordered_minor
    return min(0, apart) if rule is PriceRule.LOWER else apart
