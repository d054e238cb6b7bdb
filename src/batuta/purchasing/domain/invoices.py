"""What suppliers want to be paid, against what was agreed and what they sent (FUL-13)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import AmountMinor, Code, Quantity, Text
from batuta.purchasing.domain.purchases import PURCHASE_LINES_MAX, Purchase, PurchaseLine, UnknownPurchaseLine
from batuta.purchasing.domain.suppliers import WHOLE_BP, Supplier


class UnknownInvoice(NotFound):
    """There is no such invoice of the purchase order."""


class AlreadyInvoiced(Refused):
    """The supplier has sent another invoice under this number."""


class OtherInvoiceCurrency(Refused):
    """An invoice is in the currency of its purchase order."""


class NothingToAccept(Refused):
    """The invoice matches, or was accepted before."""


class InvoiceStatus(StrEnum):
    MATCHED = "matched"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"


class DifferenceKind(StrEnum):
    QUANTITY = "quantity"
    PRICE = "price"
    NO_COST = "no_cost"


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a line of the purchase order, and what the supplier wants for each."""

    purchase_line_id: UUID
    quantity: Quantity
    unit_price_minor: AmountMinor


class NewInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as it came. number: the supplier's own, once each."""

    id: UUID
    purchase_id: UUID
    number: Code
    currency: str
    lines: Annotated[tuple[InvoiceLine, ...], msgspec.Meta(min_length=1, max_length=PURCHASE_LINES_MAX)]
    actor: str


class AcceptInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """Pay it although it differs. reason: why."""

    purchase_id: UUID
    invoice_id: UUID
    reason: Text
    actor: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an invoice asks for more than was agreed, by more than is tolerated.

    expected, invoiced: units of `quantity`, else minor units of a unit's price; `no_cost` expects nothing.
    """

    purchase_line_id: UUID
    kind: DifferenceKind
    expected: int
    invoiced: int


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice and how it was judged. decided_by, reason: who accepted it although it differs, and why."""

    id: UUID
    purchase_id: UUID
    location_id: UUID
    number: str
    currency: str
    total_minor: int
    status: InvoiceStatus
    lines: list[InvoiceLine]
    differences: list[Difference]
    actor: str
    created_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


def judged(purchase: Purchase, new: NewInvoice, supplier: Supplier, *, now: datetime) -> Invoice:
    """Compare an invoice with what was agreed and sent: with any difference beyond tolerance it is disputed.

    Units are compared with what the supplier has sent and no earlier invoice is of. Asking for less is no difference.

    Raises:
        UnknownPurchaseLine. OtherInvoiceCurrency.
    """
    if new.currency != purchase.currency:
        raise OtherInvoiceCurrency(
            "the invoice is in another currency", expected=purchase.currency, currency=new.currency
        )
    lines = {line.id: line for line in purchase.lines}
    if strange := sorted({str(one.purchase_line_id) for one in new.lines} - {str(id_) for id_ in lines}):
        raise UnknownPurchaseLine("the purchase order has no such line", purchase_line_ids=strange)
    differences = [
        difference
        for id_, line in lines.items()
        for difference in _differences(line, [one for one in new.lines if one.purchase_line_id == id_], supplier)
    ]
    return Invoice(
        id=new.id,
        purchase_id=purchase.id,
        location_id=purchase.location_id,
        number=new.number,
        currency=new.currency,
        total_minor=sum(one.quantity * one.unit_price_minor for one in new.lines),
        status=InvoiceStatus.DISPUTED if differences else InvoiceStatus.MATCHED,
        lines=list(new.lines),
        differences=differences,
        actor=new.actor,
        created_at=now,
    )


def _differences(line: PurchaseLine, asked: Sequence[InvoiceLine], supplier: Supplier) -> list[Difference]:
    if not asked:
        return []
    found = []
    units, open_units = sum(one.quantity for one in asked), line.shipped - line.invoiced
    if units > open_units + supplier.quantity_tolerance:
        found.append((DifferenceKind.QUANTITY, open_units, units))
    dearest = max(one.unit_price_minor for one in asked)
    if line.unit_cost_minor is None:
        found.append((DifferenceKind.NO_COST, 0, dearest))
    elif dearest * WHOLE_BP > line.unit_cost_minor * (WHOLE_BP + supplier.price_tolerance_bp):
        found.append((DifferenceKind.PRICE, line.unit_cost_minor, dearest))
    return [
        Difference(purchase_line_id=line.id, kind=kind, expected=expected, invoiced=invoiced)
        for kind, expected, invoiced in found
    ]


def counted(purchase: Purchase, invoice: Invoice) -> Purchase:
    """The purchase order with the units of an invoice that is to be paid."""
    units: dict[UUID, int] = {}
    for one in invoice.lines:
        units[one.purchase_line_id] = units.get(one.purchase_line_id, 0) + one.quantity
    lines = [msgspec.structs.replace(line, invoiced=line.invoiced + units.get(line.id, 0)) for line in purchase.lines]
    return msgspec.structs.replace(purchase, lines=lines)
