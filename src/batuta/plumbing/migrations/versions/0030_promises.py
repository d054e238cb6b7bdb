"""Promises kept with orders, and what they are made of."""

from batuta.plumbing.migrate import run_sql_of

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_of(__file__)
