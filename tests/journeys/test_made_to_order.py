"""A watch is engraved for its buyer: parts, proof, work order, parcel, and back (SRC-14, FUL-14)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.catalog.commands import save_skus, set_kit_parts, set_recipes
from batuta.catalog.domain import Component, Field, FieldKind, Instruction, Recipe, WrongPersonalisation
from batuta.fulfillment.commands import (
    accept,
    agree_to_cancel,
    answer_proofs,
    fail_work,
    finish_work,
    pack,
    pick,
    reject,
    send_proofs,
    sign_steps,
    start_picking,
    start_work,
)
from batuta.fulfillment.domain import (
    Accept,
    AnswerCancellation,
    AnswerProof,
    FailWork,
    FinishWork,
    FulfillmentStatus,
    MarkKind,
    NotAPart,
    NotMade,
    OtherProof,
    Pack,
    PartsNotPicked,
    Pick,
    Reject,
    RejectionReason,
    Scrapped,
    SendProof,
    SignStep,
    StartPicking,
    StartWork,
    StepsOpen,
    WorkOrder,
    WorkStatus,
)
from batuta.fulfillment.domain.work_orders import AlreadyPacked
from batuta.fulfillment.queries import WorkOrdersWanted, cancellations_of, list_work_orders
from batuta.inventory.commands import NotEnoughToReplace
from batuta.inventory.queries import availability
from batuta.inventory.queries.stock import stock_of
from batuta.kernel.abilities import Ability
from batuta.kernel.errors import BatutaError
from batuta.kernel.states import IllegalMove
from batuta.locations.commands import save_locations
from batuta.ordering.commands import place
from batuta.ordering.domain import Means, NothingToMakeItOf, OrderStatus, PlaceLine
from batuta.returns import commands as returning
from batuta.returns.domain import NotReturnable, Receipt, ReceivedUnits, RequestReturn, ReturnedUnits
from batuta.sourcing.domain import Rule, Verdict
from batuta.sourcing.queries import decisions_of
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import BUYER, SELLER, Journey, broken_laws
from tests.making import fresh_id
from tests.ordering.test_commands import an_order
from tests.world import sound

PROOF = "https://proofs.example/ana-1.png"
RECIPE = Recipe(
    abilities=frozenset({Ability.ENGRAVE}),
    steps=(
        Instruction(text={"en": "Engrave the back", "es": "Graba la tapa"}, links=("https://how.example/back.png",)),
        Instruction(text={"en": "Fit the strap", "es": "Monta la correa"}),
    ),
    fields=(
        Field(code="text", name={"en": "Engraving", "es": "Grabado"}, length_max=12),
        Field(code="font", name={"en": "Font"}, kind=FieldKind.CHOICE, choices=("serif", "sans"), is_required=False),
    ),
    needs_proof=True,
    is_returnable=False,
)
SAID = {"text": "Para Eva"}


class Workshop:
    """A shop that sells a `watch`: a `case` and two `strap` halves, engraved at `atelier` alone."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey

    def id(self, name: str) -> UUID:
        return self.journey.shop.skus[name].id

    async def buy(self, quantity: int = 1, **said: str) -> UUID:
        shop = self.journey.shop
        asked = an_order(shop, ("watch", quantity), placed_at=self.journey.now)
        line = PlaceLine(sku_code=shop.skus["watch"].code, quantity=quantity, personalisation=said or SAID)
        asked = msgspec.structs.replace(asked, lines=[line], means=_paid(quantity))
        await self.journey.do(place, orders=[asked])
        return asked.id

    async def works(self, order_id: UUID) -> list[WorkOrder]:
        async with self.journey.engine.connect() as db:
            return await list_work_orders(db, wanted=WorkOrdersWanted(order_id=order_id), behind=None, limit=50)

    async def work(self, order_id: UUID) -> WorkOrder:
        (one,) = await self.works(order_id)
        return one

    async def accept(self, order_id: UUID) -> UUID:
        (id_,) = await self.journey.ids(order_id, FulfillmentStatus.OFFERED)
        await self.journey.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])
        return id_

    async def picked(self, id_: UUID) -> None:
        await self.journey.do(start_picking, starts=[StartPicking(fulfillment_order_id=id_, actor=SELLER)])
        await self.journey.do(pick, picks=[Pick(fulfillment_order_id=id_, actor=SELLER)])

    async def approve(self, work: WorkOrder) -> None:
        await self.journey.do(send_proofs, proofs=[SendProof(work_order_id=work.id, link=PROOF, actor=SELLER)])
        yes = AnswerProof(work_order_id=work.id, link=PROOF, is_approved=True, actor=BUYER)
        await self.journey.do(answer_proofs, answers=[yes])

    async def make(self, work: WorkOrder) -> None:
        await self.journey.do(start_work, starts=[StartWork(work_order_id=work.id, actor=SELLER)])
        signs = [SignStep(work_order_id=work.id, step=step, actor=SELLER) for step in range(len(work.recipe.steps))]
        await self.journey.do(sign_steps, signs=signs)
        await self.journey.do(finish_work, finishes=[FinishWork(work_order_id=work.id, actor=SELLER)])

    async def refused(self, command: Any, **things: Any) -> BatutaError:
        (answer,) = await self.journey.ask(command, **things)
        assert isinstance(answer, BatutaError), answer
        return answer

    async def on_hand(self, name: str) -> int:
        async with self.journey.engine.connect() as db:
            found = await availability(db, sku_ids=[self.id(name)], now=self.journey.now)
        return sum(one.on_hand for one in found)


