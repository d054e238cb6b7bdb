"""What a customer reads and fills in whose store cannot serve them (SRC-16)."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from batuta.company.domain import RerouteKind
from batuta.kernel.addresses import Address
from batuta.kernel.text import one_line
from batuta.ordering.domain.rerouting import Choice, Part
from batuta.web.catalogue import Speech

TEXT_LENGTH_MAX = 200
AMOUNT_DIGITS_MAX = 15
COUNTRIES = ("ES", "PT", "FR", "DE", "IT", "GB", "US", "MX", "AR", "BR", "CL", "CO")


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """Articles that are had together. below: the address of a store."""

    title: str
    below: str
    when: str
    items: str


class ChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """A way on. worth: what comes back; the hidden fields are what is shown of it."""

    id: str
    title: str
    parts: Sequence[PartView]
    when: str
    worth: str
    price_minor: int
    p90_on: str
    needs_address: bool
    is_over: bool


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """An address as it was typed."""

    name: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""
    phone: str = ""

    @property
    def address(self) -> Address:
        return Address(
            name=self.name,
            street=[self.street],
            postal_code=self.postal_code,
            city=self.city,
            country=self.country,
            phone=self.phone,
        )


def typed_in(form: Mapping[str, object]) -> Typed:
    """What a form says of an address."""
    return Typed(**{field: _text(form, field) for field in Typed.__struct_fields__})


def amount_in(form: Mapping[str, object]) -> int:
    """The price that was shown; what is no number is none that was."""
    text = _text(form, "price_minor")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= AMOUNT_DIGITS_MAX else -(10**15)


def day_in(form: Mapping[str, object]) -> date | None:
    """The day that was shown."""
    try:
        return date.fromisoformat(_text(form, "p90_on"))
    except ValueError:
        return None


def _text(form: Mapping[str, object], field: str) -> str:
    return one_line(str(form.get(field) or ""))[:TEXT_LENGTH_MAX]


def choice_view(choice: Choice, names: Mapping[UUID, str], speech: Speech) -> ChoiceView:
    """A choice in words. names: of the lines, with their units."""
    worth = speech.money(-choice.price_minor, choice.currency) if choice.price_minor < 0 else ""
    return ChoiceView(
        id=choice.id,
        title=_title(choice, speech),
        parts=[_part(part, names, speech) for part in choice.parts],
        when=_by(choice.p90_on, speech),
        worth=speech("choose.back", amount=worth) if worth else "",
        price_minor=choice.price_minor,
        p90_on=choice.p90_on.isoformat() if choice.p90_on else "",
        needs_address=choice.needs_address,
        is_over=choice.kind is RerouteKind.CANCEL,
    )


def _by(day: date | None, speech: Speech) -> str:
    if day is None:
        return ""
    return (
        speech("choose.today") if day == speech.local(speech.now).date() else speech("choose.by", day=speech.date(day))
    )


def _title(choice: Choice, speech: Speech) -> str:
    if choice.kind is RerouteKind.SPLIT:
        return " + ".join(_way(part, speech) for part in choice.parts)
    return _way(choice.parts[0], speech)


def _way(part: Part, speech: Speech) -> str:
    return speech(f"choose.{part.kind}", store=part.store.name if part.store else "")


def _part(part: Part, names: Mapping[UUID, str], speech: Speech) -> PartView:
    return PartView(
        title=_way(part, speech),
        below=", ".join(part.store.address) if part.store else "",
        when=_by(part.p90_on, speech),
        items=", ".join(names[line_id] for line_id in part.line_ids if line_id in names),
    )
