"""What stands on a packing slip, and the slip as A4 pages: no prices, for a parcel may be a gift (INV-14)."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec
from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from batuta.fulfillment.domain.orders import LotUnits
from batuta.kernel.addresses import Address
from batuta.kernel.text import printable
from batuta.kernel.typesetting import Template, bars_of, breakable
from batuta.notifications.domain import locale_of
from batuta.ordering.domain import SoldAs

_PAGES = Template("batuta.fulfillment.domain", "slip.typ")
_CODE_LETTERS = 10
_UNIT_LETTERS = 6
_PIECE_LETTERS = 40
_TRACKING_LETTERS = 20
_NAME_LETTERS = 30
_SHORT_NAME_LETTERS = 15

WORDS = {
    "es": {
        "title": "Albarán de entrega",
        "order": "Pedido",
        "to": "Destinatario",
        "pickup": "Recogida en",
        "from": "Remitente",
        "customer": "Cliente",
        "parcel": "Bulto",
        "of": "de",
        "tracking": "Seguimiento",
        "code": "Código",
        "article": "Artículo",
        "quantity": "Cantidad",
        "part_of": "Parte de",
        "instead_of": "En lugar de",
        "serials": "N.º de serie",
        "lots": "Lote",
        "weight": "Peso",
        "rest": "No va en este bulto",
        "elsewhere": "En otros bultos",
        "later": "Más adelante",
        "page": "Página",
        "unit": "ud.",
    },
    "en": {
        "title": "Packing slip",
        "order": "Order",
        "to": "Ship to",
        "pickup": "Pickup at",
        "from": "From",
        "customer": "Customer",
        "parcel": "Parcel",
        "of": "of",
        "tracking": "Tracking",
        "code": "Code",
        "article": "Item",
        "quantity": "Quantity",
        "part_of": "Part of",
        "instead_of": "Instead of",
        "serials": "Serial no.",
        "lots": "Lot",
        "weight": "Weight",
        "rest": "Not in this parcel",
        "elsewhere": "Other parcels",
        "later": "To follow",
        "page": "Page",
        "unit": "pc.",
    },
}


class SlipLine(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a SKU in the parcel.

    boxes: so many these are, where they were bought by the box. part_of: the bundle whose part it is. instead_of: what
    it replaces. weight_g: of what is charged by weight. wishes: what the buyer asked for, by what was asked.
    """

    sku_code: str
    name: str
    quantity: int
    unit: str
    boxes: SoldAs | None = None
    part_of: str = ""
    instead_of: str = ""
    serials: tuple[str, ...] = ()
    lots: tuple[LotUnits, ...] = ()
    weight_g: int | None = None
    wishes: tuple[tuple[str, str], ...] = ()


class SlipRest(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order line that are not in the parcel: packed into others, or still to be packed."""

    sku_code: str
    name: str
    unit: str
    elsewhere: int
    later: int


class PackingSlip(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in one parcel. number, parcels: it is the first, second … of those that its location sends together.

    origin: where it was packed. destination: where it goes; None where its `customer` comes for it.
    """

    locale: str
    brand: str
    seller: str
    tax_number: str
    order_number: str
    placed_on: date
    origin: Address
    origin_name: str
    destination: Address | None
    customer: str
    number: int
    parcels: int
    carrier: str
    tracking_number: str
    lines: tuple[SlipLine, ...]
    rest: tuple[SlipRest, ...]


def slip_pdf(slip: PackingSlip) -> bytes:
    """Draw the slip as a PDF of A4 pages; the same slip is the same bytes."""
    return _PAGES.pdf(said_on(slip))


def slip_pictures(slip: PackingSlip, *, dpi: int) -> list[bytes]:
    """Draw each page of the slip as a PNG."""
    return _PAGES.pictures(said_on(slip), dpi=dpi)


def said_on(slip: PackingSlip) -> dict[str, object]:
    """Return all that the pages say, in the language of the order and as its country writes it, as plain data."""
    locale = locale_of(slip.locale)
    words = WORDS[locale.language]
    modules, bars = bars_of("CODE128", slip.order_number)
    return {
        "language": locale.language,
        "words": words,
        "brand": breakable(printable(slip.brand)),
        "seller": breakable(_joined(slip.seller, slip.tax_number)),
        "number": slip.order_number,
        "code": {"modules": modules, "bars": bars},
        "placed": format_date(slip.placed_on, "long", locale=locale),
        "origin": _address(slip.origin, locale, name=slip.origin_name),
        "destination": _address(slip.destination, locale) if slip.destination else None,
        "customer": breakable(printable(slip.customer)),
        "parcel": f"{slip.number} {words['of']} {slip.parcels}",
        "carrier": breakable(printable(slip.carrier)),
        "tracking": breakable(printable(slip.tracking_number), _TRACKING_LETTERS),
        "lines": [_line(one, locale) for one in slip.lines],
        "rest": [_rest(one, locale) for one in slip.rest],
    }


def _address(address: Address, locale: Locale, *, name: str = "") -> dict[str, object]:
    first, *more = [one for one in (name or address.name, address.company) if one] or [""]
    region = f"({address.region})" if address.region else ""
    place = f"{address.postal_code} {address.city} {region}"
    country = str(locale.territories.get(address.country, address.country))
    lines = [line for line in (*more, *address.street, place, country) if line not in {"", first}]
    return {"name": breakable(printable(first)), "lines": [breakable(printable(line)) for line in lines]}


def _line(one: SlipLine, locale: Locale) -> dict[str, object]:
    words = WORDS[locale.language]
    weight = [(words["weight"], _weight(one.weight_g, locale))] if one.weight_g is not None else []
    place = [(words[key], said) for key in ("part_of", "instead_of") if (said := getattr(one, key))]
    base = _quantity(one.quantity, one.unit, locale)
    return {
        "code": breakable(printable(one.sku_code), _CODE_LETTERS),
        "name": breakable(printable(one.name), _NAME_LETTERS),
        "quantity": _quantity(one.boxes.quantity, one.boxes.unit, locale) if one.boxes else base,
        "base": base if one.boxes else "",
        "notes": [
            (printable(word), breakable(printable(text), _NAME_LETTERS))
            for word, text in (*place, *one.wishes, *weight)
        ],
        "lots": _pieces([f"{lot.lot} ({format_decimal(lot.quantity, locale=locale)})" for lot in one.lots]),
        "serials": _pieces(one.serials),
    }


def _rest(one: SlipRest, locale: Locale) -> dict[str, object]:
    counts: Mapping[str, int] = {"elsewhere": one.elsewhere, "later": one.later}
    return {
        "code": breakable(printable(one.sku_code), _CODE_LETTERS),
        "name": breakable(printable(one.name), _SHORT_NAME_LETTERS),
        **{key: _quantity(units, one.unit, locale) if units else "" for key, units in counts.items()},
    }


def _pieces(numbers: Sequence[str]) -> list[str]:
    return [breakable(printable(number), _PIECE_LETTERS) for number in numbers]


def _quantity(units: int, unit: str, locale: Locale) -> str:
    """So many of a unit of measure; `unit` is the one that goes without a name."""
    named = WORDS[locale.language]["unit"] if unit == "unit" else breakable(printable(unit), _UNIT_LETTERS)
    return f"{format_decimal(units, locale=locale)} {named}"


def _weight(weight_g: int, locale: Locale) -> str:
    return f"{format_decimal(Decimal(weight_g) / 1_000, format='#,##0.000', locale=locale)} kg"


def _joined(*parts: str) -> str:
    return " · ".join(printable(part) for part in parts if part)
