"""Payments, their immutable entries, and what providers are asked for."""

from batuta.plumbing.migrate import run_sql_of

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_of(__file__)
