"""When claims were given back; decisions that are shortened; drafts that run beside the live rules."""

from batuta.plumbing.migrate import run_sql_of

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    run_sql_of(__file__)