def _paid(quantity: int) -> Sequence[Any]:
    return [Means(method="card", amount_minor=2_500 * quantity + 490, token="tok_visa")]


@pytest.fixture
async def workshop(open_shop: OpenShop) -> Workshop:
    return await opened(open_shop)


async def opened(open_shop: OpenShop, recipe: Recipe = RECIPE, **stock: dict[str, int]) -> Workshop:
    lies = {"case": {"atelier": 5, "plain": 5}, "strap": {"atelier": 10, "plain": 10}, "watch": {}} | stock
    journey = await open_shop(lies)
    shop = journey.shop
    async with journey.engine.begin() as db:
        watch = msgspec.structs.replace(shop.skus["watch"], is_made_to_order=True)
        sound(await save_skus(db, skus=[watch], now=journey.now))
        parts = [Component(sku_id=shop.skus[name].id, quantity=n) for name, n in (("case", 1), ("strap", 2))]
        sound(await set_kit_parts(db, kits={watch.id: parts}, now=journey.now))
        sound(await set_recipes(db, recipes={watch.id: recipe}, now=journey.now))
        atelier = shop.locations["atelier"]
        able = msgspec.structs.replace(atelier, abilities=atelier.abilities | {Ability.ENGRAVE})
        sound(await save_locations(db, locations=[able], now=journey.now))
    return Workshop(journey)


