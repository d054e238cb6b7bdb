"""`python -m benchmarks.promise --from FOLDER`: dates promised for real orders, beside those the marketplace promised.

The delivered orders of Olist in the order of time. For each, the product's model says from what was at the door before
the day of the order, and from nothing else, how long the seller takes to hand over and how long the road is: each
lesson's two errors, played through the calendar of Brazil, make the distribution of the order's own delivery. Its
middle is the P50 date. Promised is the day, until the carrier's round ends at ten in the evening, that costs least if a
late order is worth so many promised days (`least_cost`).

Chosen on the orders from 60 to 80 % by time: how fast a new pace is believed, by the quantile loss; then the worth of a
late order, so that the forecasts for these orders expect 13 % late ones, a little less than the marketplace had later.
Judged on the last 20 %. Intervals: 95 %, of 2,000 draws of weeks, since neighbours are late together.
"""

import argparse
import sys
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from batuta.locations.domain import holidays_of
from batuta.shipping.domain import LEVELS, Habits, Learned, Memory, Taught, WorkClock, days_since, least_cost
from benchmarks.deliveries import Delivery, read_deliveries
from benchmarks.reporting import Tell, progress, report

Floats = NDArray[np.float64]

CALENDAR = "BR"
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 1, 1)
SELLERS_WORK, CARRIERS_RING = (8, 20), (8, 22)
BEGINS, TUNED_FROM, JUDGED_FROM = 0.15, 0.6, 0.8
LATE_SHARE, EXPECTED_LATE_SHARE = 0.134, 0.13
SHIFTING_DAYS = (7.0, 14.0, 28.0)
LATE_DAYS = tuple(float(days) for days in range(20, 201))
BARS = {"promised_days": 21.5, "late_share": LATE_SHARE, "p50_mae_days": 6.0}
DRAWS = 2_000
DAYS_A_WEEK, FRIDAY = 7, 5


class Forecast(msgspec.Struct, frozen=True):
    """For each order asked about, the days at `LEVELS`."""

    orders: Sequence[Delivery]
    days: Floats

    def at(self, level: float) -> Floats:
        return self.days[:, min(range(len(LEVELS)), key=lambda place: abs(LEVELS[place] - level))]

    def promised(self, late_days: float) -> tuple[Floats, Floats]:
        """The days promised, until the end of a round, and with which chance each is kept."""
        chosen = [_promise(order, row, late_days) for order, row in zip(self.orders, self.days, strict=True)]
        return np.array([days for days, _ in chosen]), np.array([kept for _, kept in chosen])

    @property
    def took(self) -> Floats:
        return np.array([order.took for order in self.orders])


def _promise(order: Delivery, days: Floats, late_days: float) -> tuple[float, float]:
    since, until = np.searchsorted(ringing_days(), [order.bought, order.bought + days[-1] + DAYS_A_WEEK])
    ends = ringing_days()[since:until] - order.bought
    best, kept = least_cost(days, ends, late_days)
    return float(ends[best]), kept


def walk(orders: Sequence[Delivery], habits: Habits, *, first: int) -> Forecast:
    """Forecast the orders from the `first` on, each by what was at the door before its day began."""
    working, ringing = clock(SELLERS_WORK), clock(CARRIERS_RING)
    lessons = [order.lessons for order in orders]
    preparing = Memory(habits, working, [pair[0] for pair in lessons])
    riding = Memory(habits, ringing, [pair[1] for pair in lessons])
    known: tuple[Taught, Taught] | None = None
    today, rows = -1, []
    for place in range(int(BEGINS * len(orders)), len(orders)):
        order = orders[place]
        if known is None or int(order.bought) > today:
            today = int(order.bought)
            before: tuple[Learned | None, Learned | None] = (
                (known[0].learned, known[1].learned) if known else (None, None)
            )
            known = preparing.taught(today, before[0]), riding.taught(today, before[1])
        if place >= first:
            rows.append(_whole(order, known, working, ringing))
    return Forecast(orders[first:], np.array(rows))


def _whole(order: Delivery, known: tuple[Taught, Taught], working: WorkClock, ringing: WorkClock) -> list[float]:
    """The days of an order at `LEVELS`, if each lesson's errors of both parts came again."""
    preparing, riding = known
    handed = working.when(working(np.array([order.bought])) + preparing.draws(order.preparing))
    arrived = ringing.when(ringing(handed) + riding.draws(order.riding))
    return riding.quantiles(arrived - order.bought)


@cache
def clock(hours: tuple[int, int]) -> WorkClock:
    return WorkClock(is_worked, first=FIRST_DAY, until=LAST_DAY, hours=hours)


@cache
def ringing_days() -> Floats:
    """The ends of the carriers' rounds, in days since 1970."""
    days = (FIRST_DAY + timedelta(days=day) for day in range((LAST_DAY - FIRST_DAY).days))
    evening = time(CARRIERS_RING[1])
    return np.array([days_since(datetime.combine(day, evening)) for day in days if is_worked(day)])


def is_worked(day: date) -> bool:
    """Monday to Friday but for public holidays."""
    return day.isoweekday() <= FRIDAY and day not in holidays_of(CALENDAR, day.year)


