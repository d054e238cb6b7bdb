from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    CancellationPart,
    CancellationStatus,
    Change,
    Collect,
    ConfirmDelivery,
    CountedUnits,
    FulfillmentOrder,
    HandOver,
    MakeReady,
    Method,
    Pack,
    Pick,
    Reject,
    RejectionReason,
    ReportShort,
    RequestCancellation,
    ShortUnits,
    StartPicking,
    TakeBack,
    WriteOff,
    decide_accept,
    decide_agreement,
    decide_cancellation,
    decide_collect,
    decide_delivery,
    decide_expiry,
    decide_hand_over,
    decide_pack,
    decide_pick,
    decide_ready,
    decide_refusal,
    decide_reject,
    decide_short,
    decide_start,
    decide_take_back,
    decide_write_off,
)
from batuta.kernel.errors import BatutaError
from tests.fulfillment.given import ACTOR, SOON, assert_sound, cartons_of, lines_of, offered
from tests.making import NOW, fresh_id

VERBS = (
    "accept",
    "reject",
    "start",
    "pick",
    "short",
    "pack",
    "ready",
    "collect",
    "hand_over",
    "deliver",
    "take_back",
    "write_off",
    "expire",
    "cancel",
    "agree",
    "refuse",
)


class Journey:
    """A fulfillment order and what has been asked of it, driven by verbs in any order."""

    def __init__(self, one: FulfillmentOrder) -> None:
        self.one = one
        self.parts: list[CancellationPart] = []

    def open_parts(self) -> list[CancellationPart]:
        return [part for part in self.parts if part.status is CancellationStatus.REQUESTED]

    def step(self, verb: str, line: int, units: int) -> None:
        """Do it if it is allowed, and see that doing it again changes nothing."""
        decide = self.decision(verb, line, units)
        try:
            change = decide(self.one)
        except BatutaError:
            return
        assert_sound(change)
        self.one = change.after
        if verb in {"accept", "start", "pick", "short", "pack", "ready", "collect", "hand_over", "deliver"}:
            assert decide(self.one).is_nothing

    def decision(self, verb: str, line: int, units: int) -> Callable[[FulfillmentOrder], Change]:
        one, id_ = self.one, self.one.id
        lines = lines_of(one)
        line_id = lines[line % len(lines)]
        package = one.packages[line % len(one.packages)] if one.packages else None
        parcel_id = package.parcel_id if package else fresh_id()
        short = one.units("short")[line_id] + units
        sku_ids = (one.lines[line % len(one.lines)].sku_id,)
        counted = (CountedUnits(line_id=line_id, quantity=units),)
        missing = (ShortUnits(line_id=line_id, quantity=short),)
        no = Reject(fulfillment_order_id=id_, reason=RejectionReason.NOT_FOUND, actor=ACTOR, sku_ids=sku_ids)
        ready = MakeReady(fulfillment_order_id=id_, code="AAAA", until_at=SOON, actor=ACTOR)
        left = HandOver(fulfillment_order_id=id_, actor=ACTOR, parcel_ids=(parcel_id,))
        arrived = ConfirmDelivery(parcel_id=parcel_id, delivered_at=NOW, actor=ACTOR)
        lost = WriteOff(parcel_id=parcel_id, actor=ACTOR, reason="lost")
        cartons = cartons_of(one, weight_max_g=2_000)
        decisions: dict[str, Callable[[FulfillmentOrder], Change]] = {
            "accept": lambda f: decide_accept(f, Accept(fulfillment_order_id=id_, actor=ACTOR), now=NOW),
            "reject": lambda f: decide_reject(f, no),
            "start": lambda f: decide_start(f, StartPicking(fulfillment_order_id=id_, actor=ACTOR)),
            "pick": lambda f: decide_pick(f, Pick(fulfillment_order_id=id_, actor=ACTOR, lines=counted)),
            "short": lambda f: decide_short(f, ReportShort(fulfillment_order_id=id_, lines=missing, actor=ACTOR)),
            "pack": lambda f: decide_pack(f, Pack(fulfillment_order_id=id_, actor=ACTOR), cartons),
            "ready": lambda f: decide_ready(f, ready, now=NOW),
            "collect": lambda f: decide_collect(
                f, Collect(fulfillment_order_id=id_, code="AAAA", actor=ACTOR), now=NOW
            ),
            "hand_over": lambda f: decide_hand_over(f, left, now=NOW),
            "deliver": lambda f: decide_delivery(f, arrived),
            "take_back": lambda f: decide_take_back(f, TakeBack(parcel_id=parcel_id, actor=ACTOR), now=NOW),
            "write_off": lambda f: decide_write_off(f, lost, now=NOW),
            "expire": lambda f: decide_expiry(f, now=SOON),
            "cancel": lambda f: self.cancel(f, line_id, units),
            "agree": lambda f: self.answer(f, is_agreed=True),
            "refuse": lambda f: self.answer(f, is_agreed=False),
        }
        return decisions[verb]

    def cancel(self, fulfillment: FulfillmentOrder, line_id: object, units: int) -> Change:
        asked = tuple(CountedUnits(line_id=id_, quantity=units) for id_ in lines_of(fulfillment) if id_ == line_id)
        request = RequestCancellation(
            id=fresh_id(), order_id=fulfillment.order_id, actor=ACTOR, lines=asked if units < 3 else None
        )
        decision = decide_cancellation([fulfillment], {fulfillment.id: self.open_parts()}, request)
        self.parts += decision.cancellation.parts
        return decision.changes[0] if decision.changes else Change(before=fulfillment, after=fulfillment, actor=ACTOR)

    def answer(self, fulfillment: FulfillmentOrder, *, is_agreed: bool) -> Change:
        if not self.open_parts():
            return Change(before=fulfillment, after=fulfillment, actor=ACTOR)
        part = self.open_parts()[0]
        answer = AnswerCancellation(
            cancellation_id=part.cancellation_id, fulfillment_order_id=fulfillment.id, actor=ACTOR
        )
        has_others = len(self.open_parts()) > 1
        if is_agreed:
            decided = decide_agreement(fulfillment, part, answer, has_others=has_others, now=NOW)
        else:
            decided = decide_refusal(fulfillment, part, answer, has_others=has_others)
        self.parts[self.parts.index(part)] = decided.part
        return decided.change


@settings(max_examples=300)
@given(
    quantities=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    per_unit=st.sampled_from([1, 3]),
    method=st.sampled_from(Method),
    verbs=st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(1, 4)), max_size=40),
)
def test_whatever_is_done_in_whatever_order_units_are_where_their_moves_say(
    quantities: list[int], per_unit: int, method: Method, verbs: list[tuple[str, int, int]]
) -> None:
    """ORD-01, I-23: no unit is lost, doubled or delivered less than before, and every verb may be repeated."""
    journey = Journey(offered(*quantities, method=method, per_unit=per_unit))
    delivered = 0
    for verb, line, units in verbs:
        journey.step(verb, line, units)
        now_delivered = sum(journey.one.units("delivered").values())
        assert now_delivered >= delivered
        delivered = now_delivered
