"""The machine of stock verbs, where units are also announced before they come, and kits built and broken up."""

from datetime import timedelta
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from batuta.catalog.commands import set_kit_parts
from batuta.catalog.domain import Component
from batuta.inventory.commands import expect, receive_expected
from batuta.inventory.commands.kits import work_on_kits
from batuta.inventory.domain.kits import KitTask, KitVerb, KitWork
from batuta.inventory.domain.supply import Expected, ReceiveExpected, SupplyKind
from batuta.kernel.errors import BatutaError
from tests.inventory.test_machine import StockMachine, cells, few, machine

__all__ = ["machine"]

PARTS = 2
KIT, PART = 1, 0


class SupplyMachine(StockMachine):
    """Besides: how much of each receipt has yet to come. A kit, the second SKU, is built of two of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: dict[UUID, tuple[UUID, UUID, int]] = {}
        parts = {self.skus[KIT]: [Component(sku_id=self.skus[PART], quantity=PARTS)]}
        self.run(set_kit_parts(self.db, kits=parts, now=self.now))

    @rule(cell=cells, units=few)
    def announce(self, cell: tuple[int, int], units: int) -> None:
        sku, at = self.cell(cell)
        one = Expected(
            id=self.id(),
            sku_id=sku,
            location_id=at,
            quantity=units,
            kind=SupplyKind.PURCHASE,
            due_at=self.now + timedelta(days=1),
            document="PO",
            actor="test:ana",
        )
        for _ in range(2):
            (told,) = self.run(expect(self.db, expected=[one], now=self.now))
            assert not isinstance(told, BatutaError)
        self.coming[one.id] = (sku, at, units)

    @precondition(lambda self: self.coming)
    @rule(data=st.data(), units=few)
    def come(self, data: st.DataObject, units: int) -> None:
        """Never more comes than was announced; the same delivery again is the same units."""
        id_ = data.draw(st.sampled_from(sorted(self.coming)))
        sku, at, left = self.coming[id_]
        one = ReceiveExpected(
            key=str(self.id()), expected_id=id_, quantity=units, actor="test:ana", effective_at=self.now
        )
        first, again = (self.run(receive_expected(self.db, receipts=[one], now=self.now))[0] for _ in range(2))
        assert isinstance(first, BatutaError) == isinstance(again, BatutaError) == (units > left)
        if units <= left:
            self.coming[id_] = (sku, at, left - units)
            self.units[sku, at, ""] = self.units.get((sku, at, ""), 0) + units

    @rule(at=st.integers(0, 1), kits=st.integers(1, 2), verb=st.sampled_from(KitVerb))
    def work(self, at: int, kits: int, verb: KitVerb) -> None:
        """Only units that nobody has claimed go into kits, and only such kits are broken up."""
        place, kit, part = self.places[at], self.skus[KIT], self.skus[PART]
        task = KitTask(id=self.id(), kit_id=kit, location_id=place, verb=verb, quantity=kits, actor="test:ana")
        (outcome,) = self.run(work_on_kits(self.db, tasks=[task], now=self.now))
        taken, lost, made, gained = (part, PARTS * kits, kit, kits)
        if verb is KitVerb.BREAK:
            taken, lost, made, gained = made, gained, taken, lost
        assert isinstance(outcome, KitWork) == (self.unclaimed(taken, place) >= lost), outcome
        if isinstance(outcome, KitWork):
            self.reread(taken, place, less=lost)
            self.reread(made, place, less=-gained)

    def unclaimed(self, sku: UUID, at: UUID) -> int:
        """Neither claimed nor kept back from sale."""
        here = sum(units for (a, b, _), units in self.units.items() if (a, b) == (sku, at))
        return (
            here
            - self.safety.get((sku, at), 0)
            - sum(one.units for one in self.live() if (one.sku, one.at) == (sku, at))
        )


def test_announced_units_and_kits_agree_with_a_naive_model(machine: type[StockMachine]) -> None:
    """INV-01, INV-03, INV-13: beside all other verbs of stock."""
    kept = {name: getattr(machine, name) for name in ("db", "skus", "places", "feed")}
    whole = type("SupplyMachine", (SupplyMachine,), kept | {"run": staticmethod(machine.run)})
    run_state_machine_as_test(
        whole,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
