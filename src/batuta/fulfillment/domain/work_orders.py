"""Work orders: how what is made to order is made at its location, by whom, and whether its buyer agreed (FUL-14)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.catalog.domain import Component, Link, Recipe
from batuta.fulfillment.domain.orders import FulfillmentLine, FulfillmentOrder
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.quantities import Quantity, Text
from batuta.kernel.states import move

Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
SCRAPPED_MAX = 200
COUNTS = ("picked", "packed", "handed_over", "delivered", "taken_back", "short", "cancelled")


class WorkStatus(StrEnum):
    AWAITING_PROOF = "awaiting_proof"
    PROOF_SENT = "proof_sent"
    OPEN = "open"
    STARTED = "started"
    DONE = "done"
    CANCELLED = "cancelled"


_IS = WorkStatus

WORK_MOVES: dict[WorkStatus, set[WorkStatus]] = {
    _IS.AWAITING_PROOF: {_IS.PROOF_SENT, _IS.CANCELLED},
    _IS.PROOF_SENT: {_IS.AWAITING_PROOF, _IS.OPEN, _IS.CANCELLED},
    _IS.OPEN: {_IS.STARTED, _IS.CANCELLED},
    _IS.STARTED: {_IS.DONE, _IS.CANCELLED},
    _IS.DONE: {_IS.STARTED, _IS.CANCELLED},
    _IS.CANCELLED: set(),
}


class MarkKind(StrEnum):
    PROOF_SENT = "proof_sent"
    PROOF_APPROVED = "proof_approved"
    CHANGES_ASKED = "changes_asked"
    STARTED = "started"
    SIGNED = "signed"
    DONE = "done"
    FAILED = "failed"


class UnknownWorkOrder(NotFound):
    """There is no such work order."""


class UnknownStep(NotFound):
    """The recipe has no such step."""


class NotMade(Refused):
    """What is made to order is packed once its work order is done."""


class NoProofNeeded(Refused):
    """Nobody asks for a proof of this."""


class OtherProof(Refused):
    """Another proof was sent meanwhile, or none; `present` is the one to answer."""


class PartsNotPicked(Refused):
    """The work begins once its parts are picked."""


class NotBegun(Refused):
    """Nobody has begun to make it."""


class StepsOpen(Refused):
    """Not every step is signed; `open` says which."""


class AlreadyPacked(Refused):
    """It is packed, or gone."""


class NotAPart(Refused):
    """Nothing of this SKU, or not so much of it, goes into the work."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the work. step: counted from 0. link: of a proof. cause_id: what makes it one."""

    kind: MarkKind
    actor: str
    at: datetime
    note: str = ""
    step: int | None = None
    link: str | None = None
    cause_id: UUID | None = None


class WorkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order's line that are made at a location.

    parts: of what one unit is made. recipe, personalisation: as they were bought. marks: what happened, oldest first.
    """

    id: UUID
    fulfillment_order_id: UUID
    order_id: UUID
    order_number: str
    location_id: UUID
    line_id: UUID
    sku_id: UUID
    quantity: int
    status: WorkStatus
    parts: tuple[Component, ...]
    recipe: Recipe
    personalisation: dict[str, str]
    version: int
    created_at: datetime
    marks: tuple[Mark, ...] = ()

    @property
    def signed(self) -> frozenset[int]:
        """The steps that are signed; after a failure none is."""
        signed: set[int] = set()
        for mark in self.marks:
            if mark.kind is MarkKind.FAILED:
                signed.clear()
            elif mark.step is not None:
                signed.add(mark.step)
        return frozenset(signed)

    @property
    def proof(self) -> str | None:
        """The proof that was sent last."""
        return next((one.link for one in reversed(self.marks) if one.kind is MarkKind.PROOF_SENT), None)


class SendProof(msgspec.Struct, frozen=True, kw_only=True):
    """The location shows what it will look like."""

    work_order_id: UUID
    link: Link
    actor: Text
    note: Note = ""


class AnswerProof(msgspec.Struct, frozen=True, kw_only=True):
    """The buyer, or somebody for them, has looked. link: at which proof. note: what shall be otherwise."""

    work_order_id: UUID
    link: Link
    is_approved: bool
    actor: Text
    note: Note = ""


class StartWork(msgspec.Struct, frozen=True, kw_only=True):
    work_order_id: UUID
    actor: Text


class SignStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step is done. step: counted from 0."""

    work_order_id: UUID
    step: int
    actor: Text
    note: Note = ""


class FinishWork(msgspec.Struct, frozen=True, kw_only=True):
    work_order_id: UUID
    actor: Text


