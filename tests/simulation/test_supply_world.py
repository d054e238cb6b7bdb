"""A small world of supply by one seed: receipts that move, shrink and come, and buyers who wait and give up.

After every step all laws hold; in the end nobody waits while there is something for them, and nothing is lost.
"""

import os
import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from batuta.company.domain import Policies, ShipMode, ShipTerms
from batuta.inventory.commands import expect, move_expected, peg_again, receive_expected, set_limits
from batuta.inventory.domain.supply import Expected, MoveExpected, ReceiveExpected, SupplyKind
from batuta.inventory.domain.waiting import BackorderLimit
from batuta.ordering.commands import place
from batuta.ordering.domain import Means, Placed, PlaceOrder
from batuta.plumbing.database import Engine
from tests import making
from tests.journeys.journey import Journey, broken_laws
from tests.making import fresh_code, fresh_id
from tests.ordering.test_commands import an_order
from tests.simulation.deeds import Deeds
from tests.world import build_carrier, build_shop, receive

ROUNDS = 25
PRICE_MINOR, SHIPPING_MINOR = 333, 490
LEFT_WAITING = """
    SELECT w.line_id, w.units FROM inventory.waiting w
    JOIN inventory.stock s ON s.sku_id = w.sku_id AND s.condition = 'sellable'
    WHERE w.units > 0 AND NOT w.serves_whole AND w.per_unit = 1 AND s.on_hand - s.reserved - s.safety > 0
"""


