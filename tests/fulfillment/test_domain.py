from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.fulfillment.domain import (
    FULFILLMENT_MOVES,
    OVER,
    Accept,
    AlreadyDelivered,
    AlreadyPacked,
    AlreadyReady,
    AlreadyTakenBack,
    AlreadyWrittenOff,
    AnswerCancellation,
    BadOffer,
    BadTime,
    CancellationOpen,
    CancellationStatus,
    Collect,
    ConfirmDelivery,
    CountedUnits,
    ExtendPickup,
    FulfillmentOrder,
    FulfillmentStatus,
    Goods,
    HandOver,
    LineUnits,
    MakeReady,
    Method,
    MoreThanOpen,
    NotAllPicked,
    NotHandedOver,
    NotPacked,
    NotReady,
    OfferLapsed,
    Pack,
    PackedContent,
    PackedParcel,
    Pick,
    PickupLapsed,
    Reject,
    RejectionReason,
    ReportShort,
    RequestCancellation,
    ShortUnits,
    Stage,
    StageMove,
    StartPicking,
    TakeBack,
    UnknownLine,
    UnknownPackage,
    WriteOff,
    WrongCode,
    WrongContents,
    WrongMethod,
    decide_accept,
    decide_agreement,
    decide_cancellation,
    decide_collect,
    decide_delivery,
    decide_escalation,
    decide_expiry,
    decide_extension,
    decide_hand_over,
    decide_offer,
    decide_pack,
    decide_pick,
    decide_ready,
    decide_refusal,
    decide_reject,
    decide_short,
    decide_start,
    decide_take_back,
    decide_write_off,
    measure,
    pickup_code,
    planned,
)
from batuta.kernel.states import IllegalMove
from tests.fulfillment.given import (
    ACTOR,
    GOODS,
    SOON,
    accepted,
    an_offer,
    assert_sound,
    cartons_of,
    handed_over,
    lines_of,
    offered,
    packed,
    picked,
    ready,
)
from tests.making import NOW, fresh_id

IS = FulfillmentStatus


def cancel_all(one: FulfillmentOrder, *lines: tuple[UUID, int]) -> RequestCancellation:
    return RequestCancellation(
        id=fresh_id(),
        order_id=one.order_id,
        actor="customer:ana",
        lines=tuple(CountedUnits(line_id=line_id, quantity=quantity) for line_id, quantity in lines) or None,
    )


def test_every_status_has_its_moves_and_what_is_over_stays_over() -> None:
    """ORD-03."""
    assert set(FULFILLMENT_MOVES) == set(FulfillmentStatus)
    assert all(not FULFILLMENT_MOVES[status] for status in OVER)


def test_an_offer_allocates_the_reserved_units_of_its_lines() -> None:
    offer = an_offer(2, 1)

    change = decide_offer(planned(offer), offer)

    assert change.after.status is IS.OFFERED
    assert [(move.source, move.target, move.quantity) for move in change.moves] == [
        (Stage.RESERVED, Stage.ALLOCATED, 2),
        (Stage.RESERVED, Stage.ALLOCATED, 1),
    ]
    assert decide_offer(change.after, offer).is_nothing


def test_goods_without_a_ledger_are_offered_out_of_the_open_and_go_back_there() -> None:
    offer = an_offer(2)
    offer = msgspec.structs.replace(
        offer, lines=tuple(msgspec.structs.replace(line, is_tracked=False) for line in offer.lines)
    )

    change = decide_offer(planned(offer), offer)
    back = decide_expiry(change.after, now=SOON)

    assert (change.moves[0].source, change.moves[0].target) == (Stage.OPEN, Stage.ALLOCATED)
    assert (back.moves[0].source, back.moves[0].target) == (Stage.ALLOCATED, Stage.OPEN)


def test_an_offer_whose_lines_do_not_fit_together_is_refused() -> None:
    bundle = an_offer(2, per_unit=3)
    first, second = bundle.lines
    for lines in (
        (first, first),
        (first, msgspec.structs.replace(second, quantity=9)),
        (first, msgspec.structs.replace(second, quantity=7)),
    ):
        bad = msgspec.structs.replace(bundle, lines=lines)
        with pytest.raises(BadOffer):
            decide_offer(planned(bad), bad)
    homeless = msgspec.structs.replace(an_offer(1), ship_to=None)
    with pytest.raises(BadOffer):
        decide_offer(planned(homeless), homeless)


