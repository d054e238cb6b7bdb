"""The queue of outside calls, as pgqueuer keeps it."""

from batuta.plumbing.migrate import run_sql_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_of(__file__)
