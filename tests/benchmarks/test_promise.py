"""The walk of the promise benchmark, on made-up orders."""

import random

import msgspec
import numpy as np
import pytest

from batuta.shipping.domain import LEVELS, Case, Habits
from benchmarks.deliveries import Delivery
from benchmarks.promise import choose, intervals, judge, walk

SINCE = 17_500.0


def made_up(count: int) -> list[Delivery]:
    """A few orders a day, of two sellers into three states."""
    chance = random.Random(1)
    orders = []
    for place in range(count):
        bought = SINCE + place / 3
        handed = bought + chance.uniform(0.5, 3.0)
        state = place % 3
        orders.append(
            Delivery(
                id=f"{place:05}",
                bought=bought,
                handed=handed,
                arrived=handed + (2 + 3 * state) * chance.uniform(0.6, 2.0),
                promised=bought + 20,
                km=100.0 + 400 * state,
                preparing=Case(usual_p10=0.5, usual_p50=2.0, usual_p90=5.0, fine=f"seller {place % 2}"),
                riding=Case(usual_p10=2.0, usual_p50=5.0, usual_p90=12.0, traits=(f"to:{state}",)),
            )
        )
    return orders


def test_an_order_delivered_after_the_judged_one_was_placed_teaches_nothing() -> None:
    """The issue: a delivery is known only once it happened."""
    orders = made_up(240)
    judged = orders[199]
    chance = random.Random(2)
    changed = [
        one
        if one.arrived < judged.bought
        else msgspec.structs.replace(one, arrived=one.arrived + chance.uniform(0, 50))
        for one in orders
    ]
    assert changed != orders

    before, after = (walk(those[:200], Habits(), first=199).days for those in (orders, changed))

    assert after == pytest.approx(before, rel=1e-6)


def test_the_walk_learns_and_is_judged() -> None:
    orders = made_up(300)
    habits, late_days, notes = choose(orders, lambda _: None)
    forecast = walk(orders, habits, first=240)

    figures, more = judge(forecast, late_days, seed=1)

    assert forecast.days.shape == (60, len(LEVELS))
    assert (np.diff(forecast.days, axis=1) >= 0).all()
    assert float(str(figures["p50_mae_days"])) < float(str(figures["marketplace_mae_days"]))
    assert float(str(figures["promised_days"])) < 20.0
    assert {f"{name}_95" for name in ("promised_days", "late_share", "p50_mae_days")} <= set(figures)
    assert notes["late_days"] == late_days
    assert more["orders"] == 60


def test_an_interval_holds_the_mean_and_is_wider_for_fewer_weeks() -> None:
    chance = np.random.default_rng(3)
    values = {"days": chance.normal(10.0, 2.0, 400)}
    many, few = np.repeat(np.arange(40), 10), np.repeat(np.arange(4), 100)

    (low, high), (lowest, highest) = (intervals(values, weeks, seed=1)["days"] for weeks in (many, few))

    assert low < float(values["days"].mean()) < high
    assert lowest < float(values["days"].mean()) < highest
