"""Laws of what is learned from how long things took."""

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from batuta.shipping.domain import (
    LEVELS,
    Case,
    Habits,
    Lane,
    Learned,
    Lesson,
    Memory,
    WorkClock,
    case_of,
    days_of_table,
    days_since,
    least_cost,
    transit_days,
)
from batuta.shipping.domain.durations import Floats
from tests.making import fresh_id

HABITS = Habits()
CHANCES = [place / 50 for place in range(1, 50)]


def every_day(at: Floats) -> Floats:
    return at


def a_case(*, to: str = "to:ES-29", fine: str = "", usual: float = 3.0) -> Case:
    return Case(usual_p10=usual - 1, usual_p50=usual, usual_p90=usual + 2, traits=(to,), numbers=(0.1,), fine=fine)


def a_history(
    chance: random.Random, count: int, *, days: Callable[[float], float], to: str = "to:ES-29", fine: str = ""
) -> list[Lesson]:
    """One parcel a third of a day; what begins at `began` takes about `days(began)`."""
    lessons = []
    for place in range(count):
        began = place / 3
        ended = began + max(0.05, days(began) * math.exp(chance.gauss(0, 0.3)))
        lessons.append(
            Lesson(of=f"{to}{place:06}", case=a_case(to=to, fine=fine), began=began, ended=ended, known=ended)
        )
    return lessons


def told(learned: Learned, case: Case) -> list[float]:
    return learned.days(case, CHANCES)


def a_lane(*, days_min: int = 2, days_max: int = 4, postal_code: str = "29007") -> Lane:
    return Lane(
        service_id=fresh_id(),
        zone="peninsula",
        days_min=days_min,
        days_max=days_max,
        origin_country="ES",
        origin_postal_code="28014",
        destination_country="ES",
        destination_postal_code=postal_code,
    )


cases = some.builds(
    lambda least, more, most, to: Case(
        usual_p10=least, usual_p50=least + more, usual_p90=least + more + most, traits=(to,), numbers=(0.0,)
    ),
    some.floats(0, 5),
    some.floats(0, 5),
    some.floats(0, 10),
    some.sampled_from(["to:a", "to:b", "to:unheard"]),
)
lessons = some.builds(
    lambda of, case, began, took, delay: Lesson(
        of=str(of), case=case, began=began, ended=began + took, known=began + took + delay
    ),
    some.integers(0, 10_000),
    cases,
    some.floats(0, 100),
    some.floats(0, 40),
    some.floats(0, 5),
)


@given(some.lists(lessons, max_size=40), cases, some.floats(0, 150))
def test_a_greater_chance_never_takes_fewer_days(history: list[Lesson], case: Case, at: float) -> None:
    days = told(Memory(HABITS, every_day, history).learned(at), case)

    assert all(math.isfinite(one) and one >= 0 for one in days)
    assert days == sorted(days)


@given(cases, some.floats(0, 150))
def test_without_history_the_table_holds(case: Case, at: float) -> None:
    """The issue: quantiles, shrunk to the service's table."""
    learned = Memory(HABITS, every_day, []).learned(at)

    assert learned.days(case, [0.1, 0.5, 0.9]) == pytest.approx(
        [case.usual_p10, case.usual_p50, case.usual_p90], abs=1e-6
    )


@given(some.lists(lessons, min_size=1, max_size=40), some.floats(1, 120), some.randoms(), cases)
def test_what_is_known_later_never_changes_an_earlier_answer(
    history: list[Lesson], at: float, chance: random.Random, case: Case
) -> None:
    """No look into the future: whatever happens to what is not known yet, the answer is the same."""
    before = [one for one in history if one.known < at]
    later = [
        msgspec.structs.replace(one, case=a_case(to=f"to:{chance.random()}"), ended=one.ended + chance.random() * 50)
        for one in history
        if one.known >= at
    ]
    changed = [msgspec.structs.replace(one, known=max(one.ended, at) + chance.random() * 50) for one in later]
    shuffled = [*before, *changed]
    chance.shuffle(shuffled)

    answers = [told(Memory(HABITS, every_day, known).learned(at), case) for known in (history, before, shuffled)]

    assert answers[1] == pytest.approx(answers[0], rel=1e-6)
    assert answers[2] == pytest.approx(answers[0], rel=1e-6)


def test_deliveries_replace_the_table() -> None:
    chance = random.Random(1)
    history = a_history(chance, 600, days=lambda _: 6.0)
    memory = Memory(HABITS, every_day, history)

    after = [told(memory.learned(at), a_case())[24] for at in (0.0, 9.0, 30.0, 200.0)]

    assert after[0] == pytest.approx(3.0)
    assert after[1:] == pytest.approx([6.0, 6.0, 6.0], rel=0.15)


