"""Labels as pages of 4 x 6 inches: PDF to print, PNG to show."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from batuta.kernel.addresses import Address
from batuta.shipping.domain.labels import WORDS, LabelFacts, address_lines, addressee, place_of, printable, spaced_sscc
from batuta.shipping.domain.zpl import module_dots

_Output = Literal["pdf", "png"]

PRINTER_DPI = 203

_FONT = "Libertinus Serif"
_WORD_LETTERS = 12


def label_pdf(label: LabelFacts) -> bytes:
    """Draw the label as a PDF of one page; the same label is the same bytes."""
    return _compiler()(label, "pdf")


def label_png(label: LabelFacts) -> bytes:
    """Draw the label as a printer of 203 dpi prints it."""
    return _compiler()(label, "png")


@cache
def _compiler() -> Callable[[LabelFacts, _Output], bytes]:
    """Read fonts and template once."""
    import typst

    fonts = typst.Fonts()
    template = files("batuta.shipping.domain").joinpath("label.typ").read_bytes()

    def compiled(label: LabelFacts, output: _Output) -> bytes:
        made = typst.compile(
            template,
            format=output,
            ppi=PRINTER_DPI,
            sys_inputs={"label": msgspec.json.encode(_told(label)).decode()},
            font_paths=fonts,
            timestamp=0,
        )
        assert isinstance(made, bytes)
        return made

    return compiled


def _told(label: LabelFacts) -> dict[str, object]:
    """All that the template says, as plain data."""
    return {
        "font": _FONT,
        "words": WORDS[label.locale],
        "letter": label.service_kind[0].upper(),
        "carrier": _breakable(printable(label.carrier_name)),
        "service": _breakable(printable(label.service)),
        "reference": _breakable(printable(label.reference)),
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
        "name": _breakable(addressee(address)),
        "lines": [_breakable(line) for line in address_lines(address)],
        "place": _breakable(place_of(address)),
    }


def _breakable(text: str) -> str:
    """Let very long words be broken."""
    return " ".join(
        "\u200b".join(word[start : start + _WORD_LETTERS] for start in range(0, len(word), _WORD_LETTERS))
        for word in text.split(" ")
    )


def _bars(symbology: str, text: str) -> dict[str, object]:
    """Encode a barcode; bars are (first module, modules wide)."""
    import zint

    symbol = zint.Symbol()
    symbol.symbology = zint.Symbology[symbology]
    symbol.encode(text)
    symbol.buffer_vector()
    modules = symbol.width
    unit = symbol.vector.width / modules
    return {
        "modules": modules,
        "module_dots": module_dots(modules),
        "bars": [(round(bar.x / unit), round(bar.width / unit)) for bar in symbol.vector.rectangles],
    }
