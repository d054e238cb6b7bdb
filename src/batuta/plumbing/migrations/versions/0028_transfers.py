"""Transfers between locations, and replenishment."""

from batuta.plumbing.migrate import run_sql_of

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql_of(__file__)
