"""Products, SKUs and components."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain.tracking import Days, DaysOrMore, Tracking
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.gs1 import gtin
from batuta.kernel.quantities import Code, Prose, Quantity, fitting

WEIGHT_MAX_G = 50_000_000
LENGTH_MAX_MM = 100_000

WeightG = Annotated[int, msgspec.Meta(ge=0, le=WEIGHT_MAX_G)]
LengthMm = Annotated[int, msgspec.Meta(ge=0, le=LENGTH_MAX_MM)]

Category = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
"""The merchant's own code of a category; an index holds it whole."""


class BadProduct(Invalid):
    """The product cannot be so."""


class BadSku(Invalid):
    """The SKU cannot be so; `field` says where."""


class ImplausibleProduct(Refused):
    """No product is so, though it is written like one; `field` says where."""


class ImplausibleSku(Refused):
    """No SKU is so, though it is written like one; `field` says where."""


class UnknownProduct(NotFound):
    """The SKU is said to be of a product that is not there."""


class UnknownSku(NotFound):
    """There is no such SKU."""


class UnknownBrand(NotFound):
    """The SKU is said to be of a brand that is not there."""


class KindIsFixed(Refused):
    """A SKU stays what it was first saved as: stock and orders rely on it."""


class NotABundle(Refused):
    """Only a bundle has components."""


class BadComponent(Refused):
    """A bundle is made of goods and services, each once, and never of bundles."""


class SkuKind(StrEnum):
    GOOD = "good"
    BUNDLE = "bundle"
    SERVICE = "service"


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a shopper looks at. name, description: by locale. category: the merchant's own code."""

    id: UUID
    code: Code
    name: dict[str, Prose]
    description: dict[str, Prose] = {}
    category: Category = ""


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """What is ordered: one size and colour of a product.

    name: by locale; the product's when empty. weight and sizes: packed for shipping, 0 when not known.
    unit: base unit of measure in which it is counted. is_tracked: has stock that can run out; only goods can.
    tracking: how its units are told apart. shelf_life_days: of a lot, from the day it was made, where no date is given.
    min_remaining_days: how long before its date a lot is no longer sold. is_unique: there is one of it and no more.
    is_weighed: ordered by piece and charged by weight, which is taken as it is packed.
    is_made_to_order: nobody stocks it; an order takes its kit parts, and a location makes it of them.
    """

    id: UUID
    code: Code
    product_id: UUID
    name: dict[str, Prose] = {}
    kind: SkuKind = SkuKind.GOOD
    gtin: str | None = None
    weight_g: WeightG = 0
    length_mm: LengthMm = 0
    width_mm: LengthMm = 0
    height_mm: LengthMm = 0
    tax_category: Code = "standard"
    unit: Code = "unit"
    is_tracked: bool = True
    is_active: bool = True
    brand_id: UUID | None = None
    tracking: Tracking = Tracking.NONE
    shelf_life_days: DaysOrMore | None = None
    min_remaining_days: Days = 0
    is_unique: bool = False
    is_weighed: bool = False
    is_made_to_order: bool = False

    @property
    def is_shipped(self) -> bool:
        """Whether it, or what it is made of, travels in a parcel."""
        return self.kind is not SkuKind.SERVICE

    @property
    def is_composed(self) -> bool:
        """Whether an order takes other SKUs from stock in its place."""
        return self.kind is SkuKind.BUNDLE or self.is_made_to_order


class ProductFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which products to list; None is any. search: words that begin its code or name, in any language."""

    category: str | None = None
    search: str | None = None


class SkuFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which SKUs to list; None is any. search: words that begin its own code or name, in any language."""

    product_id: UUID | None = None
    kind: SkuKind | None = None
    gtin: str | None = None
    code: str | None = None
    is_active: bool | None = None
    search: str | None = None


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of a SKU in one unit of a bundle."""

    sku_id: UUID
    quantity: Quantity


def name_in(names: Mapping[str, str], locale: str, otherwise: str = "") -> str:
    """Return the name in the language of `locale`, else in English, else in any, else `otherwise`."""
    language = locale.replace("_", "-").split("-")[0]
    for key in (locale, language, "en"):
        if names.get(key):
            return names[key]
    return next((name for _, name in sorted(names.items()) if name), otherwise)


def check_product(product: Product) -> Product:
    """Return the product.

    Raises:
        ImplausibleProduct: without a name in any language. BadProduct: with text that does not fit.
    """
    if not any(name.strip() for name in product.name.values()):
        raise ImplausibleProduct("a product has a name in one language at least", field="name", code=product.code)
    return fitting(product, BadProduct)


def check_sku(sku: Sku) -> Sku:
    """Return the SKU with its GTIN in digits; bundles and services are not tracked, and services weigh nothing.

    Raises:
        BadSku: a size or weight out of bounds, an empty unit or tax category, text that does not fit.
        ImplausibleSku: a service with a weight or size; a GTIN of a wrong length or check digit; lots or serials,
            uniqueness, weighing or making of what has no stock; what is made to order has none of the others.
    """
    fitting(sku, BadSku)
    is_good = sku.kind is SkuKind.GOOD
    if sku.kind is SkuKind.SERVICE and (sku.weight_g or sku.length_mm or sku.width_mm or sku.height_mm):
        raise ImplausibleSku("a service has neither weight nor size", field="weight_g", code=sku.code)
    if not (sku.is_tracked and is_good):
        _refuse_traits_of_stock(sku, "only a good with stock can be so", is_made_to_order=sku.is_made_to_order)
    if sku.is_made_to_order:
        _refuse_traits_of_stock(sku, "what is made to order is not told apart")
    return msgspec.structs.replace(
        sku,
        gtin=_checked_gtin(sku) if sku.gtin else None,
        is_tracked=sku.is_tracked and is_good,
    )


def _refuse_traits_of_stock(sku: Sku, sentence: str, **others: bool) -> None:
    traits = {
        "tracking": sku.tracking is not Tracking.NONE,
        "is_unique": sku.is_unique,
        "is_weighed": sku.is_weighed,
        **others,
    }
    for field, is_said in traits.items():
        if is_said:
            raise ImplausibleSku(sentence, field=field, code=sku.code)


def _checked_gtin(sku: Sku) -> str:
    try:
        return gtin(sku.gtin or "")
    except Invalid as problem:
        raise ImplausibleSku(problem.sentence, field="gtin", code=sku.code, **problem.facts) from problem


def check_components(bundle: Sku, components: Sequence[Component], skus: Mapping[UUID, Sku]) -> list[Component]:
    """Return the components of a bundle in the order of their SKUs.

    Raises:
        NotABundle: the SKU is a good or a service.
        UnknownSku: a component is not there.
        BadComponent: a component is a bundle or made to order, comes twice, or counts less than one.
    """
    if bundle.kind is not SkuKind.BUNDLE:
        raise NotABundle("only a bundle has components", code=bundle.code, kind=str(bundle.kind))
    seen: set[UUID] = set()
    for component in components:
        found = skus.get(component.sku_id)
        if found is None:
            raise UnknownSku("a component is not there", sku_id=str(component.sku_id), bundle=bundle.code)
        if found.is_composed:
            raise BadComponent(
                "a bundle holds no bundles, and nothing made to order", code=found.code, bundle=bundle.code
            )
        if component.sku_id in seen:
            raise BadComponent("a component comes once, with its quantity", code=found.code, bundle=bundle.code)
        if component.quantity < 1:
            raise BadComponent("a component counts at least one", code=found.code, bundle=bundle.code)
        seen.add(component.sku_id)
    return sorted(components, key=lambda component: component.sku_id)
