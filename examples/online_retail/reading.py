"""Reading the invoices: what was sold, what came back, and which lines cannot be."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.ids import id_from
from examples.parquet import read_table

LONDON = ZoneInfo("Europe/London")
FILE = "transactions_2009_2010.parquet"
COLUMNS = ("invoice", "stock_code", "description", "quantity", "invoice_date", "price", "customer_id", "country")
BEGINNING = datetime(2009, 11, 30, tzinfo=UTC)

# Charges, fees, vouchers and corrections: sold and credited like goods, but nothing lies on a shelf.
SERVICES = {"POST", "DOT", "C2", "C3", "D", "M", "S", "B", "ADJUST", "ADJUST2", "BANK CHARGES", "AMAZONFEE"}
VOUCHER = "GIFT"

# The names that are not in the list of countries as the standard writes it. ZZ: not told.
COUNTRIES = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Bermuda": "BM",
    "Brazil": "BR",
    "Canada": "CA",
    "Channel Islands": "JE",
    "Cyprus": "CY",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Korea": "KR",
    "Lebanon": "LB",
    "Lithuania": "LT",
    "Malta": "MT",
    "Netherlands": "NL",
    "Nigeria": "NG",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "RSA": "ZA",
    "Singapore": "SG",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "Thailand": "TH",
    "USA": "US",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
    "Unspecified": "ZZ",
    "West Indies": "ZZ",
}


class Reason(StrEnum):
    """Why a line cannot be; the first that holds."""

    NO_CODE = "no_code"
    NEGATIVE_QUANTITY = "negative_quantity_outside_a_cancellation"
    POSITIVE_QUANTITY = "positive_quantity_in_a_cancellation"
    NO_PRICE = "price_not_positive"
    BELOW_A_PENNY = "price_finer_than_a_penny"


class Line(msgspec.Struct, frozen=True):
    code: str
    name: str
    quantity: int
    price_minor: int


class Invoice(msgspec.Struct, frozen=True):
    """What is sound of one invoice. Quantities of a cancellation are of what came back, and positive."""

    number: str
    at: datetime
    customer: int | None
    country: str
    is_cancellation: bool
    lines: tuple[Line, ...]

    @property
    def id(self) -> UUID:
        return id_from(f"online_retail:invoice:{self.number}", self.at)


class Data(msgspec.Struct, frozen=True):
    """The file, sorted out. refused: lines by reason. refused_invoices: those of which no line is left."""

    lines_in: int
    invoices_in: int
    invoices: list[Invoice]
    refused: Counter[Reason]
    refused_invoices: Counter[Reason]

    @property
    def lines(self) -> Iterator[tuple[Invoice, Line]]:
        return ((invoice, line) for invoice in self.invoices for line in invoice.lines)


def read(folder: Path, *, limit: int | None = None) -> Data:
    """Read the file and judge every line; with a limit, only so many invoices, the first ones."""
    table = read_table(folder / FILE, columns=list(COLUMNS))
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for row in zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True):
        rows.setdefault(row[0], []).append(row)
    if limit is not None:
        rows = dict(list(rows.items())[:limit])

    refused: Counter[Reason] = Counter()
    refused_invoices: Counter[Reason] = Counter()
    invoices = []
    for number, several in rows.items():
        reasons = [_reason(row) for row in several]
        refused.update(reason for reason in reasons if reason)
        sound = [row for row, reason in zip(several, reasons, strict=True) if not reason]
        if sound:
            invoices.append(_invoice(number, sound))
        else:
            refused_invoices.update([next(reason for reason in reasons if reason)])
    return Data(sum(map(len, rows.values())), len(rows), invoices, refused, refused_invoices)


def _reason(row: tuple[Any, ...]) -> Reason | None:
    number, code, _, quantity, _, price, _, _ = row
    if not code or not code.strip():
        return Reason.NO_CODE
    if is_cancellation(number) and quantity >= 0:
        return Reason.POSITIVE_QUANTITY
    if not is_cancellation(number) and quantity <= 0:
        return Reason.NEGATIVE_QUANTITY
    if price <= 0:
        return Reason.NO_PRICE
    if round(price * 1000) % 10:
        return Reason.BELOW_A_PENNY
    return None


def is_cancellation(number: str) -> bool:
    return number.startswith("C")


def is_service(code: str) -> bool:
    return code in SERVICES or code.startswith(VOUCHER)


def _invoice(number: str, rows: Sequence[tuple[Any, ...]]) -> Invoice:
    """Lines of an invoice that was written over two minutes are of the first."""
    _, _, _, _, at, _, customer, country = rows[0]
    return Invoice(
        number=number,
        at=min((row[4] for row in rows), default=at).replace(tzinfo=LONDON).astimezone(UTC),
        customer=customer,
        country=COUNTRIES[country],
        is_cancellation=is_cancellation(number),
        lines=tuple(
            Line(
                # One SKU is written in capitals here and in small letters there.
                code=code.strip().upper(),
                name=" ".join((name or "").split()),
                quantity=abs(quantity),
                price_minor=round(price * 100),
            )
            for _, code, name, quantity, _, price, _, _ in rows
        ),
    )
