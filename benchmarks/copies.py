"""The rows of one order of the past as SQL that makes any number of others like it, each with what is its own.

Copies lie 65.536 s apart before the original, by which the first eight digits of an id, its time, go down by one.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from batuta.plumbing.database import Connection
from benchmarks.catalogue import FIRST_SKU, sku_code
from benchmarks.ceiling import UUID as ID
from benchmarks.ceiling import known_ids
from benchmarks.harness import House
from benchmarks.measuring import grown, row_counts

SECONDS_APART = 65.536
STRIDE = 7_919
TAIL_DIGITS = 9
HIGHEST = 999_999_999
TEXTS = {"uuid", "text", "jsonb", "json", "character varying"}
LEFT_OUT = re.compile(r"plumbing\.(?!event$)|jobs\.|sourcing\.load$|shipping\.(transit_model|preparing)$")
"""What is no order's (the queue's log, positions), what is kept for a day, and sums, which are made anew."""
NOW = "SELECT pg_current_xact_id()::text"
COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS kind,
        a.attidentity <> '' OR a.attgenerated <> '' AS is_made
    FROM pg_attribute a WHERE a.attrelid = CAST(CAST(:name AS text) AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
NUMBER = 'SELECT number FROM ordering."order" WHERE id = :id'
PARCELS = "SELECT tracking_number, sscc FROM shipping.parcel WHERE reference = :number"

Rows = tuple[Sequence[tuple[str, str]], Sequence[Sequence[str | None]]]


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that an order left.

    own: what only it has, with what a copy has instead, as SQL over `past`. goods: SQL of the SKU of each line.
    tables: of each, its columns with their kinds, and each row's texts.
    """

    own: Mapping[str, str]
    goods: Sequence[str]
    tables: Mapping[str, Rows]

    @property
    def rows(self) -> int:
        return sum(len(rows) for _, rows in self.tables.values())


async def original_of(
    one: House, make: Callable[..., Awaitable[UUID]], *, name: str, lines: int, catalogue: int
) -> Original:
    """Make an order and read what it left; nothing else may happen in the house meanwhile.

    name: by which the order is known outside, ending in eight digits. catalogue: how many SKUs there are.
    """
    part = catalogue // lines
    skus = [line * part for line in range(lines)]
    async with one.engine.connect() as db:
        known, before = await known_ids(db), await row_counts(db)
        since = int(await db.scalar(text(NOW)))
    order_id = await make(skus=skus, external_id=name)
    async with one.engine.connect() as db:
        names = [table for table in grown(before, await row_counts(db)) if not LEFT_OUT.match(table.replace('"', ""))]
        tables = {table: await _rows(db, table, since) for table in names}
        number = str(await db.scalar(text(NUMBER), {"id": order_id}))
        parcels = list(await db.execute(text(PARCELS), {"number": number}))
    values = [value for _, rows in tables.values() for row in rows for value in row if value]
    prefixes = {found[0][:8] for value in values for found in ID.finditer(value) if found[0] not in known}
    own = {
        name: f"'{name[:-8]}' || lpad(past.back::text, 8, '0')",
        number: f"({number} - 10 * past.back)::text",
        **{sku_code(sku)[1:]: f"past.s{line}" for line, sku in enumerate(skus)},
        **{prefix: f"lpad(to_hex({int(prefix, 16)} - past.back), 8, '0')" for prefix in prefixes},
    }
    for parcel in parcels:
        own[parcel.tracking_number] = f"'{parcel.tracking_number[:-TAIL_DIGITS]}' || ({HIGHEST} - past.back)::text"
        own[parcel.sscc] = _counted_down(parcel.sscc)
    goods = [
        f"({FIRST_SKU + sku} + back::bigint * {STRIDE} % {part})::text AS s{line}" for line, sku in enumerate(skus)
    ]
    return Original(own=own, goods=goods, tables=tables)


def copy_of(original: Original, name: str, *, first: int, last: int) -> str:
    """The statement that makes a table's rows of the copies that lie `last` to `first` places before the original."""
    columns, rows = original.tables[name]
    listed = ", ".join(f'"{column}"' for column, _ in columns)
    tuples = ", ".join(
        "(" + ", ".join(_said(value, kind, original.own) for value, (_, kind) in zip(row, columns, strict=True)) + ")"
        for row in rows
    )
    return (
        f"INSERT INTO {name} ({listed}) SELECT copied.* FROM ("
        f"SELECT back, back * interval '{SECONDS_APART} seconds' AS earlier, {', '.join(original.goods)}"
        f" FROM generate_series({last}, {first}, -1) back) AS past,"
        f" LATERAL (VALUES {tuples}) AS copied"
    )


def _counted_down(sscc: str) -> str:
    """SSCCs that nobody reaches who counts up, with check digits: digits weigh 3 and 1 in turn, from the right."""
    head = sscc[: -TAIL_DIGITS - 1]
    fixed = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(head), start=TAIL_DIGITS))
    tail = f"({HIGHEST} - past.back)"
    weighed = " + ".join(f"{tail} / {10**i} % 10 * {1 if i % 2 else 3}" for i in range(TAIL_DIGITS))
    return f"'{head}' || {tail}::text || ((10 - ({fixed} + {weighed}) % 10) % 10)::text"


async def _rows(db: Connection, name: str, since: int) -> Rows:
    columns = [(row.name, row.kind) for row in await db.execute(text(COLUMNS), {"name": name}) if not row.is_made]
    wanted = ", ".join(f'"{column}"::text' for column, _ in columns)
    asked = f"SELECT {wanted} FROM {name} WHERE xmin::text::bigint > {since}"
    return columns, [list(row) for row in await db.execute(text(asked))]


def _said(value: str | None, kind: str, own: Mapping[str, str]) -> str:
    """What a copy says in place of a value of the original, as SQL over `past`."""
    if value is None:
        return f"NULL::{kind}"
    if kind.startswith("timestamp"):
        return f"'{value}'::{kind} - past.earlier"
    if kind == "date":
        return f"('{value}'::timestamp - past.earlier)::date"
    if kind == "bytea" and (words := _words_in(bytes.fromhex(value.removeprefix("\\x")))):
        return f"convert_to({_pieced(words, own)}, 'UTF8')"
    return f"({_pieced(value, own)})::{kind}" if kind in TEXTS else f"'{value}'::{kind}"


def _words_in(content: bytes) -> str:
    """What the bytes say, such as a label for a printer; nothing when they are no text."""
    try:
        words = content.decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in words else words


def _pieced(value: str, own: Mapping[str, str]) -> str:
    """The value, with what a copy has in place of what was the original's own."""
    pieces = [piece for piece in re.split(f"({'|'.join(map(re.escape, own))})", value) if piece]
    return " || ".join(own[piece] if piece in own else _quoted(piece) for piece in pieces) or "''"


def _quoted(piece: str) -> str:
    doubled = piece.replace("'", "''")
    return f"'{doubled}'"
