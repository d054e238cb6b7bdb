"""The work of locations on orders."""

from batuta.plumbing.migrate import run_sql_of

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql_of(__file__)
