"""Suppliers that send goods to our customers by themselves, and what they are paid (FUL-13)."""

from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import AmountMinor, QuantityOrNone

WHOLE_BP = 10_000

ShareBp = Annotated[int, msgspec.Meta(ge=0, le=WHOLE_BP)]


class NotASupplier(Refused):
    """Only a location of the kind `supplier` has terms of a supplier."""


class UnknownGoods(NotFound):
    """There is no such SKU."""


class Supplier(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of a supplier.

    commission_bp: what we keep of the customer's price without its tax, where no cost of the SKU is agreed; None is
    that every SKU needs a cost. price_tolerance_bp, quantity_tolerance: by how much an invoice may ask for more than
    was agreed, of a unit's cost and in units of a line. needs_approval: a person approves each purchase order.
    """

    location_id: UUID
    commission_bp: ShareBp | None = None
    price_tolerance_bp: ShareBp = 0
    quantity_tolerance: QuantityOrNone = 0
    needs_approval: bool = False


class SupplierCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit of a SKU costs at a supplier, in the currency of its location."""

    location_id: UUID
    sku_id: UUID
    cost_minor: AmountMinor


def cost_after_commission(net_minor: int, quantity: int, commission_bp: int) -> int:
    """What is left of a line's price for each unit once we have kept our commission; the rest of a cent is ours."""
    return net_minor * (WHOLE_BP - commission_bp) // (WHOLE_BP * quantity)
