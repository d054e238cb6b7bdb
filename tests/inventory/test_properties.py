"""Laws of sharing out, for any stock and any wishes (INV-13, RES-01)."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.domain import (
    OutOfStock,
    ReserveLine,
    ReserveRequest,
    Shared,
    places_to_lock,
    share_out,
    taken_from,
)

SKUS = [UUID(int=n) for n in range(1, 5)]
LOCATIONS = [UUID(int=n) for n in range(11, 15)]
LINES = [UUID(int=n) for n in range(21, 25)]

frees = st.dictionaries(
    st.sampled_from(SKUS), st.dictionaries(st.sampled_from(LOCATIONS), st.integers(0, 6), max_size=4), max_size=4
)
lines = st.builds(ReserveLine, line_id=st.sampled_from(LINES), sku_id=st.sampled_from(SKUS), quantity=st.integers(1, 5))
requests = st.builds(
    ReserveRequest,
    holder_id=st.uuids(),
    lines=st.lists(lines, max_size=4),
    location_ids=st.none() | st.permutations(LOCATIONS).map(lambda several: tuple(several[:2])),
    allow_partial=st.booleans(),
)
wishes = st.lists(requests, max_size=6)

Free = dict[UUID, dict[UUID, int]]


def wanted(request: ReserveRequest) -> Counter[UUID]:
    total: Counter[UUID] = Counter()
    for line in request.lines:
        total[line.sku_id] += line.quantity
    return total


def given_out(outcomes: list[Shared | OutOfStock]) -> Counter[tuple[UUID, UUID]]:
    total: Counter[tuple[UUID, UUID]] = Counter()
    for outcome in outcomes:
        if isinstance(outcome, Shared):
            for share in outcome.shares:
                total[share.line.sku_id, share.location_id] += share.quantity
    return total


@given(frees, wishes)
def test_never_more_is_given_than_is_free(free: Free, asked: list[ReserveRequest]) -> None:
    for (sku_id, location_id), units in given_out(share_out(free, asked)).items():
        assert units <= free[sku_id][location_id]


@given(frees, wishes)
def test_a_request_gets_all_or_nothing_unless_it_allows_part(free: Free, asked: list[ReserveRequest]) -> None:
    for request, outcome in zip(asked, share_out(free, asked), strict=True):
        if isinstance(outcome, OutOfStock):
            assert not request.allow_partial
            continue
        got: Counter[UUID] = Counter()
        for share in outcome.shares:
            assert share.quantity > 0
            assert request.location_ids is None or share.location_id in request.location_ids
            got[share.line.sku_id] += share.quantity
        assert got <= wanted(request)
        assert bool(outcome.short) == (got != wanted(request))
        assert request.allow_partial or not outcome.short


@given(frees, wishes)
def test_nobody_is_refused_what_is_there(free: Free, asked: list[ReserveRequest]) -> None:
    left = {(sku_id, at): units for sku_id, places in free.items() for at, units in places.items()}
    for request, outcome in zip(asked, share_out(free, asked), strict=True):
        allowed = LOCATIONS if request.location_ids is None else request.location_ids
        there = {sku_id: sum(left.get((sku_id, at), 0) for at in allowed) for sku_id in SKUS}
        is_enough = all(there[sku_id] >= units for sku_id, units in wanted(request).items())
        if not request.allow_partial:
            assert isinstance(outcome, Shared) == is_enough
        elif isinstance(outcome, Shared):
            got = sum(share.quantity for share in outcome.shares)
            assert got == sum(min(units, there[sku_id]) for sku_id, units in wanted(request).items())
        for place, units in given_out([outcome]).items():
            left[place] -= units


@given(frees, wishes)
def test_lines_get_their_own_sku_and_no_more_than_they_ask(free: Free, asked: list[ReserveRequest]) -> None:
    for request, outcome in zip(asked, share_out(free, asked), strict=True):
        if isinstance(outcome, Shared):
            for line in {share.line for share in outcome.shares}:
                got = sum(share.quantity for share in outcome.shares if share.line == line)
                assert got <= sum(one.quantity for one in request.lines if one == line)


@given(frees, wishes)
def test_one_location_serves_whenever_one_can(free: Free, asked: list[ReserveRequest]) -> None:
    left = {sku_id: dict(places) for sku_id, places in free.items()}
    for request in asked:
        (outcome,) = share_out(left, [request])
        allowed = LOCATIONS if request.location_ids is None else request.location_ids
        can_alone = any(
            all(left.get(sku_id, {}).get(at, 0) >= units for sku_id, units in wanted(request).items()) for at in allowed
        )
        if isinstance(outcome, Shared) and can_alone:
            assert len({share.location_id for share in outcome.shares}) <= 1
        for (sku_id, at), units in given_out([outcome]).items():
            left[sku_id][at] -= units


@given(frees, wishes)
def test_every_row_that_is_taken_from_is_locked(free: Free, asked: list[ReserveRequest]) -> None:
    outcomes = share_out(free, asked)
    locked = places_to_lock(free, asked, taken_from(outcomes))

    assert set(given_out(outcomes)) <= locked
    under_lock = {
        sku_id: {at: units for at, units in places.items() if (sku_id, at) in locked} for sku_id, places in free.items()
    }
    for before, after in zip(outcomes, share_out(under_lock, asked), strict=True):
        assert isinstance(before, OutOfStock) or isinstance(after, Shared)
