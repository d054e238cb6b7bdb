"""Any sequence of sales, transfers and counts agrees with a naive model; the laws hold after each step."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from batuta.inventory.commands import issue, record_movements, reserve
from batuta.inventory.commands.counting import record_counts
from batuta.inventory.commands.counts import cancel_counts, open_counts, post_counts
from batuta.inventory.commands.transferring import (
    cancel_transfers,
    pick_transfers,
    receive_transfers,
    settle_transfers,
    ship_transfers,
)
from batuta.inventory.commands.transfers import approve_transfers, request_transfers
from batuta.inventory.domain import (
    Account,
    Issue,
    Issued,
    Recorded,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.domain.counts import (
    CancelCount,
    Count,
    CountLine,
    CountStatus,
    Explained,
    Frozen,
    LineStatus,
    OpenCount,
    PostCount,
    Tally,
    VarianceReason,
)
from batuta.inventory.domain.transfers import (
    ApproveTransfer,
    CancelTransfer,
    PickTransfer,
    ReceiveLine,
    ReceiveTransfer,
    RequestTransfer,
    SettledAs,
    SettleTransfer,
    ShipTransfer,
    Transfer,
    TransferStatus,
    TransferUnits,
)
from batuta.inventory.queries import stock_of
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.plumbing.database import Connection, create_engine
from batuta.plumbing.driver import Savepoint
from tests.inventory.making import assert_laws_hold, given_locations, given_skus, movement
from tests.making import NOW

ME = "test:ana"
places = st.integers(0, 1)
few = st.integers(1, 5)
which = st.integers(0, 20)


class Order(msgspec.Struct):
    holder_id: UUID
    line_id: UUID
    place: int
    units: int


class TransfersMachine(RuleBasedStateMachine):
    """The model: sellable units by place, orders that hold some, and what each transfer has under way."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    db: Connection
    sku: UUID
    at: list[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.run(_nested(self.db))
        self.now = NOW
        self.numbers = count()
        self.here: dict[int, int] = defaultdict(int)
        self.damaged: dict[int, int] = defaultdict(int)
        self.orders: list[Order] = []
        self.transfers: list[Transfer] = []
        self.counts: list[Count] = []
        self.brought = 0
        self.gone = 0

    def teardown(self) -> None:
        self.run(self.savepoint.rollback())

    def id(self) -> UUID:
        return child_id(UUID(int=0), next(self.numbers))

    def held(self, place: int) -> int:
        picked = [
            one.lines[0].picked
            for one in self.transfers
            if one.status is TransferStatus.PICKED and one.source_location_id == self.at[place]
        ]
        return sum(order.units for order in self.orders if order.place == place) + sum(picked)

    def still(self, place: int) -> bool:
        """Whether a count lets nothing move there."""
        going_on = {CountStatus.OPEN, CountStatus.COUNTED}
        return any(one.freezes and one.status in going_on and one.location_id == self.at[place] for one in self.counts)

    def place_of(self, location_id: UUID) -> int:
        return self.at.index(location_id)

    # Goods come, are promised, and go

    @rule(place=places, units=few)
    def come(self, place: int, units: int) -> None:
        one = movement(
            self.sku, units, Account.supplier(), Account.location(self.at[place]), key=self.id().hex, at=self.now
        )
        (outcome,) = self.run(record_movements(self.db, movements=[one], now=self.now))
        assert isinstance(outcome, Recorded) is not self.still(place)
        if isinstance(outcome, Recorded):
            self.here[place] += units
            self.brought += units

    @rule(place=places, units=few)
    def order(self, place: int, units: int) -> None:
        line_id = self.id()
        request = ReserveRequest(
            holder_id=self.id(),
            lines=[ReserveLine(line_id=line_id, sku_id=self.sku, quantity=units)],
            location_ids=(self.at[place],),
        )
        (outcome,) = self.run(reserve(self.db, requests=[request], now=self.now))
        assert isinstance(outcome, Reserved) is (units <= self.here[place] - self.held(place))
        if isinstance(outcome, Reserved):
            self.orders.append(Order(request.holder_id, line_id, place, units))

    @rule(i=which)
    def pack(self, i: int) -> None:
        if not self.orders:
            return
        order = self.orders[i % len(self.orders)]
        one = Issue(
            key=self.id().hex,
            holder_id=order.holder_id,
            line_id=order.line_id,
            sku_id=self.sku,
            location_id=self.at[order.place],
            quantity=order.units,
            target=Account.customer(),
            document_id=order.holder_id,
            actor=ME,
            effective_at=self.now,
        )
        (outcome,) = self.run(issue(self.db, issues=[one], now=self.now))
        is_there = order.units <= self.here[order.place]
        assert isinstance(outcome, Issued) is (is_there and not self.still(order.place))
        if isinstance(outcome, Issued):
            self.orders.remove(order)
            self.here[order.place] -= order.units
            self.gone += order.units

    # Transfers

    @rule(place=places, units=few)
    def ask(self, place: int, units: int) -> None:
        one = RequestTransfer(
            id=self.id(),
            source_location_id=self.at[place],
            target_location_id=self.at[1 - place],
            lines=[TransferUnits(sku_id=self.sku, quantity=units)],
            actor=ME,
        )
        (asked,) = self.run(request_transfers(self.db, requests=[one], now=self.now))
        approval = ApproveTransfer(transfer_id=asked.id, actor=ME)
        (approved,) = self.run(approve_transfers(self.db, approvals=[approval], now=self.now))
        self.transfers.append(approved)

    def one_of(self, i: int, outcome: Any) -> Any:
        """Follow what became of a transfer, and answer whether anything did."""
        if isinstance(outcome, BatutaError):
            return False
        self.transfers[i] = outcome
        return True

    @rule(i=which)
    def pick(self, i: int) -> None:
        if not self.transfers:
            return
        i %= len(self.transfers)
        one = self.transfers[i]
        place = self.place_of(one.source_location_id)
        free = max(0, self.here[place] - self.held(place))
        wish = PickTransfer(transfer_id=one.id, actor=ME, allow_partial=True)
        (outcome,) = self.run(pick_transfers(self.db, picks=[wish], now=self.now))
        if self.one_of(i, outcome) and one.status is TransferStatus.APPROVED:
            assert self.transfers[i].lines[0].picked == min(free, one.lines[0].approved)

    @rule(i=which)
    def ship(self, i: int) -> None:
        if not self.transfers:
            return
        i %= len(self.transfers)
        one = self.transfers[i]
        place, units = self.place_of(one.source_location_id), one.lines[0].picked
        (outcome,) = self.run(
            ship_transfers(self.db, shipments=[ShipTransfer(transfer_id=one.id, actor=ME)], now=self.now)
        )
        if one.status is TransferStatus.PICKED:
            assert self.one_of(i, outcome) is (units <= self.here[place] and not self.still(place))
            self.here[place] -= self.transfers[i].lines[0].shipped

    @rule(i=which, units=few, damaged=st.integers(0, 2))
    def receive(self, i: int, units: int, damaged: int) -> None:
        if not self.transfers:
            return
        i %= len(self.transfers)
        one = self.transfers[i]
        line, place = one.lines[0], self.place_of(one.target_location_id)
        delivery = ReceiveTransfer(
            id=self.id(),
            transfer_id=one.id,
            lines=[ReceiveLine(line_id=line.id, quantity=units, damaged=damaged)],
            actor=ME,
        )
        (outcome,) = self.run(receive_transfers(self.db, deliveries=[delivery], now=self.now))
        may = units + damaged <= line.missing and not self.still(place)
        assert self.one_of(i, outcome) is may
        if may:
            self.here[place] += units
            self.damaged[place] += damaged

    @rule(i=which, units=few, outcome=st.sampled_from(SettledAs))
    def settle(self, i: int, units: int, outcome: SettledAs) -> None:
        if not self.transfers:
            return
        i %= len(self.transfers)
        one = self.transfers[i]
        wish = SettleTransfer(
            id=self.id(), transfer_id=one.id, line_id=one.lines[0].id, quantity=units, outcome=outcome, actor=ME
        )
        home = one.source_location_id if outcome is SettledAs.SENT_BACK else one.target_location_id
        may = units <= one.lines[0].missing and (outcome is SettledAs.LOSS or not self.still(self.place_of(home)))
        (answer,) = self.run(settle_transfers(self.db, settlements=[wish], now=self.now))
        assert self.one_of(i, answer) is may
        if may and outcome is SettledAs.LOSS:
            self.gone += units
        elif may:
            self.here[self.place_of(home)] += units

    @rule(i=which)
    def cancel(self, i: int) -> None:
        if self.transfers:
            i %= len(self.transfers)
            wish = CancelTransfer(transfer_id=self.transfers[i].id, actor=ME)
            (outcome,) = self.run(cancel_transfers(self.db, cancellations=[wish], now=self.now))
            self.one_of(i, outcome)

    # Counts

    @rule(place=places, freezes=st.booleans())
    def begin_count(self, *, place: int, freezes: bool) -> None:
        wish = OpenCount(
            id=self.id(), location_id=self.at[place], sku_ids=[self.sku], freezes=freezes, tolerance_units=1, actor=ME
        )
        (outcome,) = self.run(open_counts(self.db, counts=[wish], now=self.now))
        assert isinstance(outcome, Count) is not (freezes and self.still(place))
        if isinstance(outcome, Count):
            self.counts.append(outcome)

    @rule(i=which, off=st.integers(-2, 2))
    def finish_count(self, i: int, off: int) -> None:
        """Two people find the same on the shelf, and it is posted; damaged units are where they should be."""
        if not self.counts:
            return
        i %= len(self.counts)
        one = self.counts[i]
        place = self.place_of(one.location_id)
        found = max(0, self.here[place] + off)
        for who in ("a", "b"):
            tallies = [
                Tally(
                    id=self.id(),
                    count_id=one.id,
                    line_id=line.id,
                    units=found if line.condition.value == "sellable" else self.damaged[place],
                    actor=who,
                )
                for line in one.lines
            ]
            answers = self.run(record_counts(self.db, tallies=tallies, now=self.now))
        assert all(
            isinstance(answer, BatutaError) or (isinstance(answer, CountLine) and answer.status is LineStatus.COUNTED)
            for answer in answers
        )
        why = {line.id: Explained(reason=VarianceReason.UNKNOWN) for line in one.lines}
        (posted,) = self.run(
            post_counts(self.db, posts=[PostCount(count_id=one.id, actor=ME, reasons=why)], now=self.now)
        )
        if one.status is not CountStatus.OPEN:
            return
        by_another = found != self.here[place] and not one.freezes and self.still(place)
        assert isinstance(posted, Frozen if by_another else Count), posted
        if isinstance(posted, Count):
            assert posted.status is CountStatus.POSTED
            self.counts[i] = posted
            self.brought += found - self.here[place]
            self.here[place] = found
        else:
            self.ends_count(i)

    @rule(i=which)
    def cancel_count(self, i: int) -> None:
        if self.counts:
            self.ends_count(i % len(self.counts))

    def ends_count(self, i: int) -> None:
        wish = CancelCount(count_id=self.counts[i].id, actor=ME)
        (outcome,) = self.run(cancel_counts(self.db, cancellations=[wish], now=self.now))
        if isinstance(outcome, Count):
            self.counts[i] = outcome

    @rule(minutes=st.integers(1, 15))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # Laws

    @invariant()
    def the_ledger_is_sound(self) -> None:
        self.run(assert_laws_hold(self.db))

    @invariant()
    def every_unit_is_where_the_model_says(self) -> None:
        lying = {
            (self.place_of(row.location_id), row.condition.value): (row.on_hand, row.reserved)
            for row in self.run(stock_of(self.db, [self.sku]))[self.sku]
        }
        for place in (0, 1):
            assert lying.get((place, "sellable"), (0, 0)) == (self.here[place], self.held(place))
            assert lying.get((place, "damaged"), (0, 0)) == (self.damaged[place], 0)
        under_way = sum(one.lines[0].missing for one in self.transfers)
        everywhere = sum(self.here.values()) + sum(self.damaged.values()) + under_way + self.gone
        assert everywhere == self.brought


async def _nested(db: Connection) -> Savepoint:
    savepoint = db.savepoint()
    await savepoint.start()
    return savepoint


@pytest.fixture
def machine(database_url: str) -> Iterator[type[TransfersMachine]]:
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
        (sku,) = runner.run(given_skus(db, 1))
        given = {"run": staticmethod(runner.run), "db": db, "sku": sku, "at": runner.run(given_locations(db, 2))}
        yield type("TransfersMachine", (TransfersMachine,), given)
        runner.run(db.rollback())
        runner.run(stack.aclose())
        runner.run(engine.dispose())


def test_transfers_and_counts_agree_with_a_naive_model(machine: type[TransfersMachine]) -> None:
    """INV-01, INV-03, INV-16"""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
