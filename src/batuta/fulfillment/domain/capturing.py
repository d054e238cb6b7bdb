"""What is read off the goods as they are packed: serial numbers, weights, and lots (INV-14, INV-15)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from batuta.fulfillment.domain.cartons import Goods
from batuta.fulfillment.domain.orders import SkuUnits
from batuta.fulfillment.domain.requests import PackedContent, PackedParcel
from batuta.kernel.errors import Refused


class SerialsMissing(Refused):
    """Each piece of the SKU is packed with its serial number, and each number once."""


class WeightMissing(Refused):
    """The SKU is charged by weight: what it weighs is said as it is packed."""


class WrongLots(Refused):
    """The units of the lots are not those that are packed."""


def check_captured(parcels: Sequence[PackedParcel], goods: Mapping[UUID, Goods]) -> None:
    """Refuse parcels of which something was not read that must be.

    Raises:
        SerialsMissing. WeightMissing. WrongLots.
    """
    seen: set[tuple[UUID, str]] = set()
    for one in (content for parcel in parcels for content in parcel.contents):
        known = goods.get(one.sku_id)
        pieces = {(one.sku_id, number) for number in one.serials}
        is_missing = known is not None and known.has_serials and len(one.serials) != one.quantity
        if is_missing or (one.serials and len(pieces) != one.quantity) or pieces & seen:
            raise SerialsMissing("each piece is packed with its own serial number", **_facts(one))
        seen |= pieces
        if known is not None and known.is_weighed and one.weight_g is None:
            raise WeightMissing("it is charged by weight, and nobody said what it weighs", **_facts(one))
        lots = {part.lot for part in one.lots}
        if one.lots and (sum(part.quantity for part in one.lots) != one.quantity or len(lots) != len(one.lots)):
            raise WrongLots("the lots do not add up to what is packed", **_facts(one))


def _facts(one: PackedContent) -> dict[str, object]:
    return {
        "line_id": str(one.line_id),
        "sku_id": str(one.sku_id),
        "quantity": one.quantity,
        "serials": len(one.serials),
    }


def units_of(one: PackedContent) -> SkuUnits:
    """A packed content as its package keeps it."""
    return SkuUnits(one.line_id, one.sku_id, one.quantity, one.lots, one.serials, one.weight_g)
