"""What clients send: orders of three lines, with a key each."""

import json

import msgspec

from benchmarks.catalogue import BUYER, CHANNEL, PRICE_MINOR, SHIPPING_MINOR, sku_code

TOKEN = "tok_visa"  # noqa: S105 the test provider's, for a card that works
ADDRESS = msgspec.json.encode(BUYER).decode()


def headers_of(key: str, *, idempotency_key: str = "", more: str = "") -> str:
    """The header lines of a caller."""
    named = f"Idempotency-Key: {idempotency_key}\r\n" if idempotency_key else ""
    return f"Authorization: Bearer {key}\r\n{named}{more}"


def order_body(lines: list[tuple[int, int]], *, external_id: str, captures_at_once: bool = False) -> bytes:
    """An order of (SKU, units), paid by card."""
    units = sum(count for _, count in lines)
    wanted = ",".join(f'{{"sku_code":"{sku_code(number)}","quantity":{count}}}' for number, count in lines)
    return (
        f'{{"channel_code":"{CHANNEL}","external_id":"{external_id}","email":"{external_id}@example.com",'
        f'"ship_to":{ADDRESS},"lines":[{wanted}],"means":[{{"method":"card","token":"{TOKEN}",'
        f'"amount_minor":{units * PRICE_MINOR + SHIPPING_MINOR},'
        f'"captures_at_once":{json.dumps(captures_at_once)}}}]}}'
    ).encode()
