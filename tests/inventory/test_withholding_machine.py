"""Any sequence of rules, pools, dated lots, recalls and waiting lines agrees with a naive model of who gets what."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from batuta.catalog.domain import Sku
from batuta.inventory.commands import (
    allocate,
    delete_rules,
    expect,
    promise_ahead,
    receive_expected,
    record_movements,
    release,
    reserve,
    save_pools,
    save_rules,
    serve_waiting,
    set_limits,
)
from batuta.inventory.commands.lots import recall, retire_lots, save_lots
from batuta.inventory.domain import (
    Allocate,
    Asker,
    BufferRule,
    Claim,
    OnEmpty,
    OutOfStock,
    Pool,
    PoolStock,
    Recorded,
    Release,
    Reserved,
    ReserveLine,
    ReserveRequest,
    RuleKind,
)
from batuta.inventory.domain.lots import Lot, NewLot, Recall
from batuta.inventory.domain.supply import Expected, ReceiveExpected, SupplyKind
from batuta.inventory.domain.waiting import Ahead, AheadLine, AheadRequest, BackorderLimit
from batuta.inventory.queries import all_claims_of, availability, stocks_of_pools
from batuta.inventory.queries.supply import waiting_of
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, create_engine
from tests.inventory.making import assert_laws_hold, given_locations, receipt
from tests.inventory.test_lots import given_sku
from tests.making import NOW, fresh_code
from tests.world import build_shop

MADRID = ZoneInfo("Europe/Madrid")
DAY = timedelta(days=1)
TODAY = NOW.date()
LOTS: dict[str, date | None] = {"soon": TODAY + DAY, "later": TODAY + 4 * DAY, "never": None}
ACTOR = "test:ana"

places = st.integers(0, 1)
lots = st.sampled_from(sorted(LOTS))
few = st.integers(1, 4)
askers = st.sampled_from(["web", "store"])


class WithholdingMachine(RuleBasedStateMachine):
    """The model: units by place and lot, rules, a pool of the web, who waits. Claims are read, their sums checked."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    db: Connection
    sku: Sku
    sites: list[UUID]
    known_lots: dict[str, Lot]
    web: Asker
    store: Asker

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.db.savepoint()
        self.run(self.savepoint.start())
        self.now = NOW
        self.units: dict[tuple[UUID, str], int] = {}
        self.recalled: set[str] = set()
        self.held_back: list[BufferRule] = []
        self.pool: Pool | None = None
        self.allocated: dict[UUID, int] = {}
        self.coming: dict[UUID, tuple[UUID, int]] = {}
        self.orders: list[AheadRequest] = []
        self.holders: set[UUID] = set()
        self.numbers = count()

    def teardown(self) -> None:
        self.run(self.savepoint.rollback())

    def id(self) -> UUID:
        return child_id(UUID(int=0), "withheld", next(self.numbers))

    # The naive model

    def is_good(self, lot: str) -> bool:
        day = LOTS[lot]
        ends_at = day and datetime.combine(day + DAY, time(), MADRID).astimezone(UTC)
        return lot not in self.recalled and (ends_at is None or self.now < ends_at)

    def claims(self) -> list[Claim]:
        return [one for one in self.run(all_claims_of(self.db, self.holders)) if one.held]

    def usable(self, asker: Asker, at: UUID, claims: list[Claim]) -> int:
        here = [one for one in claims if one.location_id == at]
        held = {lot: sum(one.held for one in here if one.lot == lot) for lot in LOTS}
        free = sum(self.units.get((at, lot), 0) - held[lot] for lot in LOTS if self.is_good(lot))
        on_hand = sum(self.units.get((at, lot), 0) for lot in LOTS)
        kept = 0
        for one in sorted(self.held_back, key=lambda one: -one.priority):
            if one.channel_id in {None, asker.channel_id} and one.location_ids in (None, [at]):
                kept = on_hand if one.kind is RuleKind.EXCLUSION else one.units or 0
                break
        left = self.left_in_pool(at, claims)
        if asker != self.web:
            return max(0, max(0, free) - min(kept, on_hand) - left)
        usable = max(0, max(0, free) - min(kept, on_hand))
        is_bound = self.pool is not None and self.pool.on_empty is OnEmpty.REFUSE and self.allocated.get(at)
        return min(usable, left) if is_bound else usable

    def left_in_pool(self, at: UUID, claims: list[Claim]) -> int:
        used = sum(one.held for one in claims if one.pool_id and one.location_id == at)
        return self.allocated.get(at, 0) - used

    def asker(self, name: str) -> Asker:
        return self.web if name == "web" else self.store

    # Stock

    @rule(at=places, lot=lots, units=few)
    def receive(self, at: int, lot: str, units: int) -> None:
        one = receipt(self.sku.id, self.sites[at], units, lot=lot)
        (outcome,) = self.run(record_movements(self.db, movements=[one], now=self.now))
        assert isinstance(outcome, Recorded) == self.is_good(lot)
        if self.is_good(lot):
            self.units[self.sites[at], lot] = self.units.get((self.sites[at], lot), 0) + units

    @rule(days=st.integers(1, 2))
    def wait(self, days: int) -> None:
        self.now += days * DAY

    @rule()
    def sweep(self) -> None:
        """What is past its date, or called back, leaves the shelf for sale, claimed or not."""
        while self.run(retire_lots(self.db, now=self.now, limit=100)):
            pass
        self.units = {key: units for key, units in self.units.items() if self.is_good(key[1])}

    @rule(lot=st.sampled_from(["later", "never"]))
    def call_back(self, lot: str) -> None:
        asked = Recall(lot_id=self.known_lots[lot].id, reason="glass", actor=ACTOR)
        self.run(recall(self.db, recalls=[asked], now=self.now))
        self.recalled.add(lot)
        self.units = {key: units for key, units in self.units.items() if key[1] != lot}

    # What is kept back

    @rule(who=st.sampled_from(["web", "all"]), at=st.none() | places, units=st.none() | few)
    def keep(self, who: str, at: int | None, units: int | None) -> None:
        kind = RuleKind.EXCLUSION if units is None else RuleKind.BUFFER
        one = BufferRule(
            id=self.id(),
            code=fresh_code("R"),
            priority=900_001 + next(self.numbers),
            kind=kind,
            units=units,
            sku_id=self.sku.id,
            channel_id=self.web.channel_id if who == "web" else None,
            location_ids=None if at is None else [self.sites[at]],
        )
        (outcome,) = self.run(save_rules(self.db, rules=[one], actor=ACTOR, now=self.now))
        assert not isinstance(outcome, BatutaError), outcome
        self.held_back.append(one)

    @precondition(lambda self: self.held_back)
    @rule(data=st.data())
    def keep_no_more(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.held_back))
        self.run(delete_rules(self.db, ids=[one.id], now=self.now))
        self.held_back.remove(one)

    @rule(at=places, units=st.integers(-3, 4).filter(bool), on_empty=st.sampled_from(OnEmpty))
    def fence(self, at: int, units: int, on_empty: OnEmpty) -> None:
        if self.pool is None:
            self.pool = Pool(id=self.id(), code=fresh_code("web"), channel_id=self.web.channel_id, on_empty=on_empty)
            self.run(save_pools(self.db, given=[self.pool], actor=ACTOR, now=self.now))
        site, claims = self.sites[at], self.claims()
        asked = Allocate(pool_id=self.pool.id, sku_id=self.sku.id, location_id=site, units=units)
        (outcome,) = self.run(allocate(self.db, asked=[asked], now=self.now))
        left = self.left_in_pool(site, claims)
        held = {lot: sum(one.held for one in claims if (one.location_id, one.lot) == (site, lot)) for lot in LOTS}
        free = max(0, sum(self.units.get((site, lot), 0) - held[lot] for lot in LOTS if self.is_good(lot)))
        may = units <= max(0, free - max(0, left)) and left + units >= 0
        assert isinstance(outcome, PoolStock) == may, outcome
        if may:
            self.allocated[site] = self.allocated.get(site, 0) + units

    # Who gets what

    @rule(who=askers, units=few, only=st.none() | places)
    def ask(self, who: str, units: int, only: int | None) -> None:
        asker, claims = self.asker(who), self.claims()
        sites = self.sites if only is None else [self.sites[only]]
        before = {at: self.usable(asker, at, claims) for at in sites}
        request = ReserveRequest(
            holder_id=self.id(),
            lines=[ReserveLine(line_id=self.id(), sku_id=self.sku.id, quantity=units)],
            channel_id=asker.channel_id,
            location_ids=None if only is None else tuple(sites),
        )
        (outcome,) = self.run(reserve(self.db, requests=[request], now=self.now))
        assert isinstance(outcome, Reserved if sum(before.values()) >= units else OutOfStock), (before, outcome)
        if isinstance(outcome, Reserved):
            self.holders.add(request.holder_id)
            self.check_granted(asker, before, claims)
            assert sum(grant.quantity for grant in outcome.grants) == units

    def check_granted(self, asker: Asker, before: dict[UUID, int], earlier: list[Claim]) -> None:
        """Nothing beyond what was usable, of good lots alone, and of the pool only for whom it is, before all else."""
        known = {one.id for one in earlier}
        new = [one for one in self.claims() if one.id not in known]
        for at, most in before.items():
            here = [one for one in new if one.location_id == at]
            taken = sum(one.held for one in here)
            assert taken <= most
            assert all(self.is_good(one.lot) for one in here)
            pooled = sum(one.held for one in here if one.pool_id)
            assert pooled == (min(taken, max(0, self.left_in_pool(at, earlier))) if asker == self.web else 0)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), units=few)
    def give_back(self, data: st.DataObject, units: int) -> None:
        claims = self.claims()
        if claims:
            one = data.draw(st.sampled_from(claims))
            given = Release(holder_id=one.holder_id, line_id=one.line_id, sku_id=one.sku_id, quantity=units)
            self.run(release(self.db, releases=[given], now=self.now))

    # Who waits

    @rule(at=places, units=few)
    def announce(self, at: int, units: int) -> None:
        one = Expected(
            id=self.id(),
            sku_id=self.sku.id,
            location_id=self.sites[at],
            quantity=units,
            kind=SupplyKind.PURCHASE,
            due_at=self.now + DAY,
            document="PO",
            actor=ACTOR,
        )
        self.run(expect(self.db, expected=[one], now=self.now))
        self.coming[one.id] = (self.sites[at], units)

    @rule(who=askers, units=few)
    def sell_ahead(self, who: str, units: int) -> None:
        asker = self.asker(who)
        assert asker.channel_id
        one = AheadRequest(
            order_id=self.id(),
            channel_id=asker.channel_id,
            lines=(AheadLine(line_id=self.id(), sku_id=self.sku.id, units=units),),
            ordered_at=self.now + timedelta(seconds=next(self.numbers)),
        )
        (outcome,) = self.run(promise_ahead(self.db, requests=[one], now=self.now))
        if isinstance(outcome, Ahead):
            self.orders.append(one)
            self.holders.add(one.lines[0].line_id)

    @precondition(lambda self: self.coming)
    @rule(data=st.data(), lot=lots)
    def come(self, data: st.DataObject, lot: str) -> None:
        """What comes is served at once, and afterwards nobody waits who could have had it."""
        id_ = data.draw(st.sampled_from(sorted(self.coming)))
        site, units = self.coming[id_]
        one = ReceiveExpected(key="all", expected_id=id_, quantity=units, actor=ACTOR, effective_at=self.now, lot=lot)
        earlier = self.claims()
        (outcome,) = self.run(receive_expected(self.db, receipts=[one], now=self.now))
        assert isinstance(outcome, BatutaError) != self.is_good(lot)
        if not isinstance(outcome, BatutaError):
            del self.coming[id_]
            self.units[site, lot] = self.units.get((site, lot), 0) + units
            self.check_served(site, earlier)

    @precondition(lambda self: self.orders)
    @rule()
    def look_again(self) -> None:
        self.now += timedelta(minutes=2)
        earlier = self.claims()
        while self.run(serve_waiting(self.db, now=self.now, limit=500)):
            pass
        for site in self.sites:
            self.check_served(site, earlier)

    def check_served(self, site: UUID, earlier: list[Claim]) -> None:
        claims = self.claims()
        known = {one.id for one in earlier}
        assert all(self.is_good(one.lot) for one in claims if one.id not in known)
        for order, line in self.waiting():
            assert not line.units or self.usable(order, site, claims) == 0

    def waiting(self) -> list[tuple[Asker, Any]]:
        found = self.run(waiting_of(self.db, [one.order_id for one in self.orders]))
        return [(line.asker, line) for several in found.values() for line in several]

    # Laws

    @invariant()
    def the_laws_hold(self) -> None:
        self.run(assert_laws_hold(self.db))

    @invariant()
    def what_is_told_is_what_the_model_says(self) -> None:
        claims = self.claims()
        for asker in (self.web, self.store):
            found = self.run(availability(self.db, sku_ids=[self.sku.id], asker=asker, now=self.now))
            told = {one.location_id: one.available for one in found}
            assert {at: told.get(at, 0) for at in self.sites} == {
                at: self.usable(asker, at, claims) for at in self.sites
            }
        if self.pool:
            stocks = self.run(stocks_of_pools(self.db, [self.pool.id]))
            assert {one.location_id: one.left for one in stocks} == {
                one.location_id: self.left_in_pool(one.location_id, claims) for one in stocks
            }


