"""What stands on a label, before anyone draws it."""

import msgspec

from batuta.kernel.addresses import Address
from batuta.kernel.text import printable
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


def address_lines(address: Address) -> list[str]:
    """Return an address as lines of a label, without name and place: company, street, telephone."""
    company = address.company if address.name else ""
    phone = f"Tel. {address.phone}" if address.phone else ""
    return [line for line in (printable(line) for line in (company, *address.street, phone)) if line]


def place_of(address: Address) -> str:
    """Return where that is, for those who sort: postal code, city, region, country."""
    region = f"({address.region})" if address.region else ""
    return printable(f"{address.postal_code} {address.city} {region} · {address.country}")


def addressee(address: Address) -> str:
    """Return whom the address is for."""
    return printable(address.name or address.company)


def wrap(text: str, *, width: int, lines: int) -> list[str]:
    """Break a line at spaces, or inside a word longer than the line; what does not fit ends in an ellipsis."""
    if len(text) <= width:
        return [text]
    broken: list[str] = []
    for word in text.split(" "):
        if broken and len(broken[-1]) + 1 + len(word) <= width:
            broken[-1] += f" {word}"
        else:
            broken += [word[start : start + width] for start in range(0, len(word), width)]
    if len(broken) <= lines:
        return broken
    rest = " ".join(broken[lines - 1 :])
    return [*broken[: lines - 1], rest[: width - 1].rstrip() + "…"]


def spaced_sscc(sscc: str) -> str:
    """Return an SSCC with its application identifier, in groups that a person can read aloud."""
    return f"(00) {sscc[:3]} {sscc[3:8]} {sscc[8:13]} {sscc[13:]}"