def test_a_bundle_counts_in_whole_bundles() -> None:
    one = picked(2, per_unit=3)

    assert one.units("picked") == {lines_of(one)[0]: 2}
    assert [line.picked for line in one.lines] == [2, 6]


def test_accepting_after_the_offers_time_is_refused_whether_or_not_a_sweep_has_seen_it() -> None:
    """SRC-09."""
    one = offered(1)

    with pytest.raises(OfferLapsed):
        decide_accept(one, Accept(fulfillment_order_id=one.id, actor=ACTOR), now=SOON)


def test_accepting_twice_changes_nothing_and_accepting_what_was_rejected_is_illegal() -> None:
    request = Accept(fulfillment_order_id=fresh_id(), actor=ACTOR)
    one = offered(1)
    no = decide_reject(one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.NO_CAPACITY, actor=ACTOR)).after

    assert decide_accept(accepted(1), request, now=NOW).is_nothing
    assert decide_accept(packed(1), request, now=SOON).is_nothing
    with pytest.raises(IllegalMove):
        decide_accept(no, request, now=NOW)


def test_a_rejection_gives_the_units_back_to_be_sourced_elsewhere() -> None:
    """SRC-08, I-24."""
    one = accepted(2, 1)

    change = decide_reject(one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.OUT_OF_STOCK, actor=ACTOR))

    assert change.after.status is IS.REJECTED
    assert change.after.reason == RejectionReason.OUT_OF_STOCK
    assert [(move.source, move.target, move.quantity) for move in change.moves] == [
        (Stage.RELEASED, Stage.RESERVED, 2),
        (Stage.RELEASED, Stage.RESERVED, 1),
    ]
    assert sum(lost.quantity for lost in change.lost) == 3


def test_a_rejection_of_one_sku_leaves_the_other_lines_unless_the_reason_speaks_of_the_location() -> None:
    """SRC-08."""
    one = offered(2, 1)
    sku_ids = (one.lines[0].sku_id,)

    of_sku = decide_reject(
        one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.OUT_OF_STOCK, actor=ACTOR, sku_ids=sku_ids)
    )
    of_location = decide_reject(
        one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.CLOSED, actor=ACTOR, sku_ids=sku_ids)
    )

    assert of_sku.after.status is IS.OFFERED
    assert of_sku.after.live_units() == (LineUnits(lines_of(one)[1], 1),)
    assert of_location.after.status is IS.REJECTED


def test_a_missing_component_rejects_the_whole_bundle_but_only_the_component_is_lost() -> None:
    one = accepted(2, per_unit=3)
    missing = one.lines[1].sku_id

    change = decide_reject(
        one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.NOT_FOUND, actor=ACTOR, sku_ids=(missing,))
    )

    assert change.units == (LineUnits(lines_of(one)[0], 2),)
    assert [(lost.sku_id, lost.quantity) for lost in change.lost] == [(missing, 6)]


def test_what_is_packed_cannot_be_rejected() -> None:
    one = packed(1)

    with pytest.raises(IllegalMove):
        decide_reject(one, Reject(fulfillment_order_id=one.id, reason=RejectionReason.OTHER, actor=ACTOR))


def test_an_offer_expires_at_its_moment_and_not_before() -> None:
    """SRC-09: half-open periods."""
    one = offered(1)

    assert decide_expiry(one, now=SOON - timedelta(microseconds=1)).is_nothing
    assert decide_expiry(one, now=SOON).after.status is IS.EXPIRED
    assert decide_expiry(accepted(1), now=SOON).is_nothing


def test_picks_are_told_in_totals_so_a_repeated_or_late_count_changes_nothing() -> None:
    one = accepted(3)
    (line_id,) = lines_of(one)

    def pick(fulfillment: FulfillmentOrder, total: int) -> FulfillmentOrder:
        lines = (CountedUnits(line_id=line_id, quantity=total),)
        return decide_pick(fulfillment, Pick(fulfillment_order_id=one.id, actor=ACTOR, lines=lines)).after

    two = pick(one, 2)

    assert two.status is IS.PICKING
    assert pick(two, 2) == two
    assert pick(two, 1) == two
    assert pick(two, 3).status is IS.PICKED
    with pytest.raises(MoreThanOpen):
        pick(two, 4)


