"""The event log: facts, where each reaction stands, what is parked or skipped."""

from batuta.plumbing.migrate import run_sql_of

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql_of(__file__)
