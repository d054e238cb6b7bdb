"""Laws of work orders, for any order of events (FUL-14)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from batuta.catalog.domain import Component, Instruction, Recipe
from batuta.fulfillment.domain import (
    AnswerProof,
    FailWork,
    FinishWork,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentStatus,
    MarkKind,
    Method,
    SendProof,
    SignStep,
    StartWork,
    WorkOrder,
    WorkStatus,
    decide_answer,
    decide_failure,
    decide_finish,
    decide_proof,
    decide_sign,
    decide_start_work,
)
from batuta.fulfillment.domain.work_orders import made
from batuta.kernel.errors import BatutaError
from tests.making import NOW, fresh_id

WATCH, CASE, STRAP, LINE = (fresh_id() for _ in range(4))
LINKS = ("https://a.example/1", "https://a.example/2")
PARTS = {CASE: 1, STRAP: 2}

verbs = st.one_of(
    st.tuples(st.just("proof"), st.sampled_from(LINKS)),
    st.tuples(st.sampled_from(["approve", "change"]), st.sampled_from(LINKS)),
    st.tuples(st.sampled_from(["start", "finish", "fail", "pick"]), st.none()),
    st.tuples(st.just("sign"), st.integers(0, 3)),
)


def fulfillment(units: int, picked: int) -> FulfillmentOrder:
    return FulfillmentOrder(
        id=fresh_id(),
        order_id=fresh_id(),
        order_number="1",
        location_id=fresh_id(),
        method=Method.SHIP,
        status=FulfillmentStatus.PICKING,
        lines=tuple(
            FulfillmentLine(
                line_id=LINE, sku_id=sku_id, quantity=units * per, per_unit=per, picked=picked * per, makes=WATCH
            )
            for sku_id, per in PARTS.items()
        ),
    )


def a_work_order(steps: int, *, needs_proof: bool) -> WorkOrder:
    recipe = Recipe(steps=tuple(Instruction(text={"en": f"step {n}"}) for n in range(steps)), needs_proof=needs_proof)
    return WorkOrder(
        id=fresh_id(),
        fulfillment_order_id=fresh_id(),
        order_id=fresh_id(),
        order_number="1",
        location_id=fresh_id(),
        line_id=LINE,
        sku_id=WATCH,
        quantity=2,
        status=WorkStatus.AWAITING_PROOF if needs_proof else WorkStatus.OPEN,
        parts=tuple(Component(sku_id=sku_id, quantity=per) for sku_id, per in PARTS.items()),
        recipe=recipe,
        personalisation={},
        version=1,
        created_at=NOW,
    )


def decided(work: WorkOrder, verb: str, value: str | int | None, order: FulfillmentOrder) -> WorkOrder:
    id_, actor, at = work.id, "staff:eva", NOW + timedelta(minutes=len(work.marks))
    if verb == "proof":
        return decide_proof(work, SendProof(work_order_id=id_, link=str(value), actor=actor), at)
    if verb in {"approve", "change"}:
        said = AnswerProof(work_order_id=id_, link=str(value), is_approved=verb == "approve", actor=actor)
        return decide_answer(work, said, at)
    if verb == "start":
        return decide_start_work(work, order, StartWork(work_order_id=id_, actor=actor), at)
    if verb == "sign":
        assert isinstance(value, int)
        return decide_sign(work, SignStep(work_order_id=id_, step=value, actor=actor), at)
    if verb == "finish":
        return decide_finish(work, FinishWork(work_order_id=id_, actor=actor), at)
    return decide_failure(work, order, FailWork(id=fresh_id(), work_order_id=id_, reason="crooked", actor=actor), at)


@given(steps=st.integers(0, 3), needs_proof=st.booleans(), said=st.lists(verbs, max_size=25))
def test_nothing_is_done_that_was_not_shown_begun_and_signed(
    *, steps: int, needs_proof: bool, said: list[tuple[str, str | int | None]]
) -> None:
    work, picked = a_work_order(steps, needs_proof=needs_proof), 0
    for verb, value in said:
        if verb == "pick":
            picked = 2
            continue
        order = fulfillment(2, picked)
        before = work
        try:
            work = decided(work, verb, value, order)
        except BatutaError:
            continue
        assert work.version == before.version + (work is not before)
        if verb != "fail":
            assert decided(work, verb, value, order) is work, "said again it changes nothing"
        kinds = [mark.kind for mark in work.marks]
        if work.status in {WorkStatus.STARTED, WorkStatus.DONE}:
            assert picked == 2
            assert MarkKind.STARTED in kinds
            assert not needs_proof or MarkKind.PROOF_APPROVED in kinds[: kinds.index(MarkKind.STARTED)]
        if work.status is WorkStatus.DONE:
            assert work.signed == frozenset(range(steps))
        if kinds and kinds[-1] is MarkKind.FAILED:
            assert work.signed == frozenset()


counts = st.integers(0, 5)


@given(counts, counts, counts)
def test_what_is_made_counts_as_its_parts_did(live: int, short: int, cancelled: int) -> None:
    units = live + short + cancelled
    if not units:
        return
    lines = tuple(
        FulfillmentLine(
            line_id=LINE,
            sku_id=sku_id,
            quantity=units * per,
            per_unit=per,
            picked=live * per,
            short=short * per,
            cancelled=cancelled * per,
            makes=WATCH,
        )
        for sku_id, per in PARTS.items()
    )
    other = FulfillmentLine(line_id=fresh_id(), sku_id=CASE, quantity=3)
    found = made((*lines, other))
    assert [(line.line_id, line.sku_id) for line in found] == [(LINE, WATCH), (other.line_id, CASE)]
    assert (found[0].quantity, found[0].live, found[0].picked, found[0].short) == (units, live, live, short)
    assert found[0].is_made
    assert made(found) == found
