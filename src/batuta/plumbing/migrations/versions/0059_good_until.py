"""Claims say until when the lots that they are given must be good."""

from batuta.plumbing.migrate import run_sql_of

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    run_sql_of(__file__)
