"""Reads of what of transfers is whose."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.inventory.domain.earmarks import Earmark
from batuta.inventory.tables.transfers import earmark
from batuta.plumbing.database import Connection, rows_with


async def earmarks_of_transfers(db: Connection, transfer_ids: Collection[UUID]) -> dict[UUID, list[Earmark]]:
    """What of each transfer was or is earmarked for orders; of one that is for none, nothing."""
    found: dict[UUID, list[Earmark]] = {}
    for one in msgspec.convert(await rows_with(db, earmark.c.transfer_id, transfer_ids), list[Earmark]):
        found.setdefault(one.transfer_id, []).append(one)
    return {id_: sorted(several, key=lambda one: (one.order_id, one.line_id)) for id_, several in found.items()}


async def earmarks_of_orders(db: Connection, order_ids: Collection[UUID]) -> dict[UUID, list[Earmark]]:
    """What is or was on its way to the stores where orders are picked up."""
    found: dict[UUID, list[Earmark]] = {id_: [] for id_ in order_ids}
    for one in msgspec.convert(await rows_with(db, earmark.c.order_id, order_ids), list[Earmark]):
        found[one.order_id].append(one)
    return found
