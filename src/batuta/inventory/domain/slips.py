"""Slips: movements as people and systems outside tell them, by codes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from batuta.catalog.domain import Sku, Tracking, Unit, to_base, unit_named
from batuta.inventory.domain.accounts import Account, AccountKind, Condition, Lot, Movement, MovementReason
from batuta.inventory.domain.lots import NewLot, NotByLot
from batuta.kernel.errors import BatutaError, Refused
from batuta.kernel.ids import id_from
from batuta.kernel.quantities import Code, Quantity, QuantityOrNone

SLIPS_MAX = 1_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD_MAX = timedelta(days=1)
OWN_KEYS = "slip:"
"""Begins the keys of slips in the ledger, so that they never meet those of the house."""

Outside: TypeAlias = Literal["supplier", "customer", "loss"]
Reason: TypeAlias = Literal[
    "receipt",
    "putaway",
    "adjust",
    "quarantine_in",
    "quarantine_out",
    "damage",
    "scrap",
    "transfer_out",
    "transfer_in",
    "count",
    "sale_pos",
    "kit_build",
    "kit_break",
]
"""Why units move, as far as no parcel, order or return does it."""


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units at a location, in a condition."""

    location_code: Code
    condition: Condition = Condition.SELLABLE


class Slip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a SKU going from one account to another, of which one is a location's.

    quantity: of the SKU's base unit, or of `unit`. expires_on, made_on: of a lot that comes from its supplier and is
    not known yet. key: the sender's own; sent again, it is answered and not repeated, for ever. document: the sender's
    number of the delivery note, count or transfer, or its UUID. effective_at: when it happened; now when it says
    nothing.
    """

    key: Code
    sku_code: Code
    quantity: Quantity
    source: Outside | At
    target: Outside | At
    reason: Reason
    document: Code
    lot: Lot = ""
    unit: Code | None = None
    expires_on: date | None = None
    made_on: date | None = None
    effective_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """The slips of one request, and who sends them. location_ids: those the sender may see; None is all.

    is_alone: its one slip is the request, so its refusal is the request's.
    """

    slips: list[Slip]
    actor: str
    location_ids: frozenset[UUID] | None = None
    is_alone: bool = False


class SlipAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a slip: recorded, or refused with the problem's code and facts."""

    key: str
    is_recorded: bool
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = {}


class SlipAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each slip, in the order they were sent."""

    answers: list[SlipAnswer]


class SafetySlip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many sellable units of a SKU a location keeps back from sale."""

    sku_code: Code
    location_code: Code
    units: QuantityOrNone


class NotAMovement(Refused):
    """A slip leads from one account to another, and one of them is a location's."""


class NotThen(Refused):
    """What happened, happened since 1970 and not later than tomorrow."""


def account(side: Outside | At, location_id: UUID | None) -> Account:
    """The account that a slip means. location_id: of its location's code."""
    if isinstance(side, At):
        assert location_id
        return Account.location(location_id, side.condition)
    return Account(kind=AccountKind(side))


def lot_told(slip: Slip, sku: Sku) -> NewLot | None:
    """The lot that a receipt brings along."""
    if slip.source != "supplier" or not slip.lot or sku.tracking is not Tracking.LOT:
        return None
    # A code is trimmed; a lot that is not is known to nobody, and refused as that.
    if slip.lot != slip.lot.strip():
        return None
    return NewLot(sku_code=slip.sku_code, code=slip.lot, expires_on=slip.expires_on, made_on=slip.made_on)


def as_movement(
    slip: Slip, *, sku: Sku, units: Sequence[Unit], source: Account, target: Account, actor: str, now: datetime
) -> Movement:
    """The movement that a slip tells. units: in which the SKU is measured besides its base unit.

    Raises:
        NotAMovement, NotThen, UnknownUnit, NotWhole: it tells none. NotByLot: it dates what bears no date.
    """
    if (slip.expires_on or slip.made_on) and sku.tracking is not Tracking.LOT:
        raise NotByLot("only a SKU that is tracked by lot has lots", sku_code=sku.code, tracking=sku.tracking)
    if source == target or AccountKind.LOCATION not in {source.kind, target.kind}:
        raise NotAMovement("units go from one account to another, and one of them is a location's", key=slip.key)
    effective_at = slip.effective_at or now
    if not EARLIEST <= effective_at <= now + AHEAD_MAX:
        raise NotThen("that is no time at which it can have happened", key=slip.key, effective_at=str(effective_at))
    return Movement(
        key=f"{OWN_KEYS}{slip.key}",
        sku_id=sku.id,
        quantity=slip.quantity if slip.unit is None else to_base(slip.quantity, unit_named(sku, units, slip.unit)),
        source=source,
        target=target,
        lot=slip.lot,
        reason=MovementReason(slip.reason),
        document_id=document_id(slip.document),
        actor=actor,
        effective_at=effective_at,
    )


def document_id(document: str) -> UUID:
    """The id of a sender's document: its number always gives the same."""
    try:
        return UUID(document)
    except ValueError:
        return id_from(f"document {document}", EARLIEST)


def answer_of(key: str, outcome: object) -> SlipAnswer:
    """Tell the sender what became of a slip."""
    if isinstance(outcome, BatutaError):
        return SlipAnswer(
            key=key, is_recorded=False, code=outcome.code, detail=outcome.sentence, facts=dict(outcome.facts)
        )
    return SlipAnswer(key=key, is_recorded=True)
