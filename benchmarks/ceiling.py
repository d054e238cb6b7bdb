"""The ceiling: PostgreSQL's own load generator running the very statements of one order, an order a transaction.

One process of batuta takes orders while PostgreSQL logs what it says; the transaction of the last becomes a script of
pgbench. What is new with each order (ids, number, keys) and which SKUs it takes is put into the logged values in place
of what was logged there; the rest stays as it was. Nothing is prepared for batuta that is not prepared for pgbench.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import text
from sqlalchemy.engine import make_url

from batuta.plumbing.database import Connection
from benchmarks.catalogue import FIRST_SKU, sku_code
from benchmarks.harness import House
from benchmarks.measuring import KEPT_ANSWERS, NO_MARK

ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \w+ \[(\d+)\] (\w+): +", re.MULTILINE)
EXECUTED = re.compile(r"(?:execute [^:]+|statement): (.*)", re.DOTALL)
LOGGED_VALUE = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
PLACE = re.compile(r"\$(\d+)")
UUID = re.compile(r"\b[0-9a-f]{8}((?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24})\b")
COPIED = re.compile(r"COPY (\S+?)\s*\((.*?)\) FROM STDIN", re.DOTALL)
NAMED = re.compile(r"(?<!:):(?=[A-Za-z_])")
TPS = re.compile(r"tps = ([0-9.]+)")
FAILED = re.compile(r"number of failed transactions: (\d+)")
DONE = re.compile(r"number of transactions actually processed: (\d+)")
TABLES_BEFORE_ORDERS = """
    SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns
    WHERE column_name = 'id' AND data_type = 'uuid'
        AND table_schema IN ('company', 'identity', 'catalog', 'locations', 'customers', 'pricing', 'shipping')
"""
BATCHES = "00000000-0000-0000-0000-000000000000"
"""Whose answers the marks of batches are; it is the same for all."""
NEW = "NNNNNNNN"
"""Where eight digits of the order stand in a value."""


class CannotReplay(RuntimeError):
    """What was logged cannot be said to pgbench."""


class Statement(msgspec.Struct, frozen=True):
    """SQL with `$1, $2 …` and the values that were logged; None is NULL."""

    sql: str
    values: tuple[str | None, ...] = ()


class Script(msgspec.Struct, frozen=True):
    """A script of pgbench and the variables it begins with; statements: between BEGIN and COMMIT."""

    text: str
    statements: int
    variables: dict[str, str]


class Ran(msgspec.Struct, frozen=True):
    """What pgbench said about a round."""

    orders: int
    orders_per_s: float
    failed: int


async def log_statements(db: Connection, *, wanted: bool) -> None:
    """Let PostgreSQL log what sessions say that begin from now on, with the values; or no more."""
    name = await db.scalar(text("SELECT current_database()"))
    for setting, value in (("log_statement", "all"), ("log_error_verbosity", "default")):
        change = f"SET {setting} = '{value}'" if wanted else f"RESET {setting}"
        await db.run_script(f'ALTER DATABASE "{name}" {change}')


def transaction_with(log: str, sign: str) -> list[Statement]:
    """The statements of the last logged transaction in which one holds this sign, without BEGIN and COMMIT.

    Raises:
        CannotReplay: there is none.
    """
    open_: dict[str, list[Statement]] = {}
    found: list[Statement] = []
    for pid, one in _statements(log):
        word = one.sql.split(maxsplit=1)[0].upper().rstrip(";") if one.sql else ""
        if word == "BEGIN":
            open_[pid] = []
        elif word in {"COMMIT", "ROLLBACK"}:
            done = open_.pop(pid, [])
            if word == "COMMIT" and any(sign in statement.sql for statement in done):
                found = done
        elif pid in open_:
            open_[pid].append(one)
    if not found:
        raise CannotReplay(f"no logged transaction says {sign}")
    return found


def _statements(log: str) -> list[tuple[str, Statement]]:
    """Each statement with the session's process, in the order of the log."""
    marks = list(ENTRY.finditer(log))
    found: list[tuple[str, Statement]] = []
    for i, mark in enumerate(marks):
        pid, kind = mark.groups()
        said = log[mark.end() : marks[i + 1].start() if i + 1 < len(marks) else len(log)].rstrip("\n")
        said = said.replace("\n\t", "\n")
        if kind == "LOG" and (executed := EXECUTED.match(said)):
            found.append((pid, Statement(executed[1])))
        elif kind == "DETAIL" and found and found[-1][0] == pid and "arameters: " in said:
            found[-1] = (pid, Statement(found[-1][1].sql, _values(said)))
    return found


def _values(said: str) -> tuple[str | None, ...]:
    values = {int(place): value for place, value in LOGGED_VALUE.findall(said)}
    return tuple(
        None if values[place] == "NULL" else values[place][1:-1].replace("''", "'") for place in sorted(values)
    )


async def script_of(
    db: Connection, statements: Sequence[Statement], *, skus: Sequence[int], fresh: Sequence[str], catalogue: int
) -> Script:
    """The statements as a script of pgbench, each order with a number of its own and SKUs by chance.

    skus: the numbers of those that the logged order took, in rising order. fresh: what else it alone had. catalogue:
    how many SKUs there are.

    Raises:
        CannotReplay: a statement is none that pgbench can say.
    """
    part = catalogue // len(skus)
    lines = [r"\set i :i + 1", r"\set n :first + :i * 100 + :client_id"]
    lines += [rf"\set s{j} random({FIRST_SKU + j * part}, {FIRST_SKU + (j + 1) * part - 1})" for j in range(len(skus))]
    variables: dict[str, str] = {"i": "0"}
    lines.append("BEGIN;")
    for at, one in enumerate(statements):
        if NAMED.search(one.sql) or one.sql.upper().startswith("COPY"):
            raise CannotReplay(f"pgbench would misunderstand: {one.sql[:200]}")
        said = []
        for place, (value, kind) in enumerate(zip(one.values, await _types(db, one), strict=True)):
            name = f"v{at}_{place}"
            if value is not None:
                variables[name] = marked(value, skus=skus, fresh=fresh)
            given = "NULL" if value is None else _filled(f":{name}", variables[name], len(skus))
            said.append(f"({given})::{kind}")
        lines.append(_with(one.sql, said))
    lines.append("COMMIT;")
    return Script("\n".join(lines) + "\n", len(statements), variables)