def test_nine_of_ten_deliveries_of_a_steady_lane_come_within_the_p90() -> None:
    chance = random.Random(2)
    learned = Memory(HABITS, every_day, a_history(chance, 900, days=lambda _: 6.0)).learned(300.0)

    [p90] = learned.days(a_case(), [0.9])

    within = sum(6.0 * math.exp(chance.gauss(0, 0.3)) <= p90 for _ in range(4_000)) / 4_000
    assert within == pytest.approx(0.9, abs=0.03)


def test_one_delivery_moves_the_table_by_little() -> None:
    history = a_history(random.Random(1), 1, days=lambda _: 12.0)

    [middle] = Memory(HABITS, every_day, history).learned(100.0).days(a_case(), [0.5])

    assert 3.0 < middle < 5.0


def test_a_lane_of_its_own_pace_is_told_apart() -> None:
    chance = random.Random(3)
    slow = a_history(chance, 500, days=lambda _: 9.0, to="to:ES-35", fine="28>350")
    quick = a_history(chance, 500, days=lambda _: 2.0)
    learned = Memory(HABITS, every_day, [*slow, *quick]).learned(170.0)

    assert told(learned, a_case(to="to:ES-35", fine="28>350"))[24] == pytest.approx(9.0, rel=0.15)
    assert told(learned, a_case())[24] == pytest.approx(2.0, rel=0.15)
    assert 2.0 < told(learned, a_case(to="to:ES-99"))[24] < 9.0


@pytest.mark.parametrize(("before", "after"), [(4.0, 8.0), (8.0, 4.0)])
def test_a_carrier_that_changes_its_pace_is_followed(before: float, after: float) -> None:
    """The quick ones of the last days and the slow ones of long ago arrive together; neither misleads."""
    chance = random.Random(4)
    history = a_history(chance, 900, days=lambda began: before if began < 250 else after)
    middles = []
    for habits in (HABITS, msgspec.structs.replace(HABITS, shift_weight=1e6)):
        memory, known = Memory(habits, every_day, history), Learned(floor_days=0.0, table_weight=0.0)
        for day in range(30, 281):
            known = memory.learned(float(day), known)
        middles.append(told(known, a_case())[24])

    followed, unmoved = (abs(middle - after) for middle in middles)
    assert followed < 0.6 * abs(after - before)
    assert followed < 0.7 * unmoved


def test_days_are_those_of_the_clock() -> None:
    clock = WorkClock(lambda day: day.isoweekday() < 6, first=date(2026, 1, 1), until=date(2027, 1, 1))
    friday, monday = days_since(datetime(2026, 3, 6, 18, tzinfo=UTC)), days_since(datetime(2026, 3, 9, 12, tzinfo=UTC))

    [worked] = np.diff(clock(np.array([friday, monday])))

    assert worked == pytest.approx(0.75, abs=0.05)
    assert clock.when(clock(np.array([friday, monday]))) == pytest.approx([friday, monday])


@given(some.floats(2, 12), some.integers(0, 11), some.lists(some.floats(0, 364), min_size=2, max_size=20))
def test_a_clock_never_runs_backwards_and_can_be_read_both_ways(until: float, since: int, at: list[float]) -> None:
    hours = (since, min(24, since + int(until)))
    clock = WorkClock(lambda day: day.isoweekday() < 6, first=date(2026, 1, 1), until=date(2027, 1, 1), hours=hours)
    times = np.sort(np.array(at)) + days_since(datetime(2026, 1, 1, tzinfo=UTC))

    assert (np.diff(clock(times)) >= -1e-9).all()
    assert clock.when(clock(times)) == pytest.approx(times, abs=1e-4)
    assert clock(times)[-1] - clock(times)[0] <= times[-1] - times[0] + 1.1


def test_lanes_without_lessons_have_the_days_of_their_table() -> None:
    lane = a_lane()

    assert transit_days(None, lane) == days_of_table(lane)
    assert transit_days(Memory(HABITS, every_day, []).learned(1.0), lane) == days_of_table(lane)


def test_lanes_are_told_apart_by_zone_region_and_area() -> None:
    here, there = case_of(a_lane()), case_of(a_lane(postal_code="35001"))

    assert here.traits == ("zone:peninsula", "from:ES-28", "to:ES-29")
    assert there.fine == "ES-280>ES-350"


@given(some.lists(some.floats(0.1, 60), min_size=len(LEVELS), max_size=len(LEVELS)), some.floats(1, 200))
def test_the_window_of_least_cost_costs_no_more_than_any_other(days: list[float], late_days: float) -> None:
    days, ends = sorted(days), [float(end) for end in range(1, 70)]

    best, kept = least_cost(days, ends, late_days)
    dearer, surer = least_cost(days, ends, late_days * 3)

    assert 0.0 < kept < 1.0
    assert dearer >= best
    assert surer >= kept
