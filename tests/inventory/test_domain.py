"""The rules of stock without a database (INV-01, INV-12, INV-13, RES-01, RES-03)."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.inventory.domain import (
    Account,
    AccountKind,
    BadHold,
    Claim,
    ClaimKind,
    ClaimStatus,
    Condition,
    KeyReused,
    NotEnoughStock,
    OutOfStock,
    Recorded,
    Release,
    Relocate,
    ReserveLine,
    ReserveRequest,
    Shared,
    StockKey,
    TooMuchStock,
    check_hold,
    lessen,
    places_to_lock,
    post,
    share_out,
    taken_from,
)
from batuta.kernel.errors import Invalid
from batuta.kernel.quantities import QUANTITY_MAX
from batuta.kernel.states import IllegalMove
from tests.inventory.making import count_found_missing, issuing, movement, receipt, wish
from tests.making import NOW, fresh_id

LAMP, SHADE = UUID(int=1), UUID(int=2)
MADRID, SEVILLE, VIGO = UUID(int=11), UUID(int=12), UUID(int=13)


def taken(outcome: Shared | OutOfStock) -> list[tuple[UUID, UUID, int]]:
    assert isinstance(outcome, Shared)
    return [(share.line.sku_id, share.location_id, share.quantity) for share in outcome.shares]


def test_one_location_that_has_everything_is_taken_before_two_that_have_more_of_each() -> None:
    free = {LAMP: {MADRID: 9, SEVILLE: 1}, SHADE: {VIGO: 9, SEVILLE: 1}}

    (outcome,) = share_out(free, [wish((LAMP, 1), (SHADE, 1))])

    assert taken(outcome) == [(LAMP, SEVILLE, 1), (SHADE, SEVILLE, 1)]


def test_among_locations_with_everything_the_first_preferred_is_taken() -> None:
    free = {LAMP: {MADRID: 9, SEVILLE: 3, VIGO: 5}}

    (outcome,) = share_out(free, [wish((LAMP, 2), location_ids=(VIGO, SEVILLE))])

    assert taken(outcome) == [(LAMP, VIGO, 2)]


def test_without_a_preference_the_location_that_keeps_most_is_taken() -> None:
    free = {LAMP: {MADRID: 9, SEVILLE: 30}, SHADE: {MADRID: 9, SEVILLE: 3}}

    (outcome,) = share_out(free, [wish((LAMP, 1), (SHADE, 2))])

    assert taken(outcome) == [(LAMP, MADRID, 1), (SHADE, MADRID, 2)]


def test_a_line_is_split_over_few_locations_when_none_has_enough() -> None:
    free = {LAMP: {MADRID: 2, SEVILLE: 4, VIGO: 1}}

    (outcome,) = share_out(free, [wish((LAMP, 6))])

    assert taken(outcome) == [(LAMP, SEVILLE, 4), (LAMP, MADRID, 2)]


def test_locations_that_were_not_allowed_are_not_touched() -> None:
    (outcome,) = share_out({LAMP: {MADRID: 5, SEVILLE: 1}}, [wish((LAMP, 2), location_ids=(SEVILLE,))])

    assert isinstance(outcome, OutOfStock)


def test_two_lines_of_one_request_cannot_both_pass_on_the_same_unit() -> None:
    """INV-13."""
    (outcome,) = share_out({LAMP: {MADRID: 3}}, [wish((LAMP, 2), (LAMP, 2))])

    assert isinstance(outcome, OutOfStock)


def test_two_kits_share_a_component() -> None:
    """INV-13: kits draw on component stock."""
    free = {LAMP: {MADRID: 5}, SHADE: {MADRID: 9}}
    kit = wish((LAMP, 2), (SHADE, 1), line_id=fresh_id())

    outcomes = share_out(free, [kit, kit, kit])

    assert [isinstance(outcome, Shared) for outcome in outcomes] == [True, True, False]


def test_a_request_sees_what_those_before_it_took() -> None:
    outcomes = share_out({LAMP: {MADRID: 3}}, [wish((LAMP, 2)), wish((LAMP, 2)), wish((LAMP, 1))])

    assert [isinstance(outcome, Shared) for outcome in outcomes] == [True, False, True]


def test_what_is_hot_and_ample_is_taken_from_one_location_which_differs_between_batches() -> None:
    """RES-06: batches side by side seldom wait for each other's rows."""
    free = {LAMP: {MADRID: 1_000, SEVILLE: 1_000, VIGO: 10}, SHADE: {MADRID: 1, SEVILLE: 1}}
    found = set()
    for number in range(20):
        batch = [wish((LAMP, 1), holder_id=UUID(int=number)), *(wish((LAMP, 1)) for _ in range(8)), wish((SHADE, 1))]
        *lamps, _ = share_out(free, batch)
        (at,) = {at for outcome in lamps for _, at, _ in taken(outcome)}
        found.add(at)

    assert found == {MADRID, SEVILLE}