@pytest.fixture
def machine(database_url: str) -> Iterator[type[WithholdingMachine]]:
    """The machine's class with a connection of its own; every sequence is rolled back."""
    with asyncio.Runner() as runner:
        lasting = {"transaction_timeout": "0", "idle_in_transaction_session_timeout": "0"}
        engine = create_engine(database_url, settings=lasting)
        stack = AsyncExitStack()

        async def opened() -> Connection:
            db = await stack.enter_async_context(engine.connect())
            await db.begin()
            return db

        db = runner.run(opened())
        yield runner.run(_world(runner, db))
        runner.run(db.rollback())
        runner.run(stack.aclose())
        runner.run(engine.dispose())


async def _world(runner: asyncio.Runner, db: Connection) -> type[WithholdingMachine]:
    sku = await given_sku(db)
    given = [NewLot(sku_code=sku.code, code=code, expires_on=day) for code, day in LOTS.items()]
    saved = await save_lots(db, lots=given, now=NOW)
    buyers = []
    for _ in range(2):
        shop = await build_shop(db, stock={"chair": {"north": 1}, "table": {"north": 1}})
        limit = BackorderLimit(sku_id=sku.id, channel_id=shop.channel.id, units=6)
        await set_limits(db, limits=[limit], now=NOW)
        buyers.append(Asker(channel_id=shop.channel.id))
    return type(
        "WithholdingMachine",
        (WithholdingMachine,),
        {
            "run": staticmethod(runner.run),
            "db": db,
            "sku": sku,
            "sites": await given_locations(db, 2),
            "known_lots": {one.code: one for one in saved if isinstance(one, Lot)},
            "web": buyers[0],
            "store": buyers[1],
        },
    )


def test_who_may_have_what_agrees_with_a_naive_model(machine: type[WithholdingMachine]) -> None:
    """INV-05, INV-06, INV-07, INV-14, INV-23, INV-24."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
