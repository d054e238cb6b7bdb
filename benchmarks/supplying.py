"""The clients of `benchmarks.torture` who take in what was announced, tell counts, build kits and call lots back."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from batuta.catalog.commands import save_skus, set_kit_parts
from batuta.catalog.domain import Component, Sku, Tracking
from batuta.catalog.queries import skus_by_id
from benchmarks.catalogue import sku_code, sku_id
from benchmarks.harness import House
from benchmarks.persisting import Persistent
from benchmarks.shopping import order_body
from benchmarks.stocktaking import WholeCrowd
from benchmarks.tormenting import CREATED, DONE, Acknowledged, Act, Told, Torment

EXTRA_SKUS = 2
"""A kit and what has lots, behind all others."""
LOTS = ("A", "B")
FOUND = """
    SELECT 'receipt ' || id || ' ' || received FROM inventory.expected
    UNION ALL SELECT 'kit ' || id || ' ' || verb FROM inventory.kit_work
    UNION ALL SELECT 'snapshot ' || f.code || ' ' || m.sequence
    FROM inventory.feed_message m JOIN inventory.feed f ON f.id = m.feed_id
    UNION ALL SELECT 'recall ' || l.id || ' ' || l.code FROM inventory.lot l
    WHERE l.recalled_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM inventory.stock s
        WHERE s.sku_id = l.sku_id AND s.lot = l.code AND s.condition = 'sellable' AND s.on_hand > 0)
