"""What clients send: orders of some lines, and carts step by step, with a key each."""

import json
import time
from collections.abc import Sequence
from typing import Protocol

import msgspec

from benchmarks.catalogue import BUYER, CHANNEL, PRICE_MINOR, SHIPPING_MINOR, sku_code
from benchmarks.wire import Answer

TOKEN = "tok_visa"  # noqa: S105 the test provider's, for a card that works
ADDRESS = msgspec.json.encode(BUYER).decode()
DONE = {200, 201}


class Asks(Protocol):
    """A client, persistent or not."""

    async def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> Answer: ...


class CheckoutFailed(RuntimeError):
    """A step of a checkout was answered otherwise than with success."""

    def __init__(self, step: str, answer: Answer) -> None:
        super().__init__(f"{step}: {answer.status}: {answer.body[:200]!r}")
        self.answer = answer


class CartBuyer:
    """A guest of a storefront: a cart of their own, one request a step. requests_ms: how long each took."""

    def __init__(self, client: Asks, key: str, name: str) -> None:
        self.requests_ms: list[float] = []
        self._client = client
        self._key = key
        self._name = name
        self._path = "/api/carts"

    async def check_out(self, numbers: Sequence[int], *, one_by_one: bool) -> bytes:
        """Buy one unit of each SKU: the answer to the order. one_by_one: put them in with a request each.

        Raises:
            CheckoutFailed: a step was refused.
        """
        opened = msgspec.json.decode(await self._step("POST", "", {"channel_code": CHANNEL}))
        self._path = f"/api/carts/{opened['cart']['id']}"
        lines = [{"sku_code": sku_code(number), "quantity": 1} for number in numbers]
        for some in [[line] for line in lines] if one_by_one else [lines]:
            await self._step("PUT", "/lines", {"lines": some})
        address = f'{{"email":"{self._name}@example.com","ship_to":{ADDRESS}}}'
        await self._step("PUT", "/address", msgspec.Raw(address.encode()))
        options = msgspec.json.decode(await self._step("GET", "/delivery-options", None))
        chosen = options["shipping"][0]
        await self._step("PUT", "/delivery", {"service_kind": chosen["service_kind"]})
        means = [{"method": "card", "token": TOKEN, "amount_minor": chosen["total_minor"]}]
        return await self._step("POST", "/order", {"means": means})

    async def _step(self, method: str, step: str, content: object) -> bytes:
        name = "" if method == "GET" else f"{self._name}-{len(self.requests_ms)}"
        body = b"" if content is None else msgspec.json.encode(content)
        begun = time.perf_counter()
        answer = await self._client.ask(method, self._path + step, headers_of(self._key, idempotency_key=name), body)
        self.requests_ms.append((time.perf_counter() - begun) * 1_000)
        if answer.status not in DONE:
            raise CheckoutFailed(f"{method} {step or 'cart'}", answer)
        return answer.body


def headers_of(key: str, *, idempotency_key: str = "", more: str = "") -> str:
    """The header lines of a caller."""
    named = f"Idempotency-Key: {idempotency_key}\r\n" if idempotency_key else ""
    return f"Authorization: Bearer {key}\r\n{named}{more}"


def order_body(lines: Sequence[tuple[int, int]], *, external_id: str, captures_at_once: bool = False) -> bytes:
    """An order of (SKU, units), paid by card."""
    units = sum(count for _, count in lines)
    wanted = ",".join(f'{{"sku_code":"{sku_code(number)}","quantity":{count}}}' for number, count in lines)
    return (
        f'{{"channel_code":"{CHANNEL}","external_id":"{external_id}","email":"{external_id}@example.com",'
        f'"ship_to":{ADDRESS},"lines":[{wanted}],"means":[{{"method":"card","token":"{TOKEN}",'
        f'"amount_minor":{units * PRICE_MINOR + SHIPPING_MINOR},'
        f'"captures_at_once":{json.dumps(captures_at_once)}}}]}}'
    ).encode()
