"""Pages drawn by typst, with the fonts that come with it: text is told as data and is never read as markup."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

FONT = "Libertinus Serif"
_WORD_LETTERS = 12


class Template:
    """Pages of a package's file: it finds what it says as JSON under `told`, with the name of the `font`."""

    def __init__(self, package: str, name: str) -> None:
        self._package, self._name = package, name

    def pdf(self, told: Mapping[str, object]) -> bytes:
        """Draw all pages; the same facts are the same bytes."""
        (whole,) = self._drawn(told, "pdf")
        return whole

    def pictures(self, told: Mapping[str, object], *, dpi: int) -> list[bytes]:
        """Draw each page as a PNG."""
        return self._drawn(told, "png", dpi)

    def _drawn(self, told: Mapping[str, object], output: Literal["pdf", "png"], dpi: int | None = None) -> list[bytes]:
        import typst

        made = typst.compile(
            _source(self._package, self._name),
            format=output,
            ppi=dpi,
            sys_inputs={"told": msgspec.json.encode({"font": FONT, **told}).decode()},
            font_paths=_fonts(),
            timestamp=0,
        )
        return made if isinstance(made, list) else [made]


@cache
def _source(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()


@cache
def _fonts() -> Any:
    """Read the fonts once."""
    import typst

    return typst.Fonts()


def breakable(text: str, letters: int = _WORD_LETTERS) -> str:
    """Let very long words be broken after so many letters."""
    return " ".join(
        "\u200b".join(word[start : start + letters] for start in range(0, len(word), letters))
        for word in text.split(" ")
    )


def bars_of(symbology: str, text: str) -> tuple[int, list[tuple[int, int]]]:
    """Encode a barcode: how many modules wide it is, and its bars as (first module, modules wide)."""
    import zint

    symbol = zint.Symbol()
    symbol.symbology = zint.Symbology[symbology]
    symbol.encode(text)
    symbol.buffer_vector()
    unit = symbol.vector.width / symbol.width
    return symbol.width, [(round(bar.x / unit), round(bar.width / unit)) for bar in symbol.vector.rectangles]
