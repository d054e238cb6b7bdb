# ruff: noqa: INP001 - Alembic loads this by its path
"""Alembic's entry: it gets the connection, and the list to note done versions in, from `plumbing.migrate`."""

from alembic import context
from alembic.runtime.migration import MigrationInfo

attributes = context.config.attributes


def note(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001 - named by Alembic
    attributes["done"].extend(step.up_revision_ids)


context.configure(
    connection=attributes["connection"],
    transaction_per_migration=True,
    version_table_schema="public",
    on_version_apply=note,
)
with context.begin_transaction():
    context.run_migrations()
