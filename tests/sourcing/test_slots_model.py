"""Slots against a naive model: whatever is asked in whatever order, the same have them."""

import random
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.sourcing.commands.booking import confirm_slots, hold_slots, release_expired_slots, release_slots
from batuta.sourcing.commands.slots import save_slots
from batuta.sourcing.domain.slots.windows import ConfirmSlot, HoldSlot, Slot, SlotHold
from batuta.sourcing.queries.slots import SLOT_LAWS, taken_of
from tests.making import NOW, fresh_id
from tests.sourcing.test_slots import a_region, a_slot, to

STEPS = 80
HOLDERS = 6


class Naive:
    """Who has which slot until when; None is for good."""

    def __init__(self, slots: list[Slot]) -> None:
        self.slots = {one.id: one for one in slots}
        self.has: dict[UUID, tuple[UUID, datetime | None]] = {}
        self.had: dict[UUID, UUID] = {}

    def live(self, slot_id: UUID, now: datetime) -> list[UUID]:
        return [one for one, (slot, until) in self.has.items() if slot == slot_id and (until is None or until > now)]

    def has_room(self, slot_id: UUID, holder: UUID, now: datetime) -> bool:
        live = self.live(slot_id, now)
        return holder in live or len(live) < self.slots[slot_id].limit

    def hold(self, slot_id: UUID, holder: UUID, until: datetime, now: datetime) -> bool:
        is_confirmed = holder in self.has and self.has[holder][1] is None
        if is_confirmed or not self.has_room(slot_id, holder, now):
            return False
        self.has[holder] = slot_id, until
        self.had[holder] = slot_id
        return True

    def confirm(self, holder: UUID, order: UUID, now: datetime) -> bool:
        slot_id = self.had.get(holder)
        if slot_id is None or not self.has_room(slot_id, holder, now):
            return False
        self.has.pop(holder, None)
        del self.had[holder]
        self.has[order] = slot_id, None
        return True

    def release(self, holder: UUID) -> None:
        self.has.pop(holder, None)
        self.had.pop(holder, None)

    def resize(self, slot_id: UUID, capacity: int, now: datetime) -> bool:
        if capacity < len(self.live(slot_id, now)):
            return False
        self.slots[slot_id] = msgspec.structs.replace(self.slots[slot_id], capacity=capacity)
        return True


@pytest.mark.parametrize("seed", range(6))
async def test_slots_are_had_by_whom_a_naive_model_says(db: Connection, seed: int) -> None:
    """PRM-06"""
    chance = random.Random(seed)
    here = a_region()
    slots = [a_slot(here, capacity=capacity) for capacity in (1, 2, 3)]
    await save_slots(db, slots=slots, now=NOW)
    model, now = Naive(slots), NOW
    holders = [fresh_id() for _ in range(HOLDERS)]
    orders: list[UUID] = []

    for _ in range(STEPS):
        slot_id, holder = chance.choice(slots).id, chance.choice(holders)
        (deed,) = chance.choices(
            ["hold", "confirm", "release", "cancel", "pass", "sweep", "resize"], [8, 4, 2, 2, 3, 1, 2]
        )
        match deed:
            case "hold":
                until = now + timedelta(minutes=chance.randint(1, 20))
                wish = HoldSlot(slot_id=slot_id, holder_id=holder, destination=to(here), until_at=until, actor="guest")
                (held,) = await hold_slots(db, wishes=[wish], now=now)
                assert isinstance(held, SlotHold) == model.hold(slot_id, holder, until, now)
            case "confirm":
                order = fresh_id()
                wanted = ConfirmSlot(holder_id=holder, order_id=order, destination=to(here), currency="EUR")
                (confirmed,) = await confirm_slots(db, confirmations=[wanted], now=now)
                assert isinstance(confirmed, SlotHold) == model.confirm(holder, order, now)
                orders += [order] if isinstance(confirmed, SlotHold) else []
            case "release":
                await release_slots(db, holder_ids=[holder])
                model.release(holder)
            case "cancel" if orders:
                order = orders.pop(chance.randrange(len(orders)))
                await release_slots(db, holder_ids=[order])
                model.release(order)
            case "pass":
                now += timedelta(minutes=chance.randint(1, 15))
            case "sweep":
                await release_expired_slots(db, now=now, limit=500)
            case "resize":
                capacity = chance.randint(0, 4)
                (saved,) = await save_slots(
                    db, slots=[msgspec.structs.replace(model.slots[slot_id], capacity=capacity)], now=now
                )
                assert isinstance(saved, Slot) == model.resize(slot_id, capacity, now)
        taken = await taken_of(db, [one.id for one in slots], now=now)
        assert [taken[one.id] for one in slots] == [len(model.live(one.id, now)) for one in slots]
        assert all(taken[id_] <= one.limit for id_, one in model.slots.items())
    assert [one for one in await examine(db, SLOT_LAWS) if one.broken] == []
