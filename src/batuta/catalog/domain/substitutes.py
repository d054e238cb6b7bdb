"""What may be sent instead of a SKU that is not there (INV-17)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain.skus import Sku, SkuKind, UnknownSku
from batuta.kernel.errors import Refused

RANK_MAX = 1_000

Rank = Annotated[int, msgspec.Meta(ge=1, le=RANK_MAX)]


class PriceRule(StrEnum):
    """as_ordered: the customer pays what was ordered. lower: the lower of both. own: the price of what is sent."""

    AS_ORDERED = "as_ordered"
    LOWER = "lower"
    OWN = "own"


class Consent(StrEnum):
    """not_needed: the shop may decide. needed: the customer has said yes to this very thing."""

    NOT_NEEDED = "not_needed"
    NEEDED = "needed"


class Substitute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SKU that may be sent instead. rank: the lowest is looked at first."""

    sku_id: UUID
    rank: Rank
    price_rule: PriceRule = PriceRule.AS_ORDERED
    consent: Consent = Consent.NEEDED


class BadSubstitute(Refused):
    """Only a good replaces a good, another one, and each rank is one SKU's."""


def check_substitutes(sku: Sku, substitutes: Sequence[Substitute], skus: Mapping[UUID, Sku]) -> list[Substitute]:
    """Return what may be sent instead of a SKU, by rank.

    Raises:
        BadSubstitute: it is no good, is made to order, is the SKU itself, or comes twice. UnknownSku.
    """
    if sku.kind is not SkuKind.GOOD or sku.is_made_to_order:
        raise BadSubstitute("only goods from the shelf have substitutes", code=sku.code, kind=str(sku.kind))
    seen: set[UUID] = set()
    ranks: set[int] = set()
    for one in substitutes:
        found = skus.get(one.sku_id)
        if found is None:
            raise UnknownSku("a substitute is not there", sku_id=str(one.sku_id), code=sku.code)
        is_alike = found.kind is SkuKind.GOOD and found.is_tracked is sku.is_tracked and not found.is_made_to_order
        if found.id == sku.id or not is_alike:
            raise BadSubstitute("another good, stocked alike, replaces a good", code=found.code, instead_of=sku.code)
        if one.sku_id in seen or one.rank in ranks:
            raise BadSubstitute("a substitute comes once, with a rank of its own", code=found.code, rank=one.rank)
        seen.add(one.sku_id)
        ranks.add(one.rank)
    return sorted(substitutes, key=lambda one: one.rank)
