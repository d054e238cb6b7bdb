"""Warehouses, stores, third parties, suppliers, and their days."""

from batuta.plumbing.migrate import run_sql_of

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_of(__file__)
