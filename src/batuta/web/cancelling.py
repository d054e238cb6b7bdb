"""Cancelling by line and quantity: what is chosen, and what would come of it before anything is changed."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from batuta.kernel.text import one_line
from batuta.ordering.domain import Cancellation, CancelLine, Line, Order
from batuta.ordering.domain.cancelling import decide, worth_of
from batuta.web.catalogue import Speech
from batuta.web.pills import BAD, GOOD, WAITING

FIELD = "line-"
REASON_LENGTH_MAX = 200


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What a form holds. units: by line, as they were typed; problem: the words for what is wrong with them."""

    units: Mapping[UUID, int]
    reason: str
    problem: str | None = None

    @property
    def lines(self) -> list[CancelLine]:
        """The wish, as ordering takes it."""
        return [CancelLine(line_id=line_id, quantity=units) for line_id, units in self.units.items() if units]


class LineToCancel(msgspec.Struct, frozen=True, kw_only=True):
    """A line, how many units may still be cancelled, and how many shall be."""

    id: str
    name: str
    sku: str
    left: int
    wanted: int


class Choosing(msgspec.Struct, frozen=True, kw_only=True):
    """The form where units are chosen."""

    number: str
    reason: str
    lines: Sequence[LineToCancel]


class OutcomeView(msgspec.Struct, frozen=True):
    """So many units, and what would become of them."""

    units: str
    words: str
    tone: str


class LineReviewed(msgspec.Struct, frozen=True, kw_only=True):
    """A line of which units shall be cancelled."""

    id: str
    name: str
    sku: str
    wanted: int
    outcomes: Sequence[OutcomeView]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a wish would do. wish: its id; sent twice, it is one. worth: of what goes at once; empty, it is nothing."""

    number: str
    wish: str
    reason: str
    worth: str
    lines: Sequence[LineReviewed]


def read_choice(form: Mapping[str, object], order: Order) -> Chosen:
    """What was typed: whole numbers, no more than are left, at least one, and a reason."""
    units: dict[UUID, int] = {}
    problem: str | None = None
    for line in order.lines:
        typed = str(form.get(f"{FIELD}{line.id}") or "0").strip()
        left = left_of(line)
        count = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < len(str(2**31)) else -1
        if not 0 <= count <= left:
            problem = "cancel.too_many"
        units[line.id] = min(max(count, 0), left)
    if problem is None and not any(units.values()):
        problem = "cancel.nothing_chosen"
    reason = one_line(str(form.get("reason") or ""))[:REASON_LENGTH_MAX]
    return Chosen(units=units, reason=reason, problem=problem)


def left_of(line: Line) -> int:
    """Units that are not on their way, with the customer, or cancelled."""
    return line.buckets.waiting + line.buckets.in_work


def choosing(order: Order, names: Mapping[UUID, str], chosen: Chosen | None = None) -> Choosing:
    """The form for an order."""
    return Choosing(
        number=order.number,
        reason=chosen.reason if chosen else "",
        lines=[
            LineToCancel(
                id=str(line.id),
                name=names[line.id],
                sku=line.sku_code,
                left=left_of(line),
                wanted=chosen.units.get(line.id, 0) if chosen else 0,
            )
            for line in order.lines
        ],
    )


def review(order: Order, names: Mapping[UUID, str], chosen: Chosen, wish: UUID, speech: Speech) -> Review:
    """What would happen now; the lines change meanwhile at most in how much of it needs the location's word."""
    lines = {line.id: line for line in order.lines}
    decided = [decide(lines[wanted.line_id], wanted.quantity) for wanted in chosen.lines]
    worth = worth_of(order, decided)
    return Review(
        number=order.number,
        wish=str(wish),
        reason=chosen.reason,
        worth=speech.money(worth, order.currency) if worth else "",
        lines=[
            LineReviewed(
                id=str(one.line_id),
                name=names[one.line_id],
                sku=lines[one.line_id].sku_code,
                wanted=chosen.units[one.line_id],
                outcomes=_outcomes(one, speech),
            )
            for one in decided
        ],
    )


def _outcomes(one: Cancellation, speech: Speech) -> list[OutcomeView]:
    found = ((one.units, "cancel.at_once", GOOD), (one.asked, "cancel.asked", WAITING), (one.late, "cancel.late", BAD))
    return [
        OutcomeView(speech.count("cancel.unit_count", units), speech(words), tone)
        for units, words, tone in found
        if units
    ]