def test_a_pick_of_a_line_that_is_not_served_here_is_refused() -> None:
    one = accepted(1)
    lines = (CountedUnits(line_id=fresh_id(), quantity=1),)

    with pytest.raises(UnknownLine):
        decide_pick(one, Pick(fulfillment_order_id=one.id, actor=ACTOR, lines=lines))


def test_an_offer_cannot_be_picked_before_it_is_accepted() -> None:
    one = offered(1)

    with pytest.raises(IllegalMove):
        decide_pick(one, Pick(fulfillment_order_id=one.id, actor=ACTOR))
    with pytest.raises(IllegalMove):
        decide_start(one, StartPicking(fulfillment_order_id=one.id, actor=ACTOR))


def test_units_not_found_go_back_to_be_sourced_and_the_rest_goes_on() -> None:
    """FUL-03."""
    one = accepted(3)
    (line_id,) = lines_of(one)
    report = ReportShort(fulfillment_order_id=one.id, lines=(ShortUnits(line_id=line_id, quantity=1),), actor=ACTOR)

    change = decide_short(one, report)

    assert change.after.status is IS.PICKING
    assert change.moves == (StageMove(line_id=line_id, source=Stage.RELEASED, target=Stage.RESERVED, quantity=1),)
    assert decide_short(change.after, report).is_nothing
    assert decide_pick(change.after, Pick(fulfillment_order_id=one.id, actor=ACTOR)).after.status is IS.PICKED


def test_when_everything_is_short_the_fulfillment_order_is_short_and_no_more_can_be_short_than_is_open() -> None:
    """FUL-03."""
    one = accepted(2)
    (line_id,) = lines_of(one)

    def short(quantity: int) -> ReportShort:
        return ReportShort(
            fulfillment_order_id=one.id, lines=(ShortUnits(line_id=line_id, quantity=quantity),), actor=ACTOR
        )

    assert decide_short(one, short(2)).after.status is IS.SHORT
    with pytest.raises(MoreThanOpen):
        decide_short(one, short(3))


def test_packing_what_nobody_scanned_counts_as_picking_it() -> None:
    one = accepted(2)

    change = decide_pack(one, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one))

    assert change.after.status is IS.PACKED
    assert [(move.source, move.target) for move in change.moves] == [
        (Stage.RELEASED, Stage.PICKED),
        (Stage.PICKED, Stage.PACKED),
    ]


def test_packing_half_picked_goods_is_refused_with_what_is_missing() -> None:
    one = accepted(2)
    (line_id,) = lines_of(one)
    lines = (CountedUnits(line_id=line_id, quantity=1),)
    half = decide_pick(one, Pick(fulfillment_order_id=one.id, actor=ACTOR, lines=lines)).after

    with pytest.raises(NotAllPicked) as refusal:
        decide_pack(half, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one))

    assert refusal.value.facts["open"] == {str(line_id): 1}


def test_given_parcels_hold_exactly_what_was_picked() -> None:
    one = picked(2)
    line = one.lines[0]

    def pack(*quantities: int) -> Pack:
        parcels = tuple(
            PackedParcel(
                id=fresh_id(),
                contents=(PackedContent(line_id=line.line_id, sku_id=line.sku_id, quantity=quantity),),
            )
            for quantity in quantities
        )
        return Pack(fulfillment_order_id=one.id, actor=ACTOR, parcels=parcels)

    two = pack(1, 1)
    done = decide_pack(one, two, cartons_of(one)).after

    assert [package.contents[0].quantity for package in done.packages] == [1, 1]
    assert decide_pack(done, two, cartons_of(one)).is_nothing
    assert decide_pack(done, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one)).is_nothing
    with pytest.raises(AlreadyPacked):
        decide_pack(done, pack(2), cartons_of(one))
    with pytest.raises(WrongContents):
        decide_pack(one, pack(1, 2), cartons_of(one))


def test_without_parcels_given_goods_share_one_as_high_as_their_volume_needs() -> None:
    one = picked(3)

    (parcel,) = decide_pack(one, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one)).packed
    size = measure(parcel.contents, cartons_of(one).goods)

    assert (size.weight_g, size.length_mm, size.width_mm, size.height_mm) == (3_000, 600, 400, 300)


