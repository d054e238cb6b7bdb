"""Replenishment: stores are filled up in whole cases, and no center goes below what it keeps for itself (INV-03)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.commands import reserve
from batuta.inventory.commands.demand import save_schedules, set_demand, set_rules
from batuta.inventory.commands.replenishing import approve_proposals, propose, reject_proposals, replenish_due
from batuta.inventory.commands.transferring import pick_transfers, ship_transfers
from batuta.inventory.domain.replenishing import (
    Decide,
    Demand,
    NothingNeeded,
    Proposal,
    ProposalStatus,
    Propose,
    Rule,
    Schedule,
    Want,
    share,
    wanted,
)
from batuta.inventory.domain.transfers import PickTransfer, ShipTransfer, Transfer, TransferKind, TransferStatus
from batuta.inventory.queries.replenishing import demand_of, proposals_by_id, schedules_of
from batuta.inventory.queries.transfers import TransferFilter, list_transfers, transfers_by_id
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, Engine, SavedMeanwhile
from tests.inventory.making import given_locations, given_skus, given_stock, receive, wish
from tests.making import NOW, fresh_id

ME = "staff:ana"

wants = st.builds(
    lambda position, least, above, case: (position, least, least + above, case),
    st.integers(-50, 500),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(1, 48),
)


def as_want(position: int, least: int, most: int, case: int) -> Want:
    return Want(
        position=position, most=most, case_size=case, units=wanted(position, least=least, most=most, case_size=case)
    )


@given(wants)
def test_a_store_wants_whole_cases_that_lift_it_to_its_least_and_no_case_too_many(
    of: tuple[int, int, int, int],
) -> None:
    position, least, most, case = of

    units = wanted(position, least=least, most=most, case_size=case)

    assert units % case == 0
    assert (units == 0) == (position >= least)
    if units:
        assert position + units >= least
        assert position + units <= most or position + units - case < least


@given(st.integers(-5, 3_000), st.lists(wants, max_size=8))
def test_a_center_gives_no_more_than_it_can_spare_and_the_emptiest_is_not_passed_over(
    spare: int, stores: list[tuple[int, int, int, int]]
) -> None:
    asking = [as_want(*one) for one in stores]

    given_units = share(spare, asking)

    left = max(0, spare) - sum(given_units)
    assert left >= 0
    for want, units in zip(asking, given_units, strict=True):
        assert 0 <= units <= want.units
        assert units % want.case_size == 0
        assert units == want.units or want.case_size > left


@given(st.integers(0, 500), st.lists(st.integers(0, 100), min_size=2, max_size=6))
def test_stores_of_one_kind_are_filled_to_one_level(spare: int, positions: list[int]) -> None:
    """Whoever gets something is not above one that could have had it, by more than the one unit left over."""
    asking = [as_want(position, 100, 100, 1) for position in positions]

    levels = [want.position + units for want, units in zip(asking, share(spare, asking), strict=True)]

    served = [level for level, want, units in zip(levels, asking, share(spare, asking), strict=True) if units]
    lacking = [level for level, want in zip(levels, asking, strict=True) if level < 100 and want.units]
    assert not served or not lacking or max(served) <= min(lacking) + 1


async def network(db: Connection, *, center: int, stores: list[int], **rule: Any) -> tuple[UUID, UUID, list[UUID]]:
    """A SKU, a center with so many units, and stores that it fills by the same rule."""
    sku_id, center_id = await given_stock(db, units=center)
    store_ids = sorted(await given_locations(db, len(stores)))
    for store_id, units in zip(store_ids, stores, strict=True):
        if units:
            await receive(db, sku_id, store_id, units)
    rules = [Rule(sku_id=sku_id, location_id=store_id, source_location_id=center_id, **rule) for store_id in store_ids]
    assert await set_rules(db, rules=rules, now=NOW) == rules
    return sku_id, center_id, store_ids


async def proposed(db: Connection, center_id: UUID) -> Proposal:
    (made,) = await propose(db, wishes=[Propose(id=fresh_id(), source_location_id=center_id, actor=ME)], now=NOW)
    assert isinstance(made, Proposal), made
    return made


async def approved(db: Connection, one: Proposal, **quantities: Any) -> Any:
    decision = Decide(proposal_id=one.id, actor=ME, quantities=quantities.get("of", {}))
    return (await approve_proposals(db, approvals=[decision], now=NOW))[0]


async def transfers_from(db: Connection, center_id: UUID) -> list[Transfer]:
    heads = await list_transfers(db, wanted=TransferFilter(source_location_id=center_id), limit=50)
    found = await transfers_by_id(db, [one.id for one in heads])
    return sorted(found.values(), key=lambda one: one.target_location_id)


async def test_stores_below_their_least_are_filled_up_by_approved_transfers(db: Connection) -> None:
    """INV-03"""
    sku_id, center_id, stores = await network(db, center=100, stores=[2, 5, 0], min_units=5, max_units=20, case_size=6)

    one = await proposed(db, center_id)
    done = await approved(db, one)

    assert [(line.location_id, line.position, line.wanted, line.units) for line in one.lines] == [
        (stores[0], 2, 18, 18),
        (stores[2], 0, 18, 18),
    ]
    assert (done.status, [line.approved for line in done.lines]) == (ProposalStatus.APPROVED, [18, 18])
    assert (await proposals_by_id(db, [one.id]))[one.id] == done
    sent = await transfers_from(db, center_id)
    assert [(t.target_location_id, t.kind, t.status, t.lines[0].approved) for t in sent] == [
        (stores[0], TransferKind.REPLENISHMENT, TransferStatus.APPROVED, 18),
        (stores[2], TransferKind.REPLENISHMENT, TransferStatus.APPROVED, 18),
    ]
    assert sent[0].lines[0].sku_id == sku_id


async def test_days_of_supply_count_where_they_are_more_than_units(db: Connection) -> None:
    sku_id, center_id, stores = await network(
        db, center=1_000, stores=[10, 10], min_units=5, max_units=20, min_days=7, max_days=14
    )
    demands = [
        Demand(sku_id=sku_id, location_id=stores[0], units_per_day=2.5),
        Demand(sku_id=sku_id, location_id=stores[1], units_per_day=0.1),
    ]
    assert await set_demand(db, demands=demands, now=NOW) == demands

    one = await proposed(db, center_id)

    assert [(line.location_id, line.min_units, line.max_units, line.units) for line in one.lines] == [
        (stores[0], 18, 35, 25)
    ]
    assert await demand_of(db, [(sku_id, stores[0])]) == {(sku_id, stores[0]): 2.5}


async def test_a_center_keeps_its_own_least_and_shares_what_is_scarce(db: Connection) -> None:
    sku_id, center_id, _ = await network(db, center=30, stores=[0, 10], min_units=20, max_units=20)
    await set_rules(db, rules=[Rule(sku_id=sku_id, location_id=center_id, min_units=12, max_units=50)], now=NOW)
    await reserve(db, requests=[wish((sku_id, 4), location_ids=(center_id,))], now=NOW)

    one = await proposed(db, center_id)

    assert [(line.position, line.wanted, line.units) for line in one.lines] == [(0, 20, 12), (10, 10, 2)]


async def test_what_is_under_way_is_not_sent_twice(db: Connection) -> None:
    _, center_id, stores = await network(db, center=100, stores=[0], min_units=5, max_units=20)
    await approved(db, await proposed(db, center_id))

    async def again() -> str:
        (made,) = await propose(db, wishes=[Propose(id=fresh_id(), source_location_id=center_id, actor=ME)], now=NOW)
        return getattr(made, "code", "proposed")

    answers = [await again()]
    (one,) = await transfers_from(db, center_id)
    await pick_transfers(db, picks=[PickTransfer(transfer_id=one.id, actor=ME)], now=NOW)
    answers.append(await again())
    await ship_transfers(db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=NOW)
    answers.append(await again())

    assert answers == ["nothing_needed"] * 3
    assert one.target_location_id == stores[0]


async def test_a_person_may_send_less_but_not_more_than_is_proposed(db: Connection) -> None:
    _, center_id, _ = await network(db, center=100, stores=[0, 0], min_units=5, max_units=20)
    one = await proposed(db, center_id)
    first, second = (line.id for line in one.lines)

    more = await approved(db, one, of={first: 21})
    strange = await approved(db, one, of={fresh_id(): 1})
    done = await approved(db, one, of={first: 3, second: 0})
    again = await approved(db, one)
    rejected = await reject_proposals(db, rejections=[Decide(proposal_id=one.id, actor=ME)], now=NOW)

    assert (more.code, strange.code) == ("more_than_proposed", "unknown_proposal")
    assert [line.approved for line in done.lines] == [3, 0]
    assert again == done
    assert [getattr(one, "code", "") for one in rejected] == ["illegal_move"]
    assert [t.lines[0].approved for t in await transfers_from(db, center_id)] == [3]


async def test_what_was_sold_since_the_proposal_is_not_sent(db: Connection) -> None:
    sku_id, center_id, _ = await network(db, center=20, stores=[0], min_units=5, max_units=15)
    await set_rules(db, rules=[Rule(sku_id=sku_id, location_id=center_id, min_units=5, max_units=50)], now=NOW)
    one = await proposed(db, center_id)
    await reserve(db, requests=[wish((sku_id, 7), location_ids=(center_id,))], now=NOW)

    done = await approved(db, one)

    assert [(line.units, line.approved) for line in done.lines] == [(15, 8)]


async def test_a_later_proposal_replaces_the_one_that_nobody_decided(db: Connection) -> None:
    _, center_id, _ = await network(db, center=100, stores=[0], min_units=5, max_units=20)
    first = await proposed(db, center_id)
    second = await proposed(db, center_id)

    late = await approved(db, first)
    (no,) = await reject_proposals(db, rejections=[Decide(proposal_id=second.id, actor=ME)], now=NOW)

    assert late.code == "illegal_move"
    assert isinstance(no, Proposal)
    assert (no.status, no.decided_by) == (ProposalStatus.REJECTED, ME)
    assert await transfers_from(db, center_id) == []


async def test_time_proposes_and_sends_by_itself_where_it_may(db: Connection) -> None:
    _, asking, _ = await network(db, center=100, stores=[0], min_units=5, max_units=20)
    _, automatic, _ = await network(db, center=100, stores=[0], min_units=5, max_units=20)
    _, idle, _ = await network(db, center=0 + 1, stores=[9], min_units=5, max_units=20)
    schedules = [
        Schedule(
            source_location_id=center_id,
            every_minutes=60,
            is_automatic=center_id == automatic,
            next_at=NOW - timedelta(hours=5),
            actor=ME,
        )
        for center_id in (asking, automatic, idle)
    ]
    saved = await save_schedules(db, schedules=schedules, now=NOW - timedelta(hours=5))

    done = await replenish_due(db, now=NOW + timedelta(minutes=1), limit=500)
    again = await replenish_due(db, now=NOW + timedelta(minutes=1), limit=500)

    assert not any(isinstance(one, BatutaError) for one in saved)
    assert (done, again) == (3, 0)
    assert [len(await transfers_from(db, center_id)) for center_id in (asking, automatic, idle)] == [0, 1, 0]
    found = await schedules_of(db, [asking, idle])
    assert {one.next_at for one in found.values()} == {NOW + timedelta(hours=1)}
    (made,) = (await proposals_by_id(db, [child_id(asking, "proposal", NOW + timedelta(minutes=1))])).values()
    assert made.status is ProposalStatus.PROPOSED


async def test_rules_and_demand_of_what_is_not_there_are_refused(db: Connection) -> None:
    sku_id, place = await given_stock(db, units=1)
    (untracked,) = await given_skus(db, is_tracked=False)
    rules = [
        Rule(sku_id=sku_id, location_id=place, source_location_id=place),
        Rule(sku_id=sku_id, location_id=place, min_units=5, max_units=4),
        Rule(sku_id=sku_id, location_id=place, min_days=5, max_days=4),
        Rule(sku_id=untracked, location_id=place),
        Rule(sku_id=fresh_id(), location_id=place),
        Rule(sku_id=sku_id, location_id=fresh_id()),
        Rule(sku_id=sku_id, location_id=place, source_location_id=fresh_id()),
    ]

    refused = await set_rules(db, rules=rules, now=NOW)
    demand = await set_demand(db, demands=[Demand(sku_id=fresh_id(), location_id=place, units_per_day=1.0)], now=NOW)
    (nothing,) = await propose(db, wishes=[Propose(id=fresh_id(), source_location_id=place, actor=ME)], now=NOW)

    assert [getattr(one, "code", "") for one in [*refused, *demand]] == [
        "own_source",
        "minimum_above_maximum",
        "minimum_above_maximum",
        "not_stocked",
        "unknown_stock",
        "unknown_stock",
        "unknown_stock",
        "unknown_stock",
    ]
    assert isinstance(nothing, NothingNeeded)


async def test_two_who_propose_or_approve_at_once_send_once(engine: Engine) -> None:
    async with engine.begin() as db:
        _, center_id, _ = await network(db, center=100, stores=[0], min_units=5, max_units=20)

    async def proposes() -> Proposal | None:
        try:
            async with engine.begin() as db:
                return await proposed(db, center_id)
        except SavedMeanwhile:
            return None

    made = [one for one in await asyncio.gather(*(proposes() for _ in range(4))) if one]

    async def approves(one: Proposal) -> Any:
        async with engine.begin() as db:
            return await approved(db, one)

    await asyncio.gather(*(approves(one) for one in made for _ in range(2)))

    async with engine.begin() as db:
        sent = await transfers_from(db, center_id)
        assert [one.lines[0].approved for one in sent] == [20]
