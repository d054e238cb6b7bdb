r"""Labels as ZPL II, for label printers of 203 dpi: 4 x 6 inches are 812 x 1218 dots.

Text enters only through `^FH^FD` with `^`, `~`, `_` and `\` as hexadecimal, so it cannot become a command.
Source: Zebra, "ZPL II Programming Guide" (^BC, ^CI, ^FH, ^BY).
"""

import re
from collections.abc import Iterable

from batuta.kernel.text import printable
from batuta.shipping.domain.labels import (
    WORDS,
    LabelFacts,
    address_lines,
    addressee,
    place_of,
    spaced_sscc,
    wrap,
)

WIDTH_DOTS, HEIGHT_DOTS = 812, 1218
MARGIN_DOTS = 40
MODULE_DOTS_MAX = 4

_HEXADECIMAL = {ord(letter): f"_{ord(letter):02X}" for letter in "^~_\\"}
_SPECIAL = re.compile(r"[\^~_\\]")


def zpl(label: LabelFacts) -> str:
    """Draw the label: who carries it how, from, to, tracking number, reference, SSCC."""
    words = WORDS[label.locale]
    sender = [addressee(label.origin), *address_lines(label.origin), place_of(label.origin)]
    return "".join(
        (
            f"^XA^CI28^PW{WIDTH_DOTS}^LL{HEIGHT_DOTS}^LH0,0",
            _text(40, 30, 44, printable(label.carrier_name), width=28),
            _text(40, 84, 34, printable(label.service).upper(), width=36),
            _rule(130),
            _text(40, 146, 20, words["from"].upper()),
            _block(40, 170, 22, sender, width=54, lines=5),
            _rule(300),
            _text(40, 316, 20, words["to"].upper()),
            _block(40, 344, 40, [addressee(label.destination)], width=30, lines=2),
            _block(40, 432, 30, address_lines(label.destination), width=42, lines=4),
            _block(40, 568, 36, [place_of(label.destination)], width=34, lines=2),
            _rule(648),
            _text(40, 664, 20, f"{words['tracking']} {label.tracking_number}", width=70),
            _tracking_bars(label.tracking_number),
            _rule(868),
            _text(40, 884, 26, f"{words['reference']}: {printable(label.reference)}", width=32),
            _text(560, 884, 26, f"{words['weight']}: {label.weight}"),
            _rule(926),
            f"^FO94,946^BY{MODULE_DOTS_MAX}^BCN,200,N,N,N,N^FD>;>800{label.sscc}^FS",
            _text(190, 1158, 30, spaced_sscc(label.sscc)),
            "^XZ",
        )
    )


def module_dots(modules: int) -> int:
    """Return how many dots wide a module may be so that the bars and their quiet zones fit the label."""
    return max(1, min(MODULE_DOTS_MAX, (WIDTH_DOTS - 2 * MARGIN_DOTS) // modules))


def _tracking_bars(number: str) -> str:
    """Code 128 in the middle; the printer packs digits, so a number of ours is narrower than its letters."""
    modules = _OUR_MODULES if _OUR_NUMBER.fullmatch(number) else (len(number) + 3) * 11 + 2
    dots = module_dots(modules)
    start = max(0, (WIDTH_DOTS - modules * dots) // 2)
    return f"^FO{start},696^BY{dots}^BCN,150,N,N,N,A{_field(number)}"


_OUR_NUMBER = re.compile("[A-Z]{3}[0-9]{12}")
_OUR_MODULES = 145


def _text(x: int, y: int, height: int, text: str, *, width: int = 60) -> str:
    return _block(x, y, height, [text], width=width, lines=1)


def _block(x: int, y: int, height: int, texts: Iterable[str], *, width: int, lines: int) -> str:
    wrapped = [line for text in texts if text for line in wrap(text, width=width, lines=min(lines, 2))][:lines]
    return "".join(
        f"^FO{x},{y + row * (height + height // 8)}^A0N,{height}{_field(line)}" for row, line in enumerate(wrapped)
    )


def _field(text: str) -> str:
    return f"^FH^FD{text.translate(_HEXADECIMAL)}^FS" if _SPECIAL.search(text) else f"^FD{text}^FS"


def _rule(y: int) -> str:
    return f"^FO{MARGIN_DOTS},{y}^GB{WIDTH_DOTS - 2 * MARGIN_DOTS},3,3^FS"