@pytest.mark.parametrize(
    ("weight_max_g", "length_max_mm", "units"), [(2_000, None, [2, 2, 1]), (None, 400, [2, 2, 1]), (500, None, [1] * 5)]
)
def test_goods_over_the_carriers_limits_are_spread_over_several_parcels(
    weight_max_g: int | None, length_max_mm: int | None, units: list[int]
) -> None:
    one = picked(5)
    cartons = cartons_of(one, weight_max_g=weight_max_g, length_max_mm=length_max_mm, goods=GOODS)

    parcels = decide_pack(one, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons).packed

    assert [parcel.contents[0].quantity for parcel in parcels] == units


def test_goods_of_unknown_weight_and_size_weigh_a_gram_and_have_no_sides() -> None:
    one = picked(2)
    nothing = Goods(weight_g=0, sides_mm=(0, 0, 0))

    (parcel,) = decide_pack(
        one, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one, weight_max_g=1, goods=nothing)
    ).packed
    size = measure(parcel.contents, cartons_of(one, goods=nothing).goods)

    assert (size.weight_g, size.length_mm, size.width_mm, size.height_mm) == (1, 0, 0, 0)


def test_parcels_leave_one_by_one_and_the_order_is_handed_over_with_the_last() -> None:
    one = picked(2)
    pack = Pack(fulfillment_order_id=one.id, actor=ACTOR)
    done = decide_pack(one, pack, cartons_of(one, weight_max_g=1_000)).after
    first, second = (package.parcel_id for package in done.packages)

    def leave(fulfillment: FulfillmentOrder, *parcel_ids: UUID) -> FulfillmentOrder:
        request = HandOver(fulfillment_order_id=one.id, actor=ACTOR, parcel_ids=parcel_ids or None)
        return decide_hand_over(fulfillment, request, now=NOW).after

    half = leave(done, first)

    assert half.status is IS.PACKED
    assert leave(half, first) == half
    assert leave(half, second).status is IS.HANDED_OVER
    assert leave(leave(half)) == leave(half)
    with pytest.raises(UnknownPackage):
        leave(done, fresh_id())


def test_what_is_not_packed_is_not_handed_over_and_a_pickup_never() -> None:
    request = HandOver(fulfillment_order_id=fresh_id(), actor=ACTOR)

    with pytest.raises(NotPacked):
        decide_hand_over(picked(1), request, now=NOW)
    with pytest.raises(WrongMethod):
        decide_hand_over(packed(1, method=Method.PICKUP), request, now=NOW)


def test_delivery_closes_the_order_and_only_ever_adds_to_what_was_delivered() -> None:
    """I-23, golden test odoo/odoo #178392."""
    one = handed_over(2)
    (package,) = one.packages
    request = ConfirmDelivery(parcel_id=package.parcel_id, delivered_at=NOW, actor="carrier:seur")

    change = decide_delivery(one, request)

    assert change.after.status is IS.CLOSED
    assert change.moves == (
        StageMove(line_id=lines_of(one)[0], source=Stage.SHIPPED, target=Stage.DELIVERED, quantity=2),
    )
    assert decide_delivery(change.after, request).is_nothing
    with pytest.raises(AlreadyDelivered):
        decide_take_back(change.after, TakeBack(parcel_id=package.parcel_id, actor=ACTOR), now=NOW)


def test_a_parcel_that_comes_home_undelivered_cancels_its_units() -> None:
    one = handed_over(2)
    (package,) = one.packages
    request = TakeBack(parcel_id=package.parcel_id, actor=ACTOR, reason="refused at the door")

    change = decide_take_back(one, request, now=NOW)

    assert change.after.status is IS.CLOSED
    assert (change.moves[0].source, change.moves[0].target) == (Stage.SHIPPED, Stage.CANCELLED)
    assert decide_take_back(change.after, request, now=NOW).is_nothing
    with pytest.raises(AlreadyTakenBack):
        decide_delivery(
            change.after, ConfirmDelivery(parcel_id=package.parcel_id, delivered_at=NOW, actor="carrier:seur")
        )


