"""What units cost us, and what packing them does."""

from batuta.plumbing.migrate import run_sql_of

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    run_sql_of(__file__)