async def test_a_watch_is_engraved_by_who_can_shown_made_sent_and_not_taken_back(workshop: Workshop) -> None:
    """SRC-14, FUL-14: from the order to the delivery, with a proof, signed steps and the ledger's truth."""
    journey = workshop.journey
    order_id = await workshop.buy(2)
    (asked,) = await journey.work(order_id)
    assert asked.location_id == journey.shop.locations["atelier"].id
    async with journey.engine.connect() as db:
        (decision,) = (await decisions_of(db, [order_id]))[order_id]
    out = {one.name: (one.rule, one.because) for one in decision.considered if one.verdict is Verdict.EXCLUDED}
    assert out == {"plain": (Rule.LACKS_ABILITY, "engrave")}
    assert not await workshop.works(order_id)

    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    assert (work.status, work.quantity, work.personalisation) == (WorkStatus.AWAITING_PROOF, 2, SAID)
    assert work.recipe == RECIPE
    start = [StartWork(work_order_id=work.id, actor=SELLER)]
    assert isinstance(await workshop.refused(start_work, starts=start), IllegalMove)

    await workshop.approve(work)
    assert "proof" in await journey.told(order_id)
    assert isinstance(await workshop.refused(start_work, starts=start), PartsNotPicked)
    await workshop.picked(id_)
    packs = [Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")]
    refusal = await workshop.refused(pack, packs=packs)
    assert isinstance(refusal, NotMade)

    await workshop.make(work)
    assert await workshop.on_hand("case") == 10
    await journey.do(pack, packs=packs)
    assert (await workshop.on_hand("case"), await workshop.on_hand("strap")) == (8, 16)
    (packed,) = await journey.work(order_id)
    assert [(line.sku_id, line.quantity, line.packed) for line in packed.lines] == [(workshop.id("watch"), 2, 2)]
    await journey.leave(order_id)
    await journey.pass_time(days=1)
    await journey.carrier_says(order_id, "delivered", journey.now)
    order = await journey.order(order_id)
    assert order.status is OrderStatus.COMPLETED
    assert not await broken_laws(journey.engine)

    wish = RequestReturn(
        id=fresh_id(),
        order_id=order_id,
        lines=(ReturnedUnits(order_line_id=order.lines[0].id, quantity=1),),
        actor=BUYER,
    )
    assert isinstance(await workshop.refused(returning.request, requests=[wish]), NotReturnable)
    faulty = msgspec.structs.replace(wish, is_faulty=True)
    (announced,) = await journey.do(returning.request, requests=[faulty])
    came = Receipt(
        id=fresh_id(),
        return_id=announced.id,
        location_id=journey.shop.locations["plain"].id,
        lines=(ReceivedUnits(line_id=announced.lines[0].id, quantity=1),),
        actor=SELLER,
    )
    await journey.do(returning.receive, receipts=[came])
    assert await workshop.on_hand("watch") == 0, "it lies in quarantine"
    assert (await workshop.on_hand("case")) == 8
    assert not await broken_laws(journey.engine)


async def test_changes_to_a_proof_are_asked_for_until_the_buyer_says_yes(workshop: Workshop) -> None:
    """FUL-14: nobody begins before the proof is approved, and it is the last one that is."""
    journey = workshop.journey
    order_id = await workshop.buy()
    await workshop.accept(order_id)
    work = await workshop.work(order_id)
    first = SendProof(work_order_id=work.id, link=PROOF, actor=SELLER)
    await journey.do(send_proofs, proofs=[first, first])
    no = AnswerProof(work_order_id=work.id, link=PROOF, is_approved=False, note="larger", actor=BUYER)
    await journey.do(answer_proofs, answers=[no, no])
    assert (await workshop.work(order_id)).status is WorkStatus.AWAITING_PROOF

    second = "https://proofs.example/ana-2.png"
    await journey.do(send_proofs, proofs=[msgspec.structs.replace(first, link=second)])
    yes = AnswerProof(work_order_id=work.id, link=PROOF, is_approved=True, actor=BUYER)
    refusal = await workshop.refused(answer_proofs, answers=[yes])
    assert isinstance(refusal, OtherProof)
    assert refusal.facts["present"] == second
    await journey.do(answer_proofs, answers=[msgspec.structs.replace(yes, link=second)])

    work = await workshop.work(order_id)
    assert work.status is WorkStatus.OPEN
    kinds = [MarkKind.PROOF_SENT, MarkKind.CHANGES_ASKED, MarkKind.PROOF_SENT, MarkKind.PROOF_APPROVED]
    assert [mark.kind for mark in work.marks] == kinds
    assert [mark.note for mark in work.marks if mark.note] == ["larger"]
    assert (await journey.told(order_id)).count("proof") == 2


async def test_what_is_not_good_enough_is_made_again_of_new_parts(workshop: Workshop) -> None:
    """FUL-14: a failure scraps parts with a reason, takes others of the same shelf, and lets nothing signed count."""
    journey = workshop.journey
    order_id = await workshop.buy()
    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    await workshop.approve(work)
    await workshop.picked(id_)
    await workshop.make(work)

    spoilt = FailWork(
        id=fresh_id(),
        work_order_id=work.id,
        reason="scratched",
        scrapped=(Scrapped(sku_id=workshop.id("case"), quantity=1),),
        actor=SELLER,
    )
    await journey.do(fail_work, failures=[spoilt, spoilt])
    again = await workshop.work(order_id)
    assert (again.status, again.signed, again.marks[-1].note) == (WorkStatus.STARTED, frozenset(), "scratched")
    assert await workshop.on_hand("case") == 9
    finish = [FinishWork(work_order_id=work.id, actor=SELLER)]
    assert isinstance(await workshop.refused(finish_work, finishes=finish), StepsOpen)

    more = msgspec.structs.replace(spoilt, id=fresh_id(), scrapped=(Scrapped(sku_id=workshop.id("strap"), quantity=3),))
    assert isinstance(await workshop.refused(fail_work, failures=[more]), NotAPart)
    await workshop.make(work)
    await journey.do(pack, packs=[Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")])
    assert (await workshop.on_hand("case"), await workshop.on_hand("strap")) == (8, 18)
    late = msgspec.structs.replace(spoilt, id=fresh_id())
    assert isinstance(await workshop.refused(fail_work, failures=[late]), AlreadyPacked)


async def test_spoilt_parts_that_nothing_replaces_are_reported_short_and_made_elsewhere(open_shop: OpenShop) -> None:
    """FUL-14, SRC-08: the last case of the shelf is spoilt; the line goes to another that can."""
    workshop = await opened(open_shop, case={"atelier": 1, "plain": 5})
    journey = workshop.journey
    order_id = await workshop.buy()
    id_ = await workshop.accept(order_id)
    work = await workshop.work(order_id)
    await workshop.approve(work)
    await workshop.picked(id_)
    await journey.do(start_work, starts=[StartWork(work_order_id=work.id, actor=SELLER)])
    spoilt = FailWork(
        id=fresh_id(),
        work_order_id=work.id,
        reason="scratched",
        scrapped=(Scrapped(sku_id=workshop.id("case"), quantity=1),),
        actor=SELLER,
    )
    assert isinstance(await workshop.refused(fail_work, failures=[spoilt]), NotEnoughToReplace)
    assert await workshop.on_hand("case") == 6
    plain = journey.shop.locations["plain"]
    able = msgspec.structs.replace(plain, abilities=plain.abilities | {Ability.ENGRAVE})
    await journey.do(save_locations, locations=[able])
    no = Reject(fulfillment_order_id=id_, reason=RejectionReason.DAMAGED, actor=SELLER)
    await journey.do(reject, rejections=[no])

    assert (await workshop.works(order_id))[0].status is WorkStatus.CANCELLED
    await workshop.accept(order_id)
    _, anew = await workshop.works(order_id)
    assert (anew.location_id, anew.status, anew.quantity) == (plain.id, WorkStatus.AWAITING_PROOF, 1)


async def test_a_cancellation_frees_the_parts_at_once_and_is_asked_for_once_work_began(workshop: Workshop) -> None:
    """FUL-14, ORD-04: an open work order ends with its order; one that was begun needs the location's word."""
    journey = workshop.journey
    order_id = await workshop.buy()
    await workshop.accept(order_id)
    await journey.cancel(order_id)
    assert (await workshop.work(order_id)).status is WorkStatus.CANCELLED
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert (await journey.available("case"), await journey.available("strap")) == (10, 20)

    begun_id = await workshop.buy()
    id_ = await workshop.accept(begun_id)
    work = await workshop.work(begun_id)
    await workshop.approve(work)
    await workshop.picked(id_)
    await workshop.make(work)
    await journey.do(pack, packs=[Pack(fulfillment_order_id=id_, actor=SELLER, label_format="zpl")])
    await journey.cancel(begun_id)
    assert (await workshop.work(begun_id)).status is WorkStatus.DONE
    async with journey.engine.connect() as db:
        (asked,) = (await cancellations_of(db, [begun_id]))[begun_id]
    agreed = AnswerCancellation(cancellation_id=asked.id, fulfillment_order_id=id_, actor=SELLER)
    await journey.do(agree_to_cancel, answers=[agreed])
    assert (await workshop.work(begun_id)).status is WorkStatus.CANCELLED
    async with journey.engine.connect() as db:
        lies = (await stock_of(db, [workshop.id("watch")]))[workshop.id("watch")]
    assert [(str(row.condition), row.on_hand) for row in lies if row.on_hand] == [("quarantine", 1)]
    assert await workshop.on_hand("case") == 9


@pytest.mark.parametrize(
    ("said", "field", "reason"),
    [
        ({"text": " "}, "text", "missing"),
        ({"text": "x" * 13}, "text", "too_long"),
        ({"text": "Eva", "font": "comic"}, "font", "not_a_choice"),
        ({"text": "Eva", "colour": "red"}, "colour", "unknown"),
    ],
)
async def test_what_the_buyer_says_fits_what_the_recipe_asks_for(
    workshop: Workshop, said: dict[str, str], field: str, reason: str
) -> None:
    """SRC-14: personalisation is checked before anything is claimed."""
    with pytest.raises(WrongPersonalisation) as refusal:
        await workshop.buy(1, **said)
    assert (refusal.value.facts["field"], refusal.value.facts["reason"]) == (field, reason)
    assert await workshop.journey.available("case") == 10


async def test_what_nobody_has_said_of_what_to_make_is_not_sold(workshop: Workshop) -> None:
    """SRC-14: made to order, and no parts."""
    journey = workshop.journey
    await journey.do(set_kit_parts, kits={workshop.id("watch"): []})
    with pytest.raises(NothingToMakeItOf):
        await workshop.buy()
