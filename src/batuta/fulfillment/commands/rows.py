"""Writing fulfillment orders, their lines and their packages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, bindparam, delete, update

from batuta.fulfillment.domain import Changes, FulfillmentOrder, Package
from batuta.fulfillment.domain.work_orders import COUNTS
from batuta.fulfillment.tables import fulfillment_line, fulfillment_order, package
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params

_order = arrays(
    "given",
    id=Uuid(),
    status=Text(),
    pickup_code=Text(),
    collect_until_at=Instant,
    collected_by=Text(),
    reason=Text(),
    escalated_at=Instant,
    version=Integer(),
)
_update_orders = (
    update(fulfillment_order)
    .values({fulfillment_order.c[name]: _order.c[name] for name in _order.c.keys() if name != "id"})  # noqa: SIM118
    .values(updated_at=bindparam("updated_at", type_=Instant))
    .where(fulfillment_order.c.id == _order.c.id)
)

_line = arrays("given", fulfillment_order_id=Uuid(), line_id=Uuid(), sku_id=Uuid(), **dict.fromkeys(COUNTS, Integer()))
_update_lines = (
    update(fulfillment_line)
    .values({fulfillment_line.c[name]: _line.c[name] for name in COUNTS})
    .where(
        fulfillment_line.c.fulfillment_order_id == _line.c.fulfillment_order_id,
        fulfillment_line.c.line_id == _line.c.line_id,
        fulfillment_line.c.sku_id == _line.c.sku_id,
    )
)

_gone = arrays("given", fulfillment_order_id=Uuid(), line_id=Uuid(), sku_id=Uuid())
_forget_lines = delete(fulfillment_line).where(
    fulfillment_line.c.fulfillment_order_id == _gone.c.fulfillment_order_id,
    fulfillment_line.c.line_id == _gone.c.line_id,
    fulfillment_line.c.sku_id == _gone.c.sku_id,
)

TIMES = ("handed_over_at", "delivered_at", "taken_back_at", "written_off_at", "unpacked_at")
_package = arrays("given", parcel_id=Uuid(), **dict.fromkeys(TIMES, Instant))
_update_packages = (
    update(package)
    .values({package.c[name]: _package.c[name] for name in TIMES})
    .where(package.c.parcel_id == _package.c.parcel_id)
)


async def write_fulfillments(db: Connection, changes: Changes, *, now: datetime) -> dict[int, BatutaError]:
    """Store what changed, the last state of each; nothing here is ever refused."""
    first: dict[UUID, FulfillmentOrder] = {}
    last: dict[UUID, FulfillmentOrder] = {}
    for _, change in changes:
        first.setdefault(change.after.id, change.before)
        last[change.after.id] = change.after
    pairs = [(first[id_], last[id_]) for id_ in sorted(last)]
    await _insert(db, [after for before, after in pairs if not before.version], now=now)
    known = [(before, after) for before, after in pairs if before.version]
    if known:
        await _update(db, known, now=now)
    await _write_packages(db, pairs, now=now)
    return {}


async def _insert(db: Connection, made: Iterable[FulfillmentOrder], *, now: datetime) -> None:
    made = list(made)
    await insert_rows(db, fulfillment_order, (_order_row(one, now) for one in made))
    await insert_rows(db, fulfillment_line, (row for one in made for row in _line_rows(one)))


def _order_row(one: FulfillmentOrder, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "order_id": one.order_id,
        "order_number": one.order_number,
        "location_id": one.location_id,
        "method": str(one.method),
        "service_id": one.service_id,
        "status": str(one.status),
        "ship_to": one.ship_to,
        "locale": one.locale,
        "expires_at": one.expires_at,
        "escalate_at": one.escalate_at,
        "version": one.version,
        "created_at": now,
        "updated_at": now,
    }


def _line_rows(one: FulfillmentOrder) -> list[dict[str, Any]]:
    return [
        {
            "fulfillment_order_id": one.id,
            "position": position,
            "line_id": line.line_id,
            "sku_id": line.sku_id,
            "quantity": line.quantity,
            "per_unit": line.per_unit,
            "is_tracked": line.is_tracked,
            "makes": line.makes,
            **{count: getattr(line, count) for count in COUNTS},
        }
        for position, line in enumerate(one.lines)
    ]


async def _update(db: Connection, pairs: Iterable[tuple[FulfillmentOrder, FulfillmentOrder]], *, now: datetime) -> None:
    pairs = list(pairs)
    after = [after for _, after in pairs]
    columns = {name: [getattr(one, name) for one in after] for name in _order.c.keys()}  # noqa: SIM118
    await db.execute(_update_orders, {"updated_at": now} | params("given", **columns))
    await _replace_parts(db, pairs)
    lines = [
        (after.id, line)
        for before, after in pairs
        for known in [{(line.line_id, line.sku_id): line for line in before.lines}]
        for line in after.lines
        if known.get((line.line_id, line.sku_id), line) != line
    ]
    if lines:
        await db.execute(
            _update_lines,
            params(
                "given",
                fulfillment_order_id=[id_ for id_, _ in lines],
                line_id=[line.line_id for _, line in lines],
                sku_id=[line.sku_id for _, line in lines],
                **{count: [getattr(line, count) for _, line in lines] for count in COUNTS},
            ),
        )


async def _replace_parts(db: Connection, pairs: Iterable[tuple[FulfillmentOrder, FulfillmentOrder]]) -> None:
    """What was made takes the place of its parts."""
    gone: list[tuple[UUID, UUID, UUID]] = []
    new: list[dict[str, Any]] = []
    for before, after in pairs:
        if len(before.lines) == len(after.lines) and not any(line.is_made for line in after.lines):
            continue
        known, present = ({(one.id, line.line_id, line.sku_id) for line in one.lines} for one in (before, after))
        gone += sorted(known - present)
        new += [row for row in _line_rows(after) if (after.id, row["line_id"], row["sku_id"]) not in known]
    if gone:
        names = ("fulfillment_order_id", "line_id", "sku_id")
        columns = dict(zip(names, map(list, zip(*gone, strict=True)), strict=True))
        await db.execute(_forget_lines, params("given", **columns))
    await insert_rows(db, fulfillment_line, new)


async def _write_packages(
    db: Connection, pairs: Iterable[tuple[FulfillmentOrder, FulfillmentOrder]], *, now: datetime
) -> None:
    made: list[tuple[UUID, Package]] = []
    changed: list[Package] = []
    for before, after in pairs:
        known = {one.parcel_id: one for one in before.packages}
        for one in after.packages:
            if one.parcel_id not in known:
                made.append((after.id, one))
            elif known[one.parcel_id] != one:
                changed.append(one)
    await insert_rows(
        db,
        package,
        (
            {
                "parcel_id": one.parcel_id,
                "fulfillment_order_id": id_,
                "contents": list(one.contents),
                "packed_at": now,
                **{name: getattr(one, name) for name in TIMES},
            }
            for id_, one in made
        ),
    )
    if changed:
        await db.execute(
            _update_packages,
            params(
                "given",
                parcel_id=[one.parcel_id for one in changed],
                **{name: [getattr(one, name) for one in changed] for name in TIMES},
            ),
        )