def test_a_parcel_that_is_lost_cancels_its_units_and_neither_arrives_nor_comes_home() -> None:
    one = handed_over(2)
    parcel_id = one.packages[0].parcel_id
    request = WriteOff(parcel_id=parcel_id, actor=ACTOR, reason="claim 12")

    change = decide_write_off(one, request, now=NOW)

    assert change.after.status is IS.CLOSED
    assert (change.moves[0].source, change.moves[0].target) == (Stage.SHIPPED, Stage.CANCELLED)
    assert decide_write_off(change.after, request, now=NOW).is_nothing
    with pytest.raises(AlreadyWrittenOff):
        decide_take_back(change.after, TakeBack(parcel_id=parcel_id, actor=ACTOR), now=NOW)
    with pytest.raises(AlreadyWrittenOff):
        decide_delivery(change.after, ConfirmDelivery(parcel_id=parcel_id, delivered_at=NOW, actor="carrier:seur"))


def test_what_has_not_left_can_be_neither_delivered_nor_taken_back() -> None:
    one = packed(1)
    parcel_id = one.packages[0].parcel_id

    with pytest.raises(NotHandedOver):
        decide_delivery(one, ConfirmDelivery(parcel_id=parcel_id, delivered_at=NOW, actor="carrier:seur"))
    with pytest.raises(NotHandedOver):
        decide_take_back(one, TakeBack(parcel_id=parcel_id, actor=ACTOR), now=NOW)
    with pytest.raises(NotHandedOver):
        decide_write_off(one, WriteOff(parcel_id=parcel_id, actor=ACTOR, reason="lost"), now=NOW)


def test_a_bundle_whose_components_travel_apart_ships_and_arrives_with_its_last_part() -> None:
    one = picked(1, per_unit=3)
    parcels = tuple(
        PackedParcel(
            id=fresh_id(),
            contents=(PackedContent(line_id=line.line_id, sku_id=line.sku_id, quantity=line.quantity),),
        )
        for line in one.lines
    )
    done = decide_pack(one, Pack(fulfillment_order_id=one.id, actor=ACTOR, parcels=parcels), cartons_of(one)).after

    def leave(fulfillment: FulfillmentOrder, parcel: PackedParcel) -> FulfillmentOrder:
        request = HandOver(fulfillment_order_id=one.id, actor=ACTOR, parcel_ids=(parcel.id,))
        return decide_hand_over(fulfillment, request, now=NOW).after

    half = leave(done, parcels[0])
    whole = leave(half, parcels[1])

    assert list(half.units("handed_over").values()) == [0]
    assert list(whole.units("handed_over").values()) == [1]


def test_a_pickup_waits_under_one_code_until_its_moment() -> None:
    """FUL-11."""
    one = packed(1, method=Method.PICKUP)

    def make(code: str, until_at: timedelta = timedelta(days=7)) -> MakeReady:
        return MakeReady(fulfillment_order_id=one.id, code=code, until_at=NOW + until_at, actor=ACTOR)

    done = decide_ready(one, make("K7PMX2QA"), now=NOW).after

    assert done.status is IS.READY
    assert decide_ready(done, make("K7PMX2QA"), now=NOW).is_nothing
    with pytest.raises(AlreadyReady):
        decide_ready(done, make("OTHER"), now=NOW)
    with pytest.raises(BadTime):
        decide_ready(one, make("K7PMX2QA", timedelta(0)), now=NOW)
    with pytest.raises(WrongMethod):
        decide_ready(packed(1), make("K7PMX2QA"), now=NOW)
    with pytest.raises(IllegalMove):
        decide_ready(picked(1, method=Method.PICKUP), make("K7PMX2QA"), now=NOW)


def test_the_code_hands_the_goods_out_once_and_a_wrong_one_never() -> None:
    """FUL-11."""
    one = ready(2)

    def with_code(code: str) -> Collect:
        return Collect(fulfillment_order_id=one.id, code=code, actor=ACTOR, collected_by="Luis, the neighbour")

    change = decide_collect(one, with_code(" k7pmx2qa "), now=NOW)

    assert change.after.status is IS.CLOSED
    assert change.after.collected_by == "Luis, the neighbour"
    assert [(move.source, move.target, move.quantity) for move in change.moves] == [(Stage.PACKED, Stage.DELIVERED, 2)]
    assert decide_collect(change.after, with_code("K7PMX2QA"), now=NOW).is_nothing
    for wrong in ("", "K7PMX2Q", "ñ"):
        with pytest.raises(WrongCode):
            decide_collect(one, with_code(wrong), now=NOW)
    with pytest.raises(NotReady):
        decide_collect(packed(1, method=Method.PICKUP), with_code("K7PMX2QA"), now=NOW)