def _with(sql: str, said: Sequence[str]) -> str:
    """The statement with what is said in place of its parameters."""
    return PLACE.sub(lambda found: said[int(found[1]) - 1], sql).rstrip("; ") + ";"


def marked(value: str, *, skus: Sequence[int], fresh: Sequence[str]) -> str:
    """The value with signs where an order's own digits and its SKUs' stand."""
    for j, number in enumerate(skus):
        value = value.replace(sku_code(number)[1:], _sign(j))
    value = UUID.sub(lambda found: NEW + found[1] if found[0] in fresh else found[0], value)
    for one in fresh:
        value = value.replace(one, NEW)
    return value


def _sign(line: int) -> str:
    return f"SSSSSSS{line}"


def _filled(name: str, value: str, lines: int) -> str:
    said = f"replace({name}, '{NEW}', :n)" if NEW in value else name
    for j in range(lines):
        if _sign(j) in value:
            said = f"replace({said}, '{_sign(j)}', :s{j})"
    return said


async def _types(db: Connection, one: Statement) -> list[str]:
    """The types of a statement's parameters, as PostgreSQL takes them."""
    if not one.values:
        return []
    await db.run_script(f"PREPARE asked AS {one.sql}")
    try:
        found = await db.scalar(text("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"))
    finally:
        await db.run_script("DEALLOCATE asked")
    return [str(one) for one in found]


async def without_copies(db: Connection, statements: Sequence[Statement], *, number: str) -> list[Statement]:
    """The statements with an INSERT of the same rows in place of each COPY, which pgbench cannot say.

    number: of the order, whose transaction wrote the rows. The mark that a whole batch leaves is left out: it is no
    order's row, and pgbench shall not write one an order.
    """
    said = []
    for one in statements:
        copied = COPIED.match(one.sql)
        said.append(await _inserted(db, copied[1], copied[2], number) if copied else one)
    return said


async def _inserted(db: Connection, table: str, columns: str, number: str) -> Statement:
    names = [name.strip() for name in columns.split(",")]
    wanted = ", ".join(f"{name}::text, pg_typeof({name})::text" for name in names)
    own = 'xmin::text = (SELECT xmin::text FROM ordering."order" WHERE number = :number)'
    if table.replace('"', "") == KEPT_ANSWERS:
        own += f" AND {NO_MARK}"
    rows = list(await db.execute(text(f"SELECT {wanted} FROM {table} WHERE {own}"), {"number": number}))
    kinds = [rows[0][2 * i + 1] for i in range(len(names))]
    places = (f"(${row * len(names) + i + 1}::{kind})" for row in range(len(rows)) for i, kind in enumerate(kinds))
    tuples = ", ".join(f"({', '.join(next(places) for _ in names)})" for _ in rows)
    values = tuple(row[2 * i] for row in rows for i in range(len(names)))
    return Statement(f"INSERT INTO {table} ({columns}) VALUES {tuples}", values)


async def known_ids(db: Connection) -> set[str]:
    """The ids of all that is there before there are orders: goods, places, prices, people, keys."""
    tables = list(await db.scalars(text(TABLES_BEFORE_ORDERS)))
    asked = " UNION ".join(f"SELECT id::text FROM {table}" for table in tables)
    return {*await db.scalars(text(asked)), BATCHES}


def ids_in(statements: Sequence[Statement]) -> list[str]:
    """Every id that a value holds."""
    return sorted({found[0] for one in statements for value in one.values if value for found in UUID.finditer(value)})


async def run(house: House, script: Script, *, clients: int, seconds: float, first: int) -> Ran:
    """Run the script for so long. first: the eight digits above which the orders of this round are numbered.

    Raises:
        CannotReplay: pgbench refuses it.
    """
    path = house.folder / "ceiling.sql"
    await asyncio.to_thread(path.write_text, script.text)
    url = make_url(house.server.url)
    host, port = str(url.query["host"]), str(url.query["port"])
    given = {**script.variables, "first": str(first)}
    asked = [
        *(str(house.server.binaries / "pgbench"), "-n", "-M", "prepared", "-j", "1", "-c", str(clients)),
        *("-T", str(max(1, round(seconds))), "-f", str(path), "-h", host, "-p", port, "-U", str(url.username)),
        *(part for name, value in given.items() for part in ("-D", f"{name}={value}")),
        str(url.database),
    ]
    process = await asyncio.create_subprocess_exec(
        *asked,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PGPASSWORD": str(url.password), "PGOPTIONS": "-c jit=off"},
        cwd=Path("/"),
    )
    said, wrong = (part.decode() for part in await process.communicate())
    if process.returncode or not (done := DONE.search(said)) or not (tps := TPS.search(said)):
        raise CannotReplay(f"pgbench: {wrong[-2_000:] or said[-2_000:]}")
    failed = FAILED.search(said)
    return Ran(orders=int(done[1]), orders_per_s=float(tps[1]), failed=int(failed[1]) if failed else 0)
