"""What stands on a label, before anyone draws it."""

from collections.abc import Sequence

import msgspec

from batuta.kernel.addresses import Address
from batuta.shipping.domain.services import ServiceKind

SPANISH = frozenset("AR BO CL CO CR CU DO EC ES GT HN MX NI PA PE PR PY SV UY VE".split())  # noqa: SIM905, shorter

WORDS = {
    "es": {
        "from": "Remitente",
        "to": "Destinatario",
        "reference": "Pedido",
        "weight": "Peso",
        "tracking": "Seguimiento",
    },
    "en": {"from": "From", "to": "Ship to", "reference": "Order", "weight": "Weight", "tracking": "Tracking"},
}


class LabelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel's label."""

    carrier_name: str
    service_name: dict[str, str]
    service_kind: ServiceKind
    tracking_number: str
    sscc: str
    reference: str
    weight_g: int
    origin: Address
    destination: Address

    @property
    def locale(self) -> str:
        """The language of those who carry it: Spanish to where Spanish is spoken, else English."""
        return "es" if self.destination.country in SPANISH else "en"

    @property
    def service(self) -> str:
        """The service's name in that language, or in any it has."""
        named = self.service_name
        return named.get(self.locale) or next((name for name in named.values() if name), self.service_kind.value)

    @property
    def weight(self) -> str:
        """The weight in kilograms as people of that language write it."""
        kilograms = f"{self.weight_g / 1000:.2f}"
        return f"{kilograms.replace('.', ',') if self.locale == 'es' else kilograms} kg"

    @property
    def element_string(self) -> str:
        """The SSCC as GS1 writes it for people: with its application identifier in parentheses."""
        return f"(00){self.sscc}"


def address_lines(address: Address) -> list[str]:
    """Return an address as lines of a label, without the name: company, street, place, country."""
    place = " ".join(part for part in (address.postal_code, address.city) if part)
    region = f"{place} ({address.region})" if address.region else place
    lines = [address.company if address.company != addressee(address) else "", *address.street, region, address.country]
    return [line for line in (printable(line) for line in lines) if line]


def addressee(address: Address) -> str:
    """Return whom the address is for."""
    return printable(address.name or address.company)


def printable(text: str) -> str:
    """Return the text as one line of what can be printed: no control characters, single spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def wrap(text: str, *, width: int, lines: int) -> list[str]:
    """Break a line at spaces, or inside a word longer than the line; what does not fit ends in an ellipsis."""
    broken: list[str] = []
    for word in text.split(" "):
        if broken and len(broken[-1]) + 1 + len(word) <= width:
            broken[-1] += f" {word}"
        else:
            broken += [word[start : start + width] for start in range(0, len(word), width)]
    if len(broken) <= lines:
        return broken
    return [*broken[: lines - 1], broken[lines - 1][: width - 1].rstrip() + "…"]


def spaced(digits: str, groups: Sequence[int]) -> str:
    """Return digits in groups that a person can read aloud."""
    parts, start = [], 0
    for size in groups:
        parts.append(digits[start : start + size])
        start += size
    return " ".join([*parts, digits[start:]]).rstrip()
