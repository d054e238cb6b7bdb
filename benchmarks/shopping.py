"""What clients send: orders of three lines, with a key each."""

import json
import random
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from batuta.kernel.ids import new_id
from benchmarks.catalogue import BUYER, CHANNEL, PRICE_MINOR, SHIPPING_MINOR, sku_code

EMAIL = "ana@example.com"
TOKEN = "tok_visa"  # noqa: S105 the test provider's, for a card that works
ADDRESS = msgspec.json.encode(BUYER).decode()


def headers_of(key: str, *, idempotency_key: str = "", more: str = "") -> str:
    """The header lines of a caller."""
    named = f"Idempotency-Key: {idempotency_key}\r\n" if idempotency_key else ""
    return f"Authorization: Bearer {key}\r\n{named}{more}"


def order_id(chance: random.Random) -> UUID:
    """A client's own id for an order."""
    return new_id(datetime.now(UTC), chance)


def order_body(id_: object, lines: list[tuple[int, int]], *, external_id: str, captures_at_once: bool = False) -> bytes:
    """An order of (SKU, units), paid by card."""
    units = sum(count for _, count in lines)
    wanted = ",".join(f'{{"sku_code":"{sku_code(number)}","quantity":{count}}}' for number, count in lines)
    return (
        f'{{"id":"{id_}","channel_code":"{CHANNEL}","external_id":"{external_id}","email":"{EMAIL}",'
        f'"ship_to":{ADDRESS},"lines":[{wanted}],"means":[{{"method":"card","token":"{TOKEN}",'
        f'"amount_minor":{units * PRICE_MINOR + SHIPPING_MINOR},'
        f'"captures_at_once":{json.dumps(captures_at_once)}}}]}}'
    ).encode()
