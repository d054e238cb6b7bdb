"""Notices and messages for the tests of notifications."""

from typing import Any

import msgspec

from batuta.notifications.domain import Medium, Message, MessageStatus, Notice
from tests.making import NOW, fresh_code, fresh_id

EVERY_FACT: dict[str, Any] = {
    "name": "Ana",
    "order_number": "P-1042-7",
    "shop": "Casa Clara",
    "currency": "EUR",
    "total_minor": 17925,
    "due_minor": 17925,
    "amount_minor": 17925,
    "item": "Silla",
    "units": 2,
    "carrier": "Rápido",
    "tracking_number": "BT0000001234",
    "location": "Casa Clara Sevilla",
    "address": "Calle Sierpes 1, Sevilla",
    "code": "481516",
    "until_at": NOW,
    "delivered_at": NOW,
    "promised_at": NOW,
    "items": "Silla (2)",
    "pickup": "Casa Clara Sevilla",
    "delivered_to": "Calle Feria 2, Sevilla",
    "proof": "https://casaclara.example.com/proofs/1",
    "url": "https://casaclara.example.com/pedido/P-1042-7",
    "time_zone": "Europe/Madrid",
}


def notice(**more: Any) -> Notice:
    plain = Notice(
        id=fresh_id(),
        template="order_placed",
        locale="es",
        recipient="ana@example.com",
        stream=fresh_id(),
        facts=EVERY_FACT,
        dedupe_key=fresh_code("order_placed"),
    )
    return msgspec.structs.replace(plain, **more)


def message() -> Message:
    return Message(
        id=fresh_id(),
        template="order_placed",
        locale="es",
        medium=Medium.EMAIL,
        recipient="ana@example.com",
        subject="Hemos recibido tu pedido",
        body="Hola.\n",
        status=MessageStatus.QUEUED,
        dedupe_key=fresh_code("order_placed"),
        stream=fresh_id(),
        created_at=NOW,
    )
