"""The clients of `benchmarks.torture`: they buy, cancel, receive and move stock, and write down what they were told.

What was acknowledged goes into a file that is synced to the disk before it counts; nothing else is compared with what
the house says afterwards.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from benchmarks.catalogue import sku_code
from benchmarks.persisting import NoAnswer, Persistent
from benchmarks.shopping import headers_of, order_body

CREATED = 201
DONE = {200, 201}
REFUSED = 409
CANCELLED_PART = 0.1
KEPT_IN_MIND = 1_000


class Torment(msgspec.Struct, frozen=True, kw_only=True):
    """What the clients shall do, and to whom.

    scarce: the first SKUs, which sell out and are fed; of the others there is more than anybody buys.
    """

    ports: list[int]
    key: str
    seconds: float
    seed: int
    skus: int
    scarce: int
    locations: int
    buyers: int
    cancellers: int
    feeders: int
    movers: int
    carriers: int
    counters: int
    list_path: str


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list: what the house said yes to. id: the order's; name: the client's own."""

    kind: str
    name: str
    id: str = ""
    number: str = ""


class Told(msgspec.Struct):
    """What else happened: refusals are answers, errors are not."""

    refused: int = 0
    lost: int = 0
    turned_away: int = 0
    errors: dict[str, int] = msgspec.field(default_factory=dict)

    def note(self, error: str) -> None:
        self.errors[error] = self.errors.get(error, 0) + 1


Act = Callable[[Persistent, random.Random, str], Awaitable[None]]


class List:
    """The clients' own list: a line is in it when it is on the disk."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    async def write(self, one: Acknowledged) -> None:
        """Return when the line is on the disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((msgspec.json.encode(one) + b"\n", done))
        self._wake.set()
        await done

    async def sync_on(self) -> None:
        """Sync what waits, again and again, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            some, self._waiting = self._waiting, []
            await asyncio.to_thread(self._sync, b"".join(line for line, _ in some))
            for _, done in some:
                done.set_result(None)

    def _sync(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()
        os.fsync(self._file.fileno())


class Crowd:
    """All clients of one run."""

    def __init__(self, torment: Torment) -> None:
        self.asked = torment
        self.told = Told()
        self.list = List(Path(torment.list_path))
        self.until = time.monotonic() + torment.seconds
        self.bought: list[str] = []

    async def run(self) -> Told:
        """Let all of them go on until the time is over."""
        syncing = asyncio.create_task(self.list.sync_on())
        clients = [(act, f"{kind}-{number}") for kind, (count, act) in self.kinds().items() for number in range(count)]
        await asyncio.gather(*(self._client(act, name, at) for at, (act, name) in enumerate(clients)))
        syncing.cancel()
        return self.told

    def kinds(self) -> dict[str, tuple[int, Act]]:
        """How many clients there are of each kind, and what they do again and again."""
        return {
            "buyer": (self.asked.buyers, self._buy),
            "canceller": (self.asked.cancellers, self._cancel),
            "feeder": (self.asked.feeders, self._feed),
            "mover": (self.asked.movers, self._move),
        }

    async def _client(self, act: Act, name: str, at: int) -> None:
        chance = random.Random(f"{self.asked.seed}{name}")
        client = Persistent(self.asked.ports, first=at)
        count = 0
        while time.monotonic() < self.until:
            try:
                await act(client, chance, f"{name}-{self.asked.seed}-{count}")
            except NoAnswer as problem:
                self.told.note(str(problem))
            count += 1
        self.told.lost += client.lost
        self.told.turned_away += client.turned_away
        client.close()

    async def _buy(self, client: Persistent, chance: random.Random, name: str) -> None:
        numbers = sorted(chance.sample(range(self.asked.skus), k=chance.randint(1, 3)), reverse=chance.random() < 0.5)
        lines = [(number, chance.randint(1, 2)) for number in numbers]
        body = order_body(lines, external_id=name, captures_at_once=chance.random() < 0.5)
        answer = await client.ask("POST", "/api/orders", self.headers(name), body)
        if answer.status == CREATED:
            placed = msgspec.json.decode(answer.body)
            await self.list.write(Acknowledged(kind="order", name=name, id=placed["order_id"], number=placed["number"]))
            if chance.random() < CANCELLED_PART:
                self.bought = [*self.bought[-KEPT_IN_MIND:], placed["order_id"]]
        else:
            self.refused("order", answer.status, answer.body)

    async def _cancel(self, client: Persistent, _: random.Random, name: str) -> None:
        if not self.bought:
            await asyncio.sleep(0.05)
            return
        id_ = self.bought.pop(0)
        path = f"/api/orders/{id_}/cancel"
        answer = await client.ask("POST", path, self.headers(name), b'{"reason":"changed my mind"}')
        if answer.status in DONE:
            await self.list.write(Acknowledged(kind="cancel", name=name, id=id_))
        else:
            self.refused("cancel", answer.status, answer.body)

    async def _feed(self, client: Persistent, chance: random.Random, name: str) -> None:
        """A supplier sends some more of what is scarce."""
        place = f'{{"location_code":"L{chance.randrange(self.asked.locations)}"}}'
        number = chance.randrange(self.asked.scarce)
        await self._record(client, name, number, chance.randint(1, 5), '"supplier"', place, "receipt")
        await asyncio.sleep(0.02)

    async def _move(self, client: Persistent, chance: random.Random, name: str) -> None:
        """Somebody drives ample goods from one place to another; scarce ones might be sold."""
        source, target = chance.sample(range(self.asked.locations), k=2)
        number = chance.randrange(self.asked.scarce, self.asked.skus)
        here, there = (f'{{"location_code":"L{place}"}}' for place in (source, target))
        await self._record(client, name, number, chance.randint(1, 20), here, there, "transfer_out")

    async def _record(  # noqa: PLR0917 - the parts of a slip
        self, client: Persistent, name: str, number: int, units: int, source: str, target: str, reason: str
    ) -> None:
        slip = (
            f'{{"key":"{name}","sku_code":"{sku_code(number)}","quantity":{units},"source":{source},'
            f'"target":{target},"reason":"{reason}","document":"{name}"}}'
        )
        answer = await client.ask("POST", "/api/stock/movements", self.headers(name), slip.encode())
        if answer.status in DONE:
            await self.list.write(Acknowledged(kind="movement", name=name))
        else:
            self.refused("movement", answer.status, answer.body)

    def headers(self, name: str) -> str:
        return headers_of(self.asked.key, idempotency_key=name)

    def refused(self, what: str, status: int, body: bytes) -> None:
        if status == REFUSED:
            self.told.refused += 1
        else:
            self.told.note(f"{what}: {status}: {body[:200]!r}")
