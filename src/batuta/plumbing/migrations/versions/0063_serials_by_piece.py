"""The uses of serial numbers are found by their pieces alone."""

from batuta.plumbing.migrate import run_sql_of

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    run_sql_of(__file__)
