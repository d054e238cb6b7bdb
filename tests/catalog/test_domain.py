"""What the catalog accepts."""

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.catalog.domain import (
    BadComponent,
    BadSku,
    Component,
    ImplausibleSku,
    NotABundle,
    Sku,
    SkuKind,
    UnknownSku,
    check_components,
    check_sku,
    name_in,
)

CHAIR = Sku(id=UUID(int=1), code="CHAIR", product_id=UUID(int=9), weight_g=4_000)
WRAP = Sku(id=UUID(int=2), code="WRAP", product_id=UUID(int=9), kind=SkuKind.SERVICE)
SET = Sku(id=UUID(int=3), code="SET", product_id=UUID(int=9), kind=SkuKind.BUNDLE)
KNOWN = {sku.id: sku for sku in (CHAIR, WRAP, SET)}


def test_only_goods_are_tracked_and_services_are_not_shipped() -> None:
    assert [check_sku(sku).is_tracked for sku in (CHAIR, WRAP, SET)] == [True, False, False]
    assert [sku.is_shipped for sku in (CHAIR, WRAP, SET)] == [True, False, True]
    assert not check_sku(msgspec.structs.replace(CHAIR, is_tracked=False)).is_tracked


def test_a_gtin_is_kept_as_digits_and_none_is_fine() -> None:
    assert check_sku(msgspec.structs.replace(CHAIR, gtin="4006381 333931")).gtin == "4006381333931"
    assert check_sku(msgspec.structs.replace(CHAIR, gtin="")).gtin is None
    with pytest.raises(ImplausibleSku):
        check_sku(msgspec.structs.replace(CHAIR, gtin="4006381333932"))


@pytest.mark.parametrize(
    "parts",
    [
        {"weight_g": -1},
        {"weight_g": 50_000_001},
        {"length_mm": -1},
        {"width_mm": 100_001},
        {"height_mm": 2**40},
        {"unit": " "},
        {"tax_category": ""},
        {"kind": SkuKind.SERVICE},
    ],
)
def test_a_sku_that_cannot_be_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises((BadSku, ImplausibleSku)):
        check_sku(msgspec.structs.replace(CHAIR, **parts))


@pytest.mark.parametrize(
    ("bundle", "components", "refusal"),
    [
        (CHAIR, [Component(sku_id=WRAP.id, quantity=1)], NotABundle),
        (SET, [Component(sku_id=UUID(int=7), quantity=1)], UnknownSku),
        (SET, [Component(sku_id=SET.id, quantity=1)], BadComponent),
        (SET, [Component(sku_id=CHAIR.id, quantity=0)], BadComponent),
        (SET, [Component(sku_id=CHAIR.id, quantity=1)] * 2, BadComponent),
    ],
)
def test_components_that_cannot_be_are_refused(
    bundle: Sku, components: list[Component], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        check_components(bundle, components, KNOWN)


def test_a_name_is_told_in_the_language_asked_else_english_else_any() -> None:
    names = {"es": "Silla", "en": "Chair", "pt-BR": "Cadeira"}

    assert name_in(names, "es-MX") == "Silla"
    assert name_in(names, "es_ES") == "Silla"
    assert name_in(names, "pt-BR") == "Cadeira"
    assert name_in(names, "fr") == "Chair"
    assert name_in({"es": "Silla"}, "fr") == "Silla"
    assert name_in({}, "fr", "CHAIR") == "CHAIR"


@given(names=st.dictionaries(st.sampled_from(["es", "en", "ca"]), st.text(max_size=5)), locale=st.text(max_size=6))
def test_a_name_is_always_one_of_the_names_or_the_other(names: dict[str, str], locale: str) -> None:
    found = name_in(names, locale, "CODE")

    assert found in {*filter(None, names.values())} or (found == "CODE" and not any(names.values()))
