"""The link by which a buyer looks at the proof of what is made for them, and answers it (FUL-14)."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.work_orders import MarkKind, WorkOrder, WorkStatus
from batuta.kernel.links import write_link

LINK = b"proof"
BUYER = "customer:link"


class ProofState(StrEnum):
    """asked: the buyer has to answer. changes_asked: another proof will follow. over: it is not made any more."""

    ASKED = "asked"
    APPROVED = "approved"
    CHANGES_ASKED = "changes_asked"
    OVER = "over"


class ShownProof(msgspec.Struct, frozen=True, kw_only=True):
    """What the link shows. proof: where the picture or file is kept; it is answered by that. note: said with it.

    personalisation: what the buyer asked for, by the codes of the recipe's fields.
    """

    order_number: str
    item: str
    quantity: int
    personalisation: dict[str, str]
    state: ProofState
    proof: str | None
    note: str


def proof_link_of(work_order_id: UUID, *, sent_at: datetime, days: int, secret: bytes) -> str:
    """The end of the address where the proof that was sent last is answered."""
    return write_link(LINK, work_order_id, until_at=sent_at + timedelta(days=days), secret=secret)


def proof_state_of(work: WorkOrder) -> ProofState:
    """What there is to say to the proof that was sent last."""
    if work.status is WorkStatus.PROOF_SENT:
        return ProofState.ASKED
    if work.status is WorkStatus.CANCELLED:
        return ProofState.OVER
    answers = [mark.kind for mark in work.marks if mark.kind in {MarkKind.PROOF_APPROVED, MarkKind.CHANGES_ASKED}]
    return ProofState.CHANGES_ASKED if answers[-1:] == [MarkKind.CHANGES_ASKED] else ProofState.APPROVED
