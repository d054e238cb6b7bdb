"""Units of measure, kits and substitutes: what is said of a SKU as a whole list."""

from fractions import Fraction
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.catalog.api import ROUTES
from batuta.catalog.commands import save_products, save_skus
from batuta.catalog.domain import (
    TERM_MAX,
    ImplausibleSku,
    NotWhole,
    Product,
    Sku,
    SkuKind,
    TooMany,
    Tracking,
    Unit,
    check_sku,
    check_units,
    convert,
    to_base,
)
from batuta.kernel.quantities import QUANTITY_MAX
from batuta.plumbing.database import Engine
from tests.asking import House, a_caller, problem, told
from tests.making import NOW, fresh_code, fresh_id

terms = st.integers(min_value=1, max_value=TERM_MAX)
units = st.builds(Unit, code=st.just("box"), numerator=terms, denominator=terms)


@pytest.fixture
def clerk(engine: Engine) -> httpx.AsyncClient:
    return House(engine, ROUTES).asked_by(a_caller("catalog.read", "catalog.write"))


async def given_skus(engine: Engine, *names: str, **traits: Any) -> list[Sku]:
    product = Product(id=fresh_id(), code=fresh_code("P"), name={"en": "Lamp"})
    async with engine.begin() as db:
        await save_products(db, products=[product], now=NOW)
        skus = [Sku(id=fresh_id(), code=fresh_code(name), product_id=product.id, **traits) for name in names]
        saved = await save_skus(db, skus=skus, now=NOW)
    return [one for one in saved if isinstance(one, Sku)]


@given(unit=units, other=units, quantity=st.integers(min_value=0, max_value=QUANTITY_MAX))
def test_converting_loses_nothing(unit: Unit, other: Unit, quantity: int) -> None:
    """INV-15"""
    there = convert(quantity, unit, other)

    exact = there.whole + Fraction(there.left_numerator, there.left_denominator)
    assert exact * other.of_base == quantity * unit.of_base
    assert 0 <= there.left_numerator < there.left_denominator
    assert there.is_whole is (exact.denominator == 1)


@given(unit=units, quantity=st.integers(min_value=1, max_value=QUANTITY_MAX))
def test_stock_is_counted_in_whole_base_units_or_refused(unit: Unit, quantity: int) -> None:
    """INV-15"""
    exact = quantity * unit.of_base
    try:
        counted = to_base(quantity, unit)
    except NotWhole:
        assert exact.denominator != 1
    except TooMany:
        assert exact > QUANTITY_MAX
    else:
        assert counted == exact


def test_units_are_kept_in_lowest_terms() -> None:
    sku = Sku(id=fresh_id(), code="S", product_id=fresh_id())

    (half,) = check_units(sku, [Unit(code="half", numerator=6, denominator=12)])

    assert (half.numerator, half.denominator) == (1, 2)


@pytest.mark.parametrize("trait", [{"tracking": Tracking.LOT}, {"is_unique": True}, {"is_weighed": True}])
def test_only_goods_with_stock_are_told_apart(trait: dict[str, Any]) -> None:
    """INV-14"""
    with pytest.raises(ImplausibleSku):
        check_sku(Sku(id=fresh_id(), code="S", product_id=fresh_id(), kind=SkuKind.BUNDLE, **trait))


async def test_a_sku_keeps_how_it_is_tracked(clerk: httpx.AsyncClient, engine: Engine) -> None:
    """INV-14"""
    (milk,) = await given_skus(engine, "milk", tracking=Tracking.LOT, shelf_life_days=20, min_remaining_days=5)

    told = (await clerk.get(f"/api/skus/{milk.id}")).json()

    assert (told["tracking"], told["shelf_life_days"], told["min_remaining_days"]) == ("lot", 20, 5)
    assert (told["is_unique"], told["is_weighed"]) == (False, False)


async def test_units_are_said_anew_and_converted(clerk: httpx.AsyncClient, engine: Engine) -> None:
    """INV-15"""
    (sku,) = await given_skus(engine, "screw")
    box = {"code": "box", "numerator": 12, "is_sold": True, "is_stocked": False, "is_bought": False, "denominator": 1}
    pallet = box | {"code": "pallet", "numerator": 480, "is_sold": False, "is_bought": True}

    first = await clerk.put(f"/api/skus/{sku.id}/units", json={"units": [pallet, box]})
    again = await clerk.put(f"/api/skus/{sku.id}/units", json={"units": [pallet, box]})
    found = await clerk.get(f"/api/skus/{sku.id}/units")
    asked: dict[str, str | int] = {"quantity": 2, "source": "pallet", "target": "box"}
    told = (await clerk.get(f"/api/skus/{sku.id}/conversion", params=asked)).json()
    part = (await clerk.get(f"/api/skus/{sku.id}/conversion", params=asked | {"source": "unit"})).json()

    assert first.json() == found.json() == {"base": "unit", "units": [box, pallet]}
    assert first.headers["etag"] == again.headers["etag"] == found.headers["etag"]
    assert (told["whole"], told["left_numerator"]) == (80, 0)
    assert (part["whole"], part["left_numerator"], part["left_denominator"]) == (0, 1, 6)
    stranger = await clerk.get(f"/api/skus/{sku.id}/conversion", params=asked | {"target": "crate"})
    assert problem(stranger) == (404, "unknown_unit")
    twice = await clerk.put(f"/api/skus/{sku.id}/units", json={"units": [box, box]})
    assert problem(twice) == (409, "unit_twice")


