"""Limits of several kinds for what locations take, and what each plan takes of them."""

from batuta.plumbing.migrate import run_sql_of

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    run_sql_of(__file__)
