"""Movements, stock rows, reservations."""

from batuta.plumbing.migrate import run_sql_of

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_of(__file__)
