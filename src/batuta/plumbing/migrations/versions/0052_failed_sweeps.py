"""Sweeps that failed on their last try."""

from batuta.plumbing.migrate import run_sql_of

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    run_sql_of(__file__)
