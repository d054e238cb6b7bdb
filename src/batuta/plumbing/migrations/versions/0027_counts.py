"""Cycle counts, and places that stand still meanwhile."""

from batuta.plumbing.migrate import run_sql_of

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_sql_of(__file__)
