"""Every verb on a real database; afterwards the ledger's laws hold."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from asyncpg import IntegrityConstraintViolationError
from sqlalchemy import text

from batuta.inventory.commands import (
    SafetyLevel,
    extend,
    harden,
    issue,
    record_movements,
    release,
    release_expired,
    relocate,
    reserve,
    set_safety_stock,
)
from batuta.inventory.domain import (
    Account,
    BadHold,
    Condition,
    Extend,
    Extended,
    Hardened,
    Issued,
    KeyReused,
    MovementReason,
    NotClaimed,
    NotEnoughStock,
    NotStocked,
    OutOfStock,
    Recorded,
    Release,
    Relocate,
    Relocated,
    Reserved,
    ReserveRequest,
    UnknownStock,
)
from batuta.inventory.queries import AUDIT, availability, claims_of, movements_of_document, stock_of
from batuta.plumbing.audit import Law, examine
from batuta.plumbing.database import Connection
from batuta.plumbing.events import facts_of
from tests.counting import statements_of
from tests.inventory.making import (
    assert_laws_hold,
    count_found_missing,
    given_locations,
    given_skus,
    given_stock,
    hardening,
    issuing,
    left,
    movement,
    on_hand,
    receipt,
    receive,
    reserved,
    wish,
)
from tests.making import NOW, fresh_id

SOON = NOW + timedelta(minutes=10)


@pytest.fixture
async def db(db: Connection) -> AsyncIterator[Connection]:
    yield db
    await assert_laws_hold(db)


async def granted(db: Connection, request: ReserveRequest) -> Reserved:
    (outcome,) = await reserve(db, requests=[request], now=NOW)
    assert isinstance(outcome, Reserved), outcome
    return outcome


def relocation(request: ReserveRequest, source: UUID, target: UUID, quantity: int) -> Relocate:
    return Relocate(
        holder_id=request.holder_id,
        line_id=request.lines[0].line_id,
        sku_id=request.lines[0].sku_id,
        source_location_id=source,
        target_location_id=target,
        quantity=quantity,
    )


# Movements


async def test_units_go_from_the_supplier_over_a_parcel_to_the_customer(db: Connection) -> None:
    """INV-01: every movement is kept, and the row is their sum."""
    (sku_id,), (location_id,) = await given_skus(db), await given_locations(db)
    order_id, parcel_id = fresh_id(), fresh_id()
    here, parcel = Account.location(location_id), Account.parcel(parcel_id)
    steps = [
        receipt(sku_id, location_id, 5),
        movement(sku_id, 2, here, parcel, reason=MovementReason.PACK, document_id=order_id),
        movement(sku_id, 2, parcel, Account.customer(), reason=MovementReason.DELIVER, document_id=order_id),
    ]

    outcomes = await record_movements(db, movements=steps, now=NOW)

    assert outcomes == [Recorded(key=one.key) for one in steps]
    assert await on_hand(db, sku_id) == 3
    moved = await movements_of_document(db, [order_id])
    assert sorted(moved[order_id], key=lambda one: one.reason) == sorted(steps[1:], key=lambda one: one.reason)


async def test_a_movement_recorded_again_changes_nothing(db: Connection) -> None:
    (sku_id,), (location_id,) = await given_skus(db), await given_locations(db)
    received = receipt(sku_id, location_id, 5)

    first = await record_movements(db, movements=[received], now=NOW)
    again = await record_movements(db, movements=[received, received], now=NOW + timedelta(hours=1))

    assert again == first * 2
    assert await on_hand(db, sku_id) == 5


async def test_a_key_that_comes_again_with_other_units_is_refused(db: Connection) -> None:
    (sku_id,), (location_id,) = await given_skus(db), await given_locations(db)
    received = receipt(sku_id, location_id, 5)
    await record_movements(db, movements=[received], now=NOW)

    (outcome,) = await record_movements(db, movements=[msgspec.structs.replace(received, quantity=6)], now=NOW)

    assert isinstance(outcome, KeyReused)
    assert await on_hand(db, sku_id) == 5


async def test_more_units_than_are_there_cannot_leave_and_neighbours_go_on(db: Connection) -> None:
    """INV-12."""
    sku_id, location_id = await given_stock(db, units=2)
    three, two = (count_found_missing(sku_id, location_id, units) for units in (3, 2))

    refused, recorded = await record_movements(db, movements=[three, two], now=NOW)

    assert isinstance(refused, NotEnoughStock)
    assert refused.facts["on_hand"] == 2
    assert recorded == Recorded(key=two.key)


async def test_the_table_itself_refuses_negative_stock(db: Connection) -> None:
    """INV-12: the CHECK is the last guard."""
    sku_id, _ = await given_stock(db, units=2)

    with pytest.raises(IntegrityConstraintViolationError):
        async with db.savepoint():
            await db.execute(text("UPDATE inventory.stock SET on_hand = -1 WHERE sku_id = :id"), {"id": sku_id})


async def test_conditions_and_lots_have_rows_of_their_own_and_only_sellable_units_are_available(
    db: Connection,
) -> None:
    """INV-02."""
    (sku_id,), (location_id,) = await given_skus(db), await given_locations(db)
    damaged = Account.location(location_id, Condition.DAMAGED)
    steps = [
        receipt(sku_id, location_id, 5, lot="A"),
        receipt(sku_id, location_id, 4, lot="B"),
        receipt(sku_id, location_id, 3, condition=Condition.CONSIGNED_NOT_OWNED),
        movement(sku_id, 1, Account.location(location_id), damaged, reason=MovementReason.DAMAGE, lot="A"),
    ]

    await record_movements(db, movements=steps, now=NOW)

    levels = {(one.condition, one.lot): one.on_hand for one in (await stock_of(db, [sku_id]))[sku_id]}
    assert levels == {
        (Condition.SELLABLE, "A"): 4,
        (Condition.SELLABLE, "B"): 4,
        (Condition.DAMAGED, "A"): 1,
        (Condition.CONSIGNED_NOT_OWNED, ""): 3,
    }
    assert await left(db, sku_id) == 8


async def test_what_has_no_stock_or_is_unknown_is_refused_with_its_reason(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=1)
    (service_id,) = await given_skus(db, is_tracked=False)

    outcomes = await record_movements(
        db,
        movements=[
            receipt(service_id, location_id, 1),
            receipt(fresh_id(), location_id, 1),
            receipt(sku_id, fresh_id(), 1),
            receipt(sku_id, location_id, 1),
        ],
        now=NOW,
    )

    assert [type(one) for one in outcomes] == [NotStocked, UnknownStock, UnknownStock, Recorded]


async def test_a_count_that_finds_reserved_units_missing_is_recorded_and_tells_by_how_many(
    db: Connection,
) -> None:
    sku_id, location_id = await given_stock(db, units=5)
    await granted(db, wish((sku_id, 4)))

    outcomes = await record_movements(db, movements=[count_found_missing(sku_id, location_id, 3)], now=NOW)

    assert isinstance(outcomes[0], Recorded)
    *_, told = (await facts_of(db, [sku_id]))[sku_id]
    assert told.name == "inventory.fell_short"
    assert told.data == {"sku_id": str(sku_id), "location_id": str(location_id), "lot": "", "missing": 2}
    assert await left(db, sku_id) == 0


async def test_shortage_of_one_lot_is_not_promised_from_another(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=3, lot="A")
    await granted(db, wish((sku_id, 3)))
    await receive(db, sku_id, location_id, 4, lot="B")
    await record_movements(db, movements=[count_found_missing(sku_id, location_id, 2, lot="A")], now=NOW)

    outcomes = await reserve(db, requests=[wish((sku_id, 3)), wish((sku_id, 2))], now=NOW)

    assert isinstance(outcomes[0], OutOfStock)
    assert isinstance(outcomes[1], Reserved)


# Availability


async def test_availability_is_clamped_at_each_location_before_it_is_summed(db: Connection) -> None:
    """INV-05: a location with more reserved than on hand takes nothing from the others."""
    sku_id, madrid = await given_stock(db, units=5)
    (seville,) = await given_locations(db)
    await granted(db, wish((sku_id, 5)))
    await record_movements(db, movements=[count_found_missing(sku_id, madrid, 4)], now=NOW)
    await receive(db, sku_id, seville, 2)

    found = {one.location_id: one for one in await availability(db, sku_ids=[sku_id], now=NOW)}

    assert (found[madrid].on_hand, found[madrid].reserved, found[madrid].available) == (1, 5, 0)
    assert (found[seville].on_hand, found[seville].reserved, found[seville].available) == (2, 0, 2)
    only = await availability(db, sku_ids=[sku_id], location_ids=[seville], now=NOW)
    assert [one.location_id for one in only] == [seville]


async def test_safety_stock_is_kept_back_over_all_lots_of_a_location(db: Connection) -> None:
    """INV-05."""
    sku_id, location_id = await given_stock(db, units=3, lot="A")
    await receive(db, sku_id, location_id, 3, lot="B")
    level = SafetyLevel(sku_id=sku_id, location_id=location_id, units=4)

    assert await set_safety_stock(db, levels=[level], now=NOW) == [level]

    assert await left(db, sku_id) == 2
    too_many, fits = await reserve(db, requests=[wish((sku_id, 3)), wish((sku_id, 2))], now=NOW)
    assert isinstance(too_many, OutOfStock)
    assert isinstance(fits, Reserved)


async def test_safety_stock_of_an_unknown_sku_is_refused(db: Connection) -> None:
    (location_id,) = await given_locations(db)
    level = SafetyLevel(sku_id=fresh_id(), location_id=location_id, units=4)

    (outcome,) = await set_safety_stock(db, levels=[level], now=NOW)

    assert isinstance(outcome, UnknownStock)


# Reserving


async def test_a_line_gets_its_units_and_names_the_row_they_come_from(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=5)
    request = wish((sku_id, 3))

    outcome = await granted(db, request)

    (grant,) = outcome.grants
    assert (grant.line_id, grant.location_id, grant.quantity) == (request.lines[0].line_id, location_id, 3)
    (claim,) = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
    assert (claim.id, claim.kind, claim.held, claim.expires_at) == (grant.id, "hard", 3, None)
    assert await left(db, sku_id) == 2


async def test_the_same_request_again_gets_the_same_grants_and_takes_nothing(db: Connection) -> None:
    """RES-01: idempotent by holder and line."""
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 3))

    first = await granted(db, request)
    twice = await reserve(db, requests=[request, request], now=NOW)

    assert twice == [first, first]
    assert await left(db, sku_id) == 2


async def test_a_holder_who_asks_twice_in_one_batch_is_served_once(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 3))

    first, second = await reserve(db, requests=[request, request], now=NOW)

    assert first == second
    assert await left(db, sku_id) == 2


async def test_a_raised_quantity_takes_only_the_difference(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 3))
    await granted(db, request)

    raised = msgspec.structs.replace(request.lines[0], quantity=5)
    more = await granted(db, msgspec.structs.replace(request, lines=[raised]))

    assert [grant.quantity for grant in more.grants] == [3, 2]
    assert await left(db, sku_id) == 0


async def test_units_already_handed_out_are_not_reserved_again(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=5)
    request = wish((sku_id, 3))
    await granted(db, request)
    await issue(db, issues=[issuing(request, location_id, 3)], now=NOW)

    again = await granted(db, request)

    assert [grant.quantity for grant in again.grants] == [3]
    assert await reserved(db, sku_id) == 0


async def test_one_refused_among_good_ones_takes_nothing_and_disturbs_none(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)

    outcomes = await reserve(db, requests=[wish((sku_id, 2)), wish((sku_id, 4)), wish((sku_id, 3))], now=NOW)

    assert [type(one) for one in outcomes] == [Reserved, OutOfStock, Reserved]
    assert await left(db, sku_id) == 0


async def test_an_unknown_sku_is_out_of_stock(db: Connection) -> None:
    (outcome,) = await reserve(db, requests=[wish((fresh_id(), 1))], now=NOW)

    assert isinstance(outcome, OutOfStock)


async def test_a_soft_claim_that_would_last_for_ever_is_refused(db: Connection) -> None:
    """RES-03."""
    sku_id, _ = await given_stock(db, units=5)

    outcomes = await reserve(
        db, requests=[wish((sku_id, 1), until_at=NOW + timedelta(days=3650)), wish((sku_id, 1))], now=NOW
    )

    assert [type(one) for one in outcomes] == [BadHold, Reserved]


async def test_an_order_is_split_over_locations_only_when_it_must(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=3)
    (seville,) = await given_locations(db)
    await receive(db, sku_id, seville, 4)

    whole = await granted(db, wish((sku_id, 3)))
    parts = await granted(db, wish((sku_id, 4)))

    assert [(grant.location_id, grant.quantity) for grant in whole.grants] == [(seville, 3)]
    assert {(grant.location_id, grant.quantity) for grant in parts.grants} == {(seville, 1), (madrid, 3)}


async def test_grants_go_lot_by_lot(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=2, lot="B")
    await receive(db, sku_id, location_id, 2, lot="A")

    outcome = await granted(db, wish((sku_id, 3)))

    assert [(grant.lot, grant.quantity) for grant in outcome.grants] == [("A", 2), ("B", 1)]


async def test_where_part_is_allowed_the_answer_says_what_is_short(db: Connection) -> None:
    """RES-01."""
    sku_id, _ = await given_stock(db, units=2)

    outcome = await granted(db, wish((sku_id, 3), allow_partial=True))

    assert [grant.quantity for grant in outcome.grants] == [2]
    assert [(short.asked, short.granted, short.left) for short in outcome.short] == [(3, 2, 2)]


# The end of soft claims


async def test_an_ended_claim_stops_counting_at_read_time(db: Connection) -> None:
    """RES-04: without any sweep."""
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 5), until_at=SOON)
    await granted(db, request)

    assert await left(db, sku_id, now=SOON - timedelta(seconds=1)) == 0
    assert await left(db, sku_id, now=SOON) == 5
    assert (await claims_of(db, [request.holder_id], now=SOON))[request.holder_id] == []


async def test_ended_units_go_to_the_next_who_asks_and_it_is_told(db: Connection) -> None:
    """RES-04: the statement that locks the row releases them."""
    sku_id, _ = await given_stock(db, units=5)
    ended, lasting = wish((sku_id, 3), until_at=SOON), wish((sku_id, 1), until_at=SOON + timedelta(hours=1))
    await reserve(db, requests=[ended, lasting], now=NOW)

    (outcome,) = await reserve(db, requests=[wish((sku_id, 4))], now=SOON)

    assert isinstance(outcome, Reserved)
    assert await reserved(db, sku_id, now=SOON) == 5
    facts = await facts_of(db, [ended.holder_id, lasting.holder_id])
    assert [(fact.name, fact.data) for fact in facts[ended.holder_id]] == [
        ("inventory.reservation_expired", {"units": 3})
    ]
    assert facts[lasting.holder_id] == []


async def test_the_sweep_releases_what_ended_and_then_finds_nothing(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    # Other tests leave claims in the same database.
    await release_expired(db, now=SOON - timedelta(seconds=1), limit=1_000)
    await reserve(db, requests=[wish((sku_id, 1), until_at=SOON) for _ in range(3)], now=NOW)

    assert await release_expired(db, now=SOON - timedelta(seconds=1), limit=100) == 0
    assert await release_expired(db, now=SOON, limit=2) >= 2
    await release_expired(db, now=SOON, limit=100)

    assert await release_expired(db, now=SOON, limit=100) == 0
    (level,) = (await stock_of(db, [sku_id]))[sku_id]
    assert level.reserved == 0


async def test_an_ended_line_is_reserved_afresh(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 5), until_at=SOON)
    await granted(db, request)

    later = msgspec.structs.replace(request, until_at=SOON + timedelta(minutes=10))
    (outcome,) = await reserve(db, requests=[later], now=SOON)

    assert isinstance(outcome, Reserved)
    assert [grant.quantity for grant in outcome.grants] == [5]
    assert await left(db, sku_id, now=SOON) == 0


async def test_a_cart_is_held_longer_but_not_for_ever(db: Connection) -> None:
    """RES-03."""
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 5), until_at=SOON)
    await granted(db, request)
    far = Extend(holder_id=request.holder_id, until_at=NOW + timedelta(hours=9), minutes_max=60)

    (held,) = await extend(db, holders=[far], now=NOW)
    (ended,) = await extend(db, holders=[far], now=NOW + timedelta(hours=1))

    assert held == Extended(holder_id=request.holder_id, units=5, until_at=NOW + timedelta(minutes=60))
    assert ended == Extended(holder_id=request.holder_id, units=0, until_at=None)


# From cart to order


async def test_a_cart_becomes_an_order_without_freeing_a_unit(db: Connection) -> None:
    """RES-05."""
    sku_id, location_id = await given_stock(db, units=5)
    cart = wish((sku_id, 3), until_at=SOON)
    await granted(db, cart)
    one = hardening(cart)

    (hard,) = await harden(db, holders=[one], now=NOW)

    assert hard.missing == []
    assert [(grant.location_id, grant.quantity) for grant in hard.grants] == [(location_id, 3)]
    assert await left(db, sku_id, now=NOW + timedelta(days=300)) == 2
    assert (await claims_of(db, [cart.holder_id], now=NOW))[cart.holder_id] == []
    assert await harden(db, holders=[one], now=SOON) == [hard]


async def test_what_ended_before_placement_is_named_and_asked_for_again(db: Connection) -> None:
    """RES-06: the order's request takes only what its cart had lost."""
    lamp, _ = await given_stock(db, units=2)
    shade, _ = await given_stock(db, units=2)
    cart = wish((lamp, 1), (shade, 1), until_at=SOON)
    await granted(db, cart)
    await release(db, releases=[Release(holder_id=cart.holder_id, line_id=cart.lines[1].line_id)], now=NOW)
    one = hardening(cart)

    (hard,) = await harden(db, holders=[one], now=NOW)
    whole = await granted(db, msgspec.structs.replace(cart, holder_id=one.new_holder_id, until_at=None))

    assert hard.missing == [cart.lines[1].line_id]
    assert {grant.id for grant in hard.grants} < {grant.id for grant in whole.grants}
    assert await left(db, lamp) == 1
    assert await left(db, shade) == 1


