"""Offered orders that are planned again, and what pools moved of them."""

from batuta.plumbing.migrate import run_sql_of

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    run_sql_of(__file__)
