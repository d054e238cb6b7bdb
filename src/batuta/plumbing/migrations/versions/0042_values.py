"""What units cost us, and what packing them does."""

from batuta.plumbing.migrate import run_sql_of

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    run_sql_of(__file__)