async def test_an_ended_cart_is_not_hardened(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    cart = wish((sku_id, 3), until_at=SOON)
    await granted(db, cart)
    one = hardening(cart)

    assert await harden(db, holders=[one], now=SOON) == [
        Hardened(holder_id=one.new_holder_id, grants=[], missing=[cart.lines[0].line_id])
    ]
    assert await left(db, sku_id, now=SOON) == 5


# Giving back, moving, handing out


async def test_released_units_are_available_and_released_only_once(db: Connection) -> None:
    sku_id, _ = await given_stock(db, units=5)
    request = wish((sku_id, 2), (sku_id, 3))
    await granted(db, request)
    line_id = request.lines[0].line_id

    assert await release(
        db,
        releases=[
            Release(holder_id=request.holder_id, line_id=line_id, sku_id=sku_id, quantity=1),
            Release(holder_id=request.holder_id, line_id=line_id),
            Release(holder_id=request.holder_id, line_id=line_id),
            Release(holder_id=fresh_id()),
        ],
        now=NOW,
    ) == [1, 1, 0, 0]
    assert await left(db, sku_id) == 2
    assert await release(db, releases=[Release(holder_id=request.holder_id)], now=NOW) == [3]
    assert await release(db, releases=[Release(holder_id=request.holder_id)], now=NOW) == [0]


async def test_a_release_may_be_of_one_location(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=2)
    (seville,) = await given_locations(db)
    await receive(db, sku_id, seville, 2)
    request = wish((sku_id, 4))
    await granted(db, request)

    assert await release(db, releases=[Release(holder_id=request.holder_id, location_id=madrid)], now=NOW) == [2]

    (claim,) = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
    assert claim.location_id == seville


async def test_a_claim_moves_to_another_location_whole(db: Connection) -> None:
    """RES-07."""
    sku_id, madrid = await given_stock(db, units=5)
    (seville,) = await given_locations(db)
    request = wish((sku_id, 4))
    await granted(db, request)
    await receive(db, sku_id, seville, 3)
    move = relocation(request, madrid, seville, 3)

    (outcome,) = await relocate(db, moves=[move], now=NOW)

    assert isinstance(outcome, Relocated)
    held = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
    assert {claim.location_id: claim.held for claim in held} == {madrid: 1, seville: 3}
    assert await reserved(db, sku_id) == 4


async def test_a_relocation_made_again_changes_nothing(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=3)
    (seville,) = await given_locations(db)
    request = wish((sku_id, 3))
    await granted(db, request)
    await receive(db, sku_id, seville, 6)
    move = relocation(request, madrid, seville, 3)

    first, second = await relocate(db, moves=[move, move], now=NOW)
    (third,) = await relocate(db, moves=[move], now=NOW)

    assert isinstance(first, Relocated)
    assert first == second == third
    assert await left(db, sku_id) == 6


async def test_a_reserved_unit_is_never_moved_to_a_location_that_lacks_it(db: Connection) -> None:
    """RES-07, I-20."""
    sku_id, madrid = await given_stock(db, units=4)
    (seville,) = await given_locations(db)
    request = wish((sku_id, 4))
    await granted(db, request)
    await receive(db, sku_id, seville, 3)
    await set_safety_stock(db, levels=[SafetyLevel(sku_id=sku_id, location_id=seville, units=1)], now=NOW)

    (outcome,) = await relocate(db, moves=[relocation(request, madrid, seville, 3)], now=NOW)

    assert isinstance(outcome, OutOfStock)
    held = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
    assert {claim.location_id: claim.held for claim in held} == {madrid: 4}


async def test_units_that_are_not_claimed_there_cannot_be_relocated(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=4)
    (seville,) = await given_locations(db)
    request = wish((sku_id, 1))
    await granted(db, request)
    await receive(db, sku_id, seville, 3)

    (outcome,) = await relocate(db, moves=[relocation(request, madrid, seville, 2)], now=NOW)

    assert isinstance(outcome, NotClaimed)


async def test_what_one_move_leaves_the_next_may_take(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=2)
    (seville, vigo) = await given_locations(db, 2)
    here, there = wish((sku_id, 2)), wish((sku_id, 2))
    await granted(db, here)
    await receive(db, sku_id, seville, 2)
    await granted(db, there)
    await receive(db, sku_id, vigo, 2)

    outcomes = await relocate(
        db, moves=[relocation(here, madrid, vigo, 2), relocation(there, seville, madrid, 2)], now=NOW
    )

    assert [type(one) for one in outcomes] == [Relocated, Relocated]


async def test_a_claim_may_move_on_and_on_in_one_batch(db: Connection) -> None:
    sku_id, madrid = await given_stock(db, units=2)
    (seville, vigo) = await given_locations(db, 2)
    request = wish((sku_id, 2), until_at=SOON)
    await granted(db, request)
    await receive(db, sku_id, seville, 2)
    await receive(db, sku_id, vigo, 2)

    outcomes = await relocate(
        db, moves=[relocation(request, madrid, seville, 2), relocation(request, seville, vigo, 1)], now=NOW
    )

    assert [type(one) for one in outcomes] == [Relocated, Relocated]
    held = (await claims_of(db, [request.holder_id], now=NOW))[request.holder_id]
    assert {claim.location_id: claim.held for claim in held} == {seville: 1, vigo: 1}
    assert await left(db, sku_id, now=SOON) == 6


async def test_handing_out_consumes_the_claim_and_moves_the_units_in_one_step(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=2, lot="A")
    await receive(db, sku_id, location_id, 2, lot="B")
    request = wish((sku_id, 3))
    await granted(db, request)
    one = issuing(request, location_id, 3)

    outcomes = await issue(db, issues=[one, one], now=NOW)
    again = await issue(db, issues=[one], now=NOW)

    assert outcomes == [Issued(key=one.key, lots=(("A", 2), ("B", 1))), Issued(key=one.key)]
    assert again == [Issued(key=one.key)]
    assert (await on_hand(db, sku_id), await reserved(db, sku_id)) == (1, 0)
    moved = (await movements_of_document(db, [request.holder_id]))[request.holder_id]
    assert [(part.key, part.lot, part.quantity) for part in moved] == [(one.key, "A", 2), (f"{one.key}/1", "B", 1)]


async def test_nothing_is_handed_out_without_a_hard_claim(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=5)
    soft, hard = wish((sku_id, 2), until_at=SOON), wish((sku_id, 2))
    await reserve(db, requests=[soft, hard], now=NOW)

    outcomes = await issue(
        db,
        issues=[issuing(soft, location_id, 1), issuing(hard, location_id, 3), issuing(hard, location_id, 2)],
        now=NOW,
    )

    assert [type(one) for one in outcomes] == [NotClaimed, NotClaimed, Issued]


async def test_claimed_units_that_are_not_there_cannot_be_handed_out(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=2)
    request = wish((sku_id, 2))
    await granted(db, request)
    await record_movements(db, movements=[count_found_missing(sku_id, location_id, 1)], now=NOW)

    outcomes = await issue(db, issues=[issuing(request, location_id, 2), issuing(request, location_id, 1)], now=NOW)

    assert [type(one) for one in outcomes] == [NotEnoughStock, Issued]


async def test_a_key_of_another_movement_hands_nothing_out(db: Connection) -> None:
    sku_id, location_id = await given_stock(db, units=2)
    request = wish((sku_id, 2))
    await granted(db, request)
    await issue(db, issues=[issuing(request, location_id, 1, key=f"k-{sku_id}")], now=NOW)

    (outcome,) = await issue(db, issues=[issuing(request, location_id, 1, key=f"k-{sku_id}")], now=NOW)

    assert isinstance(outcome, KeyReused)
    assert await on_hand(db, sku_id) == 1


# Cost and proof


async def test_a_batch_takes_the_same_few_statements_however_large(db: Connection) -> None:
    """RES-02: claims, free places, lock, write, insert; many claims go in by COPY, which is not seen here."""
    (location_id,) = await given_locations(db)
    skus = await given_skus(db, 9)
    await record_movements(db, movements=[receipt(sku_id, location_id, 100) for sku_id in skus], now=NOW)
    # What is withheld is read once and kept in memory.
    await reserve(db, requests=[wish((skus[0], 1))], now=NOW)
    for size in (1, 64):
        requests = [wish(*((sku_id, 1) for sku_id in skus[i % 7 : i % 7 + 3])) for i in range(size)]
        with statements_of(db.engine) as statements:
            outcomes = await reserve(db, requests=requests, now=NOW)
        assert all(isinstance(one, Reserved) for one in outcomes)
        assert len(statements) in {4, 5}, statements


BREAKS = {
    "every stock row is the sum of its movements": "UPDATE inventory.stock SET on_hand = on_hand + 1",
    "reserved is the sum of held claims": "UPDATE inventory.reservation SET held = 1",
    "no soft claim ends before its stock row says": "UPDATE inventory.stock SET first_expiry_at = NULL",
    "nothing left a parcel that was not in it": (
        "UPDATE inventory.movement SET source_kind = 'parcel', source_parcel_id = sku_id"
    ),
}


@pytest.mark.parametrize("law", [law for law in AUDIT if law.name in BREAKS], ids=lambda law: law.name)
async def test_the_audit_names_a_row_that_breaks_the_law(db: Connection, law: Law) -> None:
    sku_id, _ = await given_stock(db, units=5)
    await granted(db, wish((sku_id, 3), until_at=SOON))
    savepoint = db.savepoint()
    await savepoint.start()

    await db.execute(text(f"{BREAKS[law.name]} WHERE sku_id = :id"), {"id": sku_id})

    (verdict,) = await examine(db, [law])
    assert verdict.broken >= 1
    assert any(sku_id in row.values() or "holder_id" in row for row in verdict.rows)
    await savepoint.rollback()
