"""What a merchant sets: dated prices and tax rates, and shipping charges by the worth of the goods."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.periods import Period
from batuta.kernel.quantities import AmountMinor, Code

Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Region = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{0,3}$")]
Priority = Annotated[int, msgspec.Meta(ge=-1_000, le=1_000)]
RateBp = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one channel in one currency. Of two lists with a price, the greater `priority` wins."""

    id: UUID
    code: Code
    channel_id: UUID
    currency: Currency
    priority: Priority = 0


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's listed price while `valid`; with or without tax as the channel says."""

    price_list_id: UUID
    sku_id: UUID
    amount_minor: AmountMinor
    valid: Period

    @property
    def subject(self) -> tuple[object, ...]:
        return self.price_list_id, self.sku_id

    @property
    def worth(self) -> int:
        return self.amount_minor


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    """A country's rate for a category of goods while `valid`; a region's own rate goes before its country's.

    region: as a checked address has it (`GC` is Las Palmas), or empty. rate_bp: 2100 is 21 %; 0 is a rate too.
    """

    country: Country
    tax_category: Code
    rate_bp: RateBp
    valid: Period
    region: Region = ""

    @property
    def subject(self) -> tuple[object, ...]:
        return self.country, self.region, self.tax_category

    @property
    def worth(self) -> int:
        return self.rate_bp


class ShippingCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel asks for shipping goods of up to an amount; no amount means any.

    up_to_amount_minor: of the goods after discounts, in the terms of listed prices; the bound itself belongs.
    tax_category: None taxes the charge as the goods are taxed, in proportion (TAX-04).
    """

    channel_id: UUID
    service_kind: Code
    currency: Currency
    charge_minor: AmountMinor
    up_to_amount_minor: AmountMinor | None = None
    tax_category: Code | None = None


class PriceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which prices to list; None is any. channel_ids: of whose lists."""

    price_list_id: UUID | None = None
    sku_ids: list[UUID] | None = None
    channel_ids: list[UUID] | None = None


class BadTariff(Invalid):
    """An amount, rate, currency or code is outside of what it can be."""


class NoSuchChannel(NotFound):
    """A price list or shipping charge was given for a channel that is not there."""


class PriceListIsFixed(Refused):
    """A list that is there would change its channel or currency; make another list."""


class NoSuchPriceList(NotFound):
    """A price was given for a list that is not there."""


class NoSuchPrice(NotFound):
    """No price of the list and SKU begins then."""


class PriceHasBegun(Refused):
    """What has begun was sold by: it can end, but not be as if it never was."""


class PeriodsOverlap(Refused):
    """Two prices or rates would hold at once, or one that has begun would be rewritten."""


Dated = TypeVar("Dated", Price, TaxRate)


def fit(present: Sequence[Dated], new: Dated, *, now: datetime) -> list[Dated] | PeriodsOverlap:
    """Decide how `new` joins the present ones of its subject, and return them all.

    It closes an open-ended one that began before it, and replaces one of the same beginning that has not begun
    yet; one that has begun keeps its amount, and ends when the last word says, if that is not in the past. The same
    once more changes nothing.
    """
    if any(_says_the_same(one, new) for one in present):
        return list(present)

    fitted: list[Dated] = []
    for one in present:
        begins_together = one.valid.from_at == new.valid.from_at
        if not one.valid.overlaps(new.valid):
            fitted.append(one)
        elif one.valid.until_at is None and one.valid.from_at < new.valid.from_at:
            fitted.append(msgspec.structs.replace(one, valid=Period(one.valid.from_at, new.valid.from_at)))
        elif not (begins_together and (one.valid.from_at >= now or _moves_the_end(one, new, now=now))):
            return PeriodsOverlap(
                "another one holds in this period",
                subject=[str(part) for part in new.subject],
                wanted_from_at=new.valid.from_at.isoformat(),
                present_from_at=one.valid.from_at.isoformat(),
                present_until_at=one.valid.until_at and one.valid.until_at.isoformat(),
            )
    fitted.append(new)
    return fitted


def _moves_the_end(present: Dated, new: Dated, *, now: datetime) -> bool:
    """Whether one that has begun and has not ended would only end at another moment to come."""
    ends = [one.valid.until_at for one in (present, new)]
    return (
        present.worth == new.worth and new.valid.until_at is not None and all(end is None or end >= now for end in ends)
    )


def _says_the_same(present: Dated, new: Dated) -> bool:
    """Whether `new` was said before, even if its open end has been closed since."""
    return (
        present.valid.from_at == new.valid.from_at
        and present.worth == new.worth
        and new.valid.until_at in {None, present.valid.until_at}
    )


def fit_all(
    present: Sequence[Dated], news: Sequence[Dated], *, now: datetime
) -> tuple[list[Dated | PeriodsOverlap], list[Dated]]:
    """Fit new ones one after the other; return an answer for each and the rows to write."""
    by_subject: dict[tuple[object, ...], list[Dated]] = defaultdict(list)
    for one in present:
        by_subject[one.subject].append(one)

    answers: list[Dated | PeriodsOverlap] = []
    for new in news:
        fitted = fit(by_subject[new.subject], new, now=now)
        if isinstance(fitted, PeriodsOverlap):
            answers.append(fitted)
            continue
        by_subject[new.subject] = fitted
        answers.append(next(one for one in fitted if one.valid.from_at == new.valid.from_at))
    return answers, otherwise(present, by_subject.values())


def otherwise(before: Iterable[Dated], after: Iterable[Sequence[Dated]]) -> list[Dated]:
    """Those of `after` that were not there before, or not so."""
    known = {(one.subject, one.valid.from_at): one for one in before}
    return [one for several in after for one in several if known.get((one.subject, one.valid.from_at)) != one]


def take_back(present: Sequence[Dated], from_at: datetime, *, now: datetime) -> list[Dated]:
    """Return what stays of a subject's without the one that was to begin then.

    The one before it, where it was to end at that moment, is open-ended again, or ends as the next one begins.

    Raises:
        NoSuchPrice: none begins then.
        PriceHasBegun.
    """
    gone = next((one for one in present if one.valid.from_at == from_at), None)
    if gone is None:
        raise NoSuchPrice("nothing begins then", from_at=from_at.isoformat())
    if from_at < now:
        raise PriceHasBegun("what has begun can only end", from_at=from_at.isoformat())
    next_at = min((one.valid.from_at for one in present if one.valid.from_at > from_at), default=None)
    return [
        msgspec.structs.replace(one, valid=Period(one.valid.from_at, next_at)) if one.valid.until_at == from_at else one
        for one in present
        if one is not gone
    ]


def in_tiers(charges: Sequence[ShippingCharge]) -> list[ShippingCharge]:
    """The charges of one service, the least amount of goods first and any amount last.

    Raises:
        BadTariff: two of them are for the same amount.
    """
    tiers = sorted(charges, key=lambda one: (one.up_to_amount_minor is None, one.up_to_amount_minor or 0))
    for lower, upper in pairwise(tiers):
        if lower.up_to_amount_minor == upper.up_to_amount_minor:
            raise BadTariff(
                "two shipping charges for one amount of goods",
                service_kind=lower.service_kind,
                up_to_amount_minor=lower.up_to_amount_minor,
            )
    return tiers
