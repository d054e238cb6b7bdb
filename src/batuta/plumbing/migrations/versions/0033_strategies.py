"""Strategies of sourcing and their versions, and since when readers have to read them again."""

from batuta.plumbing.migrate import run_sql_of

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_sql_of(__file__)