"""
KINDS = ("receipt", "kit", "snapshot", "recall")


async def prepare(one: House, *, skus: int, scarce: int) -> None:
    """Make the first extra SKU a kit of two that are ample, and the second one of which each unit has a lot."""
    now = datetime.now(UTC)
    kit, lotted = (sku_id(number) for number in range(skus, skus + EXTRA_SKUS))
    parts = [Component(sku_id=sku_id(number), quantity=count) for number, count in ((scarce, 1), (skus - 1, 2))]
    async with one.engine.begin() as db:
        known: Sku = (await skus_by_id(db, [lotted]))[lotted]
        await save_skus(db, skus=[msgspec.structs.replace(known, tracking=Tracking.LOT)], now=now)
        await set_kit_parts(db, kits={kit: parts}, now=now)


async def lost_supplies(one: House, acknowledged: Sequence[Acknowledged]) -> list[Acknowledged]:
    """What was acknowledged of receipts, kits and counts, and is not there; and lots called back that are on sale."""
    async with one.engine.connect() as db:
        found = set(await db.scalars(text(FOUND)))
    return [done for done in acknowledged if done.kind in KINDS and f"{done.kind} {done.id} {done.number}" not in found]


class SupplyingCrowd(WholeCrowd):
    """All others, and those who take in, tell, build and call back."""

    def __init__(self, torment: Torment) -> None:
        super().__init__(torment)
        self._sequences: dict[str, int] = {}

    def kinds(self) -> dict[str, tuple[int, Act]]:
        return super().kinds() | {
            "supplier": (self.asked.counters, self._supply),
            "till": (self.asked.counters, self._tell),
            "builder": (self.asked.counters, self._build),
            "recaller": (self.asked.counters, self._call_back),
        }

    async def _supply(self, client: Persistent, chance: random.Random, name: str) -> None:
        """What is scarce or has lots is announced and comes, and somebody buys what has lots."""
        has_lots = chance.random() < 0.5
        number = self.asked.skus + 1 if has_lots else chance.randrange(self.asked.scarce)
        units = chance.randint(2, 5)
        receipt = {
            "sku_code": sku_code(number),
            "location_code": self._place(chance),
            "quantity": units,
            "due_at": datetime.now(UTC) + timedelta(days=1),
            "document": name,
        }
        told = await self._asked(client, "/api/supply/receipts", name, {"receipts": [receipt]}, "receipt")
        if told is None:
            return
        id_ = told["receipts"][0]["id"]
        came = {"delivery": f"{name}-came", "quantity": units, "lot": chance.choice(LOTS) if has_lots else ""}
        path = f"/api/supply/receipts/{id_}/receive"
        if await self._asked(client, path, f"{name}-came", came, "receipt") is not None:
            await self.list.write(Acknowledged(kind="receipt", name=name, id=id_, number=str(units)))
        if has_lots:
            await self._buy_one(client, number, f"{name}-bought")
        await asyncio.sleep(0.02)

    async def _buy_one(self, client: Persistent, number: int, name: str) -> None:
        body = order_body([(number, 1)], external_id=name)
        answer = await client.ask("POST", "/api/orders", self.headers(name), body)
        if answer.status == CREATED:
            placed = msgspec.json.decode(answer.body)
            await self.list.write(Acknowledged(kind="order", name=name, id=placed["order_id"], number=placed["number"]))
        else:
            self.refused("order", answer.status, answer.body)

    async def _tell(self, client: Persistent, chance: random.Random, name: str) -> None:
        """A till tells how many of some ample goods it counted, a little wrong; it is believed."""
        code = name.rpartition("-")[0]
        place = f"L{int(code.split('-')[1]) % self.asked.locations}"
        if code not in self._sequences:
            feed = {"code": code, "kind": "pos", "location_codes": [place]}
            if await self._asked(client, "/api/stock/feeds", name, feed, "feed") is None:
                return
        self._sequences[code] = sequence = self._sequences.get(code, 0) + 1
        numbers = chance.sample(range(self.asked.scarce, self.asked.skus), k=2)
        lines = [
            {"sku_code": sku_code(number), "location_code": place, "quantity": chance.randint(900_000, 1_000_000)}
            for number in numbers
        ]
        message = {"sequence": sequence, "kind": "snapshot", "cut_at": datetime.now(UTC), "lines": lines}
        path = f"/api/stock/feeds/{code}/messages"
        if await self._asked(client, path, f"{name}-{sequence}", message, "snapshot") is not None:
            await self.list.write(Acknowledged(kind="snapshot", name=name, id=code, number=str(sequence)))
        await asyncio.sleep(0.05)

    async def _build(self, client: Persistent, chance: random.Random, name: str) -> None:
        """Kits are built, and sometimes broken up again."""
        verb = "build" if chance.random() < 0.7 else "break"
        task = {
            "key": name,
            "sku_code": sku_code(self.asked.skus),
            "location_code": self._place(chance),
            "verb": verb,
            "quantity": chance.randint(1, 3),
        }
        told = await self._asked(client, "/api/kit-work", name, task, "kit")
        if told is not None:
            await self.list.write(Acknowledged(kind="kit", name=name, id=told["id"], number=verb))
        await asyncio.sleep(0.02)

    async def _call_back(self, client: Persistent, chance: random.Random, name: str) -> None:
        """A lot comes, some of it is bought, and it is called back while others buy."""
        number = self.asked.skus + 1
        lot = await self._asked(client, "/api/lots", name, {"sku_code": sku_code(number), "code": name}, "lot")
        slip = {
            "key": f"{name}-in",
            "sku_code": sku_code(number),
            "quantity": chance.randint(2, 5),
            "source": "supplier",
            "target": {"location_code": self._place(chance)},
            "reason": "receipt",
            "document": name,
            "lot": name,
        }
        if lot is None or await self._asked(client, "/api/stock/movements", f"{name}-in", slip, "movement") is None:
            return
        await self._buy_one(client, number, f"{name}-bought")
        path = f"/api/lots/{lot['id']}/recall"
        if await self._asked(client, path, f"{name}-recall", {"reason": "glass"}, "recall") is not None:
            await self.list.write(Acknowledged(kind="recall", name=name, id=lot["id"], number=name))
        await asyncio.sleep(0.05)

    def _place(self, chance: random.Random) -> str:
        return f"L{chance.randrange(self.asked.locations)}"

    async def _asked(
        self, client: Persistent, path: str, name: str, body: Mapping[str, Any], what: str
    ) -> dict[str, Any] | None:
        """Ask; None when the house said no."""
        answer = await client.ask("POST", path, self.headers(name), msgspec.json.encode(body))
        if answer.status not in DONE:
            self.refused(what, answer.status, answer.body)
            return None
        told: dict[str, Any] = msgspec.json.decode(answer.body)
        return told


async def torment(asked: Torment) -> Told:
    """Let the whole crowd do its worst."""
    return await SupplyingCrowd(asked).run()
