"""Supply to come, how else it can be had, what may be sold ahead of it, and who waits for it."""

from batuta.plumbing.migrate import run_sql_of

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_of(__file__)
