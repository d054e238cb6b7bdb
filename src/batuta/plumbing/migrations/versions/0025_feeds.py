"""Feeds of stock, and what they counted."""

from batuta.plumbing.migrate import run_sql_of

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_sql_of(__file__)