def test_what_is_hot_and_not_ample_comes_from_where_most_is() -> None:
    outcomes = share_out({LAMP: {MADRID: 20, SEVILLE: 18}}, [wish((LAMP, 1)) for _ in range(6)])

    places = [at for outcome in outcomes for _, at, _ in taken(outcome)]
    assert (places.count(MADRID), places.count(SEVILLE)) == (4, 2)


def test_an_order_whose_other_goods_are_elsewhere_leans_to_where_all_is() -> None:
    free = {LAMP: {MADRID: 1_000, SEVILLE: 1_000}, SHADE: {SEVILLE: 5}}
    first = UUID(int=0)
    batch = [wish((LAMP, 1), holder_id=first), wish((LAMP, 1)), wish((LAMP, 1), (SHADE, 1))]

    *alone, together = share_out(free, batch)

    assert {at for outcome in alone for _, at, _ in taken(outcome)} == {MADRID}
    assert {at for _, at, _ in taken(together)} == {SEVILLE}


def test_a_refused_request_takes_nothing() -> None:
    outcomes = share_out({LAMP: {MADRID: 3}, SHADE: {}}, [wish((LAMP, 3), (SHADE, 1)), wish((LAMP, 3))])

    assert isinstance(outcomes[0], OutOfStock)
    assert taken(outcomes[1]) == [(LAMP, MADRID, 3)]


def test_out_of_stock_says_line_by_line_what_is_left_and_where() -> None:
    """RES-01, I-06."""
    request = wish((LAMP, 5), (SHADE, 1))

    (outcome,) = share_out({LAMP: {MADRID: 1, SEVILLE: 2}, SHADE: {MADRID: 1}}, [request])

    assert isinstance(outcome, OutOfStock)
    assert outcome.facts["lines"] == [
        {
            "line_id": str(request.lines[0].line_id),
            "sku_id": str(LAMP),
            "asked": 5,
            "left": 3,
            "where": [{"location_id": str(SEVILLE), "left": 2}, {"location_id": str(MADRID), "left": 1}],
        }
    ]


def test_where_partial_grants_are_allowed_the_rest_is_named() -> None:
    """RES-01."""
    (outcome,) = share_out({LAMP: {MADRID: 3}}, [wish((LAMP, 2), (LAMP, 2), allow_partial=True)])

    assert taken(outcome) == [(LAMP, MADRID, 2), (LAMP, MADRID, 1)]
    assert isinstance(outcome, Shared)
    assert [(short.asked, short.granted) for short in outcome.short] == [(2, 1)]


def test_a_request_for_nothing_gets_nothing() -> None:
    assert share_out({}, [wish()]) == [Shared([], [])]


def test_only_the_chosen_row_is_locked_while_there_is_plenty() -> None:
    free = {LAMP: {MADRID: 100, SEVILLE: 90}}
    requests = [wish((LAMP, 1)), wish((LAMP, 2))]

    assert places_to_lock(free, requests, taken_from(share_out(free, requests))) == {(LAMP, MADRID)}


def test_every_row_is_locked_when_units_are_scarce() -> None:
    free = {LAMP: {MADRID: 3, SEVILLE: 2, VIGO: 0}}
    requests = [wish((LAMP, 2))]

    assert places_to_lock(free, requests, taken_from(share_out(free, requests))) == {(LAMP, MADRID), (LAMP, SEVILLE)}


def test_nothing_is_locked_for_what_is_sold_out() -> None:
    free = {LAMP: {MADRID: 1}}
    requests = [wish((LAMP, 2))]

    assert places_to_lock(free, requests, taken_from(share_out(free, requests))) == set()


def row(location_id: UUID = MADRID) -> StockKey:
    return StockKey(LAMP, location_id, Condition.SELLABLE.value, "")


def test_a_location_never_goes_below_zero() -> None:
    """INV-12."""
    three, two = (count_found_missing(LAMP, MADRID, units) for units in (3, 2))

    posting = post({row(): 4}, {}, [three, two])

    assert posting.outcomes[0] == Recorded(key=three.key)
    refusal = posting.outcomes[1]
    assert isinstance(refusal, NotEnoughStock)
    assert (refusal.facts["asked"], refusal.facts["on_hand"]) == (2, 1)
    assert posting.accepted == [three]
    assert posting.changes == {row(): -3}


