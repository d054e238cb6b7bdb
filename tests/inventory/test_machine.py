"""Any sequence of stock verbs on a real database agrees with a naive model; the laws hold after each step."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

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
    Condition,
    Extend,
    Grant,
    Issue,
    Issued,
    Movement,
    NotClaimed,
    NotEnoughStock,
    OutOfStock,
    Recorded,
    Release,
    Relocate,
    Relocated,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.feeds import Feed
from batuta.inventory.queries import availability, claims_of, stock_of
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, create_engine
from batuta.plumbing.driver import Savepoint
from tests.inventory.feeding import given_feed, heard, message
from tests.inventory.feeding import line as counted_line
from tests.inventory.making import assert_laws_hold, given_locations, given_skus, hardening, movement, receipt
from tests.making import NOW

CELLS = [(sku, at) for sku in range(2) for at in range(2)]
LOTS = ["", "A"]
cells = st.sampled_from(CELLS)
lots = st.sampled_from(LOTS)
few = st.integers(1, 4)


class Held(msgspec.Struct):
    """A claim as the model knows it: units of a cell and lot."""

    holder: UUID
    line: UUID
    sku: UUID
    at: UUID
    lot: str
    units: int
    until_at: datetime | None


class StockMachine(RuleBasedStateMachine):
    """The model: units by (SKU, location, lot), a list of claims, and a clock."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    db: Connection
    skus: list[UUID]
    places: list[UUID]
    feed: Feed

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.run(_nested(self.db))
        self.now = NOW
        self.units: dict[tuple[UUID, UUID, str], int] = {}
        self.aside: dict[tuple[UUID, UUID], int] = {}
        self.safety: dict[tuple[UUID, UUID], int] = {}
        self.held: list[Held] = []
        self.requests: list[ReserveRequest] = []
        self.movements: list[Movement] = []
        self.numbers = count()
        self.sequence = 0
        self.seed = UUID(int=0)

    def teardown(self) -> None:
        self.run(self.savepoint.rollback())

    def id(self) -> UUID:
        return child_id(self.seed, next(self.numbers))

    def cell(self, cell: tuple[int, int]) -> tuple[UUID, UUID]:
        return self.skus[cell[0]], self.places[cell[1]]

    def live(self) -> list[Held]:
        return [one for one in self.held if one.units and (one.until_at is None or one.until_at > self.now)]

    def free(self, sku: UUID, at: UUID) -> int:
        here = sum(units for (a, b, _), units in self.units.items() if (a, b) == (sku, at))
        claimed = sum(one.units for one in self.live() if (one.sku, one.at) == (sku, at))
        return max(0, here - claimed - self.safety.get((sku, at), 0))

    # Movements

    def moves(self, one: Movement, change: dict[tuple[UUID, UUID, str], int]) -> None:
        """Record; the model says whether it may."""
        (outcome,) = self.run(record_movements(self.db, movements=[one], now=self.now))
        after = {key: self.units.get(key, 0) + units for key, units in change.items()}
        if any(units < 0 for units in after.values()):
            assert isinstance(outcome, NotEnoughStock)
            return
        assert outcome == Recorded(key=one.key)
        self.units |= after
        self.movements.append(one)

    @rule(cell=cells, lot=lots, units=few)
    def receive(self, cell: tuple[int, int], lot: str, units: int) -> None:
        sku, at = self.cell(cell)
        self.moves(receipt(sku, at, units, lot=lot), {(sku, at, lot): units})

    @rule(cell=cells, lot=lots, units=few)
    def find_missing(self, cell: tuple[int, int], lot: str, units: int) -> None:
        sku, at = self.cell(cell)
        self.moves(movement(sku, units, Account.location(at), Account.loss(), lot=lot), {(sku, at, lot): -units})

    @rule(sku=st.integers(0, 1), source=st.integers(0, 1), lot=lots, units=few)
    def transfer(self, sku: int, source: int, lot: str, units: int) -> None:
        id_, here, there = self.skus[sku], self.places[source], self.places[1 - source]
        self.moves(
            movement(id_, units, Account.location(here), Account.location(there), lot=lot),
            {(id_, here, lot): -units, (id_, there, lot): units},
        )

    @rule(cell=cells, units=few)
    def take_back_damaged(self, cell: tuple[int, int], units: int) -> None:
        sku, at = self.cell(cell)
        self.moves(movement(sku, units, Account.customer(), Account.location(at, Condition.DAMAGED)), {})
        self.aside[sku, at] = self.aside.get((sku, at), 0) + units

    @precondition(lambda self: self.movements)
    @rule(data=st.data())
    def record_again(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.movements))
        assert self.run(record_movements(self.db, movements=[one], now=self.now)) == [Recorded(key=one.key)]

    @rule(cell=cells, units=st.integers(0, 3))
    def keep_back(self, cell: tuple[int, int], units: int) -> None:
        sku, at = self.cell(cell)
        level = SafetyLevel(sku_id=sku, location_id=at, units=units)
        assert self.run(set_safety_stock(self.db, levels=[level], now=self.now)) == [level]
        self.safety[sku, at] = units

    @rule(cell=cells, told=st.tuples(st.integers(0, 6), st.integers(0, 6)))
    def believe_a_count(self, cell: tuple[int, int], told: tuple[int, int]) -> None:
        """A warehouse counts both lots, wrongly or not; it is believed, and its next count again changes nothing."""
        sku, at = self.cell(cell)
        counted = dict(zip(LOTS, told, strict=True))
        lines = [self.run(counted_line(self.db, sku, at, units, lot=lot)) for lot, units in counted.items()]
        changed = sum(self.units.get((sku, at, lot), 0) != units for lot, units in counted.items())
        for expected in (changed, 0):
            self.sequence += 1
            answer = self.run(heard(self.db, message(self.feed, self.sequence, lines, cut_at=self.now), now=self.now))
            assert (answer.changed, answer.unchanged) == (expected, len(LOTS) - expected)
        self.units |= {(sku, at, lot): units for lot, units in counted.items()}

    # Claims

    @rule(
        wanted=st.lists(st.tuples(st.integers(0, 1), few), min_size=1, max_size=3),
        minutes=st.none() | st.integers(1, 20),
        only=st.none() | st.integers(0, 1),
    )
    def ask(self, wanted: list[tuple[int, int]], minutes: int | None, only: int | None) -> None:
        request = ReserveRequest(
            holder_id=self.id(),
            lines=[ReserveLine(line_id=self.id(), sku_id=self.skus[sku], quantity=units) for sku, units in wanted],
            until_at=self.now + timedelta(minutes=minutes) if minutes else None,
            location_ids=None if only is None else (self.places[only],),
        )
        (outcome,) = self.run(reserve(self.db, requests=[request], now=self.now))
        is_there = all(
            sum(units for i, units in wanted if i == sku)
            <= sum(self.free(self.skus[sku], at) for at in request.location_ids or self.places)
            for sku, _ in wanted
        )
        assert isinstance(outcome, Reserved if is_there else OutOfStock)
        if isinstance(outcome, Reserved):
            self.requests.append(request)
            self.hold(request, outcome.grants)

    def hold(self, request: ReserveRequest, grants: list[Grant]) -> None:
        for line in request.lines:
            assert sum(one.quantity for one in grants if one.line_id == line.line_id) == line.quantity
        for cell in {(one.sku_id, one.location_id) for one in grants}:
            taken = sum(one.quantity for one in grants if (one.sku_id, one.location_id) == cell)
            assert taken <= self.free(*cell)
        for one in grants:
            new = Held(
                request.holder_id,
                one.line_id,
                one.sku_id,
                one.location_id,
                one.lot,
                one.quantity,
                request.until_at,
            )
            self.held.append(new)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.requests))
        one = hardening(request, new_holder_id=request.holder_id)
        (hard,) = self.run(harden(self.db, holders=[one], now=self.now))
        for claim in self.live():
            if claim.holder == request.holder_id:
                claim.until_at = None
                assert claim.line not in hard.missing

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), minutes=st.integers(1, 30))
    def hold_longer(self, data: st.DataObject, minutes: int) -> None:
        holder = data.draw(st.sampled_from(self.requests)).holder_id
        until_at = self.now + timedelta(minutes=minutes)
        (answer,) = self.run(extend(self.db, holders=[Extend(holder_id=holder, until_at=until_at)], now=self.now))
        theirs = [claim for claim in self.live() if claim.holder == holder]
        for claim in theirs:
            claim.until_at = claim.until_at and max(claim.until_at, until_at)
        assert answer.units == sum(claim.units for claim in theirs)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), units=st.none() | few)
    def give_back(self, data: st.DataObject, units: int | None) -> None:
        claim = data.draw(st.sampled_from(self.live()))
        one = Release(holder_id=claim.holder, line_id=claim.line, sku_id=claim.sku, quantity=units)
        (freed,) = self.run(release(self.db, releases=[one], now=self.now))
        theirs = [one for one in self.live() if (one.holder, one.line) == (claim.holder, claim.line)]
        there = sum(one.units for one in theirs)
        assert freed == (there if units is None else min(units, there))
        self.follow(claim.holder)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), units=few)
    def move_claim(self, data: st.DataObject, units: int) -> None:
        claim = data.draw(st.sampled_from(self.live()))
        (target,) = [at for at in self.places if at != claim.at]
        one = Relocate(
            holder_id=claim.holder,
            line_id=claim.line,
            sku_id=claim.sku,
            source_location_id=claim.at,
            target_location_id=target,
            quantity=units,
        )
        there = self.of_line(claim)
        (outcome,) = self.run(relocate(self.db, moves=[one], now=self.now))
        if there < units:
            assert isinstance(outcome, NotClaimed)
        elif self.free(claim.sku, target) < units:
            assert isinstance(outcome, OutOfStock)
        else:
            assert isinstance(outcome, Relocated)
            assert sum(grant.quantity for grant in outcome.grants) == units
            assert {grant.location_id for grant in outcome.grants} == {target}
        self.follow(claim.holder)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), units=few)
    def hand_out(self, data: st.DataObject, units: int) -> None:
        claim = data.draw(st.sampled_from(self.live()))
        one = Issue(
            key=str(self.id()),
            holder_id=claim.holder,
            line_id=claim.line,
            sku_id=claim.sku,
            location_id=claim.at,
            quantity=units,
            target=Account.parcel(self.id()),
            document_id=claim.holder,
            actor="test:ana",
            effective_at=self.now,
        )
        first, again = self.run(issue(self.db, issues=[one, one], now=self.now))
        assert type(first) is type(again)
        if claim.until_at or self.of_line(claim) < units:
            assert isinstance(first, NotClaimed)
        elif isinstance(first, Issued):
            self.reread(claim.sku, claim.at, less=units)
        else:
            assert isinstance(first, NotEnoughStock)
        self.follow(claim.holder)

    def of_line(self, claim: Held) -> int:
        mine = (claim.holder, claim.line, claim.at)
        return sum(one.units for one in self.live() if (one.holder, one.line, one.at) == mine)

    def reread(self, sku: UUID, at: UUID, *, less: int) -> None:
        """Which lots units left is the room's choice; how many is not."""
        before = sum(units for (a, b, _), units in self.units.items() if (a, b) == (sku, at))
        for level in self.run(stock_of(self.db, [sku]))[sku]:
            if (level.location_id, level.condition) == (at, Condition.SELLABLE):
                self.units[sku, at, level.lot] = level.on_hand
        assert before - less == sum(units for (a, b, _), units in self.units.items() if (a, b) == (sku, at))

    def follow(self, holder: UUID) -> None:
        """Which of a holder's claims were lessened is the room's choice; the model follows what was checked."""
        now_held = self.run(claims_of(self.db, [holder], now=self.now))[holder]
        self.held = [one for one in self.held if one.holder != holder]
        self.held += [
            Held(holder, one.line_id, one.sku_id, one.location_id, one.lot, one.held, one.expires_at)
            for one in now_held
        ]

    # Time

    @rule(minutes=st.integers(1, 15))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        while self.run(release_expired(self.db, now=self.now, limit=100)):
            pass

    # Laws

    @invariant()
    def the_ledger_is_sound(self) -> None:
        self.run(assert_laws_hold(self.db))

    @invariant()
    def availability_is_as_the_model_says(self) -> None:
        found = self.run(availability(self.db, sku_ids=self.skus, now=self.now))
        seen = {(one.sku_id, one.location_id): one for one in found}
        for sku in self.skus:
            for at in self.places:
                one = seen.get((sku, at))
                here = sum(units for (a, b, _), units in self.units.items() if (a, b) == (sku, at))
                assert (one.on_hand if one else 0) == here
                assert (one.available if one else 0) == self.free(sku, at)


async def _nested(db: Connection) -> Savepoint:
    savepoint = db.savepoint()
    await savepoint.start()
    return savepoint


@pytest.fixture
def machine(database_url: str) -> Iterator[type[StockMachine]]:
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
        places = runner.run(given_locations(db, 2))
        made = type(
            "StockMachine",
            (StockMachine,),
            {
                "run": staticmethod(runner.run),
                "db": db,
                "skus": runner.run(given_skus(db, 2)),
                "places": places,
                "feed": runner.run(given_feed(db, *places)),
            },
        )
        yield made
        runner.run(db.rollback())
        runner.run(stack.aclose())
        runner.run(engine.dispose())


def test_stock_verbs_agree_with_a_naive_model(machine: type[StockMachine]) -> None:
    """INV-01, INV-05, INV-09, INV-12, RES-04, RES-05, RES-07."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
