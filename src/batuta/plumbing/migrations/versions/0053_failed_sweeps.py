"""Sweeps that failed on their last try."""

from batuta.plumbing.migrate import run_sql_of

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    run_sql_of(__file__)