class SupplyWorld:
    def __init__(self, journey: Journey, seed: int) -> None:
        self.journey = journey
        self.chance = random.Random(seed)
        self.deeds = Deeds(journey, self.chance)
        self.order_ids: list[UUID] = []
        self.receipt_ids: list[UUID] = []

    async def step(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            acts = [self.announce, self.move, self.come, self.buy, self.buy, self.regret, self.limit, self.find]
            await self.chance.choice(acts)()
        for order_id in self.chance.sample(self.order_ids, k=min(4, len(self.order_ids))):
            await self.deeds.one_for(order_id)
        await self.journey.pass_time(minutes=self.chance.randint(1, 600))

    async def announce(self) -> None:
        name, place_ = self.chance.choice(["chair", "table"]), self.chance.choice(["north", "south"])
        receipt = Expected(
            id=fresh_id(),
            sku_id=self.journey.shop.skus[name].id,
            location_id=self.journey.shop.locations[place_].id,
            quantity=self.chance.randint(1, 12),
            kind=SupplyKind.PURCHASE,
            due_at=self.journey.now + timedelta(days=self.chance.randint(1, 9)),
            document="PO",
            actor="test:buyer",
        )
        await self.journey.ask(expect, expected=[receipt])
        self.receipt_ids.append(receipt.id)

    async def move(self) -> None:
        for receipt_id in self.chance.sample(self.receipt_ids, k=min(2, len(self.receipt_ids))):
            due_at = self.journey.now + timedelta(days=self.chance.randint(1, 30))
            quantity = self.chance.choice([None, None, self.chance.randint(0, 15)])
            move = MoveExpected(expected_id=receipt_id, actor="test:buyer", due_at=due_at, quantity=quantity)
            await self.journey.ask(move_expected, moves=[move])

    async def come(self) -> None:
        some = self.chance.sample(self.receipt_ids, k=min(2, len(self.receipt_ids)))
        came = [
            ReceiveExpected(
                key=fresh_code("truck"),
                expected_id=receipt_id,
                quantity=self.chance.randint(1, 6),
                actor="test:dock",
                effective_at=self.journey.now,
            )
            for receipt_id in some
        ]
        await self.journey.ask(receive_expected, receipts=came)

    async def buy(self) -> None:
        orders = [self._wish() for _ in range(self.chance.randint(1, 5))]
        outcomes = await self.journey.ask(place, orders=orders)
        self.order_ids += [one.order_id for one in outcomes if isinstance(one, Placed)]

    def _wish(self) -> PlaceOrder:
        names = self.chance.sample(["chair", "table", "set"], k=self.chance.randint(1, 2))
        lines = [(name, self.chance.randint(1, 4)) for name in names]
        total = sum(units for _, units in lines) * PRICE_MINOR + SHIPPING_MINOR
        means = [Means(method="card", amount_minor=total, token="tok_visa")]
        together = self.chance.random() < 0.2
        terms = ShipTerms(mode=ShipMode.TOGETHER if together else None)
        return an_order(self.journey.shop, *lines, means=means, placed_at=self.journey.now, ship_terms=terms)

    async def regret(self) -> None:
        if not self.order_ids:
            return
        order = await self.journey.order(self.chance.choice(self.order_ids))
        line = self.chance.choice(order.lines)
        waits = line.buckets.backordered + line.buckets.preordered
        if waits:
            units = self.chance.randint(1, waits)
            await self.journey.cancel(order.id, (line.id, units))

    async def limit(self) -> None:
        shop = self.journey.shop
        limits = [
            BackorderLimit(
                sku_id=shop.skus[name].id,
                channel_id=shop.channel.id,
                units=self.chance.randint(0, 20),
                launch_at=self.chance.choice([None, None, self.journey.now + timedelta(days=1)]),
            )
            for name in ("chair", "table")
        ]
        await self.journey.ask(set_limits, limits=limits)

    async def find(self) -> None:
        """Units that nobody announced; or somebody looks for a better plan."""
        shop = self.journey.shop
        if self.chance.random() < 0.5:
            async with self.journey.engine.begin() as db:
                await receive(db, shop.skus, shop.locations, {"chair": {"north": self.chance.randint(1, 3)}})
        else:
            await self.journey.ask(peg_again, sku_ids={shop.skus[name].id for name in ("chair", "table")})

    async def end(self) -> None:
        """Everything that is still expected comes."""
        async with self.journey.engine.connect() as db:
            rows = await db.execute(
                text("SELECT id, quantity - received AS units FROM inventory.expected WHERE status = 'open'")
            )
            left = [(row.id, row.units) for row in rows]
        came = [
            ReceiveExpected(
                key="the end", expected_id=id_, quantity=units, actor="test:dock", effective_at=self.journey.now
            )
            for id_, units in left
        ]
        await self.journey.ask(receive_expected, receipts=came)
        for _ in range(3):
            await self.journey.pass_time(minutes=5)


@pytest.fixture
def seed(monkeypatch: pytest.MonkeyPatch) -> int:
    chosen = int(os.environ.get("BATUTA_TEST_SEED") or random.SystemRandom().getrandbits(32))
    monkeypatch.setattr(making, "_chance", random.Random(chosen))
    return chosen


async def test_whatever_comes_or_does_not_all_laws_hold_and_nobody_waits_for_what_is_there(
    engine: Engine, seed: int
) -> None:
    """INV-12, INV-20 to INV-25."""
    print(f"seed {seed}: repeat with BATUTA_TEST_SEED={seed}")  # noqa: T201
    policies = Policies(are_messages_muted=True, label_format="zpl", patience_days=5, out_of_patience="cancel")
    async with engine.begin() as db:
        stock = {"chair": {"north": 6, "south": 4}, "table": {"north": 2, "south": 0}}
        shop = await build_shop(db, stock=stock, price_minor=PRICE_MINOR, policies=policies)
        await build_carrier(db)
    world = SupplyWorld(Journey(engine, shop), seed)
    await world.limit()

    for round_ in range(ROUNDS):
        await world.step()
        assert await broken_laws(engine) == [], (seed, round_)
    await world.end()

    assert await broken_laws(engine) == [], seed
    async with engine.connect() as db:
        assert (await db.execute(text(LEFT_WAITING))).all() == [], seed