class Scrapped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of a part that are spoilt."""

    sku_id: UUID
    quantity: Quantity


class FailWork(msgspec.Struct, frozen=True, kw_only=True):
    """It is not good enough, and is done again. id: of this failure. scrapped: what of the parts is lost."""

    id: UUID
    work_order_id: UUID
    reason: Text
    actor: Text
    scrapped: Annotated[tuple[Scrapped, ...], msgspec.Meta(max_length=SCRAPPED_MAX)] = ()


def decide_proof(work: WorkOrder, wish: SendProof, now: datetime) -> WorkOrder:
    """Show a proof; a new one takes the place of one that nobody has answered.

    Raises:
        NoProofNeeded. IllegalMove: it is approved, or too late.
    """
    if not work.recipe.needs_proof:
        raise NoProofNeeded("nobody asks for a proof of this", work_order_id=str(work.id))
    if work.status is WorkStatus.PROOF_SENT and work.proof == wish.link:
        return work
    mark = Mark(kind=MarkKind.PROOF_SENT, actor=wish.actor, at=now, note=wish.note, link=wish.link)
    return _marked(work, WorkStatus.PROOF_SENT, mark)


def decide_answer(work: WorkOrder, wish: AnswerProof, now: datetime) -> WorkOrder:
    """Say yes to the proof, or what shall be otherwise.

    Raises:
        OtherProof. IllegalMove: the work has begun.
    """
    kind = MarkKind.PROOF_APPROVED if wish.is_approved else MarkKind.CHANGES_ASKED
    if work.proof != wish.link:
        raise OtherProof("this is not the proof to answer", present=work.proof)
    if work.marks[-1].kind is kind:
        return work
    if work.status is not WorkStatus.PROOF_SENT:
        move(WORK_MOVES, work.status, WorkStatus.PROOF_SENT)
        raise OtherProof("the proof was answered", present=None)
    mark = Mark(kind=kind, actor=wish.actor, at=now, note=wish.note, link=wish.link)
    return _marked(work, WorkStatus.OPEN if wish.is_approved else WorkStatus.AWAITING_PROOF, mark)


def decide_start_work(work: WorkOrder, fulfillment: FulfillmentOrder, wish: StartWork, now: datetime) -> WorkOrder:
    """Begin, once the parts are there and the proof, if there is to be one, is approved.

    Raises:
        PartsNotPicked. IllegalMove.
    """
    if work.status in {WorkStatus.STARTED, WorkStatus.DONE}:
        return work
    move(WORK_MOVES, work.status, WorkStatus.STARTED)
    if fulfillment.units("picked").get(work.line_id, 0) < work.quantity:
        raise PartsNotPicked("its parts are not all picked", work_order_id=str(work.id), quantity=work.quantity)
    return _marked(work, WorkStatus.STARTED, Mark(kind=MarkKind.STARTED, actor=wish.actor, at=now))


def decide_sign(work: WorkOrder, wish: SignStep, now: datetime) -> WorkOrder:
    """Sign a step, in any order.

    Raises:
        UnknownStep. NotBegun. IllegalMove: it is over.
    """
    if not 0 <= wish.step < len(work.recipe.steps):
        raise UnknownStep("the recipe has no such step", step=wish.step, steps=len(work.recipe.steps))
    if wish.step in work.signed:
        return work
    if work.status is not WorkStatus.STARTED:
        move(WORK_MOVES, work.status, WorkStatus.STARTED)
        raise NotBegun("nobody has begun to make it", work_order_id=str(work.id))
    mark = Mark(kind=MarkKind.SIGNED, actor=wish.actor, at=now, note=wish.note, step=wish.step)
    return _marked(work, WorkStatus.STARTED, mark)


def decide_finish(work: WorkOrder, wish: FinishWork, now: datetime) -> WorkOrder:
    """It is made.

    Raises:
        StepsOpen. IllegalMove.
    """
    if work.status is WorkStatus.DONE:
        return work
    status = move(WORK_MOVES, work.status, WorkStatus.DONE)
    if missing := sorted(set(range(len(work.recipe.steps))) - work.signed):
        raise StepsOpen("not every step is signed", open=missing)
    return _marked(work, status, Mark(kind=MarkKind.DONE, actor=wish.actor, at=now))


def decide_failure(work: WorkOrder, fulfillment: FulfillmentOrder, wish: FailWork, now: datetime) -> WorkOrder:
    """Do it again; what was signed counts no more. The same failure again changes nothing.

    Raises:
        AlreadyPacked. NotAPart. IllegalMove: the work has not begun.
    """
    if any(mark.cause_id == wish.id for mark in work.marks):
        return work
    if work.status not in {WorkStatus.STARTED, WorkStatus.DONE}:
        move(WORK_MOVES, work.status, WorkStatus.DONE)
    if fulfillment.units("packed").get(work.line_id, 0):
        raise AlreadyPacked("it is packed", fulfillment_order_id=str(fulfillment.id))
    parts = {part.sku_id: part.quantity * work.quantity for part in work.parts}
    for one in wish.scrapped:
        parts[one.sku_id] = parts.get(one.sku_id, 0) - one.quantity
        if parts[one.sku_id] < 0:
            raise NotAPart("so much of this does not go into the work", sku_id=str(one.sku_id))
    mark = Mark(kind=MarkKind.FAILED, actor=wish.actor, at=now, note=wish.reason, cause_id=wish.id)
    return _marked(work, WorkStatus.STARTED, mark)


def _marked(work: WorkOrder, status: WorkStatus, mark: Mark) -> WorkOrder:
    return msgspec.structs.replace(
        work, status=move(WORK_MOVES, work.status, status), marks=(*work.marks, mark), version=work.version + 1
    )


def made(lines: tuple[FulfillmentLine, ...]) -> tuple[FulfillmentLine, ...]:
    """The lines with what was made in the place of its parts."""
    found: dict[tuple[UUID, UUID], FulfillmentLine] = {}
    for line in lines:
        one = line
        if line.makes is not None and not line.is_made:
            counts = {name: getattr(line, name) // line.per_unit for name in ("quantity", *COUNTS)}
            one = msgspec.structs.replace(line, sku_id=line.makes, per_unit=1, **counts)
        found.setdefault((one.line_id, one.sku_id), one)
    return tuple(found.values())


def refuse_unmade(fulfillment: FulfillmentOrder, done: frozenset[UUID]) -> None:
    """Raises:
    NotMade: a work order is not done. done: the lines of which one is.
    """
    waiting = {line.line_id for line in fulfillment.lines if line.makes and not line.is_made and line.live} - done
    if waiting:
        raise NotMade("its work order is not done", line_ids=sorted(map(str, waiting)))
