"""What was set of what is dated, as facts: every row that is otherwise, as it is and as it was."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from batuta.kernel.ids import id_from
from batuta.pricing.domain import Dated, Price, TaxRate
from batuta.pricing.events import PriceChange, PricesSet, RateChange, TaxRatesSet

ROWS_MAX = 500
"""Of one fact."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def prices_told(
    present: Sequence[Price],
    rows: Sequence[Price],
    *,
    gone: Sequence[Price] = (),
    codes: Mapping[UUID, str],
    now: datetime,
    actor: str,
) -> list[PricesSet]:
    """Facts of prices that are otherwise. codes: of the price lists."""
    by_list: dict[UUID, list[PriceChange]] = defaultdict(list)
    for one in gone:
        by_list[one.price_list_id].append(
            PriceChange(
                sku_id=one.sku_id,
                from_at=one.valid.from_at,
                was_until_at=one.valid.until_at,
                was_amount_minor=one.amount_minor,
            )
        )
    for one, before in _with_before(present, rows):
        by_list[one.price_list_id].append(
            PriceChange(
                sku_id=one.sku_id,
                from_at=one.valid.from_at,
                until_at=one.valid.until_at,
                amount_minor=one.amount_minor,
                was_until_at=before.valid.until_at if before else None,
                was_amount_minor=before.amount_minor if before else None,
            )
        )
    return [
        PricesSet(stream=list_id, happened_at=now, actor=actor, code=codes[list_id], prices=changes[i : i + ROWS_MAX])
        for list_id, changes in sorted(by_list.items())
        for i in range(0, len(changes), ROWS_MAX)
    ]


def rates_told(present: Sequence[TaxRate], rows: Sequence[TaxRate], *, now: datetime, actor: str) -> list[TaxRatesSet]:
    """Facts of tax rates that are otherwise."""
    by_country: dict[str, list[RateChange]] = defaultdict(list)
    for one, before in _with_before(present, rows):
        by_country[one.country].append(
            RateChange(
                region=one.region,
                tax_category=one.tax_category,
                from_at=one.valid.from_at,
                until_at=one.valid.until_at,
                rate_bp=one.rate_bp,
                was_until_at=before.valid.until_at if before else None,
                was_rate_bp=before.rate_bp if before else None,
            )
        )
    return [
        TaxRatesSet(
            stream=tax_stream(country), happened_at=now, actor=actor, country=country, rates=changes[i : i + ROWS_MAX]
        )
        for country, changes in sorted(by_country.items())
        for i in range(0, len(changes), ROWS_MAX)
    ]


def tax_stream(country: str) -> UUID:
    """The stream of a country's tax rates, which have no id."""
    return id_from(f"tax rates of {country}", _BEGINNING)


def _with_before(present: Sequence[Dated], rows: Sequence[Dated]) -> Iterator[tuple[Dated, Dated | None]]:
    before = {(one.subject, one.valid.from_at): one for one in present}
    for one in rows:
        yield one, before.get((one.subject, one.valid.from_at))
