"""Answers kept under the keys of those who asked."""

from batuta.plumbing.migrate import run_sql_of

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql_of(__file__)
