"""A small world by one seed: buyers, shops that say no, carriers that lose, and crashes in the middle of a step.

After every step all laws hold; at the end every order is over, or held with a reason.
"""

import asyncio
import os
import random
import time
from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.ordering.commands import place
from batuta.ordering.domain import HoldStatus, Means, Order, OrderStatus, PlaceOrder
from batuta.payments.domain import Balance
from batuta.payments.queries import balances
from batuta.plumbing.database import Engine
from batuta.plumbing.stepping import settle
from tests import making
from tests.journeys.journey import WORKER, Journey, broken_laws
from tests.ordering.test_commands import an_order
from tests.simulation.deeds import Deeds
from tests.world import build_carrier, build_shop

ORDERS = 60
ROUNDS = 30
DEEDS_AT_ONCE = 15
SECONDS_MAX = 180
STOCK = {"chair": {"north": 90, "south": 60, "west": 30}, "table": {"north": 20, "south": 16}, "lamp": {"west": 50}}
PRICE_MINOR, SHIPPING_MINOR = 333, 490
TOKENS = ["tok_visa"] * 8 + ["tok_declined", "tok_capture_refused"]
OVER = {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
CAPTURE_FAILED = "payments.capture_failed"
TAKEN_OVER = "UPDATE jobs.pgqueuer SET heartbeat = heartbeat - interval '61 seconds' WHERE status = 'picked'"
"""A dead worker's jobs are another one's after a minute without a heartbeat; here the minute passes at once."""


class World:
    def __init__(self, journey: Journey, seed: int) -> None:
        self.journey = journey
        self.chance = random.Random(seed)
        self.deeds = Deeds(journey, self.chance)
        self.order_ids: list[UUID] = []
        self.bad_cards: set[UUID] = set()

    async def open(self) -> None:
        """A wave of buyers, some with the same last units in mind."""
        wishes = [self._wish() for _ in range(ORDERS // 5)]
        outcomes = await self.journey.ask(place, orders=wishes)
        self.order_ids += [
            one.id for one, outcome in zip(wishes, outcomes, strict=True) if not isinstance(outcome, Exception)
        ]

    def _wish(self) -> PlaceOrder:
        names = self.chance.sample(["chair", "table", "lamp", "service", "set"], k=self.chance.randint(1, 3))
        lines = [(name, self.chance.randint(1, 3)) for name in names]
        is_shipped = names != ["service"]
        total = sum(units for _, units in lines) * PRICE_MINOR + (SHIPPING_MINOR if is_shipped else 0)
        voucher = self.chance.randint(1, total - 1) if self.chance.random() < 0.3 else 0
        token = self.chance.choice(TOKENS)
        means = [Means(method="card", amount_minor=total - voucher, token=token)]
        if voucher:
            means.insert(0, Means(method="voucher", amount_minor=voucher, token="tok_gift", captures_at_once=True))
        wish = an_order(self.journey.shop, *lines, means=means, placed_at=self.journey.now)
        if token == "tok_capture_refused":
            self.bad_cards.add(wish.id)
        return wish

    async def step(self) -> None:
        """Some deeds, one after the other; then a worker that may die in the middle, and another one after it."""
        for order_id in self.chance.sample(self.order_ids, k=min(DEEDS_AT_ONCE, len(self.order_ids))):
            await self.deeds.one_for(order_id)
        if self.chance.random() < 0.4:
            await self._crash()
        await self.journey.pass_time(minutes=self.chance.randint(1, 90))

    async def _crash(self) -> None:
        working = asyncio.create_task(
            settle(self.journey.engine, self.journey.works, clock=lambda: self.journey.now, worker=WORKER)
        )
        await asyncio.sleep(self.chance.random() * 0.1)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        async with self.journey.engine.begin() as db:
            await db.execute(text(TAKEN_OVER))

    async def open_orders(self) -> list[Order]:
        orders = [await self.journey.order(order_id) for order_id in self.order_ids]
        return [order for order in orders if order.status not in OVER and not is_held(order)]

    async def unsettled(self) -> list[Balance]:
        """The money of orders that are over, where it is not exactly what is due (PAY-02).

        Left out: what is held, and cards whose bank refused the capture, when that was told.
        """
        over = []
        for order_id in self.order_ids:
            order = await self.journey.order(order_id)
            is_refused = order_id in self.bad_cards and CAPTURE_FAILED in await self.journey.facts(order_id)
            if order.status in OVER and not is_held(order) and not is_refused:
                over.append(order_id)
        async with self.journey.engine.connect() as db:
            money = await balances(db, over)
        return [one for one in money.values() if one.paid_minor != one.due_minor or one.held_minor]


def is_held(order: Order) -> bool:
    return any(hold.status is HoldStatus.ACTIVE and hold.reason for hold in order.holds)


@pytest.fixture
def seed(monkeypatch: pytest.MonkeyPatch) -> int:
    """The seed of the world and of its ids, by which rows are sorted and ties decided."""
    chosen = int(os.environ.get("BATUTA_TEST_SEED") or random.SystemRandom().getrandbits(32))
    monkeypatch.setattr(making, "_chance", random.Random(chosen))
    return chosen


async def test_whatever_happens_in_whatever_order_all_laws_hold(engine: Engine, seed: int) -> None:
    print(f"seed {seed}: repeat with BATUTA_TEST_SEED={seed}")  # noqa: T201
    async with engine.begin() as db:
        shop = await build_shop(db, stock=STOCK, price_minor=PRICE_MINOR)
        await build_carrier(db)
    world = World(Journey(engine, shop), seed)
    until = time.monotonic() + SECONDS_MAX

    for round_ in range(ROUNDS):
        if round_ < 5:
            await world.open()
        await world.step()
        assert await broken_laws(engine) == [], (seed, round_)
    while (left := await world.open_orders()) and time.monotonic() < until:
        for order in left:
            await world.deeds.one_for(order.id)
        await world.journey.pass_time(hours=3)
        assert await broken_laws(engine) == [], seed

    left = await world.open_orders()
    assert [(order.id, order.status, [line.buckets for line in order.lines]) for order in left] == [], seed
    assert await world.unsettled() == [], seed
