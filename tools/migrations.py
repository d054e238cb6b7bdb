# ruff: noqa: INP001, T201 - a tool for developers, run as `python -m tools.migrations`
"""Write what the rooms declare as explicit SQL.

Without an argument: the versions 0002 and on, one a room, anew. That is right only until the first release; after it,
`python -m tools.migrations ROOM` prints a room's whole schema, to take a new version's statements from.
"""

import importlib
import pkgutil
import re
import sys

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable, ExecutableDDLElement

import batuta
from batuta.plumbing import jobs
from batuta.plumbing.database import metadata
from batuta.plumbing.migrate import MIGRATIONS

SCHEMAS = {
    "plumbing": "The event log: facts, where each reaction stands, what is parked or skipped.",
    "jobs": "The queue of outside calls, as pgqueuer keeps it.",
    "company": "Legal entities, brands, channels.",
    "identity": "Staff.",
    "catalog": "Products, SKUs, what bundles consist of.",
    "locations": "Warehouses, stores, third parties, suppliers, and their days.",
    "customers": "People and companies, their addresses and consents.",
    "notifications": "Messages to customers.",
    "inventory": "Movements, stock rows, reservations.",
    "pricing": "Price lists, taxes, shipping charges.",
    "payments": "Payments, their immutable entries, and what providers are asked for.",
    "payments_test_provider": "The state of the built-in test provider, as strict as a real one.",
    "shipping": "Carriers, rate cards, parcels, labels, scans.",
    "sourcing": "Where each unit shall come from, and why.",
    "ordering": "Orders, their lines and holds.",
    "fulfillment": "The work of locations on orders.",
    "returns": "Returns, receipts, grades, refunds.",
    "webhooks": "Endpoints, their secrets and breakers, deliveries by lane, tries.",
}
"""From the bottom of the house to its top, so that foreign keys point to what is there."""

KNOWN_CLUSTER = """\
-- A log that is born here acts here; a restored one waits until `batuta events rebase`.
INSERT INTO plumbing.cluster (system_identifier, epoch)
SELECT system_identifier, 1 FROM pg_control_system();"""

VERSION = '''"""{title}"""

from batuta.plumbing.migrate import run_sql_of

revision = "{number}"
down_revision = "{previous}"


def upgrade() -> None:
    run_sql_of(__file__)
'''


def main() -> None:
    """Print one schema, or write them all."""
    _import_tables()
    missing = {table.schema for table in metadata.tables.values()} - set(SCHEMAS)
    assert not missing, f"give {missing} their place in SCHEMAS"
    if len(sys.argv) > 1:
        print(sql_of(sys.argv[1]), end="")
        return
    folder = MIGRATIONS / "versions"
    for old in folder.glob("[0-9]*_*"):
        if old.stem.split("_")[0] != "0001":
            old.unlink()
    for number, (schema, title) in enumerate(SCHEMAS.items(), start=2):
        version = folder / f"{number:04}_{schema}"
        version.with_suffix(".sql").write_text(f"-- {title}\n{sql_of(schema)}")
        version.with_suffix(".py").write_text(
            VERSION.format(title=title, number=f"{number:04}", previous=f"{number - 1:04}")
        )
        print(version.name)


def sql_of(schema: str) -> str:
    """The statements that make a room's schema in an empty database which has those below."""
    if schema == "jobs":
        return _tidy(jobs.installation_sql())
    statements = [f"CREATE SCHEMA {schema};", *_declared(schema)]
    if schema == "plumbing":
        statements.append(KNOWN_CLUSTER)
    return "\n\n".join(statements) + "\n"


def _declared(schema: str) -> list[str]:
    tables = [table for table in metadata.sorted_tables if table.schema == schema]
    assert tables, f"no room declares {schema}"
    made: list[ExecutableDDLElement] = [
        CreateSequence(one)
        for one in metadata._sequences.values()  # noqa: SLF001 - SQLAlchemy has no public list of them
        if one.schema == schema
    ]
    for table in tables:
        made.append(CreateTable(table))
        made += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    return [f"{_tidy(str(one.compile(dialect=dialect))).strip()};" for one in made]


def _import_tables() -> None:
    """Import every module that declares tables: the rooms', and those that adapters keep for themselves."""
    for module in pkgutil.walk_packages(batuta.__path__, "batuta."):
        if module.name.endswith(".tables") or ".adapters." in module.name:
            importlib.import_module(module.name)


def _tidy(sql: str) -> str:
    lines = (line.replace("\t", "    ").rstrip() for line in sql.splitlines())
    return re.sub(r"\n\)\n WITH", "\n) WITH", re.sub(r"\n{2,}", "\n\n", "\n".join(lines).strip())) + "\n"


if __name__ == "__main__":
    main()