def test_units_received_may_leave_in_the_same_batch() -> None:
    posting = post({}, {}, [receipt(LAMP, MADRID, 2), count_found_missing(LAMP, MADRID, 2)])

    assert all(isinstance(outcome, Recorded) for outcome in posting.outcomes)
    assert posting.changes == {}


def test_a_key_twice_in_a_batch_is_decided_once_and_answered_twice() -> None:
    """INV-01: idempotency key."""
    received = receipt(LAMP, MADRID, 2)
    other = msgspec.structs.replace(received, quantity=3)

    posting = post({}, {}, [received, received, other])

    assert posting.outcomes[:2] == [Recorded(key=received.key)] * 2
    assert isinstance(posting.outcomes[2], KeyReused)
    assert posting.accepted == [received]


def test_no_row_holds_more_than_its_column_can() -> None:
    posting = post({row(): QUANTITY_MAX}, {}, [receipt(LAMP, MADRID, 1)])

    assert isinstance(posting.outcomes[0], TooMuchStock)


def test_a_movement_leads_somewhere_else_and_moves_something() -> None:
    with pytest.raises(Invalid):
        movement(LAMP, 1, Account.customer(), Account.customer())
    with pytest.raises(Invalid):
        movement(LAMP, 0, Account.supplier(), Account.customer())


def test_an_account_names_what_its_kind_needs_and_nothing_else() -> None:
    with pytest.raises(Invalid):
        Account(kind=AccountKind.LOCATION, location_id=MADRID)
    with pytest.raises(Invalid):
        Account(kind=AccountKind.PARCEL)
    with pytest.raises(Invalid):
        Account(kind=AccountKind.CUSTOMER, location_id=MADRID)


def test_a_soft_claim_ends_soon_and_not_before_it_begins() -> None:
    """RES-03: no TTL of ten years."""
    assert check_hold(None, now=NOW) is None
    assert check_hold(NOW + timedelta(minutes=10), now=NOW) is None
    assert isinstance(check_hold(NOW, now=NOW), BadHold)
    assert isinstance(check_hold(NOW + timedelta(days=3650), now=NOW), BadHold)


def claim(*, held: int) -> Claim:
    return Claim(
        id=fresh_id(),
        holder_id=fresh_id(),
        line_id=fresh_id(),
        sku_id=LAMP,
        location_id=MADRID,
        condition=Condition.SELLABLE.value,
        lot="",
        quantity=held,
        held=held,
        consumed=0,
        kind=ClaimKind.SOFT,
        status=ClaimStatus.HELD,
        expires_at=NOW + timedelta(minutes=10),
        created_at=NOW,
    )


def test_a_claim_is_held_until_its_last_unit_is_used_or_given_back() -> None:
    partly = lessen(claim(held=5), consumed=2)
    used = lessen(partly, released=3)
    freed = lessen(claim(held=5), released=5)

    assert (partly.held, partly.consumed, partly.status) == (3, 2, ClaimStatus.HELD)
    assert (used.held, used.status, used.expires_at) == (0, ClaimStatus.CONSUMED, None)
    assert freed.status is ClaimStatus.RELEASED


def test_a_claim_that_ended_does_not_come_back() -> None:
    freed = lessen(claim(held=1), released=1)

    with pytest.raises(IllegalMove):
        lessen(msgspec.structs.replace(freed, held=1), consumed=1)


def test_a_soft_claim_counts_until_its_end_and_not_at_it() -> None:
    """RES-04."""
    held = claim(held=1)

    assert held.expires_at
    assert held.is_live(held.expires_at - timedelta(microseconds=1))
    assert not held.is_live(held.expires_at)


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
def test_a_line_for_an_impossible_quantity_is_not_a_request(quantity: int) -> None:
    line = ReserveLine(line_id=fresh_id(), sku_id=LAMP, quantity=quantity)

    with pytest.raises(Invalid):
        ReserveRequest(holder_id=fresh_id(), lines=[line])


def test_a_quantity_to_release_names_its_line_and_sku() -> None:
    with pytest.raises(Invalid):
        Release(holder_id=fresh_id(), quantity=1)
    with pytest.raises(Invalid):
        Release(holder_id=fresh_id(), line_id=fresh_id(), sku_id=LAMP, quantity=0)


def test_units_are_relocated_to_another_location_and_issued_out_of_it() -> None:
    with pytest.raises(Invalid):
        Relocate(
            holder_id=fresh_id(),
            line_id=fresh_id(),
            sku_id=LAMP,
            source_location_id=MADRID,
            target_location_id=MADRID,
            quantity=1,
        )
    leaving = issuing(wish((LAMP, 1)), MADRID, 1)
    with pytest.raises(Invalid):
        msgspec.structs.replace(leaving, target=Account.location(VIGO))
