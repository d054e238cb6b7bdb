"""Available to promise by date, pegs and paths: pure, against the naive reading of their definitions."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.domain.atp import AtpStep, Flow, atp_steps, earliest, together
from batuta.inventory.domain.reaching import (
    BadPath,
    LeadPath,
    Make,
    Part,
    PathKind,
    Purchase,
    Substitute,
    Transfer,
    after_workdays,
    check_path,
    earliest_by,
)
from batuta.inventory.domain.waiting import AheadKind, Coming, Waiting, after_deficits, peg_out, serve_out
from tests.making import NOW, fresh_id

DAY = timedelta(days=1)
ZONE = ZoneInfo("Europe/Madrid")
HERE, THERE = fresh_id(), fresh_id()

flows = st.lists(st.builds(Flow, st.integers(-3, 20).map(lambda days: NOW + days * DAY), st.integers(-30, 30)))
frees = st.integers(-20, 50)


def naive_atp(free: int, flows: list[Flow], at: datetime) -> int:
    """INV-20, read aloud."""
    moments = {at, *(flow.at for flow in flows if flow.at > at)}
    return max(0, min(free + sum(flow.units for flow in flows if flow.at <= until) for until in moments))


@given(frees, flows, st.integers(0, 25))
def test_what_may_be_promised_is_the_least_of_every_later_moment(free: int, flows: list[Flow], days: int) -> None:
    """INV-20."""
    steps = atp_steps(free, flows, now=NOW)
    at = NOW + days * DAY

    told = [step.units for step in steps if step.at <= at][-1]
    assert told == naive_atp(free, flows, at)
    assert steps[0].at == NOW
    assert all(early.at < late.at and early.units < late.units for early, late in pairwise(steps))


@given(frees, flows, st.integers(1, 60))
def test_the_earliest_moment_is_the_first_at_which_all_units_may_be_promised(
    free: int, flows: list[Flow], units: int
) -> None:
    """INV-20."""
    moments = sorted({NOW, *(flow.at for flow in flows if flow.at > NOW)})
    naive = next((at for at in moments if naive_atp(free, flows, at) >= units), None)

    assert earliest(atp_steps(free, flows, now=NOW), units) == naive


@given(frees, flows, st.integers(1, 60))
def test_a_promise_made_at_its_earliest_moment_breaks_none_made_before(
    free: int, flows: list[Flow], units: int
) -> None:
    """INV-20: taking what is promised never lets a later commitment go short that could be met without it."""
    at = earliest(atp_steps(free, flows, now=NOW), units)
    if at is None:
        return
    taken = [*flows, Flow(at, -units)]

    def lowest(some: list[Flow]) -> int:
        moments = {at, *(flow.at for flow in some if flow.at > at)}
        return min(free + sum(flow.units for flow in some if flow.at <= until) for until in moments)

    assert lowest(taken) >= 0


@given(st.lists(st.tuples(st.integers(0, 50), flows), min_size=1, max_size=4))
def test_several_places_have_together_what_each_has(places: list[tuple[int, list[Flow]]]) -> None:
    steps = [atp_steps(free, flows, now=NOW) for free, flows in places]
    for step in together(steps):
        each = [[one.units for one in place if one.at <= step.at][-1] for place in steps]
        assert step.units == sum(each)


def test_a_later_commitment_keeps_its_supply() -> None:
    """INV-20: ten come on day 5 and are all wanted on day 8; four that lie here now cannot be doubled by them."""
    steps = atp_steps(4, [Flow(NOW + 5 * DAY, 10), Flow(NOW + 8 * DAY, -12)], now=NOW)

    assert steps == [AtpStep(NOW, 2)]


def a_line(units: int, *, turn: int = 0, **other: object) -> Waiting:
    line = Waiting(
        line_id=fresh_id(),
        sku_id=UUID(int=1),
        order_id=fresh_id(),
        channel_id=UUID(int=2),
        location_id=HERE,
        kind=AheadKind.BACKORDER,
        asked=units,
        units=units,
        per_unit=1,
        serves_whole=False,
        only_there=False,
        priority=5,
        ordered_at=NOW + timedelta(minutes=turn),
        launch_at=None,
        promised_at=NOW + 3 * DAY,
        first_promised_at=None,
        patience_days=None,
        patience_until_at=None,
        looked_at=NOW,
    )
    return msgspec.structs.replace(line, **other)


lines = st.lists(
    st.builds(
        lambda units, turn, priority, only: a_line(units, turn=turn, priority=priority, only_there=only),
        st.integers(1, 9),
        st.integers(0, 30),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=8,
)
comings = st.lists(
    st.builds(
        lambda days, units, here: Coming(fresh_id(), HERE if here else THERE, NOW + days * DAY, units),
        st.integers(1, 9),
        st.integers(0, 12),
        st.booleans(),
    ),
    max_size=6,
)


@given(comings, lines)
def test_no_receipt_is_promised_beyond_its_units_and_no_line_beyond_its_wish(
    there: list[Coming], waiting: list[Waiting]
) -> None:
    """INV-23."""
    pegged = peg_out(there, waiting)

    taken: dict[UUID, int] = defaultdict(int)
    for line in waiting:
        mine = pegged[line.line_id]
        units = sum(peg.units for peg in mine.pegs)
        assert units <= line.units
        assert (mine.ready_at is None) == (units < line.units)
        for peg in mine.pegs:
            taken[peg.expected_id] += peg.units
    for one in there:
        assert taken[one.expected_id] <= one.units


@given(comings, lines)
def test_who_is_pegged_first_never_loses_by_who_comes_after(there: list[Coming], waiting: list[Waiting]) -> None:
    """INV-23: first come, first served within a class."""
    in_turn = sorted(waiting, key=lambda one: one.turn)
    whole = peg_out(there, in_turn)
    for some in range(1, len(in_turn)):
        fewer = peg_out(there, in_turn[:some])
        assert all(fewer[line.line_id] == whole[line.line_id] for line in in_turn[:some])


@given(st.integers(0, 30), lines)
def test_service_gives_no_more_than_is_free_and_in_turn(free: int, waiting: list[Waiting]) -> None:
    """INV-24: whoever is passed over could not have been served whole from what was left at their turn."""
    served = serve_out(free, HERE, waiting)

    assert sum(one.units for one in served) <= free
    got = {one.line_id: one.units for one in served}
    left = free
    for line in sorted(waiting, key=lambda one: one.service_turn):
        assert got.get(line.line_id, 0) == min(left, line.units)
        left -= got.get(line.line_id, 0)


def test_lines_are_served_by_class_then_promise_then_order() -> None:
    """INV-24."""
    late = a_line(1, turn=0, promised_at=NOW + 9 * DAY)
    soon = a_line(1, turn=5, promised_at=NOW + DAY)
    older = a_line(1, turn=1, promised_at=NOW + 2 * DAY)
    younger = a_line(1, turn=2, promised_at=NOW + 2 * DAY)
    first = a_line(1, turn=9, priority=0, promised_at=NOW + 30 * DAY)

    served = serve_out(4, HERE, [late, younger, older, soon, first])

    assert [one.line_id for one in served] == [one.line_id for one in (first, soon, older, younger)]


def test_a_line_that_is_served_whole_is_passed_over_until_all_of_it_is_there() -> None:
    whole, part = a_line(5, turn=0, serves_whole=True), a_line(3, turn=1)

    assert [(one.line_id, one.units) for one in serve_out(4, HERE, [whole, part])] == [(part.line_id, 3)]
    assert [(one.line_id, one.units) for one in serve_out(5, HERE, [whole])] == [(whole.line_id, 5)]


def test_a_pair_is_served_in_pairs() -> None:
    pairs = a_line(6, per_unit=2)

    assert [one.units for one in serve_out(5, HERE, [pairs])] == [4]


def test_a_line_comes_from_one_location_where_one_has_enough() -> None:
    early, late = Coming(fresh_id(), HERE, NOW + DAY, 2), Coming(fresh_id(), THERE, NOW + 2 * DAY, 9)
    line = a_line(4)

    pegged = peg_out([early, late], [line])[line.line_id]

    assert [peg.expected_id for peg in pegged.pegs] == [late.expected_id]
    assert pegged.location_id == THERE


def test_what_a_location_lacks_already_is_made_good_first() -> None:
    one, other = Coming(fresh_id(), HERE, NOW + DAY, 3), Coming(fresh_id(), HERE, NOW + 2 * DAY, 5)

    assert [left.units for left in after_deficits([other, one], {HERE: 4})] == [0, 4]


def a_path(kind: PathKind, **other: object) -> LeadPath:
    path = LeadPath(id=fresh_id(), sku_id=fresh_id(), location_id=HERE, kind=kind, lead_days=2)
    return msgspec.structs.replace(path, **other)


def test_the_earliest_of_transfer_purchase_and_making_wins() -> None:
    """INV-22. NOW is a Monday."""
    transfer = Transfer(path=a_path(PathKind.TRANSFER), steps=[AtpStep(NOW, 3), AtpStep(NOW + 4 * DAY, 9)], zone=ZONE)
    purchase = Purchase(path=a_path(PathKind.PURCHASE, lead_days=1), late=3 * DAY, zone=ZONE)
    make = Make(
        path=a_path(PathKind.MAKE, lead_days=0, units_per_day=2),
        components=[([AtpStep(NOW, 40)], 4), ([AtpStep(NOW + DAY, 10)], 1)],
        zone=ZONE,
    )

    few = earliest_by([transfer, purchase, make], 2, now=NOW)
    more = earliest_by([transfer, purchase, make], 5, now=NOW)
    many = earliest_by([transfer, purchase, make], 11, now=NOW)

    assert few
    assert (few.kind, few.at) == (PathKind.TRANSFER, NOW + 2 * DAY)
    assert more
    assert (more.kind, more.at) == (PathKind.PURCHASE, NOW + 4 * DAY)
    assert many
    assert many.kind is PathKind.PURCHASE


def test_making_waits_for_its_last_component_and_for_its_work_centre() -> None:
    """INV-22."""
    steps = [([AtpStep(NOW, 40)], 4), ([AtpStep(NOW + DAY, 10)], 1)]
    make = Make(path=a_path(PathKind.MAKE, lead_days=1, units_per_day=2), components=steps, zone=ZONE)

    reach = earliest_by([make], 3, now=NOW)

    # Components on Tuesday, two days at two units a day and one of routing: Friday.
    assert reach
    assert reach.at == NOW + 4 * DAY
    assert earliest_by([make], 11, now=NOW) is None


def test_something_else_is_given_only_when_it_is_there_first() -> None:
    """INV-22."""
    other = Substitute(sku_id=fresh_id(), steps=[AtpStep(NOW + DAY, 5)])
    purchase = Purchase(path=a_path(PathKind.PURCHASE, lead_days=1), late=timedelta(), zone=ZONE)

    tied = earliest_by([other, purchase], 5, now=NOW)
    assert tied
    assert tied.kind is PathKind.PURCHASE
    alone = earliest_by([other], 5, now=NOW)
    assert alone
    assert alone.sku_id == other.sku_id
    assert earliest_by([other], 6, now=NOW) is None


def test_lead_days_are_working_days_at_the_same_time_of_day_over_the_change_of_clocks() -> None:
    """PRM-01: the last Sunday of March loses an hour in Madrid."""
    friday = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
    path = a_path(PathKind.PURCHASE, holidays=[date(2026, 3, 30)])

    at = after_workdays(friday, 1, path, ZONE)

    assert at == datetime(2026, 3, 31, 8, 0, tzinfo=UTC)


def test_a_calendar_without_working_days_leads_nowhere() -> None:
    assert after_workdays(NOW, 3, a_path(PathKind.PURCHASE, weekdays=()), ZONE) is None


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("kind", a_path(PathKind.SUBSTITUTE)),
        ("source_location_id", a_path(PathKind.TRANSFER)),
        ("source_location_id", a_path(PathKind.TRANSFER, source_location_id=HERE)),
        ("source_location_id", a_path(PathKind.PURCHASE, source_location_id=THERE)),
        ("components", a_path(PathKind.MAKE)),
        ("components", a_path(PathKind.PURCHASE, components=[Part(sku_id=fresh_id(), quantity=1)])),
        ("components", a_path(PathKind.MAKE, sku_id=HERE, components=[Part(sku_id=HERE, quantity=1)])),
        ("weekdays", a_path(PathKind.PURCHASE, weekdays=())),
    ],
)
def test_a_path_that_cannot_be_is_refused(field: str, path: LeadPath) -> None:
    with pytest.raises(BadPath) as refused:
        check_path(path)

    assert refused.value.facts["field"] == field


@given(comings, st.lists(st.integers(1, 9), max_size=8))
def test_pegs_give_each_line_the_day_that_available_to_promise_says(there: list[Coming], wishes: list[int]) -> None:
    """INV-20, INV-23: at one location, first come, first served."""
    here = [msgspec.structs.replace(one, location_id=HERE) for one in there]
    waiting = [a_line(units, turn=turn) for turn, units in enumerate(wishes)]

    pegged = peg_out(here, waiting)

    known = [Flow(one.at, one.units) for one in here]
    for line in waiting:
        at = earliest(atp_steps(0, known, now=NOW), line.units)
        assert pegged[line.line_id].ready_at == at
        known += (
            [Flow(at, -line.units)]
            if at
            else [Flow(peg_day(peg.expected_id, here), -peg.units) for peg in pegged[line.line_id].pegs]
        )


def peg_day(expected_id: UUID, there: list[Coming]) -> datetime:
    return next(one.at for one in there if one.expected_id == expected_id)
