"""The clients of `benchmarks.torture` who carry goods from place to place, and count them, step by step."""

import asyncio
import random
from typing import Any

import msgspec

from benchmarks.catalogue import sku_code
from benchmarks.persisting import Persistent
from benchmarks.tormenting import CREATED, DONE, Acknowledged, Act, Crowd, Told, Torment

FROZEN_PART = 0.3
LOST_PART = 0.2
TRANSFERS = "/api/stock/transfers"
COUNTS = "/api/stock/counts"


class WholeCrowd(Crowd):
    """Those who buy, cancel, feed and move, and those who carry and count."""

    def kinds(self) -> dict[str, tuple[int, Act]]:
        return super().kinds() | {
            "carrier": (self.asked.carriers, self._carry),
            "counter": (self.asked.counters, self._count),
        }

    async def _carry(self, client: Persistent, chance: random.Random, name: str) -> None:
        """A transfer of what is scarce or ample: all its way, or until somebody says no; some of it may get lost."""
        source, target = chance.sample(range(self.asked.locations), k=2)
        lines = [
            {"sku_code": sku_code(number), "quantity": chance.randint(1, 4)}
            for number in chance.sample(range(self.asked.skus), k=2)
        ]
        wish = {"source_location_code": f"L{source}", "target_location_code": f"L{target}", "lines": lines}
        one = await self._does(client, TRANSFERS, name, wish, kind="transfer")
        for verb, body in (("approve", {}), ("pick", {"allow_partial": True}), ("ship", {}), ("depart", {})):
            if one is None:
                return
            one = await self._does(client, f"{TRANSFERS}/{one['id']}/{verb}", f"{name}-{verb}", body, kind="transfer")
        if one is None:
            return
        path = f"{TRANSFERS}/{one['id']}"
        is_lost = chance.random() < LOST_PART
        arrived = [
            {"line_id": line["id"], "quantity": line["missing"] - is_lost, "damaged": 0}
            for line in one["lines"]
            if line["missing"] > is_lost
        ]
        if arrived:
            await self._does(client, f"{path}/receive", f"{name}-receive", {"lines": arrived}, kind="transfer")
        if is_lost:
            settled = {"line_id": one["lines"][0]["id"], "quantity": 1, "outcome": "loss", "note": "fell off"}
            await self._does(client, f"{path}/settle", f"{name}-settle", settled, kind="transfer")

    async def _count(self, client: Persistent, chance: random.Random, name: str) -> None:
        """Somebody counts ample goods, and finds a few more or fewer; sometimes all stands still meanwhile."""
        numbers = chance.sample(range(self.asked.scarce, self.asked.skus), k=3)
        wish = {
            "location_code": f"L{chance.randrange(self.asked.locations)}",
            "sku_codes": [sku_code(number) for number in numbers],
            "is_blind": False,
            "freezes": chance.random() < FROZEN_PART,
            "tolerance_units": 10,
        }
        one = await self._does(client, COUNTS, name, wish, kind="count")
        if one is None:
            return
        path = f"{COUNTS}/{one['id']}"
        entries = [
            {"line_id": line["id"], "units": line["book_units"] + chance.randint(-2, 2)}
            for line in one["lines"]
            if line["book_units"] is not None
        ]
        answer = await client.ask(
            "POST", f"{path}/entries", self.headers(f"{name}-entries"), msgspec.json.encode({"entries": entries})
        )
        if answer.status in DONE:
            await self._does(client, f"{path}/post", f"{name}-post", {}, kind="count")
        else:
            self.refused("entries", answer.status, answer.body)
            await self._does(client, f"{path}/cancel", f"{name}-cancel", {}, kind="count")
        await asyncio.sleep(0.05)

    async def _does(
        self, client: Persistent, path: str, name: str, body: dict[str, Any], *, kind: str
    ) -> dict[str, Any] | None:
        """Ask for a step, and write down what the house said yes to; None when it said no."""
        answer = await client.ask("POST", path, self.headers(name), msgspec.json.encode(body))
        if answer.status not in DONE | {CREATED}:
            self.refused(kind, answer.status, answer.body)
            return None
        told: dict[str, Any] = msgspec.json.decode(answer.body)
        await self.list.write(Acknowledged(kind=kind, name=name, id=told["id"], number=told["status"]))
        return told


async def torment(asked: Torment) -> Told:
    """Let the crowd do its worst."""
    return await WholeCrowd(asked).run()
