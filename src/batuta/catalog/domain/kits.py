"""Kits: goods with stock of their own that are built of other goods, and broken up again (INV-01)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from batuta.catalog.domain.skus import Component, Sku, UnknownSku
from batuta.catalog.domain.tracking import Tracking
from batuta.kernel.errors import Refused


class NotAKit(Refused):
    """Only goods with stock are built; a bundle is put together as it is sold."""


class BadPart(Refused):
    """A kit is built of other goods with stock, each once."""


def check_parts(kit: Sku, parts: Sequence[Component], skus: Mapping[UUID, Sku]) -> list[Component]:
    """Return what one unit of a kit is built of, in the order of the SKUs.

    Raises:
        NotAKit: the SKU has no stock. UnknownSku: a part is not there. BadPart: has no stock, comes twice, is the kit,
            or is made to order itself; or what is made to order takes pieces with numbers of their own.
    """
    if not kit.is_tracked:
        raise NotAKit("only goods with stock are built of others", code=kit.code, kind=str(kit.kind))
    seen: set[UUID] = set()
    for part in parts:
        found = skus.get(part.sku_id)
        if found is None:
            raise UnknownSku("a part is not there", sku_id=str(part.sku_id), kit=kit.code)
        if not found.is_tracked or found.id == kit.id or found.id in seen or part.quantity < 1:
            raise BadPart("a kit is built of other goods with stock, each once", code=found.code, kit=kit.code)
        if found.is_made_to_order or (kit.is_made_to_order and found.tracking is Tracking.SERIAL):
            raise BadPart("parts lie on shelves, and to order none is made of pieces with numbers", code=found.code)
        seen.add(found.id)
    return sorted(parts, key=lambda part: part.sku_id)