async def test_a_kit_is_built_of_other_goods(clerk: httpx.AsyncClient, engine: Engine) -> None:
    """INV-01"""
    kit, top, leg = await given_skus(engine, "kit", "top", "leg")
    (set_,) = await given_skus(engine, "set", kind=SkuKind.BUNDLE, is_tracked=False)
    parts = [{"sku_id": str(top.id), "quantity": 1}, {"sku_id": str(leg.id), "quantity": 4}]
    parts.sort(key=lambda part: str(part["sku_id"]))

    saved = await clerk.put(f"/api/skus/{kit.id}/kit-parts", json={"parts": parts})

    assert saved.json()["parts"] == parts == (await clerk.get(f"/api/skus/{kit.id}/kit-parts")).json()["parts"]
    of_itself = [{"sku_id": str(kit.id), "quantity": 1}]
    assert problem(await clerk.put(f"/api/skus/{kit.id}/kit-parts", json={"parts": of_itself})) == (409, "bad_part")
    assert problem(await clerk.put(f"/api/skus/{set_.id}/kit-parts", json={"parts": parts})) == (409, "not_a_kit")
    stale = {"if-match": '"0"'}
    late = await clerk.put(f"/api/skus/{kit.id}/kit-parts", json={"parts": []}, headers=stale)
    assert problem(late)[0] == 409


async def test_substitutes_are_listed_by_rank(clerk: httpx.AsyncClient, engine: Engine) -> None:
    """INV-17"""
    red, blue, green = await given_skus(engine, "red", "blue", "green")
    second = {"sku_id": str(blue.id), "rank": 2, "price_rule": "lower", "consent": "needed"}
    first = {"sku_id": str(green.id), "rank": 1, "price_rule": "as_ordered", "consent": "not_needed"}

    saved = await clerk.put(f"/api/skus/{red.id}/substitutes", json={"substitutes": [second, first]})

    assert saved.json()["substitutes"] == [first, second]
    assert (await clerk.get(f"/api/skus/{red.id}/substitutes")).json() == saved.json()
    for wrong in ([first, first], [first | {"sku_id": str(red.id)}], [first, second | {"rank": 1}]):
        refused = await clerk.put(f"/api/skus/{red.id}/substitutes", json={"substitutes": wrong})
        assert problem(refused) == (409, "bad_substitute")
    unknown = await clerk.put(
        f"/api/skus/{red.id}/substitutes", json={"substitutes": [first | {"sku_id": str(fresh_id())}]}
    )
    assert problem(unknown) == (404, "unknown_sku")


async def test_who_changed_a_list_of_a_sku_is_told_with_the_one_before(
    clerk: httpx.AsyncClient, engine: Engine
) -> None:
    """PLT-06"""
    lamp, bulb = await given_skus(engine, "lamp", "bulb")
    (set_,) = await given_skus(engine, "set", kind=SkuKind.BUNDLE, is_tracked=False)
    box = {"code": "box", "numerator": 6, "denominator": 1}
    part = {"sku_id": str(bulb.id), "quantity": 1}
    for _ in range(2):
        await clerk.put(f"/api/skus/{lamp.id}/units", json={"units": [box]})
        await clerk.put(f"/api/skus/{lamp.id}/kit-parts", json={"parts": [part]})
        await clerk.put(f"/api/skus/{set_.id}/components", json={"components": [part]})
    await clerk.put(f"/api/skus/{lamp.id}/kit-parts", json={"parts": []})

    _, units, parts, none = await told(engine, lamp.id)
    _, made_of = await told(engine, set_.id)

    assert {one[:2] for one in (units, parts, none, made_of)} == {("catalog.sku_saved", "staff:ana@example.com")}
    assert [one["code"] for one in units[2]["changes"]["units"]["after"]] == ["box"]
    assert parts[2]["changes"] == {"kit_parts": {"before": [], "after": [part]}}
    assert none[2]["changes"] == {"kit_parts": {"before": [part], "after": []}}
    assert made_of[2]["changes"] == {"components": {"before": [], "after": [part]}}
