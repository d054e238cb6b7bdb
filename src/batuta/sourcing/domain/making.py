"""What is made to order is made where somebody can do it (SRC-14)."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from batuta.sourcing.domain.requests import SourcingLine
from batuta.sourcing.domain.sites import Site


def abilities_of(lines: Iterable[SourcingLine]) -> dict[UUID, frozenset[str]]:
    """What it takes to make something of a SKU. A SKU that one line has made of is not sent from elsewhere."""
    wanted: dict[UUID, frozenset[str]] = {}
    for line in lines:
        for sku_id, _ in line.components if line.abilities else ():
            wanted[sku_id] = wanted.get(sku_id, frozenset()) | line.abilities
    return wanted


def lacking(site: Site, abilities: Mapping[UUID, frozenset[str]]) -> dict[UUID, str]:
    """The SKUs of which nothing is made there, with the first ability that is missing."""
    return {
        sku_id: min(wanted - site.abilities) for sku_id, wanted in abilities.items() if not wanted <= site.abilities
    }