def test_a_lapsed_pickup_may_be_extended_until_it_has_gone_back_to_the_shelf() -> None:
    """FUL-11."""
    one = ready(1)
    late = NOW + timedelta(days=7)
    collect = Collect(fulfillment_order_id=one.id, code="K7PMX2QA", actor=ACTOR)
    extend = ExtendPickup(fulfillment_order_id=one.id, until_at=late + timedelta(days=2), actor="customer:ana")

    with pytest.raises(PickupLapsed):
        decide_collect(one, collect, now=late)
    extended = decide_extension(one, extend, now=late).after
    assert decide_collect(extended, collect, now=late).after.status is IS.CLOSED
    assert decide_extension(extended, extend, now=late).is_nothing
    expired = decide_expiry(one, now=late)
    assert (expired.after.status, len(expired.unpacked)) == (IS.EXPIRED, 1)
    assert [(move.source, move.target) for move in expired.moves] == [(Stage.PACKED, Stage.CANCELLED)]
    with pytest.raises(IllegalMove):
        decide_extension(expired.after, extend, now=late)


def test_a_pickup_code_is_the_same_each_time_and_unlike_without_the_secret() -> None:
    one = UUID("01890000-0000-7000-8000-000000000001")

    assert pickup_code(one, b"secret") == pickup_code(one, b"secret")
    assert pickup_code(one, b"secret") != pickup_code(one, b"other")
    assert len({pickup_code(fresh_id(), b"secret") for _ in range(1_000)}) == 1_000
    assert not set(pickup_code(one, b"secret")) & set("01ILOU")


def test_what_nobody_has_begun_is_cancelled_at_once() -> None:
    """ORD-04."""
    one = accepted(2)

    decision = decide_cancellation([one], {}, cancel_all(one, (lines_of(one)[0], 1)))

    (part,), (change,) = decision.cancellation.parts, decision.changes
    assert part.status is CancellationStatus.CANCELLED
    assert change.after.status is IS.ACCEPTED
    assert change.after.live_units() == (LineUnits(lines_of(one)[0], 1),)


def test_what_was_begun_is_asked_and_nothing_goes_on_before_the_answer() -> None:
    """ORD-04."""
    one = picked(2)

    decision = decide_cancellation([one], {}, cancel_all(one))

    (part,), (change,) = decision.cancellation.parts, decision.changes
    assert part.status is CancellationStatus.REQUESTED
    assert change.after.status is IS.CANCEL_REQUESTED
    with pytest.raises(CancellationOpen):
        decide_pack(change.after, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one))


def test_the_location_agrees_or_refuses_once() -> None:
    """ORD-04."""
    one = packed(2)
    request = cancel_all(one)
    decision = decide_cancellation([one], {}, request)
    (part,), asked = decision.cancellation.parts, decision.changes[0].after
    answer = AnswerCancellation(cancellation_id=request.id, fulfillment_order_id=one.id, actor=ACTOR)

    yes = decide_agreement(asked, part, answer, has_others=False, now=NOW)
    no = decide_refusal(asked, part, answer, has_others=False)

    assert (yes.part.status, yes.change.after.status) == (CancellationStatus.CANCELLED, IS.CANCELLED)
    assert [package.parcel_id for package in yes.change.unpacked] == [one.packages[0].parcel_id]
    assert [(move.source, move.target) for move in yes.change.moves] == [(Stage.PACKED, Stage.CANCELLED)]
    assert (no.part.status, no.change.after.status) == (CancellationStatus.REFUSED, IS.CANCEL_REFUSED)
    with pytest.raises(IllegalMove):
        decide_refusal(yes.change.after, yes.part, answer, has_others=False)
    gone = decide_hand_over(no.change.after, HandOver(fulfillment_order_id=one.id, actor=ACTOR), now=NOW)
    assert gone.after.status is IS.HANDED_OVER


def test_part_of_what_is_packed_together_is_too_late_to_cancel() -> None:
    """ORD-04: after packing it is the whole, or a return."""
    one = packed(2)
    line_id = lines_of(one)[0]

    decision = decide_cancellation([one], {}, cancel_all(one, (line_id, 1)))

    assert decision.cancellation.parts == ()
    assert decision.cancellation.late == (LineUnits(line_id, 1),)


