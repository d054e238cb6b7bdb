"""Writes of the catalog: thousands at once, and what is said again changes nothing."""

from batuta.catalog.commands.lists import set_components, set_kit_parts, set_recipes, set_substitutes, set_units
from batuta.catalog.commands.saving import lock_product, lock_sku, save_products, save_skus

__all__ = [
    "lock_product",
    "lock_sku",
    "save_products",
    "save_skus",
    "set_components",
    "set_kit_parts",
    "set_recipes",
    "set_substitutes",
    "set_units",
]
