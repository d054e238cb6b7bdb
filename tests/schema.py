"""Tables as SQL, for a database that has not seen the migrations."""

from collections.abc import Iterable

from sqlalchemy import MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable, ExecutableDDLElement

from batuta.plumbing.statements import dialect


def sql_of(tables: Iterable[Table]) -> str:
    """The statements that make these tables where they are not yet there."""
    made: list[ExecutableDDLElement] = []
    for table in tables:
        made.append(CreateTable(table, if_not_exists=True))
        made += [CreateIndex(index, if_not_exists=True) for index in table.indexes]
    return "".join(f"{ddl.compile(dialect=dialect)};\n" for ddl in made)


def sql_of_all(metadata: MetaData) -> str:
    """The statements that make every schema, sequence and table that the house declares."""
    schemas = sorted({str(table.schema) for table in metadata.tables.values()})
    sequences = [CreateSequence(one, if_not_exists=True) for one in metadata._sequences.values()]
    return "".join(
        [
            *(f'CREATE SCHEMA IF NOT EXISTS "{schema}";\n' for schema in schemas),
            *(f"{one.compile(dialect=dialect)};\n" for one in sequences),
            sql_of(metadata.sorted_tables),
        ]
    )
