"""Making to order: what an order has claimed becomes what it bought, and leaves at once (FUL-14)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.issuing import issue
from batuta.inventory.commands.moving import record_movements
from batuta.inventory.commands.rows import Place, sellable, write_rows
from batuta.inventory.domain import Account, Issue, Issued, Movement, MovementReason, Recorded, StockRefusal
from batuta.inventory.domain.kits import KitVerb, Making
from batuta.inventory.tables.lots import kit_work
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, insert_new


async def make_to_order(db: Connection, *, makings: Sequence[Making], now: datetime) -> list[Recorded | BatutaError]:
    """Use up the claims on parts, and put what was made of them where it goes.

    A refusal of one leaves others half done: the caller takes all of it back then.
    """
    issues = [(one, each) for one in makings for each in _issues(one, now)]
    answers = await issue(db, issues=[each for _, each in issues], now=now)
    refused: dict[Any, BatutaError] = {
        one.id: answer for (one, _), answer in zip(issues, answers, strict=True) if not isinstance(answer, Issued)
    }
    sound = [one for one in makings if one.id not in refused]
    made = dict(
        zip(
            (one.id for one in sound),
            await record_movements(db, movements=[_made(one, now) for one in sound], now=now),
            strict=True,
        )
    )
    rows = sorted((_row(one, now) for one in sound), key=lambda row: row["id"])
    await insert_new(db, kit_work, rows, returning=["id"])
    return [refused.get(one.id) or made[one.id] for one in makings]


class NotEnoughToReplace(StockRefusal):
    """What is spoilt cannot be replaced from the same shelf: fewer units are free there."""


async def scrap(db: Connection, *, scraps: Sequence[Movement], now: datetime) -> list[Recorded | BatutaError]:
    """Write off units of locations that are spoilt, out of those that nobody has claimed: others take their place."""
    places = {sellable(one.sku_id, one.source.location_id) for one in scraps if one.source.location_id}
    rows = await lock_rows_now(db, places, now=now)
    await write_rows(db, rows)
    wanted = Counter[Place]()
    refused: dict[str, BatutaError] = {}
    for one in scraps:
        assert one.source.location_id, "what is scrapped lay somewhere"
        place = sellable(one.sku_id, one.source.location_id)
        wanted[place] += one.quantity
        if wanted[place] > (free := rows.free_at(place)):
            refused[one.key] = NotEnoughToReplace(
                "fewer units are free to take its place", sku_id=str(one.sku_id), asked=wanted[place], free=free
            )
    sound = [one for one in scraps if one.key not in refused]
    recorded = iter(await record_movements(db, movements=sound, now=now))
    return [refused.get(one.key) or next(recorded) for one in scraps]


def _issues(one: Making, now: datetime) -> Iterator[Issue]:
    for part in one.parts:
        yield Issue(
            key=f"make:{one.id}:{part.sku_id}",
            holder_id=one.holder_id,
            line_id=one.line_id,
            sku_id=part.sku_id,
            location_id=one.location_id,
            quantity=part.quantity * one.quantity,
            target=Account.kit(),
            document_id=one.id,
            actor=one.actor,
            effective_at=now,
            reason=MovementReason.KIT_BUILD,
        )


def _made(one: Making, now: datetime) -> Movement:
    return Movement(
        key=f"make:{one.id}",
        sku_id=one.kit_id,
        quantity=one.quantity,
        source=Account.kit(),
        target=one.target,
        reason=MovementReason.KIT_BUILD,
        document_id=one.id,
        actor=one.actor,
        effective_at=now,
    )


def _row(one: Making, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "kit_id": one.kit_id,
        "location_id": one.location_id,
        "verb": str(KitVerb.BUILD),
        "quantity": one.quantity,
        "lot": "",
        "parts": [msgspec.structs.asdict(part) for part in one.parts],
        "actor": one.actor,
        "worked_at": now,
    }
