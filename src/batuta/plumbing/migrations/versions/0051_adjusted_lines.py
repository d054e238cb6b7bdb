"""Whose price an adjustment puts right."""

from batuta.plumbing.migrate import run_sql_of

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    run_sql_of(__file__)
