"""What happens to work orders at the same moment (FUL-14)."""

import asyncio
from typing import Any

import msgspec
import pytest

from batuta.fulfillment.commands import answer_proofs, fail_work, finish_work, pack, send_proofs
from batuta.fulfillment.domain import (
    AnswerProof,
    FailWork,
    FinishWork,
    FulfillmentOrder,
    FulfillmentStatus,
    NotMade,
    Pack,
    Scrapped,
    SendProof,
    WorkOrder,
    WorkStatus,
)
from batuta.fulfillment.domain.work_orders import AlreadyPacked
from batuta.inventory.commands import NotEnoughToReplace
from batuta.kernel.errors import BatutaError
from batuta.ordering.commands import cancel
from batuta.ordering.domain import CancelRequest
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import BUYER, SELLER, broken_laws
from tests.journeys.test_made_to_order import PROOF, Workshop, opened
from tests.making import fresh_id

ROUNDS = 4


async def at_once(*asked: Any) -> list[Any]:
    return [answer for answers in await asyncio.gather(*asked) for answer in answers]


async def made(workshop: Workshop) -> tuple[WorkOrder, Pack]:
    """A watch that is made, and what would pack it."""
    order_id = await workshop.buy()
    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    await workshop.approve(work)
    await workshop.picked(id_)
    await workshop.make(work)
    return work, Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")


def crooked(work: WorkOrder, *scrapped: Scrapped) -> FailWork:
    return FailWork(id=fresh_id(), work_order_id=work.id, reason="crooked", scrapped=scrapped, actor=SELLER)


async def test_what_is_packed_and_found_crooked_at_once_is_one_of_both(open_shop: OpenShop) -> None:
    workshop = await opened(open_shop)
    journey = workshop.journey
    for _ in range(ROUNDS):
        work, packing = await made(workshop)
        packed, failed = await at_once(
            journey.ask(pack, packs=[packing]), journey.ask(fail_work, failures=[crooked(work)])
        )
        if isinstance(packed, FulfillmentOrder):
            assert packed.status is FulfillmentStatus.PACKED
            assert isinstance(failed, AlreadyPacked)
        else:
            assert isinstance(packed, NotMade)
            assert failed.status is WorkStatus.STARTED
    assert not await broken_laws(journey.engine)


async def test_a_proof_is_answered_once(open_shop: OpenShop) -> None:
    workshop = await opened(open_shop)
    journey = workshop.journey
    for _ in range(ROUNDS):
        order_id = await workshop.buy()
        await workshop.accept(order_id)
        work = await workshop.work(order_id)
        await journey.do(send_proofs, proofs=[SendProof(work_order_id=work.id, link=PROOF, actor=SELLER)])
        yes = AnswerProof(work_order_id=work.id, link=PROOF, is_approved=True, actor=BUYER)
        no = msgspec.structs.replace(yes, is_approved=False)
        other = SendProof(work_order_id=work.id, link=f"{PROOF}?2", actor=SELLER)
        answers = await at_once(
            journey.ask(answer_proofs, answers=[yes]),
            journey.ask(answer_proofs, answers=[no]),
            journey.ask(send_proofs, proofs=[other]),
        )
        assert [one for one in answers if isinstance(one, WorkOrder)]
        found = await workshop.work(order_id)
        kinds = [mark.kind for mark in found.marks]
        assert len(kinds) == 1 + sum(isinstance(one, WorkOrder) for one in answers)
        if isinstance(answers[0], WorkOrder):
            assert found.status is WorkStatus.OPEN
            assert isinstance(answers[1], BatutaError)


async def test_two_that_spoil_a_part_do_not_take_the_same_one_anew(open_shop: OpenShop) -> None:
    """One case is free: one of two gets it, the other reports it short."""
    workshop = await opened(open_shop, case={"atelier": 3, "plain": 0})
    works = [(await made(workshop))[0] for _ in range(2)]
    spoilt = Scrapped(sku_id=workshop.id("case"), quantity=1)
    answers = await at_once(*(workshop.journey.ask(fail_work, failures=[crooked(work, spoilt)]) for work in works))
    assert sorted(type(one).__name__ for one in answers) == [NotEnoughToReplace.__name__, WorkOrder.__name__]
    assert await workshop.on_hand("case") == 2


@pytest.mark.parametrize("stage", ["open", "picked"])
async def test_a_cancellation_meets_the_work_in_one_order_or_the_other(open_shop: OpenShop, stage: str) -> None:
    """ORD-04: what is not begun ends; what is begun is asked of the location, whatever came first."""
    workshop = await opened(open_shop)
    journey = workshop.journey
    order_id = await workshop.buy()
    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    if stage == "picked":
        await workshop.approve(work)
        await workshop.picked(id_)
    wish = CancelRequest(id=fresh_id(), order_id=order_id, reason="no", actor=BUYER)
    said = SendProof(work_order_id=work.id, link=f"{PROOF}?3", actor=SELLER)
    await at_once(
        journey.ask(cancel, requests=[wish]),
        journey.ask(send_proofs, proofs=[said]),
        journey.ask(finish_work, finishes=[FinishWork(work_order_id=work.id, actor=SELLER)]),
    )
    await journey.pass_time(seconds=1)
    found = await workshop.work(order_id)
    assert (found.status is WorkStatus.CANCELLED) is (stage == "open")
    assert not await broken_laws(journey.engine)