def choose(orders: Sequence[Delivery], tell: Tell) -> tuple[Habits, float, dict[str, object]]:
    """Habits and the worth of a late order, by the orders from 60 to 80 %; those after them are not looked at."""
    first, judged = (int(part * len(orders)) for part in (TUNED_FROM, JUDGED_FROM))
    tried: list[tuple[float, Habits, Forecast]] = []
    for days in SHIFTING_DAYS:
        tell(f"shifting within {days:.0f} days")
        habits = Habits(shift_memory_days=days)
        forecast = walk(orders[:judged], habits, first=first)
        tried.append((_quantile_loss(forecast, 1.0 - LATE_SHARE), habits, forecast))
    _, habits, forecast = min(tried, key=lambda one: one[0])
    # The more a late order is worth, the fewer are expected.
    late_days = LATE_DAYS[
        bisect_left(LATE_DAYS, -EXPECTED_LATE_SHARE, key=lambda days: -_expected_late(forecast, days))
    ]
    promised, _ = forecast.promised(late_days)
    notes: dict[str, object] = {
        "quantile_loss": {one[1].shift_memory_days: round(one[0], 3) for one in tried},
        "shift_memory_days": habits.shift_memory_days,
        "late_days": late_days,
        "tuned_promised_days": round(float(promised.mean()), 2),
        "tuned_late_share": round(float((forecast.took > promised).mean()), 3),
        "tuned_p50_mae_days": round(_mae(forecast), 2),
    }
    return habits, late_days, notes


def _expected_late(forecast: Forecast, late_days: float) -> float:
    return 1.0 - float(forecast.promised(late_days)[1].mean())


def _quantile_loss(forecast: Forecast, level: float) -> float:
    missed = forecast.took - forecast.at(level)
    return float(np.where(missed > 0, level * missed, (level - 1.0) * missed).mean())


def _mae(forecast: Forecast) -> float:
    return float(np.abs(forecast.took - forecast.at(0.5)).mean())


def judge(forecast: Forecast, late_days: float, seed: int) -> tuple[dict[str, object], dict[str, object]]:
    """The figures of the judged orders, with their intervals, and notes."""
    promised, kept = forecast.promised(late_days)
    took = forecast.took
    theirs = np.array([order.promised - order.bought for order in forecast.orders])
    missed = np.abs(took - forecast.at(0.5))
    columns = {
        "promised_days": promised,
        "late_share": (took > promised).astype(np.float64),
        "p50_mae_days": missed,
        "marketplace_promised_days": theirs,
        "marketplace_late_share": (took > theirs).astype(np.float64),
        "marketplace_mae_days": np.abs(took - theirs),
    }
    figures: dict[str, object] = {name: round(float(values.mean()), 3) for name, values in columns.items()}
    for name, interval in intervals(columns, weeks_of(forecast), seed).items():
        figures[f"{name}_95"] = [round(bound, 3) for bound in interval]
    return figures, {"orders": len(took), "expected_late_share": round(1.0 - float(kept.mean()), 3)} | _fairness(
        forecast, promised
    )


def _fairness(forecast: Forecast, promised: Floats) -> dict[str, object]:
    """By thirds of the distance, since the far ones pay for the least days with the later parcels."""
    km = np.array([order.km for order in forecast.orders])
    near, far = np.quantile(km, [1 / 3, 2 / 3])
    thirds = {"near": km <= near, "middle": (km > near) & (km <= far), "far": km > far}
    quantile = forecast.at(1.0 - LATE_SHARE)
    return {
        "late_by_distance": {
            name: round(float((forecast.took > promised)[among].mean()), 3) for name, among in thirds.items()
        },
        "promised_by_distance": {name: round(float(promised[among].mean()), 1) for name, among in thirds.items()},
        "same_chance_for_all": {
            "promised_days": round(float(quantile.mean()), 2),
            "late_share": round(float((forecast.took > quantile).mean()), 3),
        },
    }


def weeks_of(forecast: Forecast) -> NDArray[np.int64]:
    return np.array([int(order.bought) // DAYS_A_WEEK for order in forecast.orders], dtype=np.int64)


def intervals(columns: dict[str, Floats], weeks: NDArray[np.int64], seed: int) -> dict[str, tuple[float, float]]:
    """95 % of the means of as many weeks, drawn with replacement."""
    chance = np.random.default_rng(seed)
    edges = [0, *(np.flatnonzero(np.diff(weeks)) + 1), len(weeks)]
    counts = np.array([until - since for since, until in pairwise(edges)])
    drawn = chance.integers(0, len(counts), size=(DRAWS, len(counts)))
    found = {}
    for name, values in columns.items():
        sums = np.array([values[since:until].sum() for since, until in pairwise(edges)])
        low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
        found[name] = (float(low), float(high))
    return found


def run(asked: argparse.Namespace) -> dict[str, object]:
    """Choose, judge and report."""
    with progress("promise", steps=len(SHIFTING_DAYS) + 2, is_quiet=asked.json) as tell:
        tell("reading the orders")
        orders = read_deliveries(asked.folder)
        habits, late_days, chosen = choose(orders, tell)
        tell("judging")
        forecast = walk(orders, habits, first=int(JUDGED_FROM * len(orders)))
        figures, notes = judge(forecast, late_days, asked.seed)
    report(figures, as_json=asked.json, notes={**chosen, **notes})
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, default=Path("../shared/data/olist"), help="the data set")
    parser.add_argument("--seed", type=int, default=1, help="of the intervals")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    figures = run(parser.parse_args())
    sys.exit(0 if all(float(str(figures[name])) <= bar for name, bar in BARS.items()) else 1)


if __name__ == "__main__":
    main()
