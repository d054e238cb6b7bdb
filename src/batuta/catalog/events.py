"""What was set of the catalog, by whom: streams are the ids of what was set."""

from batuta.kernel.events import Saved


class ProductSaved(Saved, frozen=True, kw_only=True):
    """A product is there, or is otherwise."""


class SkuSaved(Saved, frozen=True, kw_only=True):
    """A SKU is there, or it or one of its lists (`units`, `kit_parts`, `recipe` …) is otherwise."""
