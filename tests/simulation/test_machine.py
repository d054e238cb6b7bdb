"""Any sequence of stock and order verbs agrees with a naive model, and every law of the house holds after each step.

The model knows units and nothing else: how many lie where, who has a claim on how many, and what has left. What the
house plays by itself (authorising, sourcing, offering, capturing) must not change any of that.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy.engine import make_url

from batuta.fulfillment.commands import dispatch
from batuta.fulfillment.domain import Dispatch, FulfillmentStatus
from batuta.inventory.commands import extend, record_movements, release, reserve
from batuta.inventory.domain import (
    Account,
    Condition,
    Extend,
    Movement,
    MovementReason,
    OutOfStock,
    Recorded,
    Release,
    Reserved,
    ReserveLine,
    ReserveRequest,
)
from batuta.inventory.queries import availability, stock_of
from batuta.ordering.commands import EndHold, add_holds, cancel, end_holds, place
from batuta.ordering.domain import (
    Cancelled,
    CancelLine,
    CancelRequest,
    HoldKind,
    HoldStatus,
    Means,
    NewHold,
    NothingToCancel,
    Order,
    Placed,
    PlaceOrder,
    Stage,
)
from batuta.plumbing.database import Engine, create_engine
from batuta.returns.commands import approve, grade, receive, request, resolve
from batuta.returns.domain import (
    Approve,
    Grade,
    GradeUnits,
    Receipt,
    ReceivedUnits,
    RequestReturn,
    Resolve,
    ReturnedUnits,
)
from batuta.returns.queries import returns_of_orders
from batuta.shipping.domain import ParcelStatus
from tests.conftest import create_database
from tests.journeys.journey import BUYER, SELLER, Journey, broken_laws
from tests.making import fresh_code, fresh_id
from tests.ordering.test_commands import an_order
from tests.world import build_carrier, build_shop

GOODS = ("chair", "table")
PLACES = ("north", "south")
OPENING = 4
PARTS = {"chair": {"chair": 1}, "table": {"table": 1}, "set": {"chair": 2}, "service": {}}
PRICE_MINOR, SHIPPING_MINOR = 333, 490

goods, places = st.sampled_from(GOODS), st.sampled_from(PLACES)
few = st.integers(1, 3)
wishes = st.lists(st.tuples(st.sampled_from(tuple(PARTS)), few), min_size=1, max_size=3)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Bought(msgspec.Struct):
    """A line as the model knows it: units bought, cancelled, handed over, and back again."""

    name: str
    bought: int
    cancelled: int = 0
    left: int = 0
    back: int = 0

    @property
    def waiting(self) -> int:
        return self.bought - self.cancelled - self.left


class Cart(msgspec.Struct):
    id: UUID
    units: Counter[str]
    until_at: datetime


class OrderMachine(RuleBasedStateMachine):
    """The model: units by good and place, carts that hold some for a while, and orders line by line."""

    run: Run
    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.journey = self.run(_opened(self.engine))
        self.units = {(name, at): OPENING for name in GOODS for at in PLACES}
        self.aside: Counter[str] = Counter()
        self.carts: list[Cart] = []
        self.orders: dict[UUID, dict[UUID, Bought]] = {}
        self.asked: list[PlaceOrder] = []

    # What the model says

    def live_carts(self) -> list[Cart]:
        return [one for one in self.carts if one.until_at > self.journey.now and one.units]

    def claimed(self, name: str) -> int:
        by_orders = sum(
            line.waiting * PARTS[line.name].get(name, 0) for lines in self.orders.values() for line in lines.values()
        )
        return by_orders + sum(one.units[name] for one in self.live_carts())

    def free(self, name: str) -> int:
        return sum(self.units[name, at] for at in PLACES) - self.claimed(name)

    def can_have(self, wanted: Counter[str]) -> bool:
        return all(units <= self.free(name) for name, units in wanted.items())

    def order_with(self, data: st.DataObject, fits: Callable[[Bought], bool]) -> tuple[UUID, UUID] | None:
        """An order and its line that fits, by chance."""
        found = [(id_, at) for id_, lines in self.orders.items() for at, line in lines.items() if fits(line)]
        return data.draw(st.sampled_from(found)) if found else None

    # Stock

    @rule(name=goods, at=places, units=few)
    def stock_comes(self, name: str, at: str, units: int) -> None:
        self.moved(name, units, Account.supplier(), self.at(at), MovementReason.RECEIPT)
        self.units[name, at] += units

    @rule(name=goods, source=places, units=few)
    def stock_is_moved(self, name: str, source: str, units: int) -> None:
        """Units that nobody has claimed are driven to the other place."""
        target = PLACES[1 - PLACES.index(source)]
        moved = min(units, self.unclaimed(name, source))
        if moved:
            self.moved(name, moved, self.at(source), self.at(target), MovementReason.TRANSFER_OUT)
            self.units[name, source] -= moved
            self.units[name, target] += moved

    @rule(name=goods, at=places, units=few)
    def stock_breaks(self, name: str, at: str, units: int) -> None:
        broken = min(units, self.unclaimed(name, at))
        if broken:
            damaged = Account.location(self.journey.shop.locations[at].id, Condition.DAMAGED)
            self.moved(name, broken, self.at(at), damaged, MovementReason.DAMAGE)
            self.units[name, at] -= broken
            self.aside[name] += broken

    def at(self, place_: str) -> Account:
        return Account.location(self.journey.shop.locations[place_].id)

    def unclaimed(self, name: str, at: str) -> int:
        """Where claims lie is the house's choice."""
        found = self.run(self.available(name))
        return int(found.get(self.journey.shop.locations[at].id, 0))

    async def available(self, name: str) -> dict[UUID, int]:
        sku_id = self.journey.shop.skus[name].id
        async with self.engine.connect() as db:
            found = await availability(db, sku_ids=[sku_id], now=self.journey.now)
        return {one.location_id: one.available for one in found}

    def moved(self, name: str, units: int, source: Account, target: Account, reason: MovementReason) -> None:
        movement = Movement(
            key=fresh_code("movement"),
            sku_id=self.journey.shop.skus[name].id,
            quantity=units,
            source=source,
            target=target,
            reason=reason,
            document_id=fresh_id(),
            actor="test:ana",
            effective_at=self.journey.now,
        )
        answers = self.ask(record_movements, movements=[movement, movement])
        assert answers == [Recorded(key=movement.key)] * 2

    # Carts

    @rule(wanted=st.lists(st.tuples(goods, few), min_size=1, max_size=2), minutes=st.integers(2, 10))
    def a_cart_holds(self, wanted: list[tuple[str, int]], minutes: int) -> None:
        units: Counter[str] = Counter()
        for name, count in wanted:
            units[name] += count
        holder, until_at = fresh_id(), self.journey.now + timedelta(minutes=minutes)
        lines = [
            ReserveLine(line_id=fresh_id(), sku_id=self.journey.shop.skus[name].id, quantity=count)
            for name, count in wanted
        ]
        (outcome,) = self.ask(reserve, requests=[ReserveRequest(holder_id=holder, lines=lines, until_at=until_at)])
        assert isinstance(outcome, Reserved if self.can_have(units) else OutOfStock)
        if isinstance(outcome, Reserved):
            self.carts.append(Cart(holder, units, until_at))

    @precondition(lambda self: self.live_carts())
    @rule(data=st.data())
    def a_cart_is_left(self, data: st.DataObject) -> None:
        cart = data.draw(st.sampled_from(self.live_carts()))
        (freed,) = self.ask(release, releases=[Release(holder_id=cart.id)])
        assert freed == cart.units.total()
        self.carts.remove(cart)

    @precondition(lambda self: self.live_carts())
    @rule(data=st.data(), minutes=st.integers(1, 15))
    def a_cart_holds_longer(self, data: st.DataObject, minutes: int) -> None:
        cart = data.draw(st.sampled_from(self.live_carts()))
        until_at = self.journey.now + timedelta(minutes=minutes)
        (answer,) = self.ask(extend, holders=[Extend(holder_id=cart.id, until_at=until_at)])
        assert answer.units == cart.units.total()
        cart.until_at = max(cart.until_at, until_at)

    # Orders

    @rule(lines=wishes)
    def somebody_buys(self, lines: list[tuple[str, int]]) -> None:
        wanted: Counter[str] = Counter()
        for name, units in lines:
            for part, each in PARTS[name].items():
                wanted[part] += each * units
        total = sum(units for _, units in lines) * PRICE_MINOR + (SHIPPING_MINOR if wanted else 0)
        means = [Means(method="card", amount_minor=total, token="tok_visa")]
        asked = an_order(self.journey.shop, *lines, means=means, placed_at=self.journey.now)
        (outcome,) = self.ask(place, orders=[asked])
        assert isinstance(outcome, Placed if self.can_have(wanted) else OutOfStock), outcome
        if isinstance(outcome, Placed):
            order = self.order(asked.id)
            self.asked.append(asked)
            self.orders[asked.id] = {
                line.id: Bought(name, units) for line, (name, units) in zip(order.lines, lines, strict=True)
            }

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def somebody_sends_the_same_order_again(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.asked))
        (outcome,) = self.ask(place, orders=[asked])
        assert isinstance(outcome, Placed)
        assert outcome.order_id == asked.id

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), units=few)
    def units_of_a_line_are_cancelled(self, data: st.DataObject, units: int) -> None:
        """What has not left is taken back, of locations too: in this world none has begun to pick."""
        if found := self.order_with(data, lambda line: line.waiting > 0):
            order_id, line_id = found
            line = self.orders[order_id][line_id]
            self.cancelled(order_id, [CancelLine(line_id=line_id, quantity=units)])
            line.cancelled += min(units, line.waiting)
            self.after_cancelling(order_id)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def an_order_is_cancelled(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(list(self.orders)))
        is_left = not any(line.waiting for line in self.orders[order_id].values())
        self.cancelled(order_id, None, is_refused=is_left)
        for line in self.orders[order_id].values():
            line.cancelled += line.waiting
        self.after_cancelling(order_id)

    def cancelled(self, order_id: UUID, lines: Sequence[CancelLine] | None, *, is_refused: bool = False) -> None:
        wish = CancelRequest(id=fresh_id(), order_id=order_id, reason="no more", actor=BUYER, lines=lines)
        first, again = self.ask(cancel, requests=[wish, wish])
        assert isinstance(first, NothingToCancel if is_refused else Cancelled), first
        assert type(first) is type(again)

    def after_cancelling(self, order_id: UUID) -> None:
        """Services are rendered by themselves, perhaps before; nothing else is."""
        self.journey_goes_on(seconds=1)
        for line in self.order(order_id).lines:
            known = self.orders[order_id][line.id]
            if not PARTS[known.name]:
                known.cancelled, known.left = line.buckets.cancelled, line.buckets.delivered
            assert line.buckets.cancelled == known.cancelled

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def an_order_is_held(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(list(self.orders)))
        hold = NewHold(
            id=fresh_id(), order_id=order_id, kind=HoldKind.MANUAL, reason="look", actor=SELLER, blocks=Stage.SOURCE
        )
        self.run(self.held(hold))

    async def held(self, hold: NewHold) -> None:
        async with self.engine.begin() as db:
            await add_holds(db, holds=[hold], now=self.journey.now)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def an_order_is_let_go(self, data: st.DataObject) -> None:
        order = self.order(data.draw(st.sampled_from(list(self.orders))))
        active = [hold for hold in order.holds if hold.status is HoldStatus.ACTIVE]
        self.ask(end_holds, ends=[EndHold(hold_id=hold.id, actor=SELLER, reason="seen") for hold in active])

    # Locations, carriers, customers

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def a_location_sends(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(list(self.orders)))
        offered = self.run(self.journey.ids(order_id, FulfillmentStatus.OFFERED))
        if not offered or any(hold.status is HoldStatus.ACTIVE for hold in self.order(order_id).holds):
            return
        work = next(one for one in self.run(self.journey.work(order_id)) if one.id == offered[0])
        asked = Dispatch(fulfillment_order_id=work.id, actor=SELLER, label_format="zpl")
        (outcome,) = self.ask(dispatch, dispatches=[asked])
        assert not isinstance(outcome, Exception), outcome
        names = {one.id: name for name, one in self.journey.shop.locations.items()}
        for line_id, units in outcome.units("handed_over").items():
            line = self.orders[order_id][line_id]
            line.left += units
            for part, each in PARTS[line.name].items():
                self.units[part, names[work.location_id]] -= each * units

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def a_carrier_delivers(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(list(self.orders)))
        under_way = [
            one for one in self.run(self.journey.parcels(order_id)) if one.status is not ParcelStatus.DELIVERED
        ]
        self.run(self.journey.carrier_says(order_id, "delivered", self.journey.now, of=under_way))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), at=places, state=st.sampled_from([Grade.RESELL, Grade.SCRAP]))
    def a_unit_comes_back(self, data: st.DataObject, at: str, state: Grade) -> None:
        """Requested, approved, received, looked at and paid back; one that is as new can be sold again."""
        found = self.order_with(data, lambda line: line.name in GOODS and line.left > line.back)
        if found is None:
            return
        order_id, line_id = found
        line = next(one for one in self.order(order_id).lines if one.id == line_id)
        if line.buckets.delivered <= line.buckets.returned:
            return
        known = self.orders[order_id][line_id]
        self.run(self.back(order_id, line_id, self.journey.shop.locations[at].id, state))
        known.back += 1
        if state is Grade.RESELL:
            self.units[known.name, at] += 1

    async def back(self, order_id: UUID, line_id: UUID, location_id: UUID, state: Grade) -> None:
        units = (ReturnedUnits(order_line_id=line_id, quantity=1),)
        wish = RequestReturn(id=fresh_id(), order_id=order_id, lines=units, actor=BUYER)
        journey = self.journey
        await journey.do(request, requests=[wish])
        async with self.engine.connect() as db:
            found = next(one for one in (await returns_of_orders(db, [order_id]))[order_id] if one.id == wish.id)
        came = (ReceivedUnits(line_id=found.lines[0].id, quantity=1),)
        receipt = Receipt(id=fresh_id(), return_id=found.id, location_id=location_id, lines=came, actor=SELLER)
        look = GradeUnits(
            id=fresh_id(), return_id=found.id, line_id=found.lines[0].id, grade=state, quantity=1, actor=SELLER
        )
        await journey.do(approve, approvals=[Approve(return_id=found.id, actor=SELLER)])
        await journey.do(receive, receipts=[receipt])
        await journey.do(grade, gradings=[look])
        await journey.do(resolve, resolutions=[Resolve(id=fresh_id(), return_id=found.id, actor=SELLER)])

    # Time

    @rule(minutes=st.integers(1, 4))
    def time_passes(self, minutes: int) -> None:
        """Carts end, and the house does what follows."""
        self.journey_goes_on(minutes=minutes)

    def journey_goes_on(self, **elapsed: int) -> None:
        self.run(self.journey.pass_time(**elapsed))

    def ask(self, command: Callable[..., Any], **things: Any) -> list[Any]:
        answers: list[Any] = self.run(self.journey.ask(command, **things))
        return answers

    def order(self, order_id: UUID) -> Order:
        order: Order = self.run(self.journey.order(order_id))
        return order

    # Laws

    @invariant()
    def every_law_holds(self) -> None:
        assert self.run(broken_laws(self.engine)) == []

    @invariant()
    def units_lie_where_the_model_says(self) -> None:
        skus = {name: self.journey.shop.skus[name].id for name in GOODS}
        levels = self.run(_levels(self.engine, list(skus.values())))
        for name, sku_id in skus.items():
            for at in PLACES:
                here = (self.journey.shop.locations[at].id, Condition.SELLABLE)
                found = sum(one.on_hand for one in levels[sku_id] if (one.location_id, one.condition) == here)
                assert found == self.units[name, at], (name, at)
            assert sum(self.run(self.available(name)).values()) == self.free(name) >= 0, name


async def _opened(engine: Engine) -> Journey:
    stock = {name: dict.fromkeys(PLACES, OPENING) for name in GOODS}
    async with engine.begin() as db:
        shop = await build_shop(db, stock=stock, price_minor=PRICE_MINOR)
        await build_carrier(db)
    return Journey(engine, shop)


async def _levels(engine: Engine, sku_ids: list[UUID]) -> Any:
    async with engine.connect() as db:
        return await stock_of(db, sku_ids)


@pytest.fixture
def machine(server_url: str, worker_id: str) -> Iterator[type[OrderMachine]]:
    """The machine's class with a database of its own, for the audit speaks of all of it."""
    name = f"machine_{worker_id}_{os.getpid()}"
    asyncio.run(create_database(server_url, name))
    with asyncio.Runner() as runner:
        engine = create_engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
        yield type("OrderMachine", (OrderMachine,), {"run": staticmethod(runner.run), "engine": engine})
        runner.run(engine.dispose())


def test_stock_and_order_verbs_agree_with_a_naive_model(machine: type[OrderMachine]) -> None:
    """INV-01, INV-05, RES-04, RES-05, ORD-01, ORD-04, ORD-07, RET-05."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