def test_a_wish_takes_the_least_advanced_units_first_and_says_what_is_too_late() -> None:
    """ORD-04."""
    first, second, third = handed_over(1), picked(1), accepted(1)
    line_id = lines_of(first)[0]
    second, third = (
        msgspec.structs.replace(
            one,
            order_id=first.order_id,
            lines=tuple(msgspec.structs.replace(line, line_id=line_id) for line in one.lines),
        )
        for one in (second, third)
    )

    one, two, three = (
        decide_cancellation([first, second, third], {}, cancel_all(first, (line_id, wanted))).cancellation
        for wanted in (1, 2, 3)
    )

    assert [part.fulfillment_order_id for part in one.parts] == [third.id]
    assert {part.fulfillment_order_id for part in two.parts} == {second.id, third.id}
    assert two.late == ()
    assert three.late == (LineUnits(line_id, 1),)


def test_units_asked_for_once_are_not_asked_for_twice() -> None:
    one = picked(2)
    first = decide_cancellation([one], {}, cancel_all(one, (lines_of(one)[0], 2)))
    asked = first.changes[0].after

    second = decide_cancellation([asked], {one.id: first.cancellation.parts}, cancel_all(one, (lines_of(one)[0], 1)))

    assert second.changes == ()
    assert second.cancellation.late == (LineUnits(lines_of(one)[0], 1),)


def test_the_other_lines_go_along_if_asked_and_nothing_is_said_about_them() -> None:
    """SRC-08."""
    one = accepted(2, 3)
    missing, other = one.lines

    no = Reject(
        fulfillment_order_id=one.id,
        reason=RejectionReason.NOT_FOUND,
        sku_ids=(missing.sku_id,),
        takes_all=True,
        actor=ACTOR,
    )
    change = decide_reject(one, no)

    assert_sound(change)
    assert change.after.status is FulfillmentStatus.REJECTED
    assert [(part.sku_id, part.quantity) for part in change.lost] == [(missing.sku_id, 2)]
    assert [(part.sku_id, part.quantity) for part in change.along] == [(other.sku_id, 3)]


def test_of_a_bundle_that_lacks_one_component_the_other_is_planned_anew_too() -> None:
    """SRC-08."""
    one = accepted(4, per_unit=2)
    lacking, other = one.lines

    no = Reject(fulfillment_order_id=one.id, reason=RejectionReason.NOT_FOUND, sku_ids=(lacking.sku_id,), actor=ACTOR)
    rejected = decide_reject(one, no)
    short = decide_short(
        one,
        ReportShort(
            fulfillment_order_id=one.id,
            lines=(ShortUnits(line_id=one.lines[0].line_id, quantity=1, sku_id=lacking.sku_id),),
            actor=ACTOR,
        ),
    )

    assert [(part.sku_id, part.quantity) for part in rejected.lost] == [(lacking.sku_id, 4)]
    assert [(part.sku_id, part.quantity) for part in rejected.along] == [(other.sku_id, 8)]
    assert [(part.sku_id, part.quantity) for part in short.lost] == [(lacking.sku_id, 1)]
    assert [(part.sku_id, part.quantity) for part in short.along] == [(other.sku_id, 2)]


def test_a_shortage_may_take_what_is_not_picked_along_but_says_only_what_is_missing() -> None:
    """SRC-08."""
    one = accepted(4, 2)
    line = one.lines[0]

    change = decide_short(
        one,
        ReportShort(
            fulfillment_order_id=one.id,
            lines=(ShortUnits(line_id=line.line_id, quantity=1),),
            takes_all=True,
            actor=ACTOR,
        ),
    )

    assert_sound(change)
    assert change.after.status is FulfillmentStatus.SHORT
    assert [part.quantity for part in change.lost] == [1]
    assert [part.quantity for part in change.along] == [3, 2]


def test_an_offer_is_escalated_once_and_only_while_it_waits() -> None:
    """SRC-09."""
    one = msgspec.structs.replace(offered(2), escalate_at=NOW)

    first = decide_escalation(one, now=NOW)
    again = decide_escalation(first.after, now=NOW + timedelta(hours=1))
    early = decide_escalation(one, now=NOW - timedelta(seconds=1))
    done = decide_escalation(
        decide_accept(one, Accept(fulfillment_order_id=one.id, actor=ACTOR), now=NOW).after, now=NOW
    )

    assert_sound(first)
    assert first.after.escalated_at == NOW
    assert all(one.is_nothing for one in (again, early, done))
