"""Where each unit shall come from, and why."""

from batuta.plumbing.migrate import run_sql_of

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql_of(__file__)
