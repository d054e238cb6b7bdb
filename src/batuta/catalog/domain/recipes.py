"""How a good is made once somebody has ordered it: who can, by which steps, and what its buyer says of it (SRC-14)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from batuta.catalog.domain.skus import Sku
from batuta.kernel.abilities import Ability
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Code, Text

LINKS_MAX = 20
STEPS_MAX = 100
FIELDS_MAX = 50
CHOICES_MAX = 200
LOCALES_MAX = 20
MINUTES_MAX = 60 * 24 * 60
SAYING_MAX = 2_000

Link = Annotated[
    str,
    msgspec.Meta(
        max_length=2_000, pattern=r"^https://[0-9A-Za-z][!-~]*$", examples=["https://files.example/watch-back.png"]
    ),
]
"""Where a picture or file is kept."""

Saying = Annotated[str, msgspec.Meta(max_length=SAYING_MAX, pattern=r"^[^\x00]*$")]
"""What the buyer says of a field."""

Personalisation = Annotated[dict[Code, Saying], msgspec.Meta(max_length=FIELDS_MAX)]
"""What the buyer says, by the code of the field."""

InWords = Annotated[dict[Code, Text], msgspec.Meta(min_length=1, max_length=LOCALES_MAX)]
"""The same in several languages, by locale."""


class NotMadeToOrder(Refused):
    """Only what is made to order has a recipe."""


class BadRecipe(Refused):
    """The recipe contradicts itself; `field` says where."""


class UnknownRecipe(NotFound):
    """Nothing says how the SKU is made."""


class WrongPersonalisation(Refused):
    """The recipe asks for something else; `field` says for what, `reason` what is wrong."""


class FieldKind(StrEnum):
    """text: in the buyer's words. choice: one of a few. link: where the buyer keeps a picture or file."""

    TEXT = "text"
    CHOICE = "choice"
    LINK = "link"


class Instruction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of the work. links: pictures and files that show it."""

    text: InWords
    links: Annotated[tuple[Link, ...], msgspec.Meta(max_length=LINKS_MAX)] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the buyer is asked. length_max: of a text. choices: of a choice."""

    code: Code
    name: InWords
    kind: FieldKind = FieldKind.TEXT
    is_required: bool = True
    length_max: Annotated[int, msgspec.Meta(ge=1, le=SAYING_MAX)] = 100
    choices: Annotated[tuple[Text, ...], msgspec.Meta(max_length=CHOICES_MAX)] = ()


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one unit is made of its kit parts.

    abilities: what a location must be able to do. minutes: of its open time, that a unit takes. steps: each is signed.
    fields: what the buyer is asked. needs_proof: the buyer says yes to a proof before anybody begins. is_returnable:
    whether it is taken back when nothing is wrong with it.
    """

    abilities: frozenset[Ability] = frozenset()
    steps: Annotated[tuple[Instruction, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    fields: Annotated[tuple[Field, ...], msgspec.Meta(max_length=FIELDS_MAX)] = ()
    needs_proof: bool = False
    is_returnable: bool = True
    minutes: Annotated[int, msgspec.Meta(ge=0, le=MINUTES_MAX)] = 0


NOTHING_SAID = Recipe()
"""Of what is made to order and has no recipe: anybody puts its parts together."""


def check_recipe(sku: Sku, recipe: Recipe) -> Recipe:
    """Return the recipe.

    Raises:
        NotMadeToOrder. BadRecipe: a field comes twice, or a choice has nothing to choose from.
    """
    if not sku.is_made_to_order:
        raise NotMadeToOrder("only what is made to order has a recipe", code=sku.code)
    seen: set[str] = set()
    for field in recipe.fields:
        if field.code in seen:
            raise BadRecipe("a field comes once", field=field.code, code=sku.code)
        if (field.kind is FieldKind.CHOICE) != bool(field.choices):
            raise BadRecipe("a choice, and nothing else, has choices", field=field.code, code=sku.code)
        seen.add(field.code)
    return recipe


def check_personalisation(recipe: Recipe, said: Mapping[str, str]) -> dict[str, str]:
    """Return what the buyer says, without what was left empty.

    Raises:
        WrongPersonalisation: something else is asked for.
    """
    fields = {field.code: field for field in recipe.fields}
    words = {code: saying for code, saying in said.items() if saying.strip()}
    if unknown := sorted(set(said) - set(fields)):
        raise WrongPersonalisation("nobody asked for this", field=unknown[0], reason="unknown", known=sorted(fields))
    for code, field in fields.items():
        if code not in words:
            if field.is_required:
                raise WrongPersonalisation("this has to be said", field=code, reason="missing")
        elif (reason := _wrong(field, words[code])) is not None:
            raise WrongPersonalisation("this cannot be made", field=code, reason=reason)
    return words


def _wrong(field: Field, saying: str) -> str | None:
    if field.kind is FieldKind.CHOICE:
        return None if saying in field.choices else "not_a_choice"
    if field.kind is FieldKind.LINK:
        try:
            msgspec.convert(saying, Link)
        except msgspec.ValidationError:
            return "not_a_link"
        return None
    return None if len(saying) <= field.length_max else "too_long"
