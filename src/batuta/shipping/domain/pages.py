"""Labels as pages of 4 x 6 inches: PDF to print, PNG to show."""

from batuta.kernel.addresses import Address
from batuta.kernel.text import printable
from batuta.kernel.typesetting import Template, bars_of, breakable
from batuta.shipping.domain.labels import WORDS, LabelFacts, address_lines, addressee, place_of, spaced_sscc
from batuta.shipping.domain.zpl import module_dots

PRINTER_DPI = 203

_PAGE = Template("batuta.shipping.domain", "label.typ")


def label_pdf(label: LabelFacts) -> bytes:
    """Draw the label as a PDF of one page; the same label is the same bytes."""
    return _PAGE.pdf(_told(label))


def label_png(label: LabelFacts) -> bytes:
    """Draw the label as a printer of 203 dpi prints it."""
    (page,) = _PAGE.pictures(_told(label), dpi=PRINTER_DPI)
    return page


def _told(label: LabelFacts) -> dict[str, object]:
    """All that the template says, as plain data."""
    return {
        "words": WORDS[label.locale],
        "letter": label.service_kind[0].upper(),
        "carrier": breakable(printable(label.carrier_name)),
        "service": breakable(printable(label.service)),
        "reference": breakable(printable(label.reference)),
        "weight": label.weight,
        "origin": _address(label.origin),
        "destination": _address(label.destination),
        "tracking_number": label.tracking_number,
        "tracking_code": _bars("CODE128", label.tracking_number),
        "sscc": spaced_sscc(label.sscc),
        "sscc_code": _bars("GS1_128", f"[00]{label.sscc}"),
    }


def _address(address: Address) -> dict[str, object]:
    return {
        "name": breakable(addressee(address)),
        "lines": [breakable(line) for line in address_lines(address)],
        "place": breakable(place_of(address)),
    }


def _bars(symbology: str, text: str) -> dict[str, object]:
    modules, bars = bars_of(symbology, text)
    return {"modules": modules, "module_dots": module_dots(modules), "bars": bars}
